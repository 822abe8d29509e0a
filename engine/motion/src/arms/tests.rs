//! What must hold for every gesture and for whole minutes of them, on the
//! standard skeleton.

use std::collections::HashMap;

use glam::{Quat, Vec3};
use huashen_core::{
    FrameRate, Joint as J, Mark, MarkKind, MotionTrack, Phoneme, Pose, Prosody, Timing,
};

use super::{LEFT, RIGHT};
use crate::formats::skeleton::{SKELETON, local_rotation};
use crate::formats::{bvh, vrma};
use crate::random::{Chance, Stream};
use crate::{GESTURES, MotionOptions, Style, plan};

/// Joints in the chest's frame (its origin at the hips' rest place below it).
fn places(pose: &Pose) -> HashMap<J, Vec3> {
    let mut world: HashMap<J, (Vec3, Quat)> = HashMap::new();
    for r in &SKELETON {
        let (p, q) = r.parent.map_or((Vec3::ZERO, Quat::IDENTITY), |p| world[&p]);
        world.insert(
            r.joint,
            (p + q * r.offset, q * local_rotation(pose, r.joint)),
        );
    }
    let (chest, turn) = world[&J::Chest];
    let rest = Vec3::new(0.0, 1.17, 0.0);
    world
        .into_iter()
        .map(|(j, (p, _))| (j, turn.inverse() * (p - chest) + rest))
        .collect()
}

/// Half width and half depth of a clothed adult's trunk at heights, metres
/// (breadths and depths of NASA-STD-3000's 50th percentile, rounded up).
const TRUNK: [(f32, f32, f32); 5] = [
    (0.85, 0.165, 0.115),
    (0.97, 0.165, 0.115),
    (1.10, 0.135, 0.110),
    (1.27, 0.150, 0.125),
    (1.36, 0.120, 0.080),
];

/// How far `p` with this radius stays out of the trunk: below 1 it is inside.
fn clear(p: Vec3, radius: f32) -> f32 {
    for pair in TRUNK.windows(2) {
        let ((low, a0, b0), (high, a1, b1)) = (pair[0], pair[1]);
        if (low..high).contains(&p.y) {
            let t = (p.y - low) / (high - low);
            let (a, b) = (a0 + (a1 - a0) * t + radius, b0 + (b1 - b0) * t + radius);
            return (p.x / a).hypot(p.z / b);
        }
    }
    f32::INFINITY
}

/// Least distance of two segments, by samples.
fn apart(a: (Vec3, Vec3), b: (Vec3, Vec3)) -> f32 {
    let along = |s: (Vec3, Vec3), i: u8| s.0.lerp(s.1, f32::from(i) / 8.0);
    let pairs = (0..=8).flat_map(|i| (0..=8).map(move |j| (i, j)));
    pairs
        .map(|(i, j)| along(a, i).distance(along(b, j)))
        .fold(f32::INFINITY, f32::min)
}

/// No arm goes through the trunk, the head or the other arm.
fn assert_clear(pose: &Pose, what: &str) {
    let at = places(pose);
    let mut hands = Vec::new();
    for names in [&LEFT, &RIGHT] {
        let [elbow, wrist, tip] = [names[2], names[3], names[12]].map(|j| at[&j]);
        for i in 0..=10 {
            let t = i as f32 / 10.0;
            let arm = elbow.lerp(wrist, t);
            let hand = wrist.lerp(tip, t);
            assert!(clear(arm, 0.038) > 1.0, "{what}: forearm in trunk at {arm}");
            assert!(clear(hand, 0.02) > 1.0, "{what}: hand in trunk at {hand}");
            let skull = at[&J::Head] + Vec3::new(0.0, 0.07, 0.01);
            assert!(hand.distance(skull) > 0.10, "{what}: hand in head");
        }
        hands.push(((elbow, wrist), (wrist, tip)));
    }
    assert!(
        apart(hands[0].0, hands[1].0) > 0.055,
        "{what}: forearms meet"
    );
    assert!(apart(hands[0].1, hands[1].1) > 0.03, "{what}: hands meet");
    for (a, b) in [(0, 1), (1, 0)] {
        let between = apart(hands[a].0, hands[b].1);
        assert!(between > 0.055, "{what}: hand in forearm, {between}");
    }
}

