//! Draws a track's curves with the phonemes under them, as SVG on stdout.
//!
//! A second argument (csv, json, bvh, vrma) writes that file instead.
//!
//! `cargo run -p huashen-motion --example plot -- en|zh|idle|FILE.phone.json > curves.svg`

#[path = "sentences/aligned.rs"]
mod aligned;
mod sentences;

use std::fmt::Write as _;
use std::io::Write as _;

use huashen_core::{ArkitShape as A, FrameRate, MotionTrack, Pose, Prosody, Timing};
use huashen_motion::formats::Format;
use huashen_motion::{MotionOptions, idle, lip_gap, plan};

const PIXELS_PER_SEC: f64 = 420.0;
const ROW: f64 = 74.0;
const LEFT: f64 = 90.0;

type Curve = (&'static str, f32, f32, fn(&Pose) -> f32);

const CURVES: [Curve; 18] = [
    ("lip gap", 0.0, 0.7, |p| lip_gap(&p.weights)),
    ("jawOpen", 0.0, 0.7, |p| p.weights[A::JawOpen]),
    ("mouthClose", 0.0, 0.4, |p| p.weights[A::MouthClose]),
    ("pucker", 0.0, 0.8, |p| p.weights[A::MouthPucker]),
    ("funnel", 0.0, 0.8, |p| p.weights[A::MouthFunnel]),
    ("stretch", 0.0, 0.4, |p| p.weights[A::MouthStretchLeft]),
    ("smile", 0.0, 0.4, |p| p.weights[A::MouthSmileLeft]),
    ("lowerDown", 0.0, 0.5, |p| p.weights[A::MouthLowerDownLeft]),
    ("upperUp", 0.0, 0.4, |p| p.weights[A::MouthUpperUpLeft]),
    ("rollLower", 0.0, 0.6, |p| p.weights[A::MouthRollLower]),
    ("blink", 0.0, 1.0, |p| p.weights[A::EyeBlinkLeft]),
    ("browInnerUp", 0.0, 0.5, |p| p.weights[A::BrowInnerUp]),
    ("eye yaw °", -15.0, 15.0, |p| p.left_eye.yaw.to_degrees()),
    ("eye pitch °", -15.0, 15.0, |p| {
        p.left_eye.pitch.to_degrees()
    }),
    ("head yaw °", -8.0, 8.0, |p| p.head.yaw.to_degrees()),
    ("head pitch °", -8.0, 8.0, |p| p.head.pitch.to_degrees()),
    ("head roll °", -8.0, 8.0, |p| p.head.roll.to_degrees()),
    ("chest °", -2.0, 2.0, |p| {
        let q = p.joint(huashen_core::Joint::UpperChest);
        (2.0 * q.x).to_degrees()
    }),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let what = std::env::args().nth(1).unwrap_or_else(|| "en".into());
    let options = MotionOptions::default();
    let (timing, track) = match what.as_str() {
        "en" => of(sentences::english(), &options),
        "zh" => of(sentences::mandarin(), &options),
        "idle" => (Timing::default(), idle(20.0, &options)),
        file => of(aligned::aligned(&std::fs::read_to_string(file)?)?, &options),
    };
    let mut out = std::io::stdout().lock();
    match std::env::args().nth(2) {
        Some(kind) => Format::of_path(format!("track.{kind}").as_ref())?.write(
            &track,
            FrameRate::whole(60),
            out,
        )?,
        None => out.write_all(draw(&timing, &track)?.as_bytes())?,
    }
    Ok(())
}

fn of((timing, prosody): (Timing, Prosody), options: &MotionOptions) -> (Timing, MotionTrack) {
    let track = plan(&timing, &prosody, options);
    (timing, track)
}

fn draw(timing: &Timing, track: &MotionTrack) -> Result<String, std::fmt::Error> {
    let per_sec = PIXELS_PER_SEC.min(3200.0 / track.duration_secs());
    let x = |secs: f64| LEFT + secs * per_sec;
    let width = x(track.duration_secs()) + 10.0;
    let height = 40.0 + ROW * CURVES.len() as f64;
    let mut s = String::new();
    writeln!(
        s,
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0}' height='{height:.0}' font-family='DejaVu Sans' font-size='14'><rect width='100%' height='100%' fill='white'/>"
    )?;
    for p in &timing.phonemes {
        let (a, b) = (x(p.start_secs), x(p.end_secs));
        let sealed = p.ipa.starts_with(['p', 'b', 'm']);
        let fill = if sealed { "#ffd9d0" } else { "#f2f2f2" };
        writeln!(
            s,
            "<rect x='{a:.1}' y='30' width='{:.1}' height='{height}' fill='{fill}' stroke='#ddd'/><text x='{:.1}' y='22' text-anchor='middle'>{}</text>",
            b - a,
            (a + b) / 2.0,
            p.ipa
        )?;
    }
    for (i, (name, low, high, value)) in CURVES.iter().enumerate() {
        let top = 34.0 + ROW * i as f64;
        let y = |v: f32| top + (ROW - 8.0) * f64::from(1.0 - (v - low) / (high - low));
        writeln!(
            s,
            "<text x='4' y='{:.0}'>{name}</text><text x='4' y='{:.0}' font-size='10'>{low}…{high}</text><line x1='{LEFT}' x2='{width}' y1='{:.1}' y2='{:.1}' stroke='#bbb'/>",
            top + 30.0,
            top + 46.0,
            y(low.max(0.0)),
            y(low.max(0.0)),
        )?;
        let mut line = String::new();
        for (n, pose) in track.poses.iter().enumerate() {
            write!(
                line,
                "{:.1},{:.1} ",
                x(n as f64 / track.rate_hz),
                y(value(pose))
            )?;
        }
        writeln!(
            s,
            "<polyline points='{line}' fill='none' stroke='#1f4fb0' stroke-width='1.6'/>"
        )?;
    }
    s.push_str("</svg>\n");
    Ok(s)
}
