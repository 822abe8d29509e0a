//! Parity of the whole pipeline with MediaPipe's face landmarker, on stored
//! outputs that `tools/fixtures/face_reference.py` made.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::collections::BTreeMap;

use glam::{Mat4, Vec2, Vec3};
use huashen_core::ArkitShape;
use huashen_vision::{Face, FindOptions, LANDMARK_COUNT, MESH_COUNT};
use image::{GenericImageView, RgbaImage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    /// x, y and side in the fixture.
    crop: [u32; 3],
    still: Seen,
    tracked: Seen,
    detection: Detected,
}

#[derive(Deserialize)]
struct Seen {
    landmarks_px: Vec<[f32; 3]>,
    blendshapes: BTreeMap<String, f32>,
    /// Rows.
    camera_from_head: [[f32; 4]; 4],
}

#[derive(Deserialize)]
struct Detected {
    /// x, y, width, height; whole pixels.
    box_px: [f32; 4],
    score: f32,
    keypoints_px: Vec<[f32; 2]>,
}

/// Upstream's results and the picture that they are of.
fn reference() -> (RgbaImage, Reference) {
    let reference: Reference =
        serde_json::from_str(include_str!("fixtures/reference.json")).unwrap();
    let [x, y, side] = reference.crop;
    let picture = common::astronaut().view(x, y, side, side).to_image();
    (picture, reference)
}

/// Prints and checks how far `face` is from upstream's.
fn compare(what: &str, face: &Face, seen: &Seen) {
    assert_eq!(face.landmarks.len(), LANDMARK_COUNT);
    // In pixels of the net's 256² input.
    let scale = 256.0 / face.roi.size.x;
    let mut distances: Vec<f32> = face
        .landmarks
        .iter()
        .zip(&seen.landmarks_px)
        .map(|(a, b)| a.truncate().distance(Vec2::new(b[0], b[1])) * scale)
        .collect();
    distances.sort_by(f32::total_cmp);
    let worst = distances[LANDMARK_COUNT - 1];
    let mean = distances.iter().sum::<f32>() / LANDMARK_COUNT as f32;
    let depth = face
        .landmarks
        .iter()
        .zip(&seen.landmarks_px)
        .map(|(a, b)| (a.z - b[2]).abs() * scale)
        .fold(0.0, f32::max);
    let shapes = ArkitShape::ALL
        .into_iter()
        .filter(|s| *s != ArkitShape::TongueOut)
        .map(|s| (face.blendshapes[s] - seen.blendshapes[s.name()]).abs())
        .fold(0.0, f32::max);
    println!(
        "{what}: landmarks {mean:.3} px in the mean, {worst:.3} at most, depth {depth:.3}, blendshapes {shapes:.4}"
    );
    assert!(worst <= 0.5, "{what}: landmarks differ by {worst} px");
    assert!(depth <= 1.0, "{what}: depths differ by {depth} px");
    assert!(shapes <= 0.02, "{what}: blendshapes differ by {shapes}");

    let theirs = Mat4::from_cols_array_2d(&seen.camera_from_head).transpose();
    let ours = face.head.camera_from_head;
    let turn = |m: &Mat4| m.to_scale_rotation_translation();
    let ((scale, rotation, place), (their_scale, their_rotation, their_place)) =
        (turn(&ours), turn(&theirs));
    let angle = rotation.angle_between(their_rotation).to_degrees();
    println!(
        "{what}: head {angle:.3}° and {:.3} cm apart, {:?}",
        place.distance(their_place),
        face.head.degrees()
    );
    assert!(angle < 0.3, "{what}: heads differ by {angle}°");
    assert!(
        place.distance(their_place) < 0.3,
        "{place} for {their_place}"
    );
    assert!((scale - their_scale).length() < 0.01);
}

#[test]
fn a_still_gives_what_mediapipe_gives() {
    let Some(finder) = common::finder() else {
        return;
    };
    let (picture, reference) = reference();
    let options = FindOptions {
        // As upstream: the whole picture, one look.
        min_face: 1.0,
        refinements: 0,
        ..FindOptions::default()
    };
    let faces = finder.find(&picture, &options).unwrap();
    assert_eq!(faces.len(), 1);
    compare("still", &faces[0], &reference.still);

    // Upstream's tracking looked until nothing moved any more.
    let mut face = faces[0].clone();
    for _ in 0..20 {
        face = finder.track(&picture, &face).unwrap().unwrap();
    }
    compare("tracked", &face, &reference.tracked);
    assert!(face.presence > 0.95, "{}", face.presence);
}

#[test]
fn the_detector_gives_what_mediapipe_gives() {
    let Some(finder) = common::finder() else {
        return;
    };
    let (picture, reference) = reference();
    let theirs = &reference.detection;
    let found = finder.detect(&picture, 0.5).unwrap();
    assert_eq!(found.len(), 1);
    let ours = &found[0];
    let [x, y, w, h] = theirs.box_px;
    let corners = ours.bounds.min.distance(Vec2::new(x, y));
    let size = (ours.bounds.size() - Vec2::new(w, h)).abs().max_element();
    let keypoints = ours
        .keypoints
        .iter()
        .zip(&theirs.keypoints_px)
        .map(|(a, b)| a.distance(Vec2::from(*b)))
        .fold(0.0, f32::max);
    println!(
        "box {corners:.2} px, size {size:.2} px, keypoints {keypoints:.2} px apart; score {} and {}",
        ours.score, theirs.score
    );
    // Upstream gives its box in whole pixels.
    assert!(corners < 1.5 && size < 1.5, "{:?}", ours.bounds);
    assert!(keypoints < 0.3);
    assert!((ours.score - theirs.score).abs() < 0.01);
}

#[test]
fn the_canonical_mesh_is_whole() {
    let Some(finder) = common::finder() else {
        return;
    };
    let mesh = finder.canonical_mesh();
    assert_eq!(mesh.positions.len(), MESH_COUNT);
    assert_eq!(mesh.uvs.len(), MESH_COUNT);
    assert_eq!(mesh.triangles.len(), 898);
    // The nose's tip is foremost and triangles look outwards.
    let tip = mesh.positions[4];
    assert!(mesh.positions.iter().all(|p| p.z <= tip.z + 0.5));
    let outwards = mesh
        .triangles
        .iter()
        .filter(|t| {
            let [a, b, c] = t.to_array().map(|i| mesh.positions[i as usize]);
            (b - a)
                .cross(c - a)
                .dot((a + b + c) / 3.0 - Vec3::new(0.0, 0.0, -4.0))
                > 0.0
        })
        .count();
    assert!(outwards > 850, "{outwards} of 898");
}
