//! Speaks a script to raw f32 at 24 kHz and prints its words:
//! `cargo run --release -p huashen-speech --example say -- "Hello 你好" out.f32 [voice]`
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use huashen_speech::Synthesizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [text, out, rest @ ..] = args.as_slice() else {
        return Err("usage: say SCRIPT OUT.f32 [VOICE]".into());
    };
    let synth = Synthesizer::open(&huashen_core::paths::models_dir())?;
    let script = huashen_script::parse(text)?.script;
    let mut bytes = Vec::new();
    for piece in synth.speak(&script, rest.first().map(String::as_str))? {
        let piece = piece?;
        for word in &piece.timing.words {
            let sounds: Vec<&str> = piece
                .timing
                .phonemes
                .iter()
                .filter(|p| {
                    p.word
                        .is_some_and(|w| std::ptr::eq(&raw const piece.timing.words[w], word))
                })
                .map(|p| p.ipa.as_str())
                .collect();
            println!(
                "{:7.3} {:7.3} {:12} {}",
                word.start_secs,
                word.end_secs,
                word.text,
                sounds.join(" ")
            );
        }
        bytes.extend(piece.samples.iter().flat_map(|s| s.to_le_bytes()));
    }
    std::fs::write(out, bytes)?;
    Ok(())
}
