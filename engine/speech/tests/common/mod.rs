//! What the tests of the recogniser share, those inside the crate too.

/// 24 kHz → 16 kHz by a sinc of 32 zero crossings under a Hann window.
pub fn at_16k(samples: &[f32]) -> Vec<f32> {
    const STEP: f64 = 1.5;
    const REACH: isize = 48;
    let n = (samples.len() as f64 / STEP) as usize;
    (0..n)
        .map(|i| {
            let at = i as f64 * STEP;
            let near = at as isize;
            let sum: f64 = (near - REACH + 1..=near + REACH)
                .filter_map(|k| Some((k, f64::from(*samples.get(usize::try_from(k).ok()?)?))))
                .map(|(k, s)| {
                    let x = at - k as f64;
                    let phase = std::f64::consts::PI * x / STEP;
                    let sinc = if x == 0.0 { 1.0 } else { phase.sin() / phase };
                    let window = 0.5 + 0.5 * (std::f64::consts::PI * x / REACH as f64).cos();
                    s * sinc * window / STEP
                })
                .sum();
            sum as f32
        })
        .collect()
}
