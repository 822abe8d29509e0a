//! From what the user named (a script or a recording) to the clip's sound.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use huashen_core::paths;
use huashen_media::AudioReader;
use huashen_pipeline::{Sound, SoundBuilder};
use huashen_script::Script;
use huashen_speech::recognise::SAMPLE_RATE_HZ;
use huashen_speech::{Heard, Recogniser, Synthesizer};

use crate::progress::Progress;
use crate::{interrupt, output};

/// What a clip is made from.
pub enum Input {
    Script(Script),
    Recording(PathBuf),
}

/// Scripts are read up to here; the parser has its own, lower limit.
const MAX_SCRIPT_BYTES: u64 = 64 << 20;
/// Recordings are read at this rate: what clips carry.
const RECORDING_HZ: u32 = 48_000;
/// The presenter is there before the first word and after the last.
const LEAD_SECS: f64 = 0.25;
const TAIL_SECS: f64 = 0.6;

/// Reads a script from `path` (`-`: stdin), or takes it for a recording when it is not text.
pub fn open(path: &Path) -> anyhow::Result<Input> {
    if !is_stdin(path) && !looks_like_text(path)? {
        return Ok(Input::Recording(path.to_owned()));
    }
    Ok(Input::Script(open_script(path)?))
}

/// Reads a script; remarks on it go to stderr.
pub fn open_script(path: &Path) -> anyhow::Result<Script> {
    let name = if is_stdin(path) {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    };
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        std::io::stdin()
            .take(MAX_SCRIPT_BYTES)
            .read_to_end(&mut bytes)
    } else {
        if path.is_dir() {
            bail!("{name} is a folder: name a script or a recording");
        }
        std::fs::File::open(path).and_then(|f| f.take(MAX_SCRIPT_BYTES).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("{name} cannot be read"))?;
    let text = decode(&bytes)
        .with_context(|| format!("{name} is not a text file: save the script as UTF-8 text"))?;
    let parsed = huashen_script::parse(&text).with_context(|| name.clone())?;
    for warning in &parsed.warnings {
        output::note(&format!("{name}: {warning}"));
    }
    Ok(parsed.script)
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// UTF-8 or, by its mark, UTF-16 as some editors save it.
fn decode(bytes: &[u8]) -> Option<String> {
    let utf16 = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|b| from([b[0], b[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, ..] => utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => utf16(u16::from_be_bytes),
        _ => {
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            String::from_utf8(text.to_vec()).ok()
        }
    }
}

/// Text by its name, or by holding no zero byte and valid UTF-8 at its start.
fn looks_like_text(path: &Path) -> anyhow::Result<bool> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    if ["txt", "md", "ssml", "xml"]
        .iter()
        .any(|e| extension.eq_ignore_ascii_case(e))
    {
        return Ok(true);
    }
    if path.is_dir() {
        bail!(
            "{} is a folder: name a script or a recording",
            path.display()
        );
    }
    let mut head = Vec::new();
    std::fs::File::open(path)
        .and_then(|f| f.take(4096).read_to_end(&mut head))
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let valid = match std::str::from_utf8(&head) {
        Ok(_) => true,
        // A character cut off by the end of what was read.
        Err(e) => e.error_len().is_none(),
    };
    Ok(!head.is_empty() && valid && !head.contains(&0))
}

/// Speaks a script with the speech model.
pub fn speak(
    script: &Script,
    voice: Option<&str>,
    lead: bool,
    quiet: bool,
) -> anyhow::Result<Sound> {
    speak_with(
        &Synthesizer::open(&paths::models_dir())?,
        script,
        voice,
        lead,
        quiet,
    )
}

/// [`speak`] with a model that is loaded already.
pub fn speak_with(
    synth: &Synthesizer,
    script: &Script,
    voice: Option<&str>,
    lead: bool,
    quiet: bool,
) -> anyhow::Result<Sound> {
    let mut speaking = synth.speak(script, voice)?;
    let mut builder = SoundBuilder::speech(synth.sample_rate_hz())?;
    let mut progress = Progress::new("speech", "sentences", quiet);
    if lead {
        builder.push_silence(LEAD_SECS)?;
    }
    loop {
        interrupt::check()?;
        let (done, total) = speaking.progress();
        progress.at(done as u64, total as u64);
        let Some(piece) = speaking.next() else { break };
        builder.push_speech(piece?)?;
    }
    if lead {
        builder.push_silence(TAIL_SECS)?;
    }
    let sound = builder.finish()?;
    progress.done(&format!("{:.1} s spoken", sound.duration_secs()));
    Ok(sound)
}

/// Finds out which words a recording holds, and when.
pub fn listen(recogniser: &Recogniser, path: &Path, quiet: bool) -> anyhow::Result<Heard> {
    let mut listening = recogniser.listen(SAMPLE_RATE_HZ, None)?;
    let mut progress = Progress::new("words", "seconds", quiet);
    read(path, SAMPLE_RATE_HZ, &mut progress, |block| {
        Ok(listening.push(block)?)
    })?;
    let heard = listening.finish()?;
    if heard.words.is_empty() {
        let path = path.display();
        output::note(&format!(
            "no words were heard in {path}: it has no subtitles"
        ));
    }
    progress.done(&format!("{} heard", heard.words.len()));
    Ok(heard)
}

/// Reads a recording.
pub fn record(path: &Path, quiet: bool) -> anyhow::Result<Sound> {
    let mut builder = SoundBuilder::recording(RECORDING_HZ)?;
    let mut progress = Progress::new("sound", "seconds", quiet);
    let damaged = read(path, RECORDING_HZ, &mut progress, |block| {
        Ok(builder.push_samples(block)?)
    })?;
    if damaged > 0 {
        output::note(&format!(
            "{}: {damaged} damaged packets were left out",
            path.display()
        ));
    }
    let sound = builder.finish()?;
    if sound.lufs().is_none() {
        output::note(&format!(
            "{} is silent: nobody speaks in it",
            path.display()
        ));
    }
    progress.done(&format!("{:.1} s read", sound.duration_secs()));
    Ok(sound)
}

/// Hands out a recording's sound, mono, at `rate_hz`; how many damaged packets
/// were left out of it.
fn read(
    path: &Path,
    rate_hz: u32,
    progress: &mut Progress,
    mut take: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut reader = AudioReader::open(path, Some(rate_hz))?;
    let total = reader.duration_secs() as u64;
    let mut seconds = 0.0;
    for block in reader.by_ref() {
        interrupt::check()?;
        let block = block?;
        seconds += block.len() as f64 / f64::from(rate_hz);
        take(&block)?;
        progress.at(seconds as u64, total.max(seconds as u64));
    }
    Ok(reader.damaged_packets())
}
