//! How long an hour of motion takes to plan, from phonemes and from sound.

mod sentences;

use std::io::Write as _;
use std::time::Instant;

use huashen_core::{Prosody, Timing};
use huashen_motion::{AudioFeatures, MotionOptions, Planner};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    let o = MotionOptions::default();
    let (mut timing, mut prosody) = (Timing::default(), Prosody::default());
    let both = [sentences::english(), sentences::mandarin()];
    while timing.duration_secs < 3600.0 {
        for (t, p) in &both {
            timing.append(t.clone());
            prosody.f0_hz.extend(&p.f0_hz);
            prosody.level_db.extend(&p.level_db);
        }
    }
    let begin = Instant::now();
    let poses = Planner::new(&timing, &prosody, &o).count();
    let took = begin.elapsed().as_secs_f64();
    writeln!(
        out,
        "phonemes: {poses} poses in {took:.2} s, {:.0} × real time",
        timing.duration_secs / took
    )?;

    let begin = Instant::now();
    let mut features = AudioFeatures::new(16_000)?;
    let mut second = vec![0.0f32; 16_000];
    for n in 0..3600u32 {
        for (i, s) in second.iter_mut().enumerate() {
            let t = i as f32 / 16_000.0;
            let swing = (t * 25.0).sin().max(0.0) * f32::from(u8::from(n % 4 != 0));
            *s = 0.2 * swing * (t * 900.0).sin();
        }
        features.push(&second);
    }
    let poses = Planner::from_audio(features.finish(), &[], &prosody, &o).count();
    let took = begin.elapsed().as_secs_f64();
    writeln!(
        out,
        "sound: {poses} poses in {took:.2} s, {:.0} × real time",
        3600.0 / took
    )?;
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = peak.lines().find(|l| l.starts_with("VmHWM")) {
        writeln!(out, "peak memory {}", line[6..].trim())?;
    }
    Ok(())
}
