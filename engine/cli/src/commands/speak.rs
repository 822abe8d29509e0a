//! `huashen speak`: a script becomes a sound file.

use std::process::ExitCode;

use anyhow::{Context, bail};
use huashen_core::{Timing, paths};
use huashen_media::{ClipFormat, Encoding};
use huashen_overlay::CueShape;
use huashen_pipeline::Sound;
use serde::Serialize;

use crate::args::Speak;
use crate::delivery::Seal;
use crate::label::Aigc;
use crate::settings::Settings;
use crate::{delivery, output, sound, sound_file, subtitles};

pub fn run(args: &Speak, settings: &Settings, quiet: bool) -> anyhow::Result<ExitCode> {
    if args.voices {
        return list(args.json);
    }
    let (Some(script), Some(path)) = (&args.script, &args.output) else {
        bail!("name a script and, with -o, the sound file to write");
    };
    let format = ClipFormat::of(path, None, false)
        .ok()
        .filter(|format| !format.has_pictures());
    let Some(format) = format else {
        bail!(
            "`{}` is not a sound file that can be written: end it in .wav, .m4a or .mp3",
            path.display()
        );
    };
    let loudness = delivery::loudness(&args.level.loudness)?;
    let seal = Seal::of(path, &args.seal)?;
    output::check_target(path, args.force)?;
    if let Some(path) = &args.subtitles {
        subtitles::format_of(path)?;
        output::check_target(path, args.force)?;
    }
    let script = sound::open_script(script)?;
    let voice = args.voice.voice.as_deref().or(settings.voice.as_deref());
    let mut sound = sound::speak(&script, voice, false, quiet)?;
    sound.level_to(loudness);
    let encoding = Encoding {
        format,
        ..Encoding::default()
    };
    let label = Aigc::new(settings.producer.as_ref(), &sound, "");
    let metadata = match format.keeps_metadata() {
        true => vec![label.pair()?],
        false => Vec::new(),
    };
    sound_file::write(path, encoding, metadata, &mut sound, &seal)?;
    if let Some(path) = &args.subtitles {
        let shape = CueShape::for_aspect(subtitles::SCREEN.aspect());
        let cues = huashen_overlay::cues(&sound.timing, &script.plain_text(), shape);
        subtitles::write(path, &cues, subtitles::SCREEN, false)?;
    }
    if args.json {
        output::json(&Spoken::new(path, &sound))?;
    } else {
        output::line(&path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was spoken, for machines.
#[derive(Serialize)]
struct Spoken {
    path: String,
    duration_secs: f64,
    words: Vec<Timed>,
    phonemes: Vec<Timed>,
}

#[derive(Serialize)]
struct Timed {
    text: String,
    start_secs: f64,
    end_secs: f64,
}

impl Spoken {
    fn new(path: &std::path::Path, sound: &Sound) -> Self {
        let Timing {
            words, phonemes, ..
        } = &sound.timing;
        Self {
            path: path.display().to_string(),
            duration_secs: sound.duration_secs(),
            words: words
                .iter()
                .map(|w| Timed {
                    text: w.text.clone(),
                    start_secs: w.start_secs,
                    end_secs: w.end_secs,
                })
                .collect(),
            phonemes: phonemes
                .iter()
                .map(|p| Timed {
                    text: p.ipa.clone(),
                    start_secs: p.start_secs,
                    end_secs: p.end_secs,
                })
                .collect(),
        }
    }
}

fn list(json: bool) -> anyhow::Result<ExitCode> {
    let voices =
        huashen_speech::voices(&paths::models_dir()).context("the voices cannot be listed")?;
    if json {
        output::json(&voices)?;
    } else {
        for voice in &voices {
            output::line(&format!(
                "{:<16} {:<20} {}",
                voice.name,
                voice.language.name(),
                voice.gender
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
