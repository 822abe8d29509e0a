//! `huashen avatar new --video`: footage of a person becomes an avatar.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use huashen_avatar::video::{MOUTHS_FILE, PERSON_FILE, Person};
use huashen_avatar::{Kind, Manifest, Video};
use huashen_core::{FrameRate, MotionTrack, Size, paths};
use huashen_media::{MediaError, VideoReader};
use huashen_motion::{Manner, MotionOptions};
use huashen_pipeline::capture::FaceFollower;
use huashen_pipeline::film_report::{FilmReport, MOUTHS};
use huashen_pipeline::filming::{FilmError, Filming, Stretch};
use huashen_pipeline::{Cancelled, PipelineError, Sound, StyleCheck};
use huashen_vision::{Device, Face, FaceFinder, FindOptions};
use image::imageops::FilterType;
use image::{DynamicImage, RgbImage, RgbaImage};
use serde::Serialize;

use crate::args::NewAvatar;
use crate::even::{Even, fitted, kept_size, standard};
use crate::progress::Progress;
use crate::reel::{Part, Reel};
use crate::{interrupt, output, reel, sound};

/// Shorter footage shows too few mouths.
const LEAST_SECS: f64 = 5.0;
/// Whether something covers the mouth is looked at in every twelfth picture.
const LOOK_EVERY: usize = 12;
/// Of those looks, who else is there in every fourth.
const LOOK_ABOUT: usize = 4;
/// A mouth of which this part is hidden is not used.
const MOUTH_COVERED: f32 = 0.6;
const FOOTAGE_FILE: &str = "footage.mp4";

/// What was found in footage.
#[derive(Serialize)]
pub struct Findings {
    name: String,
    folder: String,
    size: String,
    fps: f64,
    seconds: f64,
    usable_seconds: f64,
    cuts: usize,
    covered_seconds: f64,
    /// Seconds of mouths that are open, wide, round, shut.
    mouth_seconds: BTreeMap<&'static str, f64>,
    closed_rest: bool,
    light_stops: f32,
    sound_lufs: Option<f64>,
    mouths: usize,
    ways_on: usize,
    /// Distance of the mouth from the true one where it was not learnt from,
    /// against one that stays at its mean: as the motion model says it.
    plain_error: Option<f32>,
    /// The same in the person's own style.
    style_error: Option<f32>,
    consent: String,
    advice: Vec<String>,
}

pub fn run(args: &NewAvatar, video: &Path, name: &str, quiet: bool) -> anyhow::Result<ExitCode> {
    let folder = paths::avatars_dir().join(name);
    let consent = consent(args.consent.as_deref())?;
    let made = build(
        &Order {
            video,
            end_secs: f64::INFINITY,
            name,
            folder: &folder,
            consent: &consent,
            least_secs: match args.force {
                true => LEAST_SECS / 2.0,
                false => LEAST_SECS,
            },
            lasts: true,
        },
        quiet,
    )
    .with_context(|| format!("{} cannot become an avatar", video.display()))?;
    tell(&made, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// From footage that was dropped somewhere.
pub fn from_dropped(video: &Path, name: &str, folder: &Path, consent: &str) -> anyhow::Result<()> {
    let order = Order {
        video,
        end_secs: f64::INFINITY,
        name,
        folder,
        consent,
        least_secs: LEAST_SECS,
        lasts: true,
    };
    build(&order, false).map(|_| ())
}

/// Who agreed: as told, or as asked for on a terminal.
pub fn consent(told: Option<&str>) -> anyhow::Result<String> {
    use std::io::{BufRead, IsTerminal, Write};
    let told = match told {
        Some(text) => text.trim().to_owned(),
        None if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            let mut err = std::io::stderr();
            write!(
                err,
                "Who is in this video, and who agreed that their likeness may speak other words?\n> "
            )?;
            err.flush()?;
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim().to_owned()
        }
        None => String::new(),
    };
    ensure!(
        !told.is_empty(),
        "nobody has agreed: say who is in the video and who agreed, as in --consent \"I am in it and agree\""
    );
    Ok(told)
}

/// What is to be built from which footage.
pub struct Order<'a> {
    pub video: &'a Path,
    /// Footage after this is not looked at.
    pub end_secs: f64,
    pub name: &'a str,
    pub folder: &'a Path,
    pub consent: &'a str,
    pub least_secs: f64,
    /// What was looked at when Ctrl-C came is kept for the next run.
    pub lasts: bool,
}

