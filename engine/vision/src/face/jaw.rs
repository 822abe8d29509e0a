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
    (0, -0.0538, 0.1149), (1, -0.0124, 0.0847), (2, 0.0295, 0.0497),
    (13, -0.1088, 0.1895), (14, -0.0788, -0.1984), (17, 0.0213, -0.0259),
    (18, 0.0721, 0.0620), (152, 0.1679, 0.0006), (164, 0.1862, 0.0651),
    (175, 0.0750, 0.0770), (199, 0.0129, 0.0243), (200, 0.0134, 0.0265),
    (61, -0.0106, -0.0436), (291, -0.0106, -0.0436), (78, -0.0424, -0.0450),
    (308, -0.0424, -0.0450), (81, 0.0477, 0.0292), (311, 0.0477, 0.0292),
    (83, 0.0204, 0.0315), (313, 0.0204, 0.0315), (84, -0.0231, -0.0089),
    (314, -0.0231, -0.0089), (148, 0.0320, -0.0076), (377, 0.0320, -0.0076),
    (149, -0.1398, -0.0512), (378, -0.1398, -0.0512), (171, 0.0058, 0.0375),
    (396, 0.0058, 0.0375), (172, 0.0282, 0.0641), (397, 0.0282, 0.0641),
    (176, -0.0732, -0.0358), (400, -0.0732, -0.0358), (178, -0.0825, -0.1051),
    (402, -0.0825, -0.1051), (182, -0.0610, -0.0099), (406, -0.0610, -0.0099),
    (201, 0.0077, 0.0240), (421, 0.0077, 0.0240), (202, -0.1231, 0.0121),
    (422, -0.1231, 0.0121), (212, -0.1093, 0.0330), (432, -0.1093, 0.0330),
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
