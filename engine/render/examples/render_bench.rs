//! Frames a second of rendering alone, and a picture to look at.
//!
//! `cargo run --release -p huashen-render --example render_bench -- \
//!     AVATAR [--size 1280x720] [--look auto|lean|full] [--frames 200] \
//!     [--no-msaa] [--still OUT.png] [--pose N | --pose-arkit jawOpen=.7,headYaw=10]`

#![allow(clippy::print_stdout, reason = "a program that prints is what this is")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use huashen_avatar::Avatar;
use huashen_core::{ArkitShape, Euler, Frame, PixelFormat, Pose, SinkError};
use huashen_render::{Framing, Look, RenderOptions, Renderer};

/// A talking, looking, turning person.
fn pose(n: u64) -> Pose {
    let t = n as f32 / 25.0;
    let mut pose = Pose {
        head: Euler::new(
            0.18 * (t * 1.1).sin(),
            0.06 * (t * 1.7).sin(),
            0.04 * t.sin(),
        ),
        left_eye: Euler::new(-0.1 * (t * 1.1).sin(), 0.0, 0.0),
        right_eye: Euler::new(-0.1 * (t * 1.1).sin(), 0.0, 0.0),
        ..Default::default()
    };
    let wave = |hz: f32, phase: f32| 0.5 + 0.5 * (t * hz * std::f32::consts::TAU + phase).sin();
    pose.weights[ArkitShape::JawOpen] = 0.5 * wave(3.0, 0.0);
    pose.weights[ArkitShape::MouthFunnel] = 0.4 * wave(1.3, 1.0);
    pose.weights[ArkitShape::MouthSmileLeft] = 0.3 * wave(0.4, 2.0);
    pose.weights[ArkitShape::MouthSmileRight] = 0.3 * wave(0.4, 2.0);
    pose.weights[ArkitShape::BrowInnerUp] = 0.3 * wave(0.5, 0.0);
    let blink = if n % 90 < 5 { 1.0 } else { 0.0 };
    pose.weights[ArkitShape::EyeBlinkLeft] = blink;
    pose.weights[ArkitShape::EyeBlinkRight] = blink;
    pose
}

/// `jawOpen=.7,headYaw=10`: ARKit weights, and degrees of the head and the gaze.
fn arkit_pose(text: &str) -> Result<Pose> {
    let mut pose = Pose::default();
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').context("NAME=VALUE")?;
        let value: f32 = value.parse()?;
        match name {
            "headYaw" => pose.head.yaw = value.to_radians(),
            "headPitch" => pose.head.pitch = value.to_radians(),
            "headRoll" => pose.head.roll = value.to_radians(),
            "eyeYaw" => {
                pose.left_eye.yaw = value.to_radians();
                pose.right_eye.yaw = value.to_radians();
            }
            _ => {
                let shape = ArkitShape::from_name(name).with_context(|| format!("`{name}`"))?;
                pose.weights[shape] = value;
            }
        }
    }
    Ok(pose)
}

fn main() -> Result<()> {
    let mut options = RenderOptions::default();
    let mut avatar = None;
    let mut frames = 200;
    let mut still: Option<PathBuf> = None;
    let mut at = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--size" => options.size = value()?.parse()?,
            "--look" => {
                options.look = match value()?.as_str() {
                    "auto" => Look::Auto,
                    "lean" => Look::Lean,
                    "full" => Look::Full,
                    other => bail!("`{other}` is not a look: auto, lean, full"),
                }
            }
            "--framing" => {
                options.framing = Some(match value()?.as_str() {
                    "face" => Framing::Face,
                    "bust" => Framing::Bust,
                    "half" => Framing::Half,
                    "full" => Framing::Full,
                    other => bail!("`{other}` is not a framing: face, bust, half, full"),
                })
            }
            "--frames" => frames = value()?.parse()?,
            "--no-msaa" => options.msaa = false,
            "--still" => still = Some(value()?.into()),
            "--pose" => at = Some(pose(value()?.parse()?)),
            "--pose-arkit" => at = Some(arkit_pose(&value()?)?),
            _ => avatar = Some(arg),
        }
    }
    let avatar = avatar.context("name an avatar, a folder or a model file")?;
    let avatar = Avatar::find(&avatar, Path::new("avatars"))?;
    let vertices: usize = avatar.model.meshes.iter().map(|m| m.positions.len()).sum();
    if still.is_some() {
        options.format = PixelFormat::Rgba8;
    }
    let start = Instant::now();
    let mut renderer = Renderer::new(&avatar, &options)?;
    let started = start.elapsed().as_secs_f64();
    if let Some(path) = still {
        let pose = at.unwrap_or_default();
        let mut save = |frame: Frame| -> Result<(), SinkError> {
            image::RgbaImage::from_raw(frame.size.width, frame.size.height, frame.data)
                .ok_or("a frame of the wrong size")?
                .save(&path)?;
            Ok(())
        };
        renderer.render(&mut std::iter::once(pose), &mut save)?;
        return Ok(());
    }
    let mut bytes = 0;
    let mut count = |frame: Frame| -> Result<(), SinkError> {
        bytes += frame.data.len();
        Ok(())
    };
    // The first frames grow buffers and warm caches.
    renderer.render(&mut (0..10).map(pose), &mut count)?;
    let start = Instant::now();
    let stats = renderer.render(&mut (0..frames).map(pose), &mut count)?;
    let secs = start.elapsed().as_secs_f64();
    println!(
        "{} · {:?} · {} · {} vertices · msaa {} · start {started:.2} s · {} frames in {secs:.2} s: {:.1} frames/s",
        renderer.adapter().name,
        renderer.look(),
        options.size,
        vertices,
        options.msaa,
        stats.frames,
        stats.frames as f64 / secs
    );
    Ok(())
}
