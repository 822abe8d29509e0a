//! The forms that a clip comes out in, and what each of them can hold.

use std::path::{Path, PathBuf};

use huashen_core::PixelFormat;

use crate::MediaError;

/// How pictures are encoded in a video file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Plays everywhere.
    H264,
    /// About half the size; not in every browser.
    H265,
    /// The web's, with alpha where asked.
    Vp9,
    /// For editors: ProRes 4444, 10 bits, with alpha where asked.
    ProRes,
}

impl Codec {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Vp9 => "vp9",
            Self::ProRes => "prores",
        }
    }

    const fn keeps_alpha(self) -> bool {
        matches!(self, Self::Vp9 | Self::ProRes)
    }
}

/// What lies around the streams of a video file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Mp4,
    Mov,
    Matroska,
    WebM,
}

impl Container {
    pub(crate) const fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
            Self::WebM => "webm",
        }
    }

    /// What it may hold, its default first.
    const fn codecs(self, alpha: bool) -> &'static [Codec] {
        use Codec::{H264, H265, ProRes, Vp9};
        match (self, alpha) {
            (Self::Mp4, _) => &[H264, H265],
            (Self::Mov, false) => &[H264, H265, ProRes],
            (Self::Mov, true) => &[ProRes, H264, H265],
            (Self::Matroska, false) => &[H264, H265, Vp9, ProRes],
            (Self::Matroska, true) => &[Vp9, ProRes, H264, H265],
            (Self::WebM, _) => &[Vp9],
        }
    }
}

/// A file of sound alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoundFormat {
    /// 16-bit PCM.
    Wav,
    /// AAC.
    M4a,
    Mp3,
}

/// The form that a clip comes out in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipFormat {
    Video(Container, Codec),
    /// Numbered pictures in a folder of their own, `sound.wav` beside them.
    Pngs {
        /// Digits of a number, zero-padded.
        digits: usize,
    },
    /// A silent preview of 256 colours.
    Gif,
    /// A silent preview.
    WebP,
    Sound(SoundFormat),
}

/// How well pictures are kept, against size and time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    Draft,
    /// Visually clean for a presenter.
    #[default]
    Good,
    Best,
    /// Footage that is to be read again, in any order: a key frame every second.
    Footage,
    /// The same for small pictures of mouths.
    Mouths,
}

/// How a clip is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    pub format: ClipFormat,
    pub quality: Quality,
    /// Bits a second of the pictures, instead of a constant quality.
    pub bits_per_sec: Option<u64>,
    /// Whether what is behind the person shows through.
    pub alpha: bool,
    /// Whether a graphics chip may encode H.264 and H.265, where it can.
    pub on_chip: bool,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            format: ClipFormat::Video(Container::Mp4, Codec::H264),
            quality: Quality::Good,
            bits_per_sec: None,
            alpha: false,
            on_chip: false,
        }
    }
}

const DIGITS: usize = 5;
const KNOWN: &str = ".mp4, .mov, .mkv, .webm, .gif, .webp, .wav, .m4a or .mp3, \
                     or a folder for PNGs (`shots/` or `shots/%04d.png`)";

impl ClipFormat {
    /// The form that `path` names: by its extension, or a folder (one that is
    /// there, a name that ends in a slash, or `folder/%04d.png`) for PNGs.
    /// `codec` decides where an extension leaves it open.
    ///
    /// # Errors
    /// Names that say nothing, and what a form cannot hold.
    pub fn of(path: &Path, codec: Option<Codec>, alpha: bool) -> Result<Self, MediaError> {
        let format = Self::by_name(path, codec, alpha)?;
        let fixed = !matches!(format, Self::Video(..));
        if let (Some(codec), true) = (codec, fixed) {
            return Err(MediaError::NotIn {
                what: codec.name(),
                file: path.to_owned(),
                expected: "leave the codec out: this form has its own".to_owned(),
            });
        }
        if alpha && format.has_pictures() && !format.keeps_alpha() {
            return Err(MediaError::NoAlpha {
                file: path.to_owned(),
            });
        }
        Ok(format)
    }

    fn by_name(path: &Path, codec: Option<Codec>, alpha: bool) -> Result<Self, MediaError> {
        if is_folder(path) {
            return Ok(Self::Pngs { digits: DIGITS });
        }
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        let video = |container: Container| {
            let codecs = container.codecs(alpha);
            match codec {
                None => Ok(Self::Video(container, codecs[0])),
                Some(codec) if codecs.contains(&codec) => Ok(Self::Video(container, codec)),
                Some(codec) => Err(MediaError::NotIn {
                    what: codec.name(),
                    file: path.to_owned(),
                    expected: {
                        let names: Vec<_> = codecs.iter().map(|c| c.name()).collect();
                        format!("it holds {}", names.join(", "))
                    },
                }),
            }
        };
        match extension.as_str() {
            "mp4" | "m4v" => video(Container::Mp4),
            "mov" => video(Container::Mov),
            "mkv" => video(Container::Matroska),
            "webm" => video(Container::WebM),
            "gif" => Ok(Self::Gif),
            "webp" => Ok(Self::WebP),
            "wav" => Ok(Self::Sound(SoundFormat::Wav)),
            "m4a" => Ok(Self::Sound(SoundFormat::M4a)),
            "mp3" => Ok(Self::Sound(SoundFormat::Mp3)),
            "png" => match digits_of(path) {
                Some(digits) if path.parent().is_some_and(|p| p.file_name().is_some()) => {
                    Ok(Self::Pngs { digits })
                }
                _ => Err(MediaError::Container {
                    found: extension,
                    expected: "a folder for the pictures: `shots/` or `shots/%04d.png`",
                }),
            },
            _ => Err(MediaError::Container {
                found: extension,
                expected: KNOWN,
            }),
        }
    }

