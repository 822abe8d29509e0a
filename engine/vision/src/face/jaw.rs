//! How far the jaw is open, read from where the mouth and the chin are.
//!
//! The blendshape net's `jawOpen` says how far lips gape: lips that part over
//! a shut jaw, or meet over an open one, mislead it. Here it is a weighted sum
//! of landmarks in the head's frame, fitted to faces whose jaw is known.

use super::geometry::HeadPose;

/// A landmark, and how much jaw a centimetre of it up and one forward are.
/// `huashen-bench --learn-jaw` prints this table.
#[rustfmt::skip]
const WEIGHTS: [(u16, f32, f32); 42] = [
    (0, -0.0202, 0.0992), (1, -0.0572, 0.0725), (2, 0.0839, 0.0794),
    (13, -0.0560, 0.0786), (14, -0.1490, -0.0179), (17, 0.0393, -0.0347),
    (18, 0.0738, 0.0990), (152, 0.0795, 0.0188), (164, 0.1840, 0.1019),
    (175, 0.0600, 0.0127), (199, 0.0228, -0.0027), (200, 0.0138, 0.0389),
    (61, -0.0044, -0.0385), (291, -0.0044, -0.0385), (78, -0.0351, -0.0264),
    (308, -0.0351, -0.0264), (81, -0.0156, -0.0057), (311, -0.0156, -0.0057),
    (83, 0.0310, 0.0498), (313, 0.0310, 0.0498), (84, -0.0358, -0.0048),
    (314, -0.0358, -0.0048), (148, 0.0027, -0.0032), (377, 0.0027, -0.0032),
    (149, -0.0593, -0.0533), (378, -0.0593, -0.0533), (171, 0.0029, 0.0040),
    (396, 0.0029, 0.0040), (172, 0.0329, 0.0153), (397, 0.0329, 0.0153),
    (176, -0.0533, -0.0305), (400, -0.0533, -0.0305), (178, -0.0777, -0.0296),
    (402, -0.0777, -0.0296), (182, -0.0493, -0.0039), (406, -0.0493, -0.0039),
    (201, 0.0145, 0.0249), (421, 0.0145, 0.0249), (202, -0.0785, -0.0226),
    (422, -0.0785, -0.0226), (212, -0.1063, -0.0045), (432, -0.1063, -0.0045),
];

impl HeadPose {
    /// How far the jaw is open beyond what it is in the same face's `rest`, as
    /// a weight of `jawOpen`.
    pub fn jaw_opening(&self, rest: &Self) -> f32 {
        let moved = |i: usize| self.points_in_head[i] - rest.points_in_head[i];
        WEIGHTS
            .iter()
            .map(|(i, up, forward)| {
                let d = moved(usize::from(*i));
                d.y * up + d.z * forward
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use glam::{Mat4, Vec3};
    use huashen_core::Euler;

    use super::*;

    /// Lower lip, chin and jaw.
    #[rustfmt::skip]
    const LOWER: [usize; 31] = [
        14, 17, 18, 83, 84, 148, 149, 152, 171, 172, 175, 176, 178, 182, 199, 200, 201, 202, 212,
        313, 314, 377, 378, 396, 397, 400, 402, 406, 421, 422, 432,
    ];

    fn head(lower: f32) -> HeadPose {
        let mut points = vec![Vec3::ZERO; 478];
        for i in LOWER {
            points[i].y -= lower;
        }
        HeadPose {
            rotation: Euler::default(),
            camera_from_head: Mat4::IDENTITY,
            points_in_head: points,
        }
    }

    #[test]
    fn a_chin_that_goes_down_is_a_jaw_that_opens() {
        let rest = head(0.0);
        assert!(rest.jaw_opening(&rest).abs() < 1e-6);
        let little = head(0.5).jaw_opening(&rest);
        assert!(little > 0.05, "{little}");
        assert!(head(1.0).jaw_opening(&rest) > little);
    }
}
