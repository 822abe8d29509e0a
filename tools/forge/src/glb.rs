//! Writing a GLB: one mesh a part, sparse morph targets, one skin.

use std::collections::BTreeMap;

use anyhow::Result;
use glam::{Mat4, Quat, Vec3};
use serde_json::{Value, json};

use crate::mesh::Mesh;

/// A joint of the file's skeleton, parents before children.
pub struct Joint {
    pub name: String,
    pub parent: Option<usize>,
    /// In the world, where the skin was made.
    pub position: Vec3,
    /// Rotation of the rest pose against the skin's, about the world's axes.
    pub rest: Quat,
}

pub struct Material {
    pub name: &'static str,
    /// Encoded picture with its MIME type; none for a plain colour.
    pub picture: Option<(Vec<u8>, &'static str)>,
    pub base: [f32; 4],
    pub roughness: f32,
    pub mask: bool,
    pub double_sided: bool,
}

#[derive(Default)]
struct Writer {
    bin: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Writer {
    fn view(&mut self, bytes: &[u8], target: Option<u32>) -> usize {
        while !self.bin.len().is_multiple_of(4) {
            self.bin.push(0);
        }
        let mut view =
            json!({"buffer": 0, "byteOffset": self.bin.len(), "byteLength": bytes.len()});
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        self.bin.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, value: Value) -> usize {
        self.accessors.push(value);
        self.accessors.len() - 1
    }

    fn vec3(&mut self, values: &[Vec3], bounds: bool) -> usize {
        let view = self.view(bytemuck::cast_slice(values), Some(34962));
        let mut accessor = json!({"bufferView": view, "componentType": 5126, "count": values.len(), "type": "VEC3"});
        if bounds {
            let low = values.iter().copied().fold(Vec3::INFINITY, Vec3::min);
            let high = values.iter().copied().fold(Vec3::NEG_INFINITY, Vec3::max);
            accessor["min"] = json!(low.to_array());
            accessor["max"] = json!(high.to_array());
        }
        self.accessor(accessor)
    }

    /// Zero but for `moved`.
    fn sparse(&mut self, count: usize, moved: &[(u16, Vec3)]) -> usize {
        // Points that stay count as zero; where all move there is none.
        let (low, high) = match moved.len() < count {
            true => (Vec3::ZERO, Vec3::ZERO),
            false => (Vec3::INFINITY, Vec3::NEG_INFINITY),
        };
        let low = moved.iter().fold(low, |m, (_, d)| m.min(*d));
        let high = moved.iter().fold(high, |m, (_, d)| m.max(*d));
        let mut accessor = json!({
            "componentType": 5126, "count": count, "type": "VEC3",
            "min": low.to_array(), "max": high.to_array(),
        });
        if !moved.is_empty() {
            let indices: Vec<u16> = moved.iter().map(|(i, _)| *i).collect();
            let values: Vec<Vec3> = moved.iter().map(|(_, d)| *d).collect();
            let i = self.view(bytemuck::cast_slice(&indices), None);
            let v = self.view(bytemuck::cast_slice(&values), None);
            accessor["sparse"] = json!({
                "count": moved.len(),
                "indices": {"bufferView": i, "componentType": 5123},
                "values": {"bufferView": v},
            });
        }
        self.accessor(accessor)
    }
}

/// The whole file. Positions in metres.
pub fn write(
    meshes: &[Mesh],
    materials: &[Material],
    joints: &[Joint],
    shape_names: &[&str],
    copyright: &str,
) -> Result<Vec<u8>> {
    let mut w = Writer::default();
    let joint_index: BTreeMap<&str, usize> = joints
        .iter()
        .enumerate()
        .map(|(i, j)| (j.name.as_str(), i))
        .collect();
    let mut nodes: Vec<Value> = Vec::new();
    // World rotations of the rest pose give each joint's local one.
    let mut world: Vec<Quat> = Vec::new();
    for (i, joint) in joints.iter().enumerate() {
        let (parent_rotation, parent_position) = match joint.parent {
            Some(p) => (world[p], joints[p].position),
            None => (Quat::IDENTITY, Vec3::ZERO),
        };
        world.push(joint.rest * parent_rotation);
        let rotation = parent_rotation.inverse() * joint.rest * parent_rotation;
        let children: Vec<usize> = (0..joints.len())
            .filter(|c| joints[*c].parent == Some(i))
            .collect();
        let mut node = json!({
            "name": joint.name,
            "translation": (joint.position - parent_position).to_array(),
        });
        if rotation.angle_between(Quat::IDENTITY) > 1e-6 {
            node["rotation"] = json!(rotation.to_array());
        }
        if !children.is_empty() {
            node["children"] = json!(children);
        }
        nodes.push(node);
    }
    let binds: Vec<Mat4> = joints
        .iter()
        .map(|j| Mat4::from_translation(-j.position))
        .collect();
    let bind_view = w.view(bytemuck::cast_slice(&binds), None);
    let bind = w.accessor(json!({"bufferView": bind_view, "componentType": 5126, "count": binds.len(), "type": "MAT4"}));

    let mut gltf_meshes = Vec::new();
    let mut roots = vec![0];
    for mesh in meshes {
        let n = mesh.vertices.len();
        anyhow::ensure!(n < 65_536, "{} has {n} vertices", mesh.name);
        let positions: Vec<Vec3> = mesh.vertices.iter().map(|v| v.position).collect();
        let uvs: Vec<[f32; 2]> = mesh.vertices.iter().map(|v| v.uv.to_array()).collect();
        let mut joint_list: Vec<[u16; 4]> = Vec::with_capacity(n);
        let mut weight_list: Vec<[f32; 4]> = Vec::with_capacity(n);
        for v in &mesh.vertices {
            let (mut j, mut wt) = ([0; 4], [0.0; 4]);
            for (k, (name, weight)) in v.weights.iter().take(4).enumerate() {
                j[k] = joint_index.get(name.as_str()).copied().unwrap_or(0) as u16;
                wt[k] = *weight;
            }
            let sum: f32 = wt.iter().sum();
            joint_list.push(j);
            weight_list.push(wt.map(|x| x / sum.max(1e-6)));
        }
        let indices: Vec<u16> = mesh.triangles.iter().flatten().map(|i| *i as u16).collect();
        let position = w.vec3(&positions, true);
        let normal = w.vec3(&mesh.normals(), false);
        let uv_view = w.view(bytemuck::cast_slice(&uvs), Some(34962));
        let uv = w.accessor(
            json!({"bufferView": uv_view, "componentType": 5126, "count": n, "type": "VEC2"}),
        );
        let j_view = w.view(bytemuck::cast_slice(&joint_list), Some(34962));
        let j = w.accessor(
            json!({"bufferView": j_view, "componentType": 5123, "count": n, "type": "VEC4"}),
        );
        let w_view = w.view(bytemuck::cast_slice(&weight_list), Some(34962));
        let wt = w.accessor(
            json!({"bufferView": w_view, "componentType": 5126, "count": n, "type": "VEC4"}),
        );
        let i_view = w.view(bytemuck::cast_slice(&indices), Some(34963));
        let i = w.accessor(json!({"bufferView": i_view, "componentType": 5123, "count": indices.len(), "type": "SCALAR"}));
        let material = materials
            .iter()
            .position(|m| m.name == mesh.material)
            .ok_or_else(|| anyhow::anyhow!("no material {}", mesh.material))?;
        let shaded = mesh
            .vertices
            .iter()
            .any(|v| v.shade != crate::mesh::Shade::default());
        let mut primitive = json!({
            "attributes": {"POSITION": position, "NORMAL": normal, "TEXCOORD_0": uv, "JOINTS_0": j, "WEIGHTS_0": wt},
            "indices": i,
            "material": material,
        });
        if shaded {
            let colours: Vec<[u8; 4]> = mesh
                .vertices
                .iter()
                .map(|v| {
                    let l = v.shade.light;
                    [l, l, l, v.shade.alpha].map(|c| (c.clamp(0.0, 1.0) * 255.0).round() as u8)
                })
                .collect();
            let view = w.view(bytemuck::cast_slice(&colours), Some(34962));
            primitive["attributes"]["COLOR_0"] = json!(w.accessor(json!({
                "bufferView": view, "componentType": 5121, "normalized": true, "count": n, "type": "VEC4",
            })));
        }
        let mut gltf_mesh = json!({"name": mesh.name});
        let mut names = Vec::new();
        let mut targets = Vec::new();
        for (s, name) in shape_names.iter().enumerate() {
            let moved: Vec<(u16, Vec3)> = mesh
                .vertices
                .iter()
                .enumerate()
                .filter_map(|(i, v)| Some((i as u16, *v.shapes.get(&s)?)))
                .filter(|(_, d)| d.length() > 2e-6)
                .collect();
            if !moved.is_empty() {
                targets.push(json!({"POSITION": w.sparse(n, &moved)}));
                names.push(*name);
            }
        }
        if !targets.is_empty() {
            gltf_mesh["weights"] = json!(vec![0.0; targets.len()]);
            primitive["targets"] = Value::Array(targets);
            gltf_mesh["extras"] = json!({"targetNames": names});
        }
        gltf_mesh["primitives"] = json!([primitive]);
        gltf_meshes.push(gltf_mesh);
        roots.push(nodes.len());
        nodes.push(json!({"name": mesh.name, "mesh": gltf_meshes.len() - 1, "skin": 0}));
    }

    let (mut images, mut textures, mut gltf_materials) = (Vec::new(), Vec::new(), Vec::new());
    for material in materials {
        let mut pbr = json!({
            "baseColorFactor": material.base, "metallicFactor": 0.0, "roughnessFactor": material.roughness,
        });
        if let Some((bytes, mime)) = &material.picture {
            let view = w.view(bytes, None);
            images.push(json!({"bufferView": view, "mimeType": mime, "name": material.name}));
            textures.push(json!({"source": images.len() - 1, "sampler": 0}));
            pbr["baseColorTexture"] = json!({"index": textures.len() - 1});
        }
        let mut out = json!({"name": material.name, "pbrMetallicRoughness": pbr});
        if material.mask {
            out["alphaMode"] = json!("BLEND");
        }
        if material.double_sided {
            out["doubleSided"] = json!(true);
        }
        gltf_materials.push(out);
    }
    while !w.bin.len().is_multiple_of(4) {
        w.bin.push(0);
    }
    let joint_nodes: Vec<usize> = (0..joints.len()).collect();
    let root = json!({
        "asset": {"version": "2.0", "generator": "huashen-forge", "copyright": copyright},
        "scene": 0,
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "meshes": gltf_meshes,
        "skins": [{"joints": joint_nodes, "inverseBindMatrices": bind, "skeleton": 0}],
        "materials": gltf_materials,
        "textures": textures,
        "images": images,
        "samplers": [{"magFilter": 9729, "minFilter": 9987}],
        "accessors": w.accessors,
        "bufferViews": w.views,
        "buffers": [{"byteLength": w.bin.len()}],
    });
    let mut text = serde_json::to_vec(&root)?;
    while !text.len().is_multiple_of(4) {
        text.push(b' ');
    }
    let total = 12 + 8 + text.len() + 8 + w.bin.len();
    let mut out = Vec::with_capacity(total);
    out.extend(b"glTF");
    out.extend(2_u32.to_le_bytes());
    out.extend((total as u32).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(b"JSON");
    out.extend(text);
    out.extend((w.bin.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(w.bin);
    Ok(out)
}
