//! [`Tuning`]: what a user sets by hand on top of whatever moves the person.

use crate::{ARKIT_COUNT, ArkitShape, Pose};

/// Shapes and angles held by hand, and how strongly the rest moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Weights that shapes are held at, whatever the motion says.
    pub shapes: [Option<f32>; ARKIT_COUNT],
    /// Yaw, pitch and roll of the head in radians, held.
    pub head: [Option<f32>; 3],
    /// Yaw and pitch of both eyes in radians, held.
    pub eyes: [Option<f32>; 2],
    /// Factors on mouth, brows, lids and head, by [`Part`].
    pub strength: [f32; 4],
    /// Seconds by which motion comes before the sound it goes with.
    pub early_secs: f32,
}

/// What a strength of [`Tuning`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Mouth,
    Brows,
    Lids,
    Head,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::Mouth, Self::Brows, Self::Lids, Self::Head];

    /// The part that a shape belongs to; none for gaze.
    pub fn of(shape: ArkitShape) -> Option<Self> {
        let name = shape.name();
        let starts = |parts: &[&str]| parts.iter().any(|p| name.starts_with(p));
        match () {
            () if starts(&["jaw", "mouth", "cheek", "nose", "tongue"]) => Some(Self::Mouth),
            () if starts(&["brow"]) => Some(Self::Brows),
            () if starts(&["eyeBlink", "eyeWide", "eyeSquint"]) => Some(Self::Lids),
            () => None,
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            shapes: [None; ARKIT_COUNT],
            head: [None; 3],
            eyes: [None; 2],
            strength: [1.0; 4],
            early_secs: 0.0,
        }
    }
}

impl Tuning {
    /// Lets go of everything that is held; strengths and timing stay.
    pub fn release(&mut self) {
        let Self {
            strength,
            early_secs,
            ..
        } = *self;
        *self = Self {
            strength,
            early_secs,
            ..Self::default()
        };
    }

    /// Whether anything is held.
    pub fn holds(&self) -> bool {
        self.shapes
            .iter()
            .chain(&self.head)
            .chain(&self.eyes)
            .any(Option::is_some)
    }

    /// `pose` as it is to be seen.
    pub fn apply(&self, pose: &mut Pose) {
        for shape in ArkitShape::ALL {
            let weight = &mut pose.weights[shape];
            if let Some(part) = Part::of(shape) {
                *weight = (*weight * self.strength[part as usize]).clamp(0.0, 1.0);
            }
            if let Some(held) = self.shapes[shape.index()] {
                *weight = held;
            }
        }
        let turn = self.strength[Part::Head as usize];
        let head = &mut pose.head;
        for (angle, held) in [&mut head.yaw, &mut head.pitch, &mut head.roll]
            .into_iter()
            .zip(self.head)
        {
            *angle = held.unwrap_or(*angle * turn);
        }
        for eye in [&mut pose.left_eye, &mut pose.right_eye] {
            eye.yaw = self.eyes[0].unwrap_or(eye.yaw);
            eye.pitch = self.eyes[1].unwrap_or(eye.pitch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArkitShape as A, Euler};

    #[test]
    fn what_is_held_wins_over_what_moves_and_the_rest_is_scaled() {
        let mut pose = Pose::default();
        pose.weights[A::JawOpen] = 0.8;
        pose.weights[A::BrowInnerUp] = 0.4;
        pose.weights[A::EyeLookUpLeft] = 0.3;
        pose.head = Euler::new(0.2, 0.1, 0.0);
        let mut tuning = Tuning::default();
        let same = {
            let mut same = pose.clone();
            tuning.apply(&mut same);
            same
        };
        assert_eq!(same, pose);
        tuning.strength = [0.5, 2.0, 1.0, 0.0];
        tuning.shapes[A::CheekPuff.index()] = Some(0.7);
        tuning.head[1] = Some(-0.3);
        tuning.eyes[0] = Some(0.25);
        assert!(tuning.holds());
        tuning.apply(&mut pose);
        let w = &pose.weights;
        assert_eq!(
            (w[A::JawOpen], w[A::BrowInnerUp], w[A::CheekPuff]),
            (0.4, 0.8, 0.7)
        );
        assert_eq!(w[A::EyeLookUpLeft], 0.3);
        assert_eq!(pose.head, Euler::new(0.0, -0.3, 0.0));
        assert_eq!((pose.left_eye.yaw, pose.right_eye.yaw), (0.25, 0.25));
        tuning.release();
        assert!(!tuning.holds() && tuning.strength[0] == 0.5);
    }
}
