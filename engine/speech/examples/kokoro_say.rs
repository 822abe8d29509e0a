//! Speaks phonemes with one voice and prints what it cost:
//! `cargo run --release -p huashen-speech --example kokoro_say -- af_heart "həlˈO wˈɜɹld" out.f32`
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Instant;

use huashen_speech::kokoro::{Kokoro, SynthOptions, Voice};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [voice, phonemes, out] = args.as_slice() else {
        return Err("usage: kokoro_say VOICE PHONEMES OUT.f32".into());
    };
    let dir = huashen_core::paths::models_dir().join("kokoro");
    let begun = Instant::now();
    let kokoro = Kokoro::open(&dir)?;
    let loaded = begun.elapsed().as_secs_f64();
    let voice = Voice::open(&dir.join(format!("voices/{voice}.bin")))?;
    let tokens: Vec<u32> = phonemes
        .chars()
        .filter_map(|c| kokoro.vocab().token(c))
        .collect();
    for _ in 0..2 {
        let begun = Instant::now();
        let spoken = kokoro.synthesize(&tokens, &voice, &SynthOptions::default())?;
        let took = begun.elapsed().as_secs_f64();
        let secs = spoken.samples.len() as f64 / 24_000.0;
        println!(
            "load {loaded:.2} s; {secs:.2} s of speech in {took:.2} s: {:.3}",
            took / secs
        );
        let bytes: Vec<u8> = spoken
            .samples
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect();
        std::fs::write(out, bytes)?;
    }
    Ok(())
}
