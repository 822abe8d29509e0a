//! Avatars by name, with what decodes their footage.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use huashen_avatar::video::film::{Footage, OpenFootage, Shown, matte_size};
use huashen_avatar::video::{MATTE_FILE, MOUTHS_FILE};
use huashen_avatar::{Avatar, AvatarError};
use huashen_core::{Frame, FrameRate, PixelFormat, SinkError, Size, paths};
use huashen_media::{ClipSpec, ClipWriter, Encoding, FootageReader, Quality, VideoReader, View};
use huashen_motion::Manner;
use huashen_vision::{Device, Matte, Segmenter};
use image::RgbaImage;
use image::imageops::thumbnail;
use rayon::prelude::*;

use crate::interrupt;
use crate::progress::Progress;

/// The avatar of this name, folder or file.
pub fn avatar(name: &str) -> Result<Avatar, AvatarError> {
    let mut avatar = Avatar::find(name, &paths::avatars_dir())?;
    let footage = avatar.dir.join(&avatar.manifest.file);
    let mouths = avatar.dir.join(MOUTHS_FILE);
    if let Some(video) = &mut avatar.video {
        let (mouth_px, size) = (video.about.mouth_px, video.size());
        Arc::make_mut(video).footage = Some(Arc::new(Files {
            footage,
            mouths,
            mouth_px,
            matte: avatar.dir.join(MATTE_FILE),
            size,
        }));
    }
    Ok(avatar)
}

/// In whose manner the avatar speaks.
pub fn manner(avatar: &Avatar) -> Manner {
    match &avatar.video {
        Some(video) => Manner::from_numbers(&video.person.manner),
        None => Manner::default(),
    }
}

struct Files {
    footage: PathBuf,
    mouths: PathBuf,
    mouth_px: u32,
    matte: PathBuf,
    size: Size,
}

impl OpenFootage for Files {
    fn open(&self, shown: Shown) -> Result<Box<dyn Footage>, SinkError> {
        let [x, y, width, height] = shown.window;
        let view = View {
            x,
            y,
            size: Size { width, height },
        };
        Ok(Box::new(Reader(FootageReader::open(
            &self.footage,
            view,
            shown.size,
        )?)))
    }

    fn mouths(&self) -> Result<Box<dyn Footage>, SinkError> {
        let size = Size {
            width: self.mouth_px,
            height: self.mouth_px,
        };
        whole(&self.mouths, size)
    }

    fn matte(&self) -> Result<Option<Box<dyn Footage>>, SinkError> {
        match self.matte.exists() {
            true => whole(&self.matte, matte_size(self.size)).map(Some),
            false => Ok(None),
        }
    }
}

/// All of the pictures of a file, as they are.
fn whole(path: &Path, size: Size) -> Result<Box<dyn Footage>, SinkError> {
    let view = View { x: 0, y: 0, size };
    Ok(Box::new(Reader(FootageReader::open(path, view, size)?)))
}

struct Reader(FootageReader);

impl Footage for Reader {
    fn read(&mut self, index: u64, planes: &mut Vec<u8>) -> Result<(), SinkError> {
        Ok(self.0.read(index, planes)?)
    }
}

/// Pictures that are looked at together.
const TOGETHER: usize = 16;

/// Looks once what in a video avatar's footage is the person, so that something
/// else can be behind them; nothing where that was done before.
///
/// # Errors
/// When the footage cannot be read, or the bundle not be written.
pub fn cut_out(avatar: &Avatar) -> anyhow::Result<()> {
    let Some(video) = &avatar.video else {
        return Ok(());
    };
    let path = avatar.dir.join(MATTE_FILE);
    if path.exists() {
        return Ok(());
    }
    let size = matte_size(video.size());
    let rate = FrameRate {
        num: video.about.rate[0],
        den: video.about.rate[1],
    };
    let segmenter = Segmenter::open(&paths::models_dir(), &Device::Cpu)?;
    let mut writer = ClipWriter::create(
        &path,
        ClipSpec {
            size,
            rate,
            encoding: Encoding {
                quality: Quality::Footage,
                ..Encoding::default()
            },
            audio: None,
            metadata: Vec::new(),
        },
    )?;
    let mut reader = VideoReader::open(&avatar.dir.join(&avatar.manifest.file))?;
    let mut progress = Progress::new("cut out", "pictures", false);
    // Mattes flicker: each is evened out with those before and after.
    let mut waiting: VecDeque<(RgbaImage, Matte)> = VecDeque::new();
    let mut before: Option<Matte> = None;
    let mut done = 0;
    loop {
        interrupt::check()?;
        let pictures: Vec<_> = reader.by_ref().take(TOGETHER).collect::<Result<_, _>>()?;
        let over = pictures.is_empty();
        let looked: Vec<(RgbaImage, Matte)> = pictures
            .into_par_iter()
            .map(|picture| -> anyhow::Result<_> {
                let (w, h) = (picture.width, picture.height);
                let picture = RgbaImage::from_raw(w, h, picture.rgba);
                let picture = picture.context("a picture of the wrong size")?;
                let small = thumbnail(&picture, size.width, size.height);
                let matte = segmenter.coarse(&small)?;
                Ok((small, matte))
            })
            .collect::<anyhow::Result<_>>()?;
        waiting.extend(looked);
        let ready = waiting.len().saturating_sub(usize::from(!over));
        let mut even = Vec::with_capacity(ready);
        for _ in 0..ready {
            let Some((picture, matte)) = waiting.pop_front() else {
                break;
            };
            let after = waiting.front().map(|(_, matte)| matte);
            let both = [before.as_ref().unwrap_or(&matte), after.unwrap_or(&matte)];
            let mut smooth = matte.clone();
            for (i, alpha) in smooth.alpha.iter_mut().enumerate() {
                *alpha = 0.5 * *alpha + 0.25 * (both[0].alpha[i] + both[1].alpha[i]);
            }
            even.push((picture, smooth));
            before = Some(matte);
        }
        let frames: Vec<Vec<u8>> = even
            .into_par_iter()
            .map(|(picture, matte)| grey(&matte.refined(&picture)))
            .collect();
        for data in frames {
            writer.video(Frame {
                index: done,
                size,
                format: PixelFormat::Rgba8,
                data,
            })?;
            done += 1;
        }
        progress.at(done, u64::from(video.about.frames).max(done));
        if over {
            break;
        }
    }
    writer.finish()?;
    progress.done(&format!("the person in {done} pictures"));
    Ok(())
}

fn grey(matte: &Matte) -> Vec<u8> {
    let level = |alpha: &f32| (alpha * 255.0).round() as u8;
    matte
        .alpha
        .iter()
        .map(level)
        .flat_map(|v| [v, v, v, 255])
        .collect()
}
