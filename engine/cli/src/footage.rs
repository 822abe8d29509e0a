//! Avatars by name, with what decodes their footage.

use std::path::PathBuf;
use std::sync::Arc;

use huashen_avatar::video::MOUTHS_FILE;
use huashen_avatar::video::film::{Footage, OpenFootage, Shown};
use huashen_avatar::{Avatar, AvatarError};
use huashen_core::{SinkError, Size, paths};
use huashen_media::{FootageReader, View};
use huashen_motion::Manner;

/// The avatar of this name, folder or file.
pub fn avatar(name: &str) -> Result<Avatar, AvatarError> {
    let mut avatar = Avatar::find(name, &paths::avatars_dir())?;
    let footage = avatar.dir.join(&avatar.manifest.file);
    let mouths = avatar.dir.join(MOUTHS_FILE);
    if let Some(video) = &mut avatar.video {
        let mouth_px = video.about.mouth_px;
        Arc::make_mut(video).footage = Some(Arc::new(Files {
            footage,
            mouths,
            mouth_px,
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
        let view = View { x: 0, y: 0, size };
        Ok(Box::new(Reader(FootageReader::open(
            &self.mouths,
            view,
            size,
        )?)))
    }
}

struct Reader(FootageReader);

impl Footage for Reader {
    fn read(&mut self, index: u64, planes: &mut Vec<u8>) -> Result<(), SinkError> {
        Ok(self.0.read(index, planes)?)
    }
}
