//! `huashen eval clone`: how near a video avatar comes to the person, in
//! footage that it was not built from.
//!
//! The avatar is built from the first four fifths of a video, then driven with
//! the sound of the last fifth, and once more with the curves that were tracked
//! there; what comes out is tracked again and compared with the real pictures.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use glam::{Vec2, Vec3};
use huashen_avatar::video::film::Square;
use huashen_avatar::video::space::{self, Eye};
use huashen_core::{ArkitWeights, Frame, PixelFormat, Pose, SinkError, paths};
use huashen_media::VideoReader;
use huashen_motion::Manner;
use huashen_pipeline::capture::{Capture, FaceFollower};
use huashen_render::{RenderOptions, Renderer};
use huashen_vision::{Device, Face, FaceFinder};
use image::RgbaImage;
use serde::Serialize;

use super::avatar_film::{Order, build, hear, record};
use crate::args::EvalClone;
use crate::even::{Even, fitted, standard};
use crate::progress::Progress;
use crate::{footage, interrupt, output};

/// The part of the video that the avatar is built from.
const BUILT_FROM: f64 = 0.8;
/// Side of the mouth's picture that is compared, in pixels.
const BOX_PX: usize = 96;
/// Lags that are looked at, in frames either way.
const MOST_LAG: i64 = 8;

/// What one picture shows of a mouth.
#[derive(Clone)]
struct Mouth {
    /// Outer and inner lips in the head's frame, against the distance of the eyes.
    lips: Vec<Vec2>,
    /// Between the inner lips, against the distance of the eyes.
    gap: f32,
    /// The mouth's box, grey, upright; empty where nothing was drawn.
    grey: Vec<f32>,
}

/// One way, compared with the real pictures.
#[derive(Debug, Serialize)]
struct Row {
    way: &'static str,
    /// Mean distance of the lips' landmarks, against the distance of the eyes.
    lips: f32,
    /// Of the mouth's box; none where nothing is drawn.
    psnr_db: Option<f32>,
    ssim: Option<f32>,
    /// Frames by which the lips' opening lags behind the real one, and the
    /// correlation there and without lag.
    lag: Option<i64>,
    correlation_at_lag: Option<f32>,
    correlation: Option<f32>,
    /// How much the mouth flickers, against the real one.
    flicker: Option<f32>,
}

#[derive(Serialize)]
struct Told {
    video: String,
    seconds: f64,
    judged_seconds: f64,
    rows: Vec<Row>,
}

