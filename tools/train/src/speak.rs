//! Speech for training: our own voices say our own sentences, so that every
//! phoneme's time is exact.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use huashen_core::{Timing, paths};
use huashen_speech::{Language, Synthesizer, VoiceInfo};
use indicatif::{ProgressBar, ProgressStyle};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

#[derive(clap::Args)]
pub struct Args {
    /// Where the speech goes
    #[arg(long, default_value_os_t = crate::data_dir().join("speech"))]
    out: PathBuf,
    /// Seconds of each English voice; the fewer Mandarin voices say more, others less
    #[arg(long, default_value_t = 45.0)]
    secs: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Say the sentences' words in a random order: sounds meet other neighbours
    #[arg(long)]
    shuffled: bool,
}

/// Sentences in the language of a voice; none where nobody wrote any.
const fn sentences(language: Language) -> (&'static str, f64) {
    match language {
        Language::AmericanEnglish | Language::BritishEnglish => {
            (include_str!("../sentences/en.txt"), 1.0)
        }
        Language::Mandarin => (include_str!("../sentences/zh.txt"), 3.0),
        Language::Spanish => (include_str!("../sentences/es.txt"), 0.5),
        Language::French => (include_str!("../sentences/fr.txt"), 0.5),
        Language::Italian => (include_str!("../sentences/it.txt"), 0.5),
        Language::Portuguese => (include_str!("../sentences/pt.txt"), 0.5),
        Language::Japanese => (include_str!("../sentences/ja.txt"), 0.5),
        Language::Hindi => (include_str!("../sentences/hi.txt"), 0.5),
    }
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(
        args.secs > 0.0 && args.secs.is_finite(),
        "--secs must be above 0"
    );
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let synth = Synthesizer::open(&paths::models_dir())?;
    let bar = ProgressBar::new(synth.voices().len() as u64).with_style(
        ProgressStyle::with_template("{msg:14} {bar:30} {pos}/{len} {eta}")?,
    );
    let mut voices: Vec<&VoiceInfo> = synth.voices().iter().collect();
    // In an order that gives a fair sample early.
    voices.shuffle(&mut Pcg64Mcg::seed_from_u64(args.seed));
    for voice in voices {
        bar.set_message(voice.name.clone());
        one(&synth, voice, args).with_context(|| voice.name.clone())?;
        bar.inc(1);
    }
    bar.finish();
    Ok(())
}

/// One voice's file pair; kept where it is already there.
fn one(synth: &Synthesizer, voice: &VoiceInfo, args: &Args) -> Result<()> {
    let stem = args.out.join(format!("{}-{}", voice.name, args.seed));
    let (wav, json) = (stem.with_extension("wav"), stem.with_extension("json"));
    if json.exists() {
        return Ok(());
    }
    let salt = voice.name.bytes().fold(0u64, |h, b| h * 131 + u64::from(b));
    let mut rng = Pcg64Mcg::seed_from_u64(args.seed ^ salt.rotate_left(17));
    let (text, share) = sentences(voice.language);
    let mut lines: Vec<String> = if args.shuffled {
        shuffled(text, &mut rng)
    } else {
        text.lines().map(|l| l.trim().to_owned()).collect()
    };
    lines.retain(|l| !l.is_empty());
    let (mut samples, mut timing) = (Vec::new(), Timing::default());
    'all: loop {
        lines.shuffle(&mut rng);
        for line in &lines {
            let speed: f64 = rng.random_range(0.85..1.25);
            let marked = format!("<prosody rate=\"{:.0}%\">{line}</prosody>", speed * 100.0);
            let script = huashen_script::parse(&marked)?.script;
            for piece in synth.speak(&script, Some(&voice.name))? {
                let piece = piece?;
                samples.extend_from_slice(&piece.samples);
                timing.append(piece.timing);
            }
            if timing.duration_secs >= args.secs * share {
                break 'all;
            }
        }
    }
    write_wav(&wav, &samples, synth.sample_rate_hz())?;
    std::fs::write(&json, to_json(&timing)?)?;
    Ok(())
}

/// As many lines as the text has, of its words in a random order. Where words
/// are not set apart, two letters next to each other count as one.
fn shuffled(text: &str, rng: &mut Pcg64Mcg) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for piece in text.split(|c: char| c.is_whitespace() || ",.!?;:，。！？；：、“”《》".contains(c))
    {
        if piece.is_ascii() || piece.chars().all(|c| (c as u32) < 0x2e80) {
            words.push(piece.to_owned());
        } else {
            let letters: Vec<char> = piece.chars().collect();
            words.extend(letters.chunks(2).map(|pair| pair.iter().collect()));
        }
    }
    words.retain(|w| !w.is_empty());
    words.shuffle(rng);
    let apart = if words.iter().all(|w| w.chars().count() <= 2) {
        ""
    } else {
        " "
    };
    words
        .chunks(9)
        .map(|line| format!("{}.", line.join(apart)))
        .collect()
}

fn write_wav(path: &Path, samples: &[f32], rate_hz: u32) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for s in samples {
        writer.write_sample((s.clamp(-1.0, 1.0) * 32767.0).round() as i16)?;
    }
    writer.finalize()?;
    Ok(())
}

/// Words and phonemes, as the planner needs them.
fn to_json(timing: &Timing) -> Result<String> {
    let words: Vec<_> = timing
        .words
        .iter()
        .map(|w| serde_json::json!([w.text, w.start_secs, w.end_secs, w.ends_sentence]))
        .collect();
    let phonemes: Vec<_> = timing
        .phonemes
        .iter()
        .map(|p| serde_json::json!([p.ipa, p.start_secs, p.end_secs, p.stress, p.word]))
        .collect();
    Ok(serde_json::to_string(&serde_json::json!({
        "secs": timing.duration_secs, "words": words, "phonemes": phonemes,
    }))?)
}
