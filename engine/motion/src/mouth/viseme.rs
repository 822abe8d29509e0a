//! [`Atom`]s → mouth targets ([`Shape`]) with how strongly each part insists.

use super::phone::{Atom, Place, Vowel};

/// How many parameters a [`Shape`] has.
pub const PARAMS: usize = 6;

/// A mouth in six numbers, each 0…1. Lip seal and lip-teeth contact are not
/// here: they are hard events (see `closure`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Jaw opening, in units of `jawOpen`.
    pub jaw: f32,
    /// Corners forward and in (u, w).
    pub pucker: f32,
    /// Lips forward and open (ʃ, o).
    pub funnel: f32,
    /// Corners apart (i, s).
    pub spread: f32,
    /// Teeth shown by parting the lips without the jaw (s, e).
    pub teeth: f32,
    /// Tongue tip between or behind the teeth (θ, l).
    pub tongue: f32,
}

impl Shape {
    /// As a row, for blending.
    pub const fn row(self) -> [f32; PARAMS] {
        [
            self.jaw,
            self.pucker,
            self.funnel,
            self.spread,
            self.teeth,
            self.tongue,
        ]
    }

    /// Back from a row.
    pub const fn from_row(r: [f32; PARAMS]) -> Self {
        Self {
            jaw: r[0],
            pucker: r[1],
            funnel: r[2],
            spread: r[3],
            teeth: r[4],
            tongue: r[5],
        }
    }
}

/// A target and, for each parameter, how strongly it dominates its
/// neighbours (Cohen and Massaro 1993: the α of a dominance function).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub shape: Shape,
    pub dominance: Shape,
}

const EVEN: Shape = Shape {
    jaw: 1.0,
    pucker: 1.0,
    funnel: 1.0,
    spread: 1.0,
    teeth: 1.0,
    tongue: 1.0,
};

/// The target of one atom.
pub fn target(atom: Atom) -> Target {
    match atom {
        Atom::Vowel(v) => vowel(v),
        Atom::Consonant {
            place, labialised, ..
        } => {
            let mut t = consonant(place);
            if labialised {
                t.shape.pucker = t.shape.pucker.max(0.5);
                t.dominance.pucker = 1.0;
            }
            t
        }
    }
}

/// Targets vary smoothly with the features, so that any IPA vowel has one.
fn vowel(v: Vowel) -> Target {
    let front = 1.0 - v.back;
    let plain = 1.0 - v.round;
    Target {
        shape: Shape {
            // Rounding keeps the jaw higher for the same height.
            jaw: (0.07 + 0.46 * v.open) * (1.0 - 0.25 * v.round),
            pucker: v.round * (0.72 - 0.45 * v.open),
            funnel: v.round * (0.3 + 0.35 * v.open) + 0.04 * v.back * plain,
            spread: plain * (0.5 * front * (1.0 - 0.75 * v.open) + 0.08),
            teeth: plain * (0.34 * front * (1.0 - 0.5 * v.open) + 0.14) * (1.0 - 0.3 * v.open),
            tongue: 0.0,
        },
        dominance: Shape {
            jaw: 1.1 + 0.6 * v.open,
            // Spread vowels resist the rounding of their neighbours.
            pucker: 0.7 + 0.6 * v.round + 0.7 * plain * front,
            funnel: 0.7 + 0.6 * v.round + 0.7 * plain * front,
            spread: 0.7 + 0.3 * plain * front,
            ..EVEN
        },
    }
}