/// Builds the avatar, the whole folder or nothing of it. What was looked at
/// when Ctrl-C came is kept beside it, for the next run to go on from.
pub fn build(order: &Order<'_>, quiet: bool) -> anyhow::Result<Findings> {
    let parent = order.folder.parent().context("avatars have no folder")?;
    std::fs::create_dir_all(parent)
        .with_context(|| format!("{} cannot be made", parent.display()))?;
    let reader = VideoReader::open(order.video)?;
    let rate = standard(reader.fps());
    let parts = parent.join(format!(".{}.filming", order.name));
    let key = reel::key(order.video, order.end_secs)?;
    let (mut reel, known) = Reel::open(&parts, &key, rate)?;
    let made = film(order, reader, (&mut reel, known), quiet)
        .and_then(|(filming, size)| finish(order, filming, (size, rate), &reel, quiet));
    let stopped = matches!(&made, Err(e) if e.is::<Cancelled>());
    if stopped && order.lasts && reel.is_worth_keeping() {
        output::note("what was looked at is kept: the same command goes on from there");
    } else if let Err(error) = reel.discard() {
        // Whatever went wrong before says more.
        made.as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
        return Err(error);
    }
    made
}

/// Makes the bundle of what was seen.
fn finish(
    order: &Order<'_>,
    filming: Filming,
    (size, rate): (Size, FrameRate),
    reel: &Reel,
    quiet: bool,
) -> anyhow::Result<Findings> {
    let parent = order.folder.parent().context("avatars have no folder")?;
    let temp = tempfile::Builder::new()
        .prefix(".huashen-")
        .tempdir_in(parent)
        .with_context(|| format!("{} cannot be written", parent.display()))?;
    let dir = temp.path();
    let mut heard = record(order.video, quiet)?;
    let (frames, usable) = filming.counts();
    let report = filming.report();
    let mouth_px = filming.mouth_px().unwrap_or_default();
    let mut hear = heard
        .as_mut()
        .map(|sound| |manner| hear(sound, rate, manner));
    let (person, check) = filming.finish(
        hear.as_mut()
            .map(|h| h as huashen_pipeline::filming::Hear<'_>),
        order.least_secs,
    )?;
    let mouths = dir.join(MOUTHS_FILE);
    reel.join(&dir.join(FOOTAGE_FILE), &mouths)?;
    output::write_whole(&dir.join(PERSON_FILE), &person.to_bytes()?)?;
    output::write_whole(&dir.join("mouths.jpg"), &sheet(&person, &mouths)?)?;
    let manifest = Manifest {
        name: order.name.to_owned(),
        title: Default::default(),
        kind: Kind::Video,
        file: FOOTAGE_FILE.to_owned(),
        licence: "as the video's".to_owned(),
        source: order.video.file_name().map_or_else(
            || "a video".to_owned(),
            |f| f.to_string_lossy().into_owned(),
        ),
        voices: Default::default(),
        background: None,
        calibration: Default::default(),
        lips: None,
        photo: None,
        video: Some(Video {
            width: size.width,
            height: size.height,
            rate: [rate.num, rate.den],
            frames: frames as u32,
            mouth_px,
            consent: order.consent.to_owned(),
        }),
    };
    output::write_whole(
        &dir.join("avatar.toml"),
        toml::to_string(&manifest)?.as_bytes(),
    )?;
    if order.folder.exists() {
        std::fs::remove_dir_all(order.folder)
            .with_context(|| format!("{} cannot be replaced", order.folder.display()))?;
    }
    std::fs::rename(temp.keep(), order.folder)
        .with_context(|| format!("{} cannot be written", order.folder.display()))?;
    let usable_seconds = usable as f64 / rate.fps();
    let told = |v: f32| heard.is_some().then_some(v);
    let StyleCheck { plain, own } = check;
    Ok(Findings {
        name: order.name.to_owned(),
        folder: order.folder.display().to_string(),
        size: size.to_string(),
        fps: rate.fps(),
        seconds: frames as f64 / rate.fps(),
        usable_seconds,
        cuts: report.cuts,
        covered_seconds: report.covered as f64 / rate.fps(),
        mouth_seconds: MOUTHS.iter().map(|m| m.0).zip(report.mouths_secs).collect(),
        closed_rest: report.rest,
        light_stops: report.light_stops,
        sound_lufs: heard.as_ref().and_then(Sound::lufs),
        mouths: person.takes.len(),
        ways_on: person.jumps.len(),
        plain_error: told(plain),
        style_error: told(own),
        consent: order.consent.to_owned(),
        advice: advice(usable_seconds, &report, rate, heard.as_ref()),
    })
}

/// Mouths of the footage, from shut to wide open: what the avatar can show.
fn sheet(person: &Person, mouths: &Path) -> anyhow::Result<Vec<u8>> {
    const COLUMNS: usize = 8;
    const ROWS: usize = 5;
    const CELL: u32 = 160;
    let mut order: Vec<usize> = (0..person.takes.len()).collect();
    let gap = |t: &usize| {
        let frame = &person.frames[person.takes[*t].frame as usize];
        person.space.gap(&frame.mouth)
    };
    order.sort_by(|a, b| gap(a).total_cmp(&gap(b)));
    let wanted = |cell: usize| {
        let take = order[cell * (order.len() - 1) / (COLUMNS * ROWS - 1)];
        person.takes[take].picture as usize
    };
    let mut sheet = RgbImage::new(COLUMNS as u32 * CELL, ROWS as u32 * CELL);
    for (n, picture) in VideoReader::open(mouths)?.enumerate() {
        let cells: Vec<usize> = (0..COLUMNS * ROWS).filter(|c| wanted(*c) == n).collect();
        if cells.is_empty() {
            continue;
        }
        let picture = picture?;
        let picture = RgbaImage::from_raw(picture.width, picture.height, picture.rgba);
        let picture = DynamicImage::from(picture.context("a mouth of the wrong size")?).into_rgb8();
        let small = image::imageops::resize(&picture, CELL, CELL, FilterType::Triangle);
        for cell in cells {
            let (x, y) = (
                (cell % COLUMNS) as u32 * CELL,
                (cell / COLUMNS) as u32 * CELL,
            );
            image::imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y));
        }
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}