pub fn run(args: &EvalClone, quiet: bool) -> anyhow::Result<ExitCode> {
    let temp = tempfile::tempdir().context("no temporary folder can be made")?;
    let folder = temp.path().join("clone");
    let reader = VideoReader::open(&args.video)?;
    let rate = standard(reader.fps());
    let seconds = reader.duration_secs();
    let end_secs = seconds * BUILT_FROM;
    ensure!(
        end_secs > 3.0,
        "{}: {seconds:.1} s are too short to learn from one part and judge by the other",
        args.video.display()
    );
    build(
        &Order {
            video: &args.video,
            end_secs,
            name: "clone",
            folder: &folder,
            consent: "for evaluation only",
            least_secs: 3.0,
            lasts: false,
        },
        quiet,
    )?;
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let avatar = footage::avatar(&folder.to_string_lossy())?;
    let video = avatar.video.as_ref().context("no video avatar was built")?;
    let first = rate.frame_count(end_secs) as usize;

    let real = real(&args.video, &finder, video.size(), quiet)?;
    let curves = real.capture.track(rate.fps());
    let count = real.mouths.len().saturating_sub(first);
    ensure!(count > 10, "too few pictures are left to judge by");
    let truth = &real.mouths[first..];
    let mut sound = record(&args.video, quiet)?;
    let own = Manner::from_numbers(&video.person.manner);
    let mut said = |manner| sound.as_mut().map(|s| hear(s, rate, manner)).transpose();
    let (heard, plain) = (said(own)?, said(Manner::default())?);

    let mut renderer = Renderer::new(
        &avatar,
        &RenderOptions {
            size: video.size(),
            format: PixelFormat::Rgba8,
            step_secs: Some(rate.frame_time_secs(1)),
            ..RenderOptions::default()
        },
    )?;
    let mut drive = |label: &'static str,
                     weights: &dyn Fn(usize) -> ArkitWeights|
     -> anyhow::Result<Vec<Option<Mouth>>> {
        let mut progress = Progress::new(label, "pictures", quiet);
        let mut follower = FaceFollower::new(&finder);
        let mut seen = Vec::with_capacity(count);
        let mut poses = (0..count).map(|i| Pose {
            weights: weights(first + i),
            ..Pose::default()
        });
        renderer.render(&mut poses, &mut |frame: Frame| -> Result<(), SinkError> {
            interrupt::check()?;
            let picture = RgbaImage::from_raw(frame.size.width, frame.size.height, frame.data)
                .ok_or("a frame of the wrong size")?;
            let face = follower.next(&picture)?;
            if let Some(dir) = &args.frames {
                let place = dir.join(format!("{label}-{:04}.png", frame.index));
                picture.save(place)?;
            }
            seen.push(face.as_ref().map(|f| mouth(&picture, f)));
            progress.at(seen.len() as u64, count as u64);
            Ok(())
        })?;
        progress.done(&format!("{count} pictures"));
        Ok(seen)
    };
    if let Some(dir) = &args.frames {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("{} cannot be made", dir.display()))?;
    }
    let mut ways = Vec::new();
    if let (Some(heard), Some(plain)) = (&heard, &plain) {
        let said = |i: usize| {
            let mut pose = heard.poses.get(i).cloned().unwrap_or_default();
            video.person.in_style(&mut pose);
            pose.weights
        };
        ways.push(("ours, from sound", drive("sound", &said)?));
        let plain = |i: usize| {
            plain
                .poses
                .get(i)
                .map_or(ArkitWeights::default(), |p| p.weights)
        };
        ways.push(("ours, from sound, without style", drive("plain", &plain)?));
    }
    let tracked = |i: usize| {
        curves
            .poses
            .get(i)
            .map_or(ArkitWeights::default(), |p| p.weights)
    };
    ways.push(("ours, from true curves", drive("curves", &tracked)?));
    // The footage as it is: what the walk shows, its own mouths.
    let mut walk = video.walk(false, 1);
    let untouched = (0..count)
        .map(|_| {
            let step = walk.step(rate.frame_time_secs(1), &[]);
            real.mouths.get(step.frame as usize).cloned().flatten()
        })
        .collect();
    ways.push(("footage untouched", untouched));
    let known: Vec<&Mouth> = real.mouths[..first].iter().flatten().collect();
    let mean = mean_lips(&known);
    let single = known
        .iter()
        .min_by(|a, b| apart(&a.lips, &mean).total_cmp(&apart(&b.lips, &mean)))
        .context("no face to compare with")?;
    ways.push(("nearest single frame", vec![Some((*single).clone()); count]));

    let still = flicker(&real.mouths);
    let rows: Vec<Row> = ways
        .into_iter()
        .map(|(way, seen)| judge(way, &seen, truth, still))
        .collect();
    let told = Told {
        video: args.video.display().to_string(),
        seconds,
        judged_seconds: count as f64 / rate.fps(),
        rows,
    };
    if args.json {
        output::json(&told)?;
    } else {
        show(&told)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The real video.
struct Real {
    mouths: Vec<Option<Mouth>>,
    capture: Capture,
}

fn real(
    path: &Path,
    finder: &FaceFinder,
    size: huashen_core::Size,
    quiet: bool,
) -> anyhow::Result<Real> {
    let reader = VideoReader::open(path)?;
    let rate = standard(reader.fps());
    let total = (reader.duration_secs() * rate.fps()).round() as u64;
    let mut follower = FaceFollower::new(finder);
    let mut real = Real {
        mouths: Vec::new(),
        capture: Capture::default(),
    };
    let mut progress = Progress::new("real", "pictures", quiet);
    let mut pictures = Even::new(reader, rate);
    while let Some((at_secs, picture)) = pictures.next()? {
        interrupt::check()?;
        let picture = fitted(picture, size)?;
        let face = follower.next(&picture)?;
        real.capture.push(at_secs, face.as_ref());
        real.mouths.push(face.as_ref().map(|f| mouth(&picture, f)));
        progress.at(
            real.mouths.len() as u64,
            total.max(real.mouths.len() as u64),
        );
    }
    progress.done(&format!("{} pictures", real.mouths.len()));
    Ok(real)
}

/// Reads a picture's mouth.
fn mouth(picture: &RgbaImage, face: &Face) -> Mouth {
    let points = &face.head.points_in_head;
    // Irises wander with the gaze; corners of the eyes do not.
    let eye = |a: usize, b: usize| (points[a] + points[b]) * 0.5;
    let eyes = eye(33, 133).distance(eye(263, 362));
    let flat = |p: Vec3| p.truncate() / eyes;
    let lips = space::points()
        .take(space::LIPS_POINTS)
        .map(|i| flat(points[i]))
        .collect();
    let square = Square::of(
        Eye {
            width: picture.width() as f32,
            height: picture.height() as f32,
        },
        &face.head.camera_from_head,
    );
    let grey = (0..BOX_PX * BOX_PX)
        .map(|i| {
            // The mouth's part of the square.
            let u = (Vec2::new((i % BOX_PX) as f32, (i / BOX_PX) as f32) + 0.5) / BOX_PX as f32;
            let p = square.to_px(Vec2::new(u.x - 0.5, u.y * 0.9 - 0.72) * 1.1);
            grey_at(picture, p)
        })
        .collect();
    Mouth {
        lips,
        gap: points[13].distance(points[14]) / eyes,
        grey,
    }
}

fn grey_at(picture: &RgbaImage, p: Vec2) -> f32 {
    let (w, h) = picture.dimensions();
    let p = (p - 0.5).clamp(Vec2::ZERO, Vec2::new(w as f32 - 1.0, h as f32 - 1.0));
    let at = |x: u32, y: u32| {
        let [r, g, b, _] = picture.get_pixel(x.min(w - 1), y.min(h - 1)).0;
        0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b)
    };
    let (x, y, t) = (p.x as u32, p.y as u32, p.fract());
    let top = at(x, y) + (at(x + 1, y) - at(x, y)) * t.x;
    let low = at(x, y + 1) + (at(x + 1, y + 1) - at(x, y + 1)) * t.x;
    top + (low - top) * t.y
}

