//! Parity with TensorFlow Lite on stored outputs, and damaged files.
//!
//! The outputs were made by `tools/fixtures/face_reference.py`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

use std::path::PathBuf;
use std::time::Instant;

use candle_core::Device;
use proptest::prelude::*;

use super::graph::Graph;
use super::{Kernels, Net};

/// A file of the models directory, or nothing where it was not fetched and not required.
fn model(path: &str) -> Option<Vec<u8>> {
    let path = huashen_core::paths::models_dir().join(path);
    if let Ok(bytes) = std::fs::read(&path) {
        return Some(bytes);
    }
    let required = std::env::var("HUASHEN_REQUIRE").unwrap_or_default();
    assert!(
        !required.split_whitespace().any(|r| r == "face"),
        "the face models are required: run `huashen setup face`"
    );
    println!("skipped: the face models are not here");
    None
}

/// The `.tflite` called `name`.
fn net(name: &str) -> Option<Vec<u8>> {
    if name == "selfie_segmenter" {
        return model("selfie_segmenter/selfie_segmenter.tflite");
    }
    let task = model("face_landmarker/face_landmarker.task")?;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(task)).unwrap();
    let mut bytes = Vec::new();
    let mut part = zip.by_name(&format!("{name}.tflite")).unwrap();
    std::io::Read::read_to_end(&mut part, &mut bytes).unwrap();
    Some(bytes)
}

/// `pattern` of the script.
fn pattern(side: usize) -> Vec<u8> {
    let value = |y: usize, x: usize, c: usize| (((x * y) >> 5) + 3 * x + 2 * y + 59 * c) as u8;
    (0..side * side * 3)
        .map(|i| value(i / 3 / side, i / 3 % side, i % 3))
        .collect()
}

fn stored(name: &str) -> Vec<f32> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.bin"));
    let bytes = std::fs::read(path).unwrap();
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

fn input(name: &str) -> Vec<f32> {
    match name {
        "face_detector" => pattern(128)
            .iter()
            .map(|v| f32::from(*v) / 127.5 - 1.0)
            .collect(),
        "face_blendshapes" => {
            let points = pattern(146);
            (0..146)
                .flat_map(|y| [0, 1].map(|c| f32::from(points[(y * 146 + 7) * 3 + c])))
                .collect()
        }
        _ => pattern(256).iter().map(|v| f32::from(*v) / 255.0).collect(),
    }
}

/// Largest difference from the stored outputs, and milliseconds of a run.
fn compare(name: &str, bytes: &[u8], kernels: Kernels) -> (f32, f64) {
    let net = Net::load_with(name, bytes, &Device::Cpu, kernels).unwrap();
    let input = input(name);
    let mut outputs = net.run(input.clone()).unwrap().concat();
    // The best of some runs, for the figures in the doc of `tflite`.
    let millis = (0..8)
        .map(|_| {
            let start = Instant::now();
            net.run(input.clone()).unwrap();
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min);
    if name == "selfie_segmenter" {
        // Every fourth row and column was stored.
        outputs = (0..64 * 64)
            .map(|i| outputs[i / 64 * 4 * 256 + i % 64 * 4])
            .collect();
    }
    let stored = stored(name);
    assert_eq!(outputs.len(), stored.len(), "{name}");
    let worst = outputs.iter().zip(&stored).map(|(a, b)| (a - b).abs());
    (worst.fold(0.0, f32::max), millis)
}

#[test]
fn nets_give_what_tensorflow_lite_gives() {
    // The largest outputs are about 100, 250, 1 and 1.
    for (name, tolerance) in [
        ("face_detector", 2e-3),
        ("face_landmarks_detector", 5e-3),
        ("face_blendshapes", 1e-4),
        ("selfie_segmenter", 1e-3),
    ] {
        let Some(bytes) = net(name) else { return };
        for kernels in [Kernels::Plain, Kernels::Candle] {
            let (worst, millis) = compare(name, &bytes, kernels);
            println!("{name} {kernels:?}: differs by {worst:.2e}, {millis:.2} ms");
            assert!(worst < tolerance, "{name} {kernels:?}: {worst}");
        }
    }
}

#[test]
fn the_segmenter_sees_the_person_that_mediapipe_sees() {
    let Some(bytes) = net("selfie_segmenter") else {
        return;
    };
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/astronaut.jpg");
    let picture = crate::load_picture(&path).unwrap();
    let input = (0..256 * 256 * 3)
        .map(|i| {
            let (x, y) = ((i / 3 % 256 * 2) as u32, (i / 3 / 256 * 2) as u32);
            f32::from(picture.get_pixel(x, y)[i % 3]) / 255.0
        })
        .collect();
    let net = Net::load("selfie_segmenter", &bytes, &Device::Cpu).unwrap();
    let matte = net.run(input).unwrap().concat();
    let stored = stored("selfie_segmenter_astronaut");
    let mut apart: Vec<f32> = (0..64 * 64)
        .map(|i| (matte[i / 64 * 4 * 256 + i % 64 * 4] - stored[i]).abs())
        .collect();
    let mean = apart.iter().sum::<f32>() / apart.len() as f32;
    apart.sort_by(f32::total_cmp);
    let most = apart[apart.len() * 99 / 100];
    let person = stored.iter().sum::<f32>() / stored.len() as f32;
    println!("{person:.2} of it is person; {mean:.5} apart in the mean, {most:.4} in 99 %");
    // The JPEG decoders differ by a level here and there, which shows at edges.
    assert!(person > 0.2 && mean < 0.002 && most < 0.02);
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let Some(bytes) = net("face_detector") else {
        return;
    };
    assert!(Graph::parse(&bytes).is_ok());
    for length in [0, 3, 8, 100, bytes.len() / 2, bytes.len() - 60_000] {
        let _ = Graph::parse(&bytes[..length]);
    }
    assert!(Graph::parse(&bytes[..bytes.len() / 2]).is_err());
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(changes in prop::collection::vec((0..bytes.len(), any::<u8>()), 1..40))| {
        let mut bytes = bytes.clone();
        for (at, value) in changes {
            bytes[at] = value;
        }
        // What still parses must also run.
        if let Ok(net) = Net::load("damaged", &bytes, &Device::Cpu)
            && let Ok(net) = net.expect(&[1, 128, 128, 3], &[896 * 16, 896])
        {
            let _ = net.run(vec![0.5; 128 * 128 * 3]);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_an_error_and_no_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        if bytes.len() > 8 {
            bytes[4..8].copy_from_slice(b"TFL3");
        }
        prop_assert!(Graph::parse(&bytes).is_err());
    }
}
