//! A glTF, GLB or VRM file as plain data: nodes, meshes, skins, materials.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use glam::{Mat4, Quat, Vec2, Vec3};
use huashen_core::Joint;
use image::RgbaImage;
use serde_json::Value;

use crate::AvatarError;
use crate::binding::{self, Binding};
use crate::names;
use crate::surface::{Material, plain_material, read_image, read_material};

/// Larger files are refused before they are read.
const MAX_FILE_BYTES: u64 = 512 << 20;
const MAX_VERTICES: usize = 2_000_000;
/// Morph deltas shorter than this (metres at model scale 1) are dropped.
const LEAST_DELTA: f32 = 1e-6;

/// A node of the hierarchy in its rest pose.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub parent: Option<usize>,
    pub translation: Vec3,
    pub rotation: Quat,
    pub scale: Vec3,
}

/// What one morph target moves: vertex, position delta, normal delta.
#[derive(Clone, Debug, Default)]
pub struct Morph {
    pub name: String,
    pub deltas: Vec<(u32, Vec3, Vec3)>,
}

/// One primitive on one node. All vertex lists have the same length; `joints`
/// and `weights` are empty on meshes without a skin.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    pub name: String,
    pub node: usize,
    pub skin: Option<usize>,
    pub material: usize,
    pub positions: Vec<Vec3>,
    pub normals: Vec<Vec3>,
    pub uvs: Vec<Vec2>,
    /// Linear RGBA; empty when the file has none.
    pub colours: Vec<[f32; 4]>,
    pub indices: Vec<u32>,
    pub joints: Vec<[u16; 4]>,
    pub weights: Vec<[f32; 4]>,
    pub morphs: Vec<Morph>,
}

#[derive(Clone, Debug)]
pub struct Skin {
    /// Nodes.
    pub joints: Vec<usize>,
    pub inverse_bind: Vec<Mat4>,
}

/// A whole model in its rest pose, and what drives it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Any order; [`Model::order`] has parents first.
    pub nodes: Vec<Node>,
    pub order: Vec<usize>,
    pub meshes: Vec<Mesh>,
    pub skins: Vec<Skin>,
    pub materials: Vec<Material>,
    pub images: Vec<Arc<RgbaImage>>,
    /// Humanoid joints that were found.
    pub joints: BTreeMap<Joint, usize>,
    pub bindings: Vec<Binding>,
    /// VRM 0.x models look along −Z: turned by half a circle at load.
    pub turned: bool,
    pub warnings: Vec<String>,
}

impl Model {
    /// Reads `path` with limits; nothing outside its folder is opened.
    pub fn open(path: &Path) -> Result<Self, AvatarError> {
        let bad = |reason: String| AvatarError::Model {
            path: path.to_owned(),
            reason,
        };
        let read = |reason: String| AvatarError::Read {
            path: path.to_owned(),
            reason,
        };
        let size = std::fs::metadata(path)
            .map_err(|e| read(e.to_string()))?
            .len();
        if size > MAX_FILE_BYTES {
            return Err(bad(format!(
                "it has {size} bytes, at most {MAX_FILE_BYTES} are read"
            )));
        }
        let bytes = std::fs::read(path).map_err(|e| read(e.to_string()))?;
        let (mut json, blob) = split(&bytes).map_err(&bad)?;
        check_extensions(&mut json, path)?;
        let base = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        check_uris(&json, base).map_err(&bad)?;
        let root = serde_json::from_value(json.clone()).map_err(|e| bad(e.to_string()))?;
        let document = gltf::Document::from_json(root).map_err(|e| bad(e.to_string()))?;
        let buffers = gltf::import_buffers(&document, Some(base), blob)
            .map_err(|e| bad(format!("its buffers cannot be read: {e}")))?;
        let mut model = Self::build(&document, &json, &buffers, base).map_err(&bad)?;
        model.bind(&json);
        Ok(model)
    }

