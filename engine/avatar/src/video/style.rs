//! A person's own manner: how wide they speak, and what their mouth does all
//! the while.

use huashen_core::{ArkitShape, ArkitWeights};

use super::space::mouth_shapes;

/// Gain and offset of each of [`mouth_shapes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Style(pub Vec<[f32; 2]>);

/// Gains stay between.
const GAIN: (f32, f32) = (0.5, 1.6);

/// Shapes that part the lips or press them together: shut stays shut, so these
/// grow and shrink but do not shift.
fn parts_lips(shape: ArkitShape) -> bool {
    let name = shape.name();
    [
        "jawOpen",
        "mouthClose",
        "mouthLowerDown",
        "mouthUpperUp",
        "mouthPress",
        "mouthRoll",
        "mouthFunnel",
    ]
    .iter()
    .any(|n| name.starts_with(n))
}

impl Style {
    /// From what the motion model said to what was tracked, picture by picture;
    /// `strength` 0 changes nothing, 1 goes all the way.
    pub fn fit(said: &[ArkitWeights], seen: &[ArkitWeights], strength: f32) -> Self {
        let n = said.len().max(1) as f32;
        let moments = |all: &[ArkitWeights], shape| {
            let mean = all.iter().map(|w| w[shape]).sum::<f32>() / n;
            let square = all.iter().map(|w| w[shape].powi(2)).sum::<f32>() / n;
            (mean, square.sqrt(), (square - mean * mean).max(0.0).sqrt())
        };
        Self(
            mouth_shapes()
                .map(|shape| {
                    let (said_mean, said_size, said_spread) = moments(said, shape);
                    let (seen_mean, seen_size, seen_spread) = moments(seen, shape);
                    let full = match parts_lips(shape) {
                        true => seen_size / said_size.max(1e-3),
                        false => seen_spread / said_spread.max(1e-3),
                    };
                    // What the model hardly moves, a gain would only shake.
                    let full = full.clamp(GAIN.0, if said_spread < 0.01 { 1.0 } else { GAIN.1 });
                    let gain = 1.0 + strength * (full - 1.0);
                    let offset = match parts_lips(shape) {
                        true => 0.0,
                        false => strength * (seen_mean - gain * said_mean),
                    };
                    [gain, offset]
                })
                .collect(),
        )
    }

    /// Weights in this manner.
    pub fn of(&self, weights: &ArkitWeights) -> ArkitWeights {
        let mut out = *weights;
        for (shape, [gain, offset]) in mouth_shapes().zip(&self.0) {
            out[shape] = (weights[shape] * gain + offset).clamp(0.0, 1.0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_speaks_wide_opens_wide_and_shuts_shut() {
        let weights = |jaw: f32, smile: f32| {
            let mut w = ArkitWeights::default();
            w[ArkitShape::JawOpen] = jaw;
            w[ArkitShape::MouthSmileLeft] = smile;
            w
        };
        let said: Vec<_> = (0..50)
            .map(|i| weights((i % 5) as f32 * 0.1, 0.1))
            .collect();
        let seen: Vec<_> = (0..50)
            .map(|i| weights((i % 7) as f32 * 0.1, 0.4))
            .collect();
        let style = Style::fit(&said, &seen, 1.0);
        let shown = style.of(&weights(0.4, 0.1));
        assert!(shown[ArkitShape::JawOpen] > 0.5);
        assert!((shown[ArkitShape::MouthSmileLeft] - 0.4).abs() < 0.1);
        assert_eq!(style.of(&weights(0.0, 0.1))[ArkitShape::JawOpen], 0.0);
        let none = Style::fit(&said, &seen, 0.0);
        assert_eq!(none.of(&weights(0.3, 0.2)), weights(0.3, 0.2));
    }
}
