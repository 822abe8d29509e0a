//! `huashen still`: one picture of a pose.

use std::process::ExitCode;

use anyhow::{Context, bail};
use huashen_core::{ArkitShape, Euler, Frame, PixelFormat, Pose, SinkError};
use huashen_motion::{GESTURES, Gesture};
use huashen_render::Renderer;
use image::{ExtendedColorType, ImageEncoder};

use crate::args::Still;
use crate::settings::Settings;
use crate::{output, picture};

pub fn run(args: &Still, settings: &Settings) -> anyhow::Result<ExitCode> {
    if !args
        .output
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("png"))
    {
        bail!(
            "`{}` is not a picture that can be written: end it in .png",
            args.output.display()
        );
    }
    output::check_target(&args.output, args.force)?;
    let mut pose = match &args.gesture {
        Some(name) => gesture(name)?,
        None => Pose::default(),
    };
    if let Some(text) = &args.pose {
        parse_pose(text, &mut pose)?;
    }
    let avatar = picture::avatar(&args.picture, settings)?;
    let size = picture::size(&args.picture, settings, &avatar, u32::MAX)?;
    let options = picture::options(&args.picture, settings, &avatar, size, PixelFormat::Rgba8)?;
    let mut renderer = Renderer::new(&avatar, &options)?;
    let mut shot = None;
    renderer.render(&mut std::iter::once(pose), &mut |frame: Frame| -> Result<
        (),
        SinkError,
    > {
        shot = Some(frame);
        Ok(())
    })?;
    let frame = shot.context("no frame came: this is a bug, please report it")?;
    output::write_file(&args.output, |file| {
        image::codecs::png::PngEncoder::new(file).write_image(
            &frame.data,
            frame.size.width,
            frame.size.height,
            ExtendedColorType::Rgba8,
        )?;
        Ok(())
    })?;
    output::line(&args.output.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn gesture(name: &str) -> anyhow::Result<Pose> {
    match Gesture::from_name(name) {
        Some(gesture) => Ok(gesture.pose()),
        None => {
            let known: Vec<&str> = GESTURES.iter().map(|g| g.name).collect();
            bail!(
                "there is no gesture `{name}`: choose from {}",
                known.join(" ")
            )
        }
    }
}

/// `jawOpen=.7,headYaw=10,leftEyePitch=-5`: ARKit weights and degrees, set in `pose`.
fn parse_pose(text: &str, pose: &mut Pose) -> anyhow::Result<()> {
    for item in text.split(',').map(str::trim).filter(|i| !i.is_empty()) {
        let (name, value) = item
            .split_once('=')
            .with_context(|| format!("`{item}` is no part of a pose: write name=value"))?;
        let (name, value) = (name.trim(), value.trim());
        let number: f32 = value
            .parse()
            .ok()
            .filter(|v: &f32| v.is_finite())
            .with_context(|| format!("`{value}` in `{item}` is not a number"))?;
        if let Some(shape) = ArkitShape::ALL
            .into_iter()
            .find(|s| s.name().eq_ignore_ascii_case(name))
        {
            if !(0.0..=1.0).contains(&number) {
                bail!("`{item}`: a blendshape goes from 0 to 1");
            }
            pose.weights[shape] = number;
            continue;
        }
        let Some(angle) = angle(pose, name) else {
            bail!("there is no `{name}` in a pose{}", nearest(name));
        };
        if number.abs() > 90.0 {
            bail!("`{item}`: angles go from -90 to 90 degrees");
        }
        *angle = number.to_radians();
    }
    Ok(())
}

const PARTS: [&str; 3] = ["head", "leftEye", "rightEye"];
const AXES: [&str; 3] = ["Yaw", "Pitch", "Roll"];

/// The angle that `headYaw` and the like name.
fn angle<'a>(pose: &'a mut Pose, name: &str) -> Option<&'a mut f32> {
    for (p, part) in PARTS.into_iter().enumerate() {
        for (a, axis) in AXES.into_iter().enumerate() {
            if !format!("{part}{axis}").eq_ignore_ascii_case(name) {
                continue;
            }
            let euler: &mut Euler = match p {
                0 => &mut pose.head,
                1 => &mut pose.left_eye,
                _ => &mut pose.right_eye,
            };
            return Some(match a {
                0 => &mut euler.yaw,
                1 => &mut euler.pitch,
                _ => &mut euler.roll,
            });
        }
    }
    None
}

fn nearest(name: &str) -> String {
    let angles = PARTS
        .iter()
        .flat_map(|p| AXES.iter().map(move |a| format!("{p}{a}")));
    let shapes = ArkitShape::ALL.into_iter().map(|s| s.name().to_owned());
    let near = shapes
        .chain(angles)
        .min_by_key(|n| strsim::damerau_levenshtein(&n.to_lowercase(), &name.to_lowercase()));
    match near {
        Some(n) => format!(": did you mean `{n}`?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poses_are_read_or_say_what_is_wrong() {
        let mut pose = gesture("挥手").unwrap();
        assert!(
            gesture("moonwalk")
                .unwrap_err()
                .to_string()
                .contains("wave")
        );
        parse_pose("jawOpen=.7, EYEBLINKLEFT=1,headYaw=-90", &mut pose).unwrap();
        assert_eq!(pose.weights[ArkitShape::JawOpen], 0.7);
        assert_eq!(pose.weights[ArkitShape::EyeBlinkLeft], 1.0);
        assert!((pose.head.yaw + std::f32::consts::FRAC_PI_2).abs() < 1e-6);
        for (text, hint) in [
            ("jawOpn=1", "jawOpen"),
            ("headyaw", "name=value"),
            ("jawOpen=2", "0 to 1"),
            ("headYaw=NaN", "not a number"),
            ("headYaw=400", "degrees"),
        ] {
            let error = parse_pose(text, &mut Pose::default())
                .unwrap_err()
                .to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