fn consonant(place: Place) -> Target {
    let s = Shape::default();
    // Consonants rule the jaw only where the teeth must meet; the lips are
    // left to the vowels unless the place needs them.
    let weak = Shape {
        jaw: 0.5,
        pucker: 0.15,
        funnel: 0.15,
        spread: 0.2,
        teeth: 0.4,
        tongue: 1.0,
    };
    let (shape, dominance) = match place {
        Place::Bilabial => (
            Shape { jaw: 0.05, ..s },
            Shape {
                jaw: 0.8,
                teeth: 0.5,
                ..weak
            },
        ),
        Place::BilabialFricative => (
            Shape {
                jaw: 0.07,
                pucker: 0.3,
                funnel: 0.05,
                ..s
            },
            Shape {
                jaw: 1.0,
                pucker: 0.6,
                funnel: 0.6,
                teeth: 1.2,
                ..weak
            },
        ),
        Place::Labiodental => (
            Shape {
                jaw: 0.08,
                spread: 0.08,
                teeth: 0.1,
                ..s
            },
            Shape {
                jaw: 1.3,
                pucker: 0.5,
                funnel: 0.7,
                ..weak
            },
        ),
        Place::LabiodentalApproximant => (
            Shape {
                jaw: 0.1,
                teeth: 0.08,
                ..s
            },
            Shape {
                jaw: 0.9,
                funnel: 0.4,
                ..weak
            },
        ),
        Place::Dental => (
            Shape {
                jaw: 0.13,
                spread: 0.1,
                teeth: 0.28,
                tongue: 1.0,
                ..s
            },
            Shape {
                jaw: 0.9,
                teeth: 0.9,
                ..weak
            },
        ),
        Place::Alveolar => (
            Shape {
                jaw: 0.1,
                spread: 0.1,
                teeth: 0.26,
                tongue: 0.15,
                ..s
            },
            Shape { jaw: 0.65, ..weak },
        ),
        Place::Sibilant => (
            Shape {
                jaw: 0.05,
                spread: 0.26,
                teeth: 0.5,
                ..s
            },
            Shape {
                jaw: 1.5,
                spread: 0.7,
                teeth: 1.3,
                pucker: 0.35,
                funnel: 0.35,
                ..weak
            },
        ),
        Place::Lateral => (
            Shape {
                jaw: 0.15,
                spread: 0.08,
                teeth: 0.24,
                tongue: 0.5,
                ..s
            },
            Shape { jaw: 0.6, ..weak },
        ),
        Place::PostAlveolar => (
            Shape {
                jaw: 0.06,
                pucker: 0.3,
                funnel: 0.55,
                teeth: 0.28,
                ..s
            },
            Shape {
                jaw: 1.4,
                pucker: 1.0,
                funnel: 1.4,
                spread: 0.8,
                teeth: 1.0,
                ..weak
            },
        ),
        Place::Retroflex => (
            Shape {
                jaw: 0.07,
                pucker: 0.24,
                funnel: 0.46,
                teeth: 0.28,
                ..s
            },
            Shape {
                jaw: 1.2,
                pucker: 0.9,
                funnel: 1.5,
                spread: 0.6,
                teeth: 0.8,
                ..weak
            },
        ),
        Place::Rhotic => (
            Shape {
                jaw: 0.12,
                pucker: 0.34,
                funnel: 0.24,
                teeth: 0.12,
                ..s
            },
            Shape {
                jaw: 0.7,
                pucker: 0.8,
                funnel: 0.7,
                spread: 0.6,
                ..weak
            },
        ),
        Place::Palatal => (
            Shape {
                jaw: 0.07,
                spread: 0.36,
                teeth: 0.34,
                ..s
            },
            Shape {
                jaw: 0.9,
                spread: 0.8,
                teeth: 0.8,
                pucker: 0.3,
                ..weak
            },
        ),
        Place::Back => (
            Shape {
                jaw: 0.16,
                spread: 0.05,
                teeth: 0.16,
                ..s
            },
            Shape { jaw: 0.4, ..weak },
        ),
        Place::LabialGlide => (
            Shape {
                jaw: 0.07,
                pucker: 0.8,
                funnel: 0.2,
                ..s
            },
            Shape {
                jaw: 0.9,
                pucker: 1.6,
                funnel: 1.2,
                spread: 1.3,
                teeth: 1.2,
                ..weak
            },
        ),
        Place::Glottal | Place::Unknown => (
            Shape {
                jaw: 0.18,
                teeth: 0.15,
                spread: 0.05,
                ..s
            },
            Shape {
                jaw: 0.2,
                teeth: 0.15,
                spread: 0.1,
                tongue: 0.3,
                ..weak
            },
        ),
    };
    Target { shape, dominance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mouth::phone::atoms;

    fn shape(ipa: &str) -> Shape {
        target(atoms(ipa)[0]).shape
    }

    #[test]
    fn vowels_differ_visibly() {
        let (a, i, u, o) = (shape("a"), shape("i"), shape("u"), shape("o"));
        assert!(a.jaw > 0.4 && a.jaw <= 0.56);
        assert!(i.jaw < 0.15 && i.spread > 0.4);
        assert!(u.pucker > 0.6 && u.funnel > 0.25 && u.spread < 0.05);
        assert!(o.funnel > 0.35 && o.jaw > u.jaw);
        assert!(shape("ʃ").funnel > 0.5 && shape("ʂ").funnel > 0.35);
        assert!(shape("y").pucker > 0.6);
    }
}