/// Speech that is quieter is drowned in noise.
const QUIET_LUFS: f64 = -38.0;

fn advice(secs: f64, report: &FilmReport, rate: FrameRate, heard: Option<&Sound>) -> Vec<String> {
    let mut advice = Vec::new();
    if secs < 60.0 {
        advice.push(
            "one to five minutes of speech show more mouths and gestures, and repeat less"
                .to_owned(),
        );
    }
    advice.extend(report.advice(rate.fps()));
    match heard.map(Sound::lufs) {
        None => advice.push(
            "the video has no sound: the person's own way to speak could not be learnt".to_owned(),
        ),
        Some(Some(lufs)) if lufs < QUIET_LUFS => advice.push(format!(
            "the voice is very quiet ({lufs:.0} LUFS): put the microphone nearer"
        )),
        Some(_) => {}
    }
    advice
}

/// Looks at every picture and keeps the footage.
fn film(
    order: &Order<'_>,
    reader: VideoReader,
    (reel, known): (&mut Reel, Vec<Part>),
    quiet: bool,
) -> anyhow::Result<(Filming, Size)> {
    let rate = standard(reader.fps());
    let total = (reader.duration_secs().min(order.end_secs) * rate.fps()).round() as u64;
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let mut progress = Progress::new("video", "pictures", quiet);
    let mut pictures = Even::new(reader, rate);
    let mut work: Option<(Filming, Size)> = None;
    let (mut looks, mut crowded) = (0, 0);
    for part in known {
        let (width, height) = part.size;
        let size = Size { width, height };
        let (filming, _) = work.get_or_insert_with(|| (Filming::new(size, rate), size));
        filming.resume(part.stretch);
        looks += part.looks;
        crowded += part.crowded;
    }
    if let Some((filming, _)) = &work {
        let seen = filming.counts().0;
        output::note(&format!(
            "going on after {seen} pictures that were looked at before"
        ));
        pictures.go_to(seen as u64);
    }
    // Each part is looked at anew, so that it does not matter where a run began.
    let mut watch = Watch::new(&finder);
    while let Some((at_secs, picture)) = pictures.next()? {
        interrupt::check()?;
        if at_secs >= order.end_secs {
            break;
        }
        let (filming, size) = match &mut work {
            Some(work) => work,
            none => {
                let size = kept_size(picture.width, picture.height)?;
                none.insert((Filming::new(size, rate), size))
            }
        };
        let picture = fitted(picture, *size)?;
        let (face, covered) = watch.look(&picture)?;
        let mouth = filming.push(&picture, face.as_ref(), covered);
        reel.push(picture, mouth)?;
        let done = filming.counts().0 as u64;
        if reel.is_full() {
            looks += watch.looks;
            crowded += watch.crowded;
            reel.close(&watch.part(*size, filming.stretch()))?;
            watch = Watch::new(&finder);
        }
        progress.at(done, total.max(done));
    }
    let Some((mut filming, size)) = work else {
        bail!("no picture could be read");
    };
    if !reel.is_at_start() {
        looks += watch.looks;
        crowded += watch.crowded;
        reel.close(&watch.part(size, filming.stretch()))?;
    }
    if crowded * 2 > looks {
        return Err(FilmError::Crowd.into());
    }
    let (frames, usable) = filming.counts();
    progress.done(&format!("a face to use in {usable} of {frames} pictures"));
    if pictures.reader.damaged_packets() > 0 {
        output::note(&format!(
            "{}: {} damaged packets were left out",
            order.video.display(),
            pictures.reader.damaged_packets()
        ));
    }
    for (was, what) in [
        (
            pictures.reader.was_hdr(),
            "HDR was toned down to what every screen shows",
        ),
        (
            pictures.reader.was_interlaced(),
            "it is interlaced: one field of each picture was taken",
        ),
    ] {
        if was {
            output::note(&format!("{}: {what}", order.video.display()));
        }
    }
    Ok((filming, size))
}

