//! Hears a WAV file of 16 kHz: `hear <file.wav> [language]` prints its words.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Instant;

use huashen_speech::Recogniser;
use huashen_speech::recognise::SAMPLE_RATE_HZ;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let language = args.next();
    // 16-bit mono with the plain header of 44 bytes.
    let bytes = std::fs::read(&path)?;
    let samples: Vec<f32> = bytes
        .get(44..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0)
        .collect();
    let recogniser = Recogniser::open(&huashen_core::paths::models_dir())?;
    let begin = Instant::now();
    let mut listening = recogniser.listen(SAMPLE_RATE_HZ, language.as_deref())?;
    listening.push(&samples)?;
    let heard = listening.finish()?;
    let took = begin.elapsed().as_secs_f64();
    let secs = samples.len() as f64 / f64::from(SAMPLE_RATE_HZ);
    for word in &heard.words {
        let mark = if word.ends_sentence { " |" } else { "" };
        println!(
            "{:7.2} {:7.2} {}{mark}",
            word.start_secs, word.end_secs, word.text
        );
    }
    println!("{}: {}", heard.language, heard.text);
    println!(
        "{took:.2} s for {secs:.2} s: {:.3} of real time",
        took / secs
    );
    Ok(())
}