    /// What appears under the name that was given: the folder of PNGs, else the file.
    pub fn place(self, path: &Path) -> PathBuf {
        match self {
            Self::Pngs { .. } if !is_folder(path) => {
                path.parent().unwrap_or(path).components().collect()
            }
            // Without a closing slash, so that names can be built from it.
            _ => path.components().collect(),
        }
    }

    /// Whether what is behind the person can show through.
    pub const fn keeps_alpha(self) -> bool {
        match self {
            Self::Video(_, codec) => codec.keeps_alpha(),
            Self::Pngs { .. } | Self::Gif | Self::WebP => true,
            Self::Sound(_) => false,
        }
    }

    /// Whether it carries pictures at all.
    pub const fn has_pictures(self) -> bool {
        !matches!(self, Self::Sound(_))
    }

    /// Whether it is a small one to be looked at in passing.
    pub const fn is_preview(self) -> bool {
        matches!(self, Self::Gif | Self::WebP)
    }

    /// Whether a container keeps text that describes the clip.
    pub const fn keeps_metadata(self) -> bool {
        !matches!(
            self,
            Self::Pngs { .. } | Self::WebP | Self::Sound(SoundFormat::Wav)
        )
    }
}

impl Encoding {
    /// What the renderer should deliver: planes where the encoder takes them
    /// as they are, else pixels.
    pub const fn pixels(&self) -> PixelFormat {
        match self.format {
            ClipFormat::Video(_, Codec::H264 | Codec::H265 | Codec::Vp9) if !self.alpha => {
                PixelFormat::I420
            }
            _ => PixelFormat::Rgba8,
        }
    }
}

fn is_folder(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with(['/', '\\']) || path.is_dir()
}

/// `%04d.png` → 4.
fn digits_of(path: &Path) -> Option<usize> {
    let stem = path.file_stem()?.to_str()?;
    let number = stem.strip_prefix('%')?.strip_suffix('d')?;
    let digits = match number {
        "" => 1,
        padded => padded.strip_prefix('0')?.parse().ok()?,
    };
    (1..=9).contains(&digits).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_forms() {
        use ClipFormat::{Gif, Pngs, Sound, Video, WebP};
        let of = |name: &str, codec, alpha| ClipFormat::of(Path::new(name), codec, alpha);
        for (name, codec, alpha, want) in [
            ("a.mp4", None, false, Video(Container::Mp4, Codec::H264)),
            (
                "a.MP4",
                Some(Codec::H265),
                false,
                Video(Container::Mp4, Codec::H265),
            ),
            ("a.mov", None, false, Video(Container::Mov, Codec::H264)),
            ("a.mov", None, true, Video(Container::Mov, Codec::ProRes)),
            ("a.mkv", None, true, Video(Container::Matroska, Codec::Vp9)),
            ("a.webm", None, false, Video(Container::WebM, Codec::Vp9)),
            ("a.gif", None, true, Gif),
            ("a.webp", None, true, WebP),
            ("a.m4a", None, true, Sound(SoundFormat::M4a)),
            ("shots/", None, true, Pngs { digits: 5 }),
            ("shots/%04d.png", None, true, Pngs { digits: 4 }),
        ] {
            assert_eq!(of(name, codec, alpha).unwrap(), want, "{name}");
        }
        for (name, codec, alpha, why) in [
            ("a.mp4", None, true, "transparent"),
            ("a.mov", Some(Codec::H264), true, "transparent"),
            ("a.webm", Some(Codec::H264), false, "vp9"),
            ("a.gif", Some(Codec::H264), false, "codec"),
            ("a.avi", None, false, ".mp4"),
            ("a.png", None, false, "folder"),
            ("%04d.png", None, false, "folder"),
            ("a.wav", Some(Codec::H264), false, "codec"),
        ] {
            let said = of(name, codec, alpha).unwrap_err().to_string();
            assert!(said.contains(why), "{name}: {said}");
        }
        let pngs = Pngs { digits: 5 };
        assert_eq!(pngs.place(Path::new("a/shots/")), Path::new("a/shots"));
        assert_eq!(
            pngs.place(Path::new("a/shots/%05d.png")),
            Path::new("a/shots")
        );
    }
}
