//! Curves as a picture: the truth and what was made of the sound.

use std::path::Path;

use huashen_core::{ArkitShape as A, ArkitWeights};
use huashen_motion::lip_gap;
use image::codecs::png::PngEncoder;
use image::{Rgb, RgbImage};

use super::avatar_debug::text;
use super::eval::Take;
use crate::output;

const SIZE: (u32, u32) = (1200, 130);
const SHOWN_SECS: f64 = 12.0;
const TRUTH: [u8; 3] = [40, 40, 40];
const MADE: [u8; 3] = [220, 60, 40];

/// The first seconds of a take: name, truth, made.
pub struct Curves(Vec<(&'static str, Vec<f32>, Vec<f32>)>);

impl Curves {
    pub fn of(take: &Take, made: &[ArkitWeights]) -> Self {
        let n = ((SHOWN_SECS * take.fps) as usize).min(made.len());
        let pick = |f: &dyn Fn(&ArkitWeights) -> f32| {
            let of = |all: &[ArkitWeights]| all[..n].iter().map(f).collect();
            (of(&take.truth), of(made))
        };
        let shape = |name, s: A| {
            let (a, b) = pick(&|w| w[s]);
            (name, a, b)
        };
        let (a, b) = pick(&lip_gap);
        Self(vec![
            shape("jawOpen", A::JawOpen),
            ("lip gap", a, b),
            shape("mouthPucker", A::MouthPucker),
            shape("mouthFunnel", A::MouthFunnel),
            shape("mouthLowerDownLeft", A::MouthLowerDownLeft),
            shape("mouthUpperUpLeft", A::MouthUpperUpLeft),
        ])
    }
}

/// Black is the truth, red what was made; each strip has its own scale.
pub fn write(path: &Path, curves: &Curves) -> anyhow::Result<()> {
    let (width, height) = SIZE;
    let mut picture = RgbImage::from_pixel(width, height * curves.0.len() as u32, Rgb([250; 3]));
    for (strip, (name, truth, made)) in (0..).zip(&curves.0) {
        let top = truth.iter().chain(made).copied().fold(0.05, f32::max);
        let floor = (strip * height + height - 8) as f32;
        for (curve, colour) in [(truth, TRUTH), (made, MADE)] {
            let at = |n: usize| {
                let x = n as f32 / (curve.len().max(2) - 1) as f32 * (width - 1) as f32;
                (x, floor - curve[n] / top * (height - 26) as f32)
            };
            for n in 1..curve.len() {
                line(&mut picture, at(n - 1), at(n), colour);
            }
        }
        let scale = format!("{name} (0 to {top:.2})");
        text(&mut picture, &scale, (6, strip * height + 5), [90; 3]);
    }
    output::write_file(path, |file| {
        Ok(picture.write_with_encoder(PngEncoder::new(file))?)
    })
}

fn line(picture: &mut RgbImage, a: (f32, f32), b: (f32, f32), colour: [u8; 3]) {
    let steps = (b.0 - a.0).abs().max((b.1 - a.1).abs()).ceil().max(1.0);
    for k in 0..=steps as u32 {
        let t = k as f32 / steps;
        let (x, y) = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
        for dy in 0..2 {
            if let Some(pixel) = picture.get_pixel_mut_checked(x as u32, y as u32 + dy) {
                *pixel = Rgb(colour);
            }
        }
    }
}