    /// A GLB in memory that refers to nothing outside of itself.
    pub fn from_glb(bytes: &[u8]) -> Result<Self, String> {
        let (json, blob) = split(bytes)?;
        let root = serde_json::from_value(json.clone()).map_err(|e| e.to_string())?;
        let document = gltf::Document::from_json(root).map_err(|e| e.to_string())?;
        let buffers = gltf::import_buffers(&document, None, blob).map_err(|e| e.to_string())?;
        let mut model = Self::build(&document, &json, &buffers, Path::new("."))?;
        model.bind(&json);
        Ok(model)
    }

    fn build(
        document: &gltf::Document,
        json: &Value,
        buffers: &[gltf::buffer::Data],
        base: &Path,
    ) -> Result<Self, String> {
        let mut nodes: Vec<Node> = document
            .nodes()
            .map(|n| {
                let (t, r, s) = n.transform().decomposed();
                Node {
                    name: n.name().unwrap_or_default().to_owned(),
                    parent: None,
                    translation: t.into(),
                    rotation: Quat::from_array(r).normalize(),
                    scale: s.into(),
                }
            })
            .collect();
        for node in document.nodes() {
            for child in node.children() {
                if nodes[child.index()].parent.replace(node.index()).is_some() {
                    return Err(format!("node {} has two parents", child.index()));
                }
            }
        }
        let order = parents_first(&nodes)?;
        let mut warnings = Vec::new();
        let mut meshes = Vec::new();
        let mut total = 0;
        for node in document.nodes() {
            let Some(mesh) = node.mesh() else { continue };
            let names = target_names(json, mesh.index());
            for primitive in mesh.primitives() {
                if primitive.mode() != gltf::mesh::Mode::Triangles {
                    warnings.push(format!(
                        "`{}` has a part that is not triangles: left out",
                        mesh.name().unwrap_or("a mesh")
                    ));
                    continue;
                }
                let built = read_primitive(&node, &mesh, &primitive, buffers, &names)?;
                total += built.positions.len();
                if total > MAX_VERTICES {
                    return Err(format!("it has more than {MAX_VERTICES} vertices"));
                }
                meshes.push(built);
            }
        }
        if meshes.is_empty() {
            return Err("it has no mesh".to_owned());
        }
        let mut skins = Vec::new();
        for skin in document.skins() {
            let joints: Vec<usize> = skin.joints().map(|j| j.index()).collect();
            let reader = skin.reader(|b| buffers.get(b.index()).map(|d| d.0.as_slice()));
            let inverse_bind: Vec<Mat4> = match reader.read_inverse_bind_matrices() {
                Some(matrices) => matrices.map(|m| Mat4::from_cols_array_2d(&m)).collect(),
                None => vec![Mat4::IDENTITY; joints.len()],
            };
            if inverse_bind.len() != joints.len() {
                return Err("a skin has as many joints as bind matrices only in part".to_owned());
            }
            skins.push(Skin {
                joints,
                inverse_bind,
            });
        }
        for mesh in &meshes {
            let joints = mesh
                .skin
                .and_then(|s| skins.get(s))
                .map_or(0, |s| s.joints.len());
            let outside = |j: &[u16; 4]| j.iter().any(|j| usize::from(*j) >= joints);
            if mesh.skin.is_some() && mesh.joints.iter().any(outside) {
                return Err(format!(
                    "`{}` names a joint that its skin has not",
                    mesh.name
                ));
            }
        }
        let images = document
            .images()
            .map(|image| read_image(&image, buffers, base, &mut warnings))
            .collect();
        let mut materials: Vec<Material> =
            document.materials().map(|m| read_material(&m)).collect();
        let default = materials.len();
        materials.push(plain_material());
        for mesh in &mut meshes {
            if mesh.material == usize::MAX {
                mesh.material = default;
            }
        }
        Ok(Self {
            nodes,
            order,
            meshes,
            skins,
            materials,
            images,
            joints: BTreeMap::new(),
            bindings: Vec::new(),
            turned: false,
            warnings,
        })
    }

