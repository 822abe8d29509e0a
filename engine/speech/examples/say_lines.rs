//! Speaks each line of a file to its own WAV (`OUT/01.wav` …) and prints what it cost:
//! `cargo run --release -p huashen-speech --example say_lines -- tests/readback/en.txt out [voice]`
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::path::Path;
use std::time::Instant;

use huashen_speech::Synthesizer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [lines, out, rest @ ..] = args.as_slice() else {
        return Err("usage: say_lines FILE OUT_DIR [VOICE]".into());
    };
    let text = std::fs::read_to_string(lines)?;
    std::fs::create_dir_all(out)?;
    let begun = Instant::now();
    let synth = Synthesizer::open(&huashen_core::paths::models_dir())?;
    let rate_hz = synth.sample_rate_hz();
    println!("models loaded in {:.2} s", begun.elapsed().as_secs_f64());
    let (mut spoken_secs, mut took_secs) = (0.0, 0.0);
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    for (i, line) in lines.enumerate() {
        let script = huashen_script::parse(line)?.script;
        let begun = Instant::now();
        let mut samples = Vec::new();
        let mut sounds = String::new();
        for piece in synth.speak(&script, rest.first().map(String::as_str))? {
            let piece = piece?;
            let mut word = None;
            for phoneme in &piece.timing.phonemes {
                if phoneme.word != word {
                    sounds.push(' ');
                    word = phoneme.word;
                }
                sounds.push_str(&phoneme.ipa);
            }
            samples.extend(piece.samples);
        }
        took_secs += begun.elapsed().as_secs_f64();
        spoken_secs += samples.len() as f64 / f64::from(rate_hz);
        println!("{:02} {line}\n  {sounds}", i + 1);
        write_wav(
            &Path::new(out).join(format!("{:02}.wav", i + 1)),
            &samples,
            rate_hz,
        )?;
    }
    println!(
        "{spoken_secs:.2} s of speech in {took_secs:.2} s: {:.3} of real time",
        took_secs / spoken_secs
    );
    Ok(())
}

/// Mono f32 WAV.
fn write_wav(path: &Path, samples: &[f32], rate_hz: u32) -> std::io::Result<()> {
    let data_bytes = (samples.len() * 4) as u32;
    let mut bytes = Vec::with_capacity(samples.len() * 4 + 44);
    bytes.extend(b"RIFF");
    bytes.extend((data_bytes + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    // 3 is IEEE float.
    bytes.extend(3_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((rate_hz * 4).to_le_bytes());
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend(32_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    std::fs::write(path, bytes)
}
