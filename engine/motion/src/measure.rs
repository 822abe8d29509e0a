//! How well one curve follows another.

/// Pearson's correlation; none where either does not vary.
pub fn pearson(a: &[f32], b: &[f32]) -> Option<f64> {
    let n = a.len().min(b.len());
    if n < 2 {
        return None;
    }
    let mean = |v: &[f32]| v[..n].iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x) - ma, f64::from(*y) - mb);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    let spread = (aa * bb).sqrt();
    (spread > 1e-12).then(|| ab / spread)
}

/// By how many frames `b` comes after `a` where they agree best, within
/// `reach` either way; negative when it comes before.
pub fn best_lag(a: &[f32], b: &[f32], reach: usize) -> isize {
    let n = a.len().min(b.len());
    let mut best = (f64::NEG_INFINITY, 0);
    let reach = reach.min(n / 2) as isize;
    for lag in -reach..=reach {
        let (from_a, from_b) = ((-lag).max(0) as usize, lag.max(0) as usize);
        let r = pearson(&a[from_a..n - from_b], &b[from_b..n - from_a]);
        // Of equals the smallest lag.
        let r = r.unwrap_or(f64::NEG_INFINITY) - 1e-9 * lag.abs() as f64;
        if r > best.0 {
            best = (r, lag);
        }
    }
    best.1
}

/// How near beats of motion fall to beats of sound, 0 … 1, both in seconds:
/// the mean over motion's of a bell of 0.1 s around the nearest of sound's
/// (beat consistency, Liu et al. 2022, BEAT). None where either has none.
pub fn beat_consistency(motion: &[f64], sound: &[f64]) -> Option<f64> {
    if motion.is_empty() || sound.is_empty() {
        return None;
    }
    let near = motion.iter().map(|m| {
        let apart = sound.iter().map(|s| (m - s).abs());
        let apart = apart.fold(f64::INFINITY, f64::min);
        (-0.5 * (apart / 0.1).powi(2)).exp()
    });
    Some(near.sum::<f64>() / motion.len() as f64)
}

/// Standard deviation.
pub fn deviation(v: &[f32]) -> f64 {
    let n = v.len().max(1) as f64;
    let mean = v.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let sum: f64 = v.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    (sum / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_agree_as_they_are_near() {
        let sound = [1.0, 2.0, 3.0];
        assert_eq!(beat_consistency(&sound, &sound), Some(1.0));
        let late = beat_consistency(&[1.1, 2.1], &sound).unwrap();
        assert!((late - 0.6065).abs() < 1e-3);
        assert_eq!(beat_consistency(&[], &sound), None);
    }

    #[test]
    fn a_late_copy_is_found_and_a_flat_line_says_nothing() {
        let a: Vec<f32> = (0..200)
            .map(|i| (i as f32 * 0.37).sin() + (i as f32 * 0.11).cos())
            .collect();
        let mut late = vec![0.0; 3];
        late.extend_from_slice(&a[..197]);
        assert_eq!(best_lag(&a, &late, 6), 3);
        assert_eq!(best_lag(&late, &a, 6), -3);
        assert!((pearson(&a, &a).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(pearson(&a, &[1.0; 200]), None);
    }
}
