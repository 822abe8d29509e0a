//! Avatars by name, with what decodes their footage.

use std::path::PathBuf;
use std::sync::Arc;

use huashen_avatar::video::film::{Footage, OpenFootage, Shown};
use huashen_avatar::{Avatar, AvatarError};
use huashen_core::{SinkError, Size, paths};
use huashen_media::{FootageReader, View};
use huashen_motion::Manner;

/// The avatar of this name, folder or file.
pub fn avatar(name: &str) -> Result<Avatar, AvatarError> {
    let mut avatar = Avatar::find(name, &paths::avatars_dir())?;
    let path = avatar.dir.join(&avatar.manifest.file);
    if let Some(video) = &mut avatar.video {
        Arc::make_mut(video).footage = Some(Arc::new(File(path)));
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

struct File(PathBuf);

impl OpenFootage for File {
    fn open(&self, shown: Shown) -> Result<Box<dyn Footage>, SinkError> {
        let [x, y, width, height] = shown.window;
        let view = View {
            x,
            y,
            size: Size { width, height },
        };
        Ok(Box::new(Reader(FootageReader::open(
            &self.0, view, shown.size,
        )?)))
    }
}

struct Reader(FootageReader);

impl Footage for Reader {
    fn read(&mut self, index: u64, planes: &mut Vec<u8>) -> Result<(), SinkError> {
        Ok(self.0.read(index, planes)?)
    }
}
