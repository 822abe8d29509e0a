//! What must hold for everything but the mouth, over minutes and over an hour.

#[path = "../examples/sentences/mod.rs"]
mod sentences;

use huashen_core::{ArkitShape as A, Mark, MarkKind, MotionTrack, Pose, Prosody, Timing};
use huashen_motion::{LOOK_SIDE_RAD, MotionOptions, Planner, Style, idle, lip_gap, plan};

/// Twenty minutes of the English sentence again and again.
fn long_speech(times: usize) -> (Timing, Prosody) {
    let (one, sound) = sentences::english();
    let (mut timing, mut prosody) = (Timing::default(), Prosody::default());
    for _ in 0..times {
        timing.append(one.clone());
        prosody.f0_hz.extend(&sound.f0_hz);
        prosody.level_db.extend(&sound.level_db);
    }
    (timing, prosody)
}

/// When the left lid closes beyond a half, in seconds.
fn blinks(poses: &[Pose], rate_hz: f64) -> Vec<f64> {
    let shut = |p: &Pose| p.weights[A::EyeBlinkLeft] > 0.5;
    (1..poses.len())
        .filter(|i| shut(&poses[*i]) && !shut(&poses[i - 1]))
        .map(|i| i as f64 / rate_hz)
        .collect()
}

fn jump(track: &MotionTrack, value: impl Fn(&Pose) -> f32) -> f32 {
    let step = |w: &[Pose]| (value(&w[1]) - value(&w[0])).abs();
    track.poses.windows(2).map(step).fold(0.0, f32::max) * track.rate_hz as f32
}

