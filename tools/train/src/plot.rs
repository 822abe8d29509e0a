//! The training's course as a picture: one strip a column of `log.csv`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use font8x8::legacy::BASIC_LEGACY;
use image::{Rgb, RgbImage};

#[derive(clap::Args)]
pub struct Args {
    /// The log of a training
    log: PathBuf,
    /// The picture (.png)
    #[arg(short, long)]
    out: PathBuf,
}

const SIZE: (u32, u32) = (900, 90);
const PAPER: Rgb<u8> = Rgb([250; 3]);
const INK: Rgb<u8> = Rgb([30, 90, 200]);
const WORDS: Rgb<u8> = Rgb([70; 3]);

pub fn run(args: &Args) -> Result<()> {
    let columns = read(&args.log).with_context(|| args.log.display().to_string())?;
    let (width, height) = SIZE;
    let mut picture = RgbImage::from_pixel(width, height * (columns.len() as u32 - 1), PAPER);
    let steps = &columns[0].1;
    let span = steps[steps.len() - 1].max(1.0);
    for (strip, (name, values)) in (0..).zip(&columns[1..]) {
        let (low, high) = values
            .iter()
            .fold((0f32, 1e-3f32), |(a, b), v| (a.min(*v), b.max(*v)));
        let top = strip * height;
        let at = |n: usize| {
            let x = steps[n] / span * (width - 1) as f32;
            let y = (values[n] - low) / (high - low) * (height - 24) as f32;
            (x, (top + height - 6) as f32 - y)
        };
        for n in 1..values.len() {
            line(&mut picture, at(n - 1), at(n));
        }
        let last = values[values.len() - 1];
        write(
            &mut picture,
            &format!("{name}: {last:.3} at step {span}, {low:.2} to {high:.2}"),
            top + 4,
        );
    }
    picture
        .save(&args.out)
        .with_context(|| args.out.display().to_string())
}

/// Name and values of each column.
fn read(path: &Path) -> Result<Vec<(String, Vec<f32>)>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let mut columns: Vec<(String, Vec<f32>)> = lines
        .next()
        .context("an empty log")?
        .split(',')
        .map(|name| (name.to_owned(), Vec::new()))
        .collect();
    for line in lines {
        for (column, value) in columns.iter_mut().zip(line.split(',')) {
            column.1.push(value.parse()?);
        }
    }
    ensure!(
        columns.len() > 1 && columns[1].1.len() > 1,
        "fewer than two rows"
    );
    Ok(columns)
}

fn line(picture: &mut RgbImage, a: (f32, f32), b: (f32, f32)) {
    let steps = (b.0 - a.0).abs().max((b.1 - a.1).abs()).ceil().max(1.0) as u32;
    for k in 0..=steps {
        let t = k as f32 / steps as f32;
        let (x, y) = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
        if let Some(pixel) = picture.get_pixel_mut_checked(x as u32, y as u32) {
            *pixel = INK;
        }
    }
}

fn write(picture: &mut RgbImage, text: &str, top: u32) {
    for (n, c) in text.bytes().enumerate() {
        for (row, bits) in (0..).zip(BASIC_LEGACY[usize::from(c & 0x7f)]) {
            for column in (0..8).filter(|k| bits >> k & 1 == 1) {
                let x = 6 + n as u32 * 8 + column;
                if let Some(pixel) = picture.get_pixel_mut_checked(x, top + row) {
                    *pixel = WORDS;
                }
            }
        }
    }
}