    /// Finds joints and what each ARKit shape moves.
    fn bind(&mut self, json: &Value) {
        let vrm = binding::vrm_humanoid(json);
        self.turned = vrm.as_ref().is_some_and(|v| v.version_0);
        if let Some(vrm) = vrm {
            for (joint, node) in vrm.joints {
                if node < self.nodes.len() {
                    self.joints.insert(joint, node);
                }
            }
        }
        // Skeleton nodes first: a mesh may be called "Head" as well.
        let in_skin = |n: usize, skins: &[Skin]| skins.iter().any(|s| s.joints.contains(&n));
        for skeleton in [true, false] {
            for &n in &self.order {
                if in_skin(n, &self.skins) == skeleton
                    && let Some(joint) = names::joint(&self.nodes[n].name)
                {
                    self.joints.entry(joint).or_insert(n);
                }
            }
        }
        self.bindings = binding::bind(self, json);
        if self.turned {
            // Only roots turn; everything below follows.
            for node in self.nodes.iter_mut().filter(|n| n.parent.is_none()) {
                let half = Quat::from_rotation_y(std::f32::consts::PI);
                node.rotation = half * node.rotation;
                node.translation = half * node.translation;
            }
        }
    }

    /// World transforms of all nodes with these local rotations in place of the rest ones.
    pub fn world_from_node(&self, rotations: &[(usize, Quat)]) -> Vec<Mat4> {
        let mut world = vec![Mat4::IDENTITY; self.nodes.len()];
        for &n in &self.order {
            let node = &self.nodes[n];
            let rotation = rotations
                .iter()
                .find(|(i, _)| *i == n)
                .map_or(node.rotation, |(_, r)| *r);
            let local =
                Mat4::from_scale_rotation_translation(node.scale, rotation, node.translation);
            world[n] = match node.parent {
                Some(parent) => world[parent] * local,
                None => local,
            };
        }
        world
    }

    /// Rest position of a joint in the world.
    pub fn joint_position(&self, joint: Joint) -> Option<Vec3> {
        let node = *self.joints.get(&joint)?;
        Some(self.world_from_node(&[])[node].w_axis.truncate())
    }
}

/// The JSON of a .gltf or .glb, and the binary chunk of the latter.
fn split(bytes: &[u8]) -> Result<(Value, Option<Vec<u8>>), String> {
    if !bytes.starts_with(b"glTF") {
        let json = serde_json::from_slice(bytes)
            .map_err(|_| "it is neither GLB nor glTF JSON".to_owned())?;
        return Ok((json, None));
    }
    let glb = gltf::Glb::from_slice(bytes).map_err(|e| match e {
        gltf::Error::Binary(e) => format!("the file is damaged or cut off ({e})"),
        other => other.to_string(),
    })?;
    let json = serde_json::from_slice(&glb.json).map_err(|e| e.to_string())?;
    Ok((json, glb.bin.map(|b| b.into_owned())))
}