/// No joint is faster than a person's, none jumps.
fn assert_smooth(track: &MotionTrack, what: &str) {
    for (n, pair) in track.poses.windows(2).enumerate() {
        for (k, joint) in LEFT.iter().chain(&RIGHT).enumerate() {
            let turned = pair[0].joint(*joint).angle_between(pair[1].joint(*joint));
            let speed = turned * track.rate_hz as f32;
            let most = if k % 19 < 4 { 6.5 } else { 14.0 };
            assert!(
                speed < most,
                "{what}: {} at frame {n} turns at {speed} rad/s",
                joint.name()
            );
        }
    }
    for (n, w) in track.poses.windows(3).enumerate() {
        for joint in [J::LeftLowerArm, J::RightLowerArm] {
            let turn = |a: &Pose, b: &Pose| a.joint(joint).inverse() * b.joint(joint);
            let jerked = turn(&w[0], &w[1]).angle_between(turn(&w[1], &w[2]));
            assert!(
                jerked < 0.03,
                "{what}: {} pops at frame {n}: {jerked}",
                joint.name()
            );
        }
    }
}

fn marked(names: &[&str], secs: f64) -> Timing {
    let each = secs / names.len() as f64;
    Timing {
        duration_secs: secs,
        marks: names
            .iter()
            .enumerate()
            .map(|(i, name)| Mark {
                at_secs: (i as f64 + 0.5) * each,
                kind: MarkKind::Gesture((*name).to_owned()),
            })
            .collect(),
        ..Timing::default()
    }
}

/// Speech of made-up stresses: vowels of 0.1 s, pauses now and then.
fn babble(secs: f64, seed: u64) -> Timing {
    let mut chance = Chance::new(seed, Stream::Face);
    let mut phonemes = Vec::new();
    let mut at = 0.3;
    while at < secs - 0.5 {
        phonemes.push(Phoneme {
            ipa: "a".into(),
            start_secs: at,
            end_secs: at + 0.1,
            stress: u8::from(chance.happens(0.5)) + u8::from(chance.happens(0.3)),
            word: None,
        });
        at += chance.even(0.15, 0.35);
        if chance.happens(0.08) {
            at += chance.even(0.4, 4.0);
        }
    }
    Timing {
        duration_secs: secs,
        phonemes,
        ..Timing::default()
    }
}

#[test]
fn no_gesture_goes_through_the_body_jerks_or_stays_up() {
    let rest = plan(
        &marked(&[], 1.0),
        &Prosody::default(),
        &MotionOptions::default(),
    );
    let rest = places(&rest.poses[0]);
    for gesture in &GESTURES {
        let timing = marked(&[gesture.name], 9.0);
        let track = plan(&timing, &Prosody::default(), &MotionOptions::default());
        for (n, pose) in track.poses.iter().enumerate() {
            assert_clear(pose, &format!("{} at frame {n}", gesture.name));
        }
        assert_smooth(&track, gesture.name);
        let end = places(&track.poses[track.poses.len() - 1]);
        for hand in [J::LeftHand, J::RightHand] {
            assert!(end[&hand].distance(rest[&hand]) < 0.04, "{}", gesture.name);
        }
    }
}

