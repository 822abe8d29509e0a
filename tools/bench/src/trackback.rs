//! Whether a face is seen to do what it was driven to do: rendered, and tracked
//! back by our own tracker.

use anyhow::{Context, Result};
use huashen_avatar::Avatar;
use huashen_core::{ArkitShape, Frame, PixelFormat, Pose, SinkError, Size, paths};
use huashen_render::{Framing, RenderOptions, Renderer};
use huashen_vision::{Device, Face, FaceFinder, FindOptions};
use image::RgbaImage;

/// A blink counts as driven above this, and as seen where the tracked lids
/// close by at least [`SEEN`] beyond their usual.
const DRIVEN: f32 = 0.6;
const SEEN: f32 = 0.2;
/// Frames around a blink in which it may be seen.
const AROUND: usize = 2;

/// What is driven, and how it is looked at.
pub struct Watched<'a> {
    pub avatar: &'a str,
    pub size: Size,
    /// Only the face in the picture.
    pub close: bool,
}

/// The face of every frame, `None` where none is seen.
pub fn watch(
    finder: &FaceFinder,
    watched: &Watched<'_>,
    poses: &[Pose],
) -> Result<Vec<Option<Face>>> {
    let avatar = Avatar::find(watched.avatar, &paths::avatars_dir())?;
    let options = RenderOptions {
        size: watched.size,
        framing: watched.close.then_some(Framing::Face),
        format: PixelFormat::Rgba8,
        ..RenderOptions::default()
    };
    let mut faces: Vec<Option<Face>> = Vec::with_capacity(poses.len());
    let mut look = |frame: Frame| -> Result<(), SinkError> {
        let picture = RgbaImage::from_raw(frame.size.width, frame.size.height, frame.data)
            .ok_or("a frame of the wrong size")?;
        let tracked = match faces.last() {
            Some(Some(last)) => finder.track(&picture, last)?,
            _ => None,
        };
        faces.push(match tracked {
            Some(face) => Some(face),
            None => finder
                .find(&picture, &FindOptions::default())?
                .into_iter()
                .next(),
        });
        Ok(())
    };
    Renderer::new(&avatar, &options)?.render(&mut poses.iter().cloned(), &mut look)?;
    Ok(faces)
}

/// Prints how well jaw and blinks come back.
pub fn table(watched: &Watched<'_>, poses: &[Pose]) -> Result<()> {
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let faces = watch(&finder, watched, poses)?;
    let rest = faces.iter().flatten().next().context("no face is seen")?;
    let seen = faces.iter().flatten().count();
    let pairs = |shape: ArkitShape| -> Vec<(f32, f32)> {
        let both = poses.iter().zip(&faces);
        both.filter_map(|(p, f)| Some((p.weights[shape], f.as_ref()?.blendshapes[shape])))
            .collect()
    };
    let against = |read: &dyn Fn(&Face) -> f32| -> Vec<(f32, f32)> {
        let both = poses.iter().zip(&faces);
        both.filter_map(|(p, f)| Some((p.weights[ArkitShape::JawOpen], read(f.as_ref()?))))
            .collect()
    };
    let jaw = against(&|face| face.head.jaw_opening(&rest.head));
    // Inner lips, against the face's height.
    let gap = against(&|face| {
        let open = face.point(13).distance(face.point(14));
        open / face.point(10).distance(face.point(152))
    });
    let (found, all) = blinks(&pairs(ArkitShape::EyeBlinkLeft));
    println!("| what | figure |\n| --- | --- |");
    println!("| frames with a face | {seen} of {} |", poses.len());
    for (what, pairs) in [
        ("read from landmarks", jaw),
        ("the blendshape net's", pairs(ArkitShape::JawOpen)),
        ("the lips' gap", gap),
    ] {
        let r = correlation(&pairs).context("the jaw does not move")?;
        println!("| jaw opening, driven against {what} | r = {r:.3} |");
    }
    println!("| blinks seen | {found} of {all} |");
    Ok(())
}

/// How many driven blinks are seen, of how many.
fn blinks(lids: &[(f32, f32)]) -> (usize, usize) {
    let mut usual: Vec<f32> = lids.iter().map(|p| p.1).collect();
    usual.sort_by(f32::total_cmp);
    let usual = usual.get(usual.len() / 2).copied().unwrap_or_default();
    let (mut found, mut all) = (0, 0);
    let mut n = 0;
    while n < lids.len() {
        let first = n;
        while n < lids.len() && lids[n].0 > DRIVEN {
            n += 1;
        }
        if n > first {
            all += 1;
            let around = first.saturating_sub(AROUND)..(n + AROUND).min(lids.len());
            found += usize::from(lids[around].iter().any(|p| p.1 > usual + SEEN));
        }
        n += 1;
    }
    (found, all)
}

/// Pearson's, of pairs that both vary.
fn correlation(pairs: &[(f32, f32)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let both: Vec<(f64, f64)> = pairs
        .iter()
        .map(|(a, b)| (f64::from(*a), f64::from(*b)))
        .collect();
    let mean_a = both.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_b = both.iter().map(|p| p.1).sum::<f64>() / n;
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        both.iter().map(|(a, b)| f(a - mean_a, b - mean_b)).sum()
    };
    let spread = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (spread > 0.0).then(|| sum(&|a, b| a * b) / spread)
}
