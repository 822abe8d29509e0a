//! What is behind the person in a preview.

use std::sync::Arc;

use huashen_avatar::Avatar;
use huashen_core::Size;
use huashen_render::{Backdrop, Background, Cast, RenderOptions};

use crate::args::PictureArgs;
use crate::picture;
use crate::settings::Settings;

/// Backgrounds to choose from with a key, after the avatar's own.
const CHOICES: [(&str, Background); 4] = [
    ("green, for keying", Background::Color([0, 177, 64])),
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

    /// The next background and its name.
    pub fn next(&mut self, avatar: &Arc<Avatar>) -> (&'static str, Backdrop) {
        self.choice = (self.choice + 1) % (CHOICES.len() + 1);
        let name = match self.choice {
            0 => "its own",
            i => CHOICES[i - 1].0,
        };
        (name, self.backdrop(avatar))
    }

    fn backdrop(&self, avatar: &Arc<Avatar>) -> Backdrop {
        if let Some(i) = self.choice.checked_sub(1) {
            return Arc::new(move |_: Size| CHOICES[i].1.clone());
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
