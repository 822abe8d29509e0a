//! `huashen track`: the face in a video becomes a motion file.

use std::process::ExitCode;

use anyhow::{Context, ensure};
use huashen_core::{FrameRate, paths};
use huashen_media::VideoReader;
use huashen_motion::formats::Format;
use huashen_pipeline::capture::{Capture, FaceFollower};
use huashen_vision::{Device, FaceFinder};
use image::RgbaImage;

use crate::args::Track;
use crate::progress::Progress;
use crate::{interrupt, output};

pub fn run(args: &Track, quiet: bool) -> anyhow::Result<ExitCode> {
    let format = Format::of_path(&args.output)?;
    output::check_target(&args.output, args.force)?;
    let rate: FrameRate = args.fps.parse()?;
    let mut reader = VideoReader::open(&args.video)?;
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let mut follower = FaceFollower::new(&finder);
    let mut capture = Capture::default();
    let total = (reader.duration_secs() * reader.fps()).round() as u64;
    let mut progress = Progress::new("track", "pictures", quiet);
    for picture in reader.by_ref() {
        interrupt::check()?;
        let picture = picture?;
        let at_secs = picture.pts_secs;
        let picture = RgbaImage::from_raw(picture.width, picture.height, picture.rgba)
            .context("a picture of the wrong size")?;
        capture.push(at_secs, follower.next(&picture)?.as_ref());
        let done = capture.counts().0 as u64;
        progress.at(done, total.max(done));
    }
    let (pictures, seen) = capture.counts();
    ensure!(
        seen > 0,
        "{}: no face in {pictures} pictures; name a video in which one person's face is seen from the front",
        args.video.display()
    );
    progress.done(&format!("a face in {seen} of {pictures} pictures"));
    if seen * 10 < pictures * 9 {
        output::note(&format!(
            "{}: no face in {} of {pictures} pictures; the track rests there",
            args.video.display(),
            pictures - seen
        ));
    }
    if reader.damaged_packets() > 0 {
        output::note(&format!(
            "{}: {} damaged packets were left out",
            args.video.display(),
            reader.damaged_packets()
        ));
    }
    let track = capture.track(rate.fps());
    output::write_file(&args.output, |file| Ok(format.write(&track, rate, file)?))?;
    output::line(&args.output.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