/// Refuses what cannot be read, and drops requirements that only change looks.
fn check_extensions(json: &mut Value, path: &Path) -> Result<(), AvatarError> {
    let required = json["extensionsRequired"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for extension in required.iter().filter_map(Value::as_str) {
        let what = match extension {
            "KHR_draco_mesh_compression" => "Draco compression",
            "EXT_meshopt_compression" => "meshopt compression",
            "KHR_mesh_quantization" => "quantised vertices",
            "KHR_texture_basisu" => "KTX2 textures (use PNG or JPEG)",
            "EXT_texture_webp" | "EXT_texture_avif" => "WebP or AVIF textures (use PNG or JPEG)",
            "KHR_materials_unlit" | "KHR_texture_transform" => continue,
            other if other.starts_with("KHR_materials_") || other.starts_with("VRM") => continue,
            _ => "it",
        };
        return Err(AvatarError::Extension {
            path: path.to_owned(),
            extension: extension.to_owned(),
            what,
        });
    }
    if let Some(object) = json.as_object_mut() {
        object.remove("extensionsRequired");
    }
    Ok(())
}

/// Buffers and images must be inside the file or below its folder.
/// Files beside the model stay in its folder, and its buffers are there.
fn check_uris(json: &Value, base: &Path) -> Result<(), String> {
    for list in ["buffers", "images"] {
        for entry in json[list].as_array().into_iter().flatten() {
            let Some(uri) = entry["uri"].as_str() else {
                continue;
            };
            if uri.starts_with("data:") {
                continue;
            }
            let inside = Path::new(uri)
                .components()
                .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
            if !inside || uri.contains("://") || uri.contains("%2") {
                return Err(format!("it refers to `{uri}`, outside of its folder"));
            }
            if list == "buffers" && !base.join(uri.replace("%20", " ")).is_file() {
                return Err(format!(
                    "its buffer `{uri}` is missing: keep all of the model's files together"
                ));
            }
        }
    }
    Ok(())
}

fn parents_first(nodes: &[Node]) -> Result<Vec<usize>, String> {
    let mut children = vec![Vec::new(); nodes.len()];
    let mut order: Vec<usize> = Vec::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        match node.parent {
            Some(parent) => children[parent].push(i),
            None => order.push(i),
        }
    }
    let mut at = 0;
    while at < order.len() {
        order.extend_from_slice(&children[order[at]]);
        at += 1;
    }
    match order.len() == nodes.len() {
        true => Ok(order),
        false => Err("its nodes form a circle".to_owned()),
    }
}