/// Follows the face through one part.
struct Watch<'a> {
    finder: &'a FaceFinder,
    follower: FaceFollower<'a>,
    pictures: usize,
    covered: bool,
    looks: usize,
    crowded: usize,
}

impl<'a> Watch<'a> {
    fn new(finder: &'a FaceFinder) -> Self {
        Self {
            follower: FaceFollower::new(finder),
            finder,
            pictures: 0,
            covered: false,
            looks: 0,
            crowded: 0,
        }
    }

    /// The face in the next picture, and whether its mouth is covered.
    fn look(&mut self, picture: &RgbaImage) -> anyhow::Result<(Option<Face>, bool)> {
        let face = self.follower.next(picture)?;
        if let Some(face) = &face {
            if self.pictures.is_multiple_of(LOOK_EVERY) {
                self.covered = self.finder.cover(picture, face)?.mouth > MOUTH_COVERED;
            }
            if self.pictures.is_multiple_of(LOOK_EVERY * LOOK_ABOUT) {
                self.looks += 1;
                self.crowded += usize::from(has_company(self.finder, picture, face)?);
            }
            self.pictures += 1;
        }
        Ok((face, self.covered))
    }

    fn part(&self, size: Size, stretch: Stretch) -> Part {
        Part {
            size: (size.width, size.height),
            stretch,
            looks: self.looks,
            crowded: self.crowded,
        }
    }
}

/// Whether someone else is about as near to the camera.
fn has_company(finder: &FaceFinder, picture: &RgbaImage, face: &Face) -> anyhow::Result<bool> {
    let size = face.bounds.size().max_element();
    let longer = picture.width().max(picture.height()) as f32;
    let options = FindOptions {
        min_face: (0.5 * size / longer).min(1.0),
        max_faces: 2,
        ..FindOptions::default()
    };
    Ok(finder.find(picture, &options)?.len() > 1)
}

/// The video's sound; none where it has none that can be heard.
pub fn record(video: &Path, quiet: bool) -> anyhow::Result<Option<Sound>> {
    match sound::record(video, quiet) {
        Ok(sound) => Ok(sound.lufs().is_some().then_some(sound)),
        Err(e) if matches!(e.downcast_ref(), Some(MediaError::NoAudio { .. })) => Ok(None),
        Err(e) => Err(e),
    }
}

/// What the motion model says of a sound in a manner.
pub fn hear(
    sound: &mut Sound,
    rate: FrameRate,
    manner: Manner,
) -> Result<MotionTrack, PipelineError> {
    let options = MotionOptions {
        rate_hz: rate.fps(),
        manner,
        ..MotionOptions::default()
    };
    let count = rate.frame_count(sound.duration_secs()) as usize + 1;
    Ok(MotionTrack {
        rate_hz: rate.fps(),
        poses: sound.planner(&options)?.take(count).collect(),
    })
}

fn tell(found: &Findings, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(found);
    }
    let line = |label: &str, text: String| output::line(&format!("{label:<10} {text}"));
    line("avatar", found.name.clone())?;
    line("folder", found.folder.clone())?;
    line(
        "footage",
        format!("{}, {:.2} frames a second", found.size, found.fps),
    )?;
    line(
        "usable",
        format!("{:.1} of {:.1} s", found.usable_seconds, found.seconds),
    )?;
    let kinds: Vec<String> = MOUTHS
        .iter()
        .map(|(kind, _)| format!("{kind} {:.1} s", found.mouth_seconds[kind]))
        .collect();
    line("mouths", format!("{}: {}", found.mouths, kinds.join(", ")))?;
    line(
        "light",
        format!("changes by {:.1} stops", found.light_stops),
    )?;
    if let Some(lufs) = found.sound_lufs {
        line("sound", format!("{lufs:.0} LUFS"))?;
    }
    if let (Some(plain), Some(own)) = (found.plain_error, found.style_error) {
        line(
            "style",
            match own < plain {
                true => format!(
                    "the person's own: {:.0} % of a still mouth's error, {:.0} % without",
                    own * 100.0,
                    plain * 100.0
                ),
                false => "the motion model's: the person's own, learnt from a part, came no nearer in the rest"
                    .to_owned(),
            },
        )?;
    }
    line("consent", found.consent.clone())?;
    for advice in &found.advice {
        line("advice", advice.clone())?;
    }
    line(
        "next",
        format!(
            "huashen render hello.txt --avatar {} -o hello.mp4",
            found.name
        ),
    )
}