#[test]
fn blinks_come_as_often_as_peoples() {
    let o = MotionOptions::default();
    for track in [idle(600.0, &o), {
        let (t, p) = long_speech(200);
        plan(&t, &p, &o)
    }] {
        let minutes = track.duration_secs() / 60.0;
        let all = blinks(&track.poses, track.rate_hz);
        let rate = all.len() as f64 / minutes;
        assert!((11.0..30.0).contains(&rate), "{rate} a minute");
        let gaps: Vec<f64> = all.windows(2).map(|w| w[1] - w[0]).collect();
        let longest = gaps.iter().copied().fold(0.0, f64::max);
        assert!(longest < 11.0, "{longest}");
        assert!(gaps.iter().any(|g| *g < 0.6), "some blinks are double");
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread =
            (gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!(spread > 0.3 * mean, "blinks must not tick like a clock");
    }
}

#[test]
fn an_hour_neither_drifts_nor_freezes() {
    let o = MotionOptions {
        rate_hz: 30.0,
        ..MotionOptions::default()
    };
    let timing = Timing {
        duration_secs: 3600.0,
        ..Timing::default()
    };
    let planner = Planner::new(&timing, &Prosody::default(), &o);
    let mut minutes: Vec<[f64; 3]> = Vec::new();
    let (mut sum, mut squares, mut yaws) = ([0.0f64; 3], 0.0f64, 0.0f64);
    for (n, pose) in planner.enumerate() {
        for (s, v) in sum
            .iter_mut()
            .zip([pose.head.yaw, pose.head.pitch, pose.head.roll])
        {
            assert!(v.abs() < 0.35);
            *s += f64::from(v) / 1800.0;
        }
        assert!(lip_gap(&pose.weights) < 1e-4, "an idle mouth stays shut");
        squares += f64::from(pose.head.yaw).powi(2);
        yaws += 1.0;
        if n % 1800 == 1799 {
            minutes.push(sum);
            sum = [0.0; 3];
        }
    }
    assert_eq!(minutes.len(), 60);
    let rms = (squares / yaws).sqrt();
    assert!(rms > 0.008, "a living head moves: {rms}");
    for k in 0..3 {
        let mean = |part: &[[f64; 3]]| part.iter().map(|m| m[k]).sum::<f64>() / part.len() as f64;
        let (first, last) = (mean(&minutes[..20]), mean(&minutes[40..]));
        assert!(
            (first - last).abs() < 0.012,
            "angle {k}: {first} then {last}"
        );
    }
}

#[test]
fn motion_is_smooth() {
    let (t, p) = long_speech(12);
    let track = plan(&t, &p, &MotionOptions::default());
    assert!(jump(&track, |p| p.head.yaw) < 1.2);
    assert!(jump(&track, |p| p.head.pitch) < 1.2);
    assert!(jump(&track, |p| p.head.roll) < 1.2);
    assert!(jump(&track, |p| p.weights[A::BrowInnerUp]) < 6.0);
    assert!(jump(&track, |p| p.weights[A::JawOpen]) < 12.0);
    for shape in [A::MouthPucker, A::MouthFunnel, A::MouthStretchLeft] {
        assert!(
            jump(&track, |p| p.weights[shape]) < 14.0,
            "{}",
            shape.name()
        );
    }
    // Degrees a second of the fastest saccade: fast, not teleporting.
    assert!(jump(&track, |p| p.left_eye.yaw).to_degrees() < 700.0);
}

#[test]
fn the_same_seed_repeats_and_another_differs() {
    let speech = sentences::mandarin();
    let with = |seed| {
        plan(
            &speech.0,
            &speech.1,
            &MotionOptions {
                seed,
                ..MotionOptions::default()
            },
        )
    };
    assert_eq!(with(5), with(5));
    assert_ne!(with(5), with(6));
    // The mouth speaks the same words whatever the seed.
    for (a, b) in with(5).poses.iter().zip(&with(6).poses) {
        assert_eq!(a.weights[A::JawOpen], b.weights[A::JawOpen]);
    }
}

#[test]
fn eyelids_and_eyeballs_agree() {
    let (t, p) = long_speech(20);
    for pose in plan(&t, &p, &MotionOptions::default()).poses {
        let out = pose.weights[A::EyeLookOutLeft] - pose.weights[A::EyeLookInLeft];
        let want = (pose.left_eye.yaw / LOOK_SIDE_RAD).clamp(-1.0, 1.0);
        assert!((out - want).abs() < 1e-5);
        assert!(pose.right_eye.yaw > pose.left_eye.yaw, "the eyes converge");
    }
}

fn marked(marks: &[(f64, MarkKind)]) -> MotionTrack {
    let timing = Timing {
        duration_secs: 5.0,
        marks: marks
            .iter()
            .map(|(at_secs, kind)| Mark {
                at_secs: *at_secs,
                kind: kind.clone(),
            })
            .collect(),
        ..Timing::default()
    };
    plan(&timing, &Prosody::default(), &MotionOptions::default())
}

#[test]
fn marks_move_what_they_name() {
    let plain = marked(&[]);
    let gesture = |name: &str| marked(&[(1.0, MarkKind::Gesture(name.into()))]);
    let most = |t: &MotionTrack, f: &dyn Fn(&Pose, &Pose) -> f32| {
        let all = t.poses.iter().zip(&plain.poses);
        all.map(|(a, b)| f(a, b)).fold(0.0, f32::max)
    };
    assert!(most(&gesture("nod"), &|a, b| b.head.pitch - a.head.pitch) > 0.12);
    assert!(most(&gesture("shake"), &|a, b| (a.head.yaw - b.head.yaw).abs()) > 0.1);
    assert!(most(&gesture("Tilt"), &|a, b| a.head.roll - b.head.roll) > 0.1);
    assert!(most(&gesture("smile"), &|a, _| a.weights[A::MouthSmileRight]) > 0.4);
    assert!(
        most(&gesture("shrug"), &|a, _| {
            a.joint(huashen_core::Joint::LeftShoulder)
                .to_euler(glam::EulerRot::YXZ)
                .2
        }) > 0.2
    );
    let wink = gesture("wink");
    assert!(
        wink.poses
            .iter()
            .any(|p| { p.weights[A::EyeBlinkLeft] > 0.9 && p.weights[A::EyeBlinkRight] < 0.2 })
    );
    assert_eq!(gesture("juggle"), plain, "what is not known moves nothing");

    let look = marked(&[
        (1.0, MarkKind::Look("left".into())),
        (3.0, MarkKind::Look("camera".into())),
    ]);
    let direction = |t: f64| {
        let p = look.sample(t);
        p.head.yaw + 0.5 * (p.left_eye.yaw + p.right_eye.yaw)
    };
    assert!(direction(2.5) > 0.4, "{}", direction(2.5));
    assert!(look.sample(2.8).head.yaw > 0.1, "the head follows");
    assert!(direction(4.8).abs() < 0.35);
}

#[test]
fn a_calm_head_moves_less_than_a_lively_one() {
    let (t, p) = long_speech(20);
    let travel = |style| {
        let o = MotionOptions {
            style,
            ..MotionOptions::default()
        };
        let track = plan(&t, &p, &o);
        let n = track.poses.len() as f32;
        (track
            .poses
            .iter()
            .map(|p| p.head.pitch.powi(2) + p.head.yaw.powi(2))
            .sum::<f32>()
            / n)
            .sqrt()
    };
    let (calm, lively) = (travel(Style::Calm), travel(Style::Lively));
    assert!(calm < 0.7 * lively, "{calm} {lively}");
    assert!((0.02..0.12).contains(&lively), "{lively}");
    assert_eq!("Lively".parse::<Style>().unwrap(), Style::Lively);
    assert!("wild".parse::<Style>().is_err());
}