#[test]
fn whole_minutes_stay_clear_and_smooth() {
    for (seed, style) in Style::ALL.into_iter().cycle().take(6).enumerate() {
        let seed = seed as u64;
        let options = MotionOptions {
            seed,
            style,
            ..MotionOptions::default()
        };
        let mut timing = babble(60.0, seed);
        if seed >= 3 {
            // Marks in the midst, all gestures in an order of its own.
            let start = 13 * seed as usize;
            let names: Vec<&str> = (0..14)
                .map(|i| GESTURES[(start + 7 * i) % GESTURES.len()].name)
                .collect();
            timing.marks = marked(&names, 60.0).marks;
        }
        let track = plan(&timing, &Prosody::default(), &options);
        for (n, pose) in track.poses.iter().enumerate() {
            assert_clear(pose, &format!("{style} {seed} frame {n}"));
        }
        assert_smooth(&track, &format!("{style} {seed}"));
        let again = plan(&timing, &Prosody::default(), &options);
        assert!(track == again, "the same seed moves the same");
        let first = places(&track.poses[0]);
        let last = places(&track.poses[track.poses.len() - 1]);
        for hand in [J::LeftHand, J::RightHand] {
            assert!(last[&hand].distance(first[&hand]) < 0.05);
        }
    }
}

#[test]
fn wrists_and_forearms_turn_no_further_than_peoples() {
    for gesture in &GESTURES {
        let pose = gesture.pose();
        for names in [&LEFT, &RIGHT] {
            let hand = pose.joint(names[3]);
            // Swing apart from roll.
            let bend = (hand * Vec3::X).angle_between(Vec3::X);
            assert!(bend < 1.2, "{}: wrist bends {bend}", gesture.name);
            let roll = 2.0 * hand.x.atan2(hand.w) / (1.0 - super::limb::FOREARM_ROLL);
            let roll = (roll + std::f32::consts::PI).rem_euclid(2.0 * std::f32::consts::PI)
                - std::f32::consts::PI;
            assert!(roll.abs() < 1.9, "{}: forearm rolls {roll}", gesture.name);
        }
    }
}

#[test]
fn names_are_found_in_both_languages_and_are_not_taken_twice() {
    let find = |n: &str| crate::Gesture::from_name(n).map(|g| g.name);
    assert_eq!(find("挥手"), Some("wave"));
    assert_eq!(find(" Thumbs_Up"), Some("thumbs-up"));
    assert_eq!(find("open palm"), Some("palm"));
    assert_eq!(find("moonwalk"), None);
    let mut all: Vec<&str> = GESTURES
        .iter()
        .flat_map(|g| std::iter::once(g.name).chain(g.also.iter().copied()))
        .collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn files_carry_arms_and_fingers() {
    let timing = marked(&["one"], 6.0);
    let track = plan(&timing, &Prosody::default(), &MotionOptions::default());
    let (mut text, mut file) = (Vec::new(), Vec::new());
    bvh::write(&track, FrameRate::whole(30), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let column = SKELETON
        .iter()
        .position(|r| r.joint == J::RightMiddleProximal)
        .unwrap();
    let bend = |line: &str| {
        let number = line.split(' ').nth(3 + 3 * column + 2).unwrap();
        number.parse::<f32>().unwrap()
    };
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|l| !l.starts_with("Frame Time"))
        .collect();
    // At rest the finger is curled a little, at the stroke into the palm.
    assert!((10.0..35.0).contains(&bend(rows[1])), "{}", bend(rows[1]));
    assert!(bend(rows[1 + 100]) > 60.0, "{}", bend(rows[1 + 100]));

    vrma::write(
        &track,
        FrameRate::whole(30),
        vrma::Expressions::Presets,
        &mut file,
    )
    .unwrap();
    let length = u32::from_le_bytes([file[12], file[13], file[14], file[15]]) as usize;
    let json: serde_json::Value = serde_json::from_slice(&file[20..20 + length]).unwrap();
    let human = &json["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"];
    for joint in LEFT.iter().chain(&RIGHT) {
        let node = human[joint.name()]["node"].as_u64().unwrap();
        let mut channels = json["animations"][0]["channels"].as_array().unwrap().iter();
        assert!(
            channels.any(|c| c["target"]["node"] == node),
            "{}",
            joint.name()
        );
    }
}
