//! Mouth parameters → ARKit weights, and how far apart the lips then are.

use huashen_core::{ArkitShape as A, ArkitWeights};

use super::viseme::Shape;

/// Lip gap at the midline, in units of the gap of `jawOpen` 1 (so 0.45 for an
/// open vowel, 0 for sealed lips).
///
/// A linear model: each coefficient is how far that shape moves the inner lip
/// edges apart on MakeHuman's ARKit faceunits (CC0), in units of `jawOpen`,
/// measured at half weight. `mouthClose` cancels `jawOpen`, as Apple defines it.
pub fn lip_gap(weights: &ArkitWeights) -> f32 {
    let gap: f32 = LIP_GAP.iter().map(|&(s, k)| k * weights[s]).sum();
    gap.max(0.0)
}

/// The linear model behind [`lip_gap`]: what each shape adds.
pub const LIP_GAP: [(A, f32); 16] = [
    (A::JawOpen, 1.0),
    (A::MouthClose, -1.0),
    (A::MouthFunnel, 0.37),
    (A::MouthPucker, -0.05),
    (A::MouthUpperUpLeft, 0.072),
    (A::MouthUpperUpRight, 0.072),
    (A::MouthLowerDownLeft, 0.057),
    (A::MouthLowerDownRight, 0.057),
    (A::MouthRollLower, -0.096),
    (A::MouthRollUpper, -0.084),
    (A::MouthShrugLower, -0.15),
    (A::MouthShrugUpper, 0.12),
    (A::MouthPressLeft, -0.039),
    (A::MouthPressRight, -0.039),
    (A::MouthSmileLeft, -0.045),
    (A::MouthSmileRight, -0.045),
];

/// Shuts the lips of a face by `share`, wherever its jaw is: with 1 the
/// [`lip_gap`] is 0.
pub fn seal(w: &mut ArkitWeights, share: f32) {
    let open = 1.0 - share;
    w[A::MouthClose] += share * (w[A::JawOpen] - w[A::MouthClose]);
    for shape in [
        A::MouthFunnel,
        A::MouthUpperUpLeft,
        A::MouthUpperUpRight,
        A::MouthLowerDownLeft,
        A::MouthLowerDownRight,
        A::MouthShrugUpper,
    ] {
        w[shape] *= open;
    }
}

/// A mouth at one instant, before it is spread over ARKit shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mouth {
    /// The blended target.
    pub shape: Shape,
    /// 1: lips sealed, whatever `shape` says.
    pub seal: f32,
    /// 1: sealed with pressure (a stop), 0: resting on each other.
    pub press: f32,
    /// 1: lower lip against the upper teeth.
    pub tuck: f32,
}

impl Mouth {
    /// Jaw opening after seal and tuck have drawn it up.
    pub fn jaw(&self) -> f32 {
        self.shape.jaw * (1.0 - 0.45 * self.seal) * (1.0 - 0.6 * self.tuck)
    }

    /// Writes the mouth into `w` with a given jaw opening; with `seal` 1 the
    /// [`lip_gap`] is 0 for any jaw.
    ///
    /// `skew` is a small left-right difference, −1…1.
    pub fn write(&self, jaw: f32, skew: f32, w: &mut ArkitWeights) {
        let s = self.shape;
        let open = 1.0 - self.seal;
        let free = 1.0 - self.tuck;
        let left = 1.0 + 0.06 * skew;
        let right = 1.0 - 0.06 * skew;

        w[A::JawOpen] = jaw;
        w[A::MouthClose] = jaw * self.seal;
        w[A::JawForward] = 0.12 * s.funnel * open;
        // Sealed lips stay protruded between rounded vowels, but not funnelled.
        w[A::MouthPucker] = s.pucker * (1.0 - 0.45 * self.seal) * (1.0 - 0.6 * self.tuck);
        w[A::MouthFunnel] = s.funnel * open * (1.0 - 0.7 * self.tuck);

        // The corners share the spread between stretch and smile: pure stretch
        // looks like pain, pure smile like a grin.
        let spread = s.spread * (1.0 - 0.35 * self.seal);
        w[A::MouthStretchLeft] = 0.55 * spread * left;
        w[A::MouthStretchRight] = 0.55 * spread * right;
        w[A::MouthSmileLeft] = 0.32 * spread * left;
        w[A::MouthSmileRight] = 0.32 * spread * right;
        w[A::MouthDimpleLeft] = 0.12 * spread * left;
        w[A::MouthDimpleRight] = 0.12 * spread * right;

        let teeth = s.teeth * open;
        let upper =
            teeth * (0.55 - 0.2 * self.tuck) + 0.16 * self.tuck * open + 0.1 * s.funnel * open;
        let lower = (teeth * 0.85 + 0.25 * s.jaw * open + 0.1 * s.funnel * open) * free;
        w[A::MouthUpperUpLeft] = upper * left;
        w[A::MouthUpperUpRight] = upper * right;
        w[A::MouthLowerDownLeft] = lower * left;
        w[A::MouthLowerDownRight] = lower * right;

        let pressed = self.seal * self.press;
        w[A::MouthPressLeft] = 0.28 * pressed * left;
        w[A::MouthPressRight] = 0.28 * pressed * right;
        w[A::MouthRollUpper] = 0.1 * pressed;
        w[A::MouthRollLower] = 0.12 * pressed + 0.55 * self.tuck * open;
        w[A::MouthShrugLower] = 0.05 * pressed + 0.12 * self.tuck * open;

        w[A::CheekSquintLeft] = 0.14 * spread * left;
        w[A::CheekSquintRight] = 0.14 * spread * right;
        w[A::NoseSneerLeft] = 0.1 * teeth * left;
        w[A::NoseSneerRight] = 0.1 * teeth * right;
        w[A::TongueOut] = 0.12 * (s.tongue - 0.35).max(0.0) * open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_open_mouth_gapes_and_a_closed_jaw_does_not() {
        let mut w = ArkitWeights::default();
        assert_eq!(lip_gap(&w), 0.0);
        w[A::JawOpen] = 0.5;
        assert_eq!(lip_gap(&w), 0.5);
        w[A::MouthClose] = 0.5;
        assert_eq!(lip_gap(&w), 0.0);
    }

    proptest! {
        #[test]
        fn a_sealed_face_has_no_gap(weights in proptest::collection::vec(0.0f32..1.0, 52)) {
            let mut w = ArkitWeights::default();
            w.0.copy_from_slice(&weights);
            seal(&mut w, 1.0);
            prop_assert!(lip_gap(&w) <= 1e-6);
        }

        #[test]
        fn a_full_seal_closes_the_lips_for_any_shape(
            row in proptest::array::uniform6(0.0f32..1.0),
            press in 0.0f32..1.0, tuck in 0.0f32..1.0, skew in -1.0f32..1.0,
        ) {
            let mouth = Mouth { shape: Shape::from_row(row), seal: 1.0, press, tuck };
            let mut w = ArkitWeights::default();
            mouth.write(mouth.jaw(), skew, &mut w);
            prop_assert!(lip_gap(&w) <= 1e-6);
            prop_assert!(w.0.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }
}
