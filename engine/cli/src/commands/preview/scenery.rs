//! What is behind the person in a preview.

use std::sync::Arc;

use huashen_avatar::Avatar;
use huashen_core::Size;
use huashen_render::{Backdrop, Background, Cast, RenderOptions};

use crate::args::PictureArgs;
use crate::picture;
use crate::settings::Settings;

/// Backgrounds to choose from, after the avatar's own.
const CHOICES: [(&str, Background); 4] = [
    ("green", Background::Color([0, 177, 64])),
    ("dark", Background::Color([18, 20, 24])),
    ("light", Background::Color([236, 238, 241])),
    ("transparent", Background::Transparent),
];

/// Knows what was asked for and what was chosen since.
pub struct Scenery {
    options: RenderOptions,
    /// A background was asked for; else avatars bring their own.
    asked: bool,
    /// 0: as asked for.
    choice: usize,
}

impl Scenery {
    /// `options` as they are for the first avatar.
    pub fn new(args: &PictureArgs, settings: &Settings, options: RenderOptions) -> Self {
        Self {
            asked: args.background.is_some() || settings.background.is_some(),
            options,
            choice: 0,
        }
    }

    /// `avatar` before the background of the moment.
    pub fn cast(&self, avatar: Arc<Avatar>) -> anyhow::Result<Cast> {
        Ok(Cast {
            framing: self.options.framing,
            look: self.options.look,
            backdrop: self.backdrop(&avatar),
            avatar,
        })
    }

    /// All backgrounds, by name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once("its own").chain(CHOICES.iter().map(|(name, _)| *name))
    }

    /// Another one, by its place among the names.
    pub fn choose(&mut self, choice: usize, avatar: &Arc<Avatar>) -> Backdrop {
        self.choice = choice % (CHOICES.len() + 1);
        self.backdrop(avatar)
    }

    /// Whether nothing is behind the person.
    pub fn is_clear(&self) -> bool {
        match self.choice.checked_sub(1) {
            Some(i) => CHOICES[i].1 == Background::Transparent,
            None => self.options.background == Background::Transparent,
        }
    }

    /// Where the face is in pictures of a size.
    pub fn face(&self, avatar: &Arc<Avatar>) -> Box<dyn Fn(Size) -> Option<[f32; 4]> + Send> {
        let (avatar, framing) = (Arc::clone(avatar), self.options.framing);
        Box::new(move |size| picture::face_px(&avatar, framing, size))
    }

    fn backdrop(&self, avatar: &Arc<Avatar>) -> Backdrop {
        if let Some(i) = self.choice.checked_sub(1) {
            return Arc::new(move |_: Size| CHOICES[i].1.clone());
        }
        if !self.asked && avatar.video.is_some() {
            return Arc::new(|_: Size| Background::AsFilmed);
        }
        let (avatar, framing) = (Arc::clone(avatar), self.options.framing);
        if self.asked || avatar.manifest.photo.is_none() {
            let background = self.options.background.clone();
            return Arc::new(move |_| background.clone());
        }
        Arc::new(move |size| {
            picture::plate(&avatar, framing, size).unwrap_or_else(|error| {
                tracing::error!("{error:#}");
                RenderOptions::default().background
            })
        })
    }
}
