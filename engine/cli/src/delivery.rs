//! In what form a clip comes out: flags and the file's name → encoding.

use std::path::{Path, PathBuf};

use anyhow::bail;
use huashen_media::{ClipFormat, Codec, Encoding, Quality};
use huashen_pipeline::provenance::{ClipSigner, SIGNED_FORMS};
use huashen_speech::Loudness;

use crate::args::{CodecArg, DeliveryArgs, EncoderArg, QualityArg, SealArgs};
use crate::output;

/// What is put on a finished clip before it appears: a signature, or nothing.
#[derive(Default)]
pub struct Seal {
    signer: Option<ClipSigner>,
    extension: String,
}

impl Seal {
    /// For clips with the name `path`.
    pub fn of(path: &Path, args: &SealArgs) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
        let extension = extension.to_ascii_lowercase();
        let (cert, key) = match (&args.c2pa_cert, &args.c2pa_key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) => return Ok(Self::default()),
            (Some(_), None) => bail!("--c2pa-cert needs its private key: add --c2pa-key"),
            (None, Some(_)) => bail!("--c2pa-key needs its certificate: add --c2pa-cert"),
        };
        if !SIGNED_FORMS.contains(&extension.as_str()) {
            bail!(
                "{} cannot be signed: C2PA has signatures for {}, and none for this form",
                path.display(),
                SIGNED_FORMS.map(|form| format!(".{form}")).join(", ")
            );
        }
        Ok(Self {
            signer: Some(ClipSigner::open(cert, key)?),
            extension,
        })
    }

    /// Who signs.
    pub fn signer(&self) -> Option<&str> {
        self.signer.as_ref().map(ClipSigner::name)
    }

    /// Signs the finished file at `path`.
    pub fn put_on(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(signer) = &self.signer {
            signer.sign(path, &self.extension)?;
        }
        Ok(())
    }
}

/// The form of one clip.
pub struct Delivery {
    pub encoding: Encoding,
    pub loudness: Loudness,
    /// The file, or the folder of PNGs, that appears.
    pub place: PathBuf,
}

impl Delivery {
    /// From the flags and the output's name; `alpha` when nothing is to be
    /// behind the person.
    pub fn of(path: &Path, args: &DeliveryArgs, alpha: bool) -> anyhow::Result<Self> {
        let codec = args.codec.map(|codec| match codec {
            CodecArg::H264 => Codec::H264,
            CodecArg::H265 => Codec::H265,
            CodecArg::Vp9 => Codec::Vp9,
            CodecArg::Prores => Codec::ProRes,
        });
        let format = ClipFormat::of(path, codec, alpha)?;
        Ok(Self {
            encoding: Encoding {
                format,
                quality: match args.quality {
                    QualityArg::Draft => Quality::Draft,
                    QualityArg::Good => Quality::Good,
                    QualityArg::Best => Quality::Best,
                },
                bits_per_sec: args.bitrate.as_deref().map(bits).transpose()?,
                alpha,
                on_chip: args.encoder == EncoderArg::Auto,
            },
            loudness: loudness(&args.level.loudness)?,
            place: format.place(path),
        })
    }

    /// Refuses to replace what is there unless `force`. A folder of PNGs may
    /// be there already when it is empty.
    pub fn check_target(&self, force: bool) -> anyhow::Result<()> {
        let ClipFormat::Pngs { .. } = self.encoding.format else {
            return output::check_target(&self.place, force);
        };
        let empty = |dir: &Path| dir.read_dir().is_ok_and(|mut all| all.next().is_none());
        if self.place.is_dir() && (force || empty(&self.place)) {
            // Whether its own folder can be written, and it.
            output::check_target(&self.place.join("0"), true)?;
            return output::check_target(&self.place.with_file_name(".huashen-new"), true);
        }
        output::check_target(&self.place, false)
    }

    /// Longest side of a size that nobody asked for.
    pub fn longest_px(&self) -> u32 {
        match self.encoding.format.is_preview() {
            true => 480,
            false => u32::MAX,
        }
    }

    /// Frames a second when nobody asks for any.
    pub fn fps(&self) -> &'static str {
        match self.encoding.format.is_preview() {
            true => "25/2",
            false => "25",
        }
    }
}

/// `--loudness`: a place of use, or LUFS.
pub fn loudness(text: &str) -> anyhow::Result<Loudness> {
    let of = |lufs, peak_db| Loudness {
        lufs: Some(lufs),
        peak_db,
    };
    Ok(match text {
        "web" => Loudness::WEB,
        "social" => of(-14.0, -1.0),
        "broadcast" => of(-23.0, -1.0),
        "us-tv" => of(-24.0, -2.0),
        // Full scale: what came in is kept.
        "as-is" => Loudness {
            lufs: None,
            peak_db: 0.0,
        },
        _ => match text.trim_end_matches("LUFS").trim().parse::<f64>() {
            Ok(lufs) if (-40.0..=-5.0).contains(&lufs) => of(lufs, -1.0),
            _ => bail!(
                "`{text}` is no loudness: write web, social, broadcast, us-tv, as-is, or LUFS \
                 between -40 and -5"
            ),
        },
    })
}

/// `8M`, `800k` or plain bits a second.
fn bits(text: &str) -> anyhow::Result<u64> {
    let (number, unit) = match text.trim_end_matches("bps").trim() {
        t if t.ends_with(['k', 'K']) => (&t[..t.len() - 1], 1e3),
        t if t.ends_with(['m', 'M']) => (&t[..t.len() - 1], 1e6),
        t => (t, 1.0),
    };
    match number.parse::<f64>().map(|n| n * unit) {
        Ok(bits) if (1e4..=1e9).contains(&bits) => Ok(bits.round() as u64),
        _ => bail!("`{text}` is not a bit rate between 10k and 1000M: write 8M or 800k"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_a_place_or_a_number() {
        assert_eq!(loudness("web").unwrap(), Loudness::WEB);
        assert_eq!(loudness("-19").unwrap().lufs, Some(-19.0));
        assert_eq!(loudness("-23 LUFS").unwrap().lufs, Some(-23.0));
        for text in ["loud", "3", "-60", "NaN"] {
            assert!(loudness(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bit_rates_are_read_as_people_write_them() {
        for (text, want) in [("8M", 8_000_000), ("800k", 800_000), ("2.5Mbps", 2_500_000)] {
            assert_eq!(bits(text).unwrap(), want);
        }
        for text in ["fast", "8", "-3M", "9999M"] {
            assert!(bits(text).is_err(), "{text}");
        }
    }
}