fn mean_lips(mouths: &[&Mouth]) -> Vec<Vec2> {
    let n = mouths.len().max(1) as f32;
    (0..space::LIPS_POINTS)
        .map(|i| mouths.iter().map(|m| m.lips[i]).sum::<Vec2>() / n)
        .collect()
}

fn apart(a: &[Vec2], b: &[Vec2]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a.distance(*b)).sum::<f32>() / a.len().max(1) as f32
}

fn judge(
    way: &'static str,
    seen: &[Option<Mouth>],
    truth: &[Option<Mouth>],
    real_flicker: f32,
) -> Row {
    let pairs: Vec<(&Mouth, &Mouth)> = seen
        .iter()
        .zip(truth)
        .filter_map(|(s, t)| Some((s.as_ref()?, t.as_ref()?)))
        .collect();
    let mean = |values: &mut dyn Iterator<Item = f32>| {
        let all: Vec<f32> = values.collect();
        all.iter().sum::<f32>() / all.len().max(1) as f32
    };
    let lips = mean(&mut pairs.iter().map(|(s, t)| apart(&s.lips, &t.lips)));
    let psnr = mean(&mut pairs.iter().map(|(s, t)| psnr(&s.grey, &t.grey)));
    let ssim = mean(&mut pairs.iter().map(|(s, t)| ssim(&s.grey, &t.grey)));
    let gaps = |mouths: &[Option<Mouth>]| -> Vec<f32> {
        mouths
            .iter()
            .map(|m| m.as_ref().map_or(0.0, |m| m.gap))
            .collect()
    };
    let (ours, real) = (gaps(seen), gaps(truth));
    let best = (-MOST_LAG..=MOST_LAG)
        .filter_map(|lag| Some((correlation(&ours, &real, lag)?, lag)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let moving = flicker(seen);
    Row {
        way,
        lips,
        psnr_db: Some(psnr),
        ssim: Some(ssim),
        lag: best.map(|b| b.1),
        correlation_at_lag: best.map(|b| b.0),
        correlation: correlation(&ours, &real, 0),
        flicker: (moving > 0.0).then(|| moving / real_flicker.max(1e-6)),
    }
}

/// Pearson's, with `ours` taken `lag` frames later; none where nothing moves.
fn correlation(ours: &[f32], real: &[f32], lag: i64) -> Option<f32> {
    let pairs: Vec<(f32, f32)> = (0..real.len() as i64)
        .filter_map(|i| {
            let j = usize::try_from(i + lag).ok()?;
            Some((*ours.get(j)?, real[i as usize]))
        })
        .collect();
    let n = pairs.len().max(1) as f32;
    let (ma, mb) = (
        pairs.iter().map(|p| p.0).sum::<f32>() / n,
        pairs.iter().map(|p| p.1).sum::<f32>() / n,
    );
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in &pairs {
        ab += (a - ma) * (b - mb);
        aa += (a - ma).powi(2);
        bb += (b - mb).powi(2);
    }
    (aa > 1e-9 && bb > 1e-9).then(|| ab / (aa * bb).sqrt())
}

/// What a picture's mouth has that neither the one before nor after it has.
fn flicker(mouths: &[Option<Mouth>]) -> f32 {
    let (mut sum, mut count) = (0.0, 0_usize);
    for w in mouths.windows(3) {
        if let [Some(a), Some(b), Some(c)] = w {
            for ((a, b), c) in a.grey.iter().zip(&b.grey).zip(&c.grey) {
                sum += (b - (a + c) * 0.5).abs();
                count += 1;
            }
        }
    }
    sum / count.max(1) as f32
}

fn psnr(a: &[f32], b: &[f32]) -> f32 {
    let mse = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / a.len().max(1) as f32;
    10.0 * (255.0 * 255.0 / mse.max(1e-6)).log10()
}

/// Mean over boxes of 8 × 8 (Wang et al., 2004).
fn ssim(a: &[f32], b: &[f32]) -> f32 {
    const STEP: usize = 8;
    let (c1, c2) = ((0.01_f32 * 255.0).powi(2), (0.03_f32 * 255.0).powi(2));
    let (mut sum, mut count) = (0.0, 0.0);
    for y in (0..BOX_PX).step_by(STEP) {
        for x in (0..BOX_PX).step_by(STEP) {
            let values = |v: &[f32]| -> Vec<f32> {
                (0..STEP * STEP)
                    .map(|i| v[(y + i / STEP) * BOX_PX + x + i % STEP])
                    .collect()
            };
            let (p, q) = (values(a), values(b));
            let n = p.len() as f32;
            let (mp, mq) = (p.iter().sum::<f32>() / n, q.iter().sum::<f32>() / n);
            let (mut pp, mut qq, mut pq) = (0.0, 0.0, 0.0);
            for (p, q) in p.iter().zip(&q) {
                pp += (p - mp).powi(2) / n;
                qq += (q - mq).powi(2) / n;
                pq += (p - mp) * (q - mq) / n;
            }
            sum += (2.0 * mp * mq + c1) * (2.0 * pq + c2)
                / ((mp * mp + mq * mq + c1) * (pp + qq + c2));
            count += 1.0;
        }
    }
    sum / count
}

fn show(told: &Told) -> anyhow::Result<()> {
    output::line(&format!(
        "{}: built from {:.1} s, judged by the last {:.1} s",
        told.video,
        told.seconds * BUILT_FROM,
        told.judged_seconds
    ))?;
    output::line(&format!(
        "{:<32} {:>7} {:>7} {:>6} {:>5} {:>6} {:>6} {:>8}",
        "", "lips", "PSNR", "SSIM", "lag", "r@lag", "r", "flicker"
    ))?;
    for row in &told.rows {
        let part = |v: Option<f32>, digits: usize| match v {
            Some(v) => format!("{v:.digits$}"),
            None => "-".to_owned(),
        };
        output::line(&format!(
            "{:<32} {:>7.4} {:>7} {:>6} {:>5} {:>6} {:>6} {:>8}",
            row.way,
            row.lips,
            part(row.psnr_db, 1),
            part(row.ssim, 3),
            row.lag.map_or("-".to_owned(), |l| l.to_string()),
            part(row.correlation_at_lag, 2),
            part(row.correlation, 2),
            part(row.flicker, 2),
        ))?;
    }
    Ok(())
}