/// Names of a mesh's morph targets, where tools put them.
fn target_names(json: &Value, mesh: usize) -> Vec<String> {
    let mesh = &json["meshes"][mesh];
    [&mesh["extras"], &mesh["primitives"][0]["extras"]]
        .iter()
        .find_map(|extras| extras["targetNames"].as_array())
        .map(|names| {
            names
                .iter()
                .map(|n| n.as_str().unwrap_or_default().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

fn read_primitive(
    node: &gltf::Node<'_>,
    mesh: &gltf::Mesh<'_>,
    primitive: &gltf::Primitive<'_>,
    buffers: &[gltf::buffer::Data],
    names: &[String],
) -> Result<Mesh, String> {
    let name = mesh.name().unwrap_or_default().to_owned();
    check_accessors(primitive, buffers).map_err(|e| format!("`{name}`: {e}"))?;
    let reader = primitive.reader(|b| buffers.get(b.index()).map(|d| d.0.as_slice()));
    let positions: Vec<Vec3> = reader
        .read_positions()
        .ok_or_else(|| format!("`{name}` has no positions"))?
        .map(Vec3::from)
        .collect();
    let n = positions.len();
    let indices: Vec<u32> = match reader.read_indices() {
        Some(indices) => indices.into_u32().collect(),
        None => (0..n as u32).collect(),
    };
    if indices.iter().any(|i| *i as usize >= n) || !indices.len().is_multiple_of(3) {
        return Err(format!("`{name}` has a triangle beyond its vertices"));
    }
    let mut out = Mesh {
        node: node.index(),
        skin: node.skin().map(|s| s.index()),
        material: primitive.material().index().unwrap_or(usize::MAX),
        uvs: match reader.read_tex_coords(0) {
            Some(uvs) => uvs.into_f32().map(Vec2::from).collect(),
            None => vec![Vec2::ZERO; n],
        },
        colours: reader
            .read_colors(0)
            .map(|c| c.into_rgba_f32().collect())
            .unwrap_or_default(),
        joints: reader
            .read_joints(0)
            .map(|j| j.into_u16().collect())
            .unwrap_or_default(),
        weights: reader
            .read_weights(0)
            .map(|w| w.into_f32().map(normalised).collect())
            .unwrap_or_default(),
        normals: match reader.read_normals() {
            Some(normals) => normals.map(Vec3::from).collect(),
            None => crate::normals::smooth(&positions, &indices),
        },
        name,
        positions,
        indices,
        morphs: Vec::new(),
    };
    if out.joints.len() != n || out.weights.len() != n {
        out.skin = None;
        out.joints.clear();
        out.weights.clear();
    }
    if out.normals.len() != n
        || out.uvs.len() != n
        || (!out.colours.is_empty() && out.colours.len() != n)
    {
        return Err(format!(
            "`{}` has vertex lists of different lengths",
            out.name
        ));
    }
    let mut needs_normals = false;
    for (i, (positions, normals, _)) in reader.read_morph_targets().enumerate() {
        let moves: Vec<Vec3> = positions
            .map(|p| p.map(Vec3::from).collect())
            .unwrap_or_default();
        let turns: Vec<Vec3> = normals
            .map(|p| p.map(Vec3::from).collect())
            .unwrap_or_default();
        needs_normals |= turns.is_empty();
        let deltas = moves
            .iter()
            .enumerate()
            .take(n)
            .filter(|(_, d)| d.length_squared() > LEAST_DELTA * LEAST_DELTA)
            .map(|(v, d)| (v as u32, *d, turns.get(v).copied().unwrap_or_default()))
            .collect();
        out.morphs.push(Morph {
            name: names.get(i).cloned().unwrap_or_default(),
            deltas,
        });
    }
    if needs_normals {
        crate::normals::fill_morph_normals(&mut out);
    }
    Ok(out)
}

/// The reader trusts accessors; these must lie inside their buffers.
fn check_accessors(
    primitive: &gltf::Primitive<'_>,
    buffers: &[gltf::buffer::Data],
) -> Result<(), String> {
    let mut accessors: Vec<gltf::Accessor<'_>> = primitive.attributes().map(|(_, a)| a).collect();
    accessors.extend(primitive.indices());
    for target in primitive.morph_targets() {
        accessors.extend([target.positions(), target.normals()].into_iter().flatten());
    }
    let inside =
        |view: &gltf::buffer::View<'_>, offset: usize, stride: usize, size: usize, count: usize| {
            let last = count.saturating_sub(1).checked_mul(stride);
            let end = last.and_then(|l| {
                l.checked_add(offset)?
                    .checked_add(if count == 0 { 0 } else { size })
            });
            let view_end = view.offset().checked_add(view.length());
            let buffer = buffers.get(view.buffer().index()).map_or(0, |b| b.0.len());
            end.is_some_and(|e| e <= view.length()) && view_end.is_some_and(|e| e <= buffer)
        };
    for accessor in accessors {
        if accessor.count() > MAX_VERTICES * 8 {
            return Err("an accessor is too long".to_owned());
        }
        if let Some(view) = accessor.view() {
            let stride = view.stride().unwrap_or(accessor.size());
            if !inside(
                &view,
                accessor.offset(),
                stride,
                accessor.size(),
                accessor.count(),
            ) {
                return Err(
                    "its data lie beyond the end of the buffer (the file is cut off or damaged)"
                        .to_owned(),
                );
            }
        }
        if let Some(sparse) = accessor.sparse() {
            let index_size = match sparse.indices().index_type() {
                gltf::accessor::sparse::IndexType::U8 => 1,
                gltf::accessor::sparse::IndexType::U16 => 2,
                gltf::accessor::sparse::IndexType::U32 => 4,
            };
            let (i, v) = (sparse.indices(), sparse.values());
            if !inside(
                &i.view(),
                i.offset(),
                index_size,
                index_size,
                sparse.count(),
            ) || !inside(
                &v.view(),
                v.offset(),
                accessor.size(),
                accessor.size(),
                sparse.count(),
            ) || sparse.count() > accessor.count()
            {
                return Err("its sparse data lie beyond the end of the buffer".to_owned());
            }
        }
    }
    Ok(())
}

fn normalised(weights: [f32; 4]) -> [f32; 4] {
    let sum: f32 = weights.iter().sum();
    match sum > 1e-6 {
        true => weights.map(|w| w / sum),
        false => [1.0, 0.0, 0.0, 0.0],
    }
}
