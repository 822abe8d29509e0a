//! Writing a photo's relief as one GLB: parts with sparse morph targets, one
//! skin, pictures inside, unlit where the photo's own light is on them.

use glam::{Mat4, Vec2, Vec3};
use serde_json::{Value, json};

/// A picture file with its MIME type.
pub struct Picture {
    pub bytes: Vec<u8>,
    pub mime: &'static str,
}

/// How a part's surface looks.
pub struct Surface {
    pub name: &'static str,
    /// Index into the pictures.
    pub picture: Option<usize>,
    /// Linear RGBA.
    pub base: [f32; 4],
    pub blend: bool,
    pub unlit: bool,
    pub double_sided: bool,
}

/// One mesh of the file: metres, +Y up.
#[derive(Default)]
pub struct Piece {
    pub name: &'static str,
    /// Index into the surfaces.
    pub surface: usize,
    pub points: Vec<Vec3>,
    pub uvs: Vec<Vec2>,
    /// Multiplies the surface's colour, grey by grey; empty: nothing does.
    pub shades: Vec<f32>,
    /// Joint (index into the skeleton) and weight, four at most.
    pub joints: Vec<[(u16, f32); 4]>,
    pub triangles: Vec<[u32; 3]>,
    /// Shape name and displacements, one a point.
    pub shapes: Vec<(&'static str, Vec<Vec3>)>,
}

impl Piece {
    /// Without the points that no triangle uses.
    pub fn compact(mut self) -> Self {
        let mut used = vec![false; self.points.len()];
        for i in self.triangles.iter().flatten() {
            used[*i as usize] = true;
        }
        let mut next = 0;
        let places: Vec<u32> = used
            .iter()
            .map(|u| {
                next += u32::from(*u);
                next.wrapping_sub(1)
            })
            .collect();
        fn keep<T>(list: &mut Vec<T>, used: &[bool]) {
            let mut flags = used.iter();
            list.retain(|_| flags.next().copied().unwrap_or(false));
        }
        keep(&mut self.points, &used);
        keep(&mut self.uvs, &used);
        keep(&mut self.shades, &used);
        keep(&mut self.joints, &used);
        for (_, all) in &mut self.shapes {
            keep(all, &used);
        }
        for i in self.triangles.iter_mut().flatten() {
            *i = places[*i as usize];
        }
        self
    }
}

/// A joint, parents before children; the rest pose has no rotation.
pub struct Node {
    pub name: &'static str,
    pub parent: Option<usize>,
    pub position: Vec3,
}

#[derive(Default)]
struct Writer {
    bin: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

/// Displacements below this (metres) are left out.
const LEAST: f32 = 2e-6;

impl Writer {
    fn view(&mut self, bytes: impl IntoIterator<Item = u8>, target: Option<u32>) -> usize {
        while !self.bin.len().is_multiple_of(4) {
            self.bin.push(0);
        }
        let start = self.bin.len();
        self.bin.extend(bytes);
        let mut view =
            json!({"buffer": 0, "byteOffset": start, "byteLength": self.bin.len() - start});
        if let Some(target) = target {
            view["target"] = json!(target);
        }
        self.views.push(view);
        self.views.len() - 1
    }

    fn floats(&mut self, values: impl IntoIterator<Item = f32>, target: Option<u32>) -> usize {
        let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.view(bytes, target)
    }

    fn accessor(&mut self, value: Value) -> usize {
        self.accessors.push(value);
        self.accessors.len() - 1
    }

    /// Zero but for `moved`.
    fn sparse(&mut self, count: usize, moved: &[(u32, Vec3)]) -> usize {
        // Points that stay count as zero; where all move there is none.
        let (low, high) = match moved.len() < count {
            true => (Vec3::ZERO, Vec3::ZERO),
            false => (Vec3::INFINITY, Vec3::NEG_INFINITY),
        };
        let low = moved.iter().fold(low, |m, (_, d)| m.min(*d));
        let high = moved.iter().fold(high, |m, (_, d)| m.max(*d));
        let indices = self.view(moved.iter().flat_map(|(i, _)| i.to_le_bytes()), None);
        let values = self.floats(moved.iter().flat_map(|(_, d)| d.to_array()), None);
        self.accessor(json!({
            "componentType": FLOAT, "count": count, "type": "VEC3",
            "min": low.to_array(), "max": high.to_array(),
            "sparse": {
                "count": moved.len(),
                "indices": {"bufferView": indices, "componentType": U32},
                "values": {"bufferView": values},
            },
        }))
    }
}

const FLOAT: u32 = 5126;
const U16: u32 = 5123;
const U32: u32 = 5125;
const VERTICES: u32 = 34962;
const INDICES: u32 = 34963;

/// The whole file.
pub fn write(
    pieces: &[Piece],
    surfaces: &[Surface],
    pictures: &[Picture],
    joints: &[Node],
    copyright: &str,
) -> Vec<u8> {
    let mut w = Writer::default();
    let mut nodes: Vec<Value> = joints
        .iter()
        .enumerate()
        .map(|(i, joint)| {
            let from = joint.parent.map_or(Vec3::ZERO, |p| joints[p].position);
            let mut node =
                json!({"name": joint.name, "translation": (joint.position - from).to_array()});
            let children: Vec<usize> = (0..joints.len())
                .filter(|c| joints[*c].parent == Some(i))
                .collect();
            if !children.is_empty() {
                node["children"] = json!(children);
            }
            node
        })
        .collect();
    let binds = joints
        .iter()
        .flat_map(|b| Mat4::from_translation(-b.position).to_cols_array());
    let bind_view = w.floats(binds, None);
    let bind = w.accessor(json!({"bufferView": bind_view, "componentType": FLOAT, "count": joints.len(), "type": "MAT4"}));

    let mut roots = vec![0];
    let mut meshes = Vec::new();
    for piece in pieces {
        meshes.push(mesh(&mut w, piece));
        roots.push(nodes.len());
        nodes.push(json!({"name": piece.name, "mesh": meshes.len() - 1, "skin": 0}));
    }
    let images: Vec<Value> = pictures
        .iter()
        .map(|p| {
            let view = w.view(p.bytes.iter().copied(), None);
            json!({"bufferView": view, "mimeType": p.mime})
        })
        .collect();
    let textures: Vec<Value> = (0..images.len())
        .map(|i| json!({"source": i, "sampler": 0}))
        .collect();
    let materials: Vec<Value> = surfaces.iter().map(material).collect();
    while !w.bin.len().is_multiple_of(4) {
        w.bin.push(0);
    }
    let mut root = json!({
        "asset": {"version": "2.0", "generator": concat!("huashen ", env!("CARGO_PKG_VERSION")), "copyright": copyright},
        "scene": 0,
        "scenes": [{"nodes": roots}],
        "nodes": nodes,
        "meshes": meshes,
        "skins": [{"joints": (0..joints.len()).collect::<Vec<_>>(), "inverseBindMatrices": bind, "skeleton": 0}],
        "materials": materials,
        "accessors": w.accessors,
        "bufferViews": w.views,
        "buffers": [{"byteLength": w.bin.len()}],
    });
    if !images.is_empty() {
        root["images"] = json!(images);
        root["textures"] = json!(textures);
        // Clamped: a picture's edges are not neighbours.
        root["samplers"] =
            json!([{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]);
    }
    if surfaces.iter().any(|s| s.unlit) {
        root["extensionsUsed"] = json!(["KHR_materials_unlit"]);
    }
    pack(&root, &w.bin)
}

fn mesh(w: &mut Writer, piece: &Piece) -> Value {
    let n = piece.points.len();
    let low = piece.points.iter().fold(Vec3::INFINITY, |m, p| m.min(*p));
    let high = piece
        .points
        .iter()
        .fold(Vec3::NEG_INFINITY, |m, p| m.max(*p));
    let view = w.floats(
        piece.points.iter().flat_map(|p| p.to_array()),
        Some(VERTICES),
    );
    let position = w.accessor(json!({
        "bufferView": view, "componentType": FLOAT, "count": n, "type": "VEC3",
        "min": low.to_array(), "max": high.to_array(),
    }));
    let view = w.floats(
        normals(piece).into_iter().flat_map(|v| v.to_array()),
        Some(VERTICES),
    );
    let normal =
        w.accessor(json!({"bufferView": view, "componentType": FLOAT, "count": n, "type": "VEC3"}));
    let view = w.floats(piece.uvs.iter().flat_map(|p| p.to_array()), Some(VERTICES));
    let uv =
        w.accessor(json!({"bufferView": view, "componentType": FLOAT, "count": n, "type": "VEC2"}));
    let view = w.view(
        piece
            .joints
            .iter()
            .flatten()
            .flat_map(|(j, _)| j.to_le_bytes()),
        Some(VERTICES),
    );
    let joints =
        w.accessor(json!({"bufferView": view, "componentType": U16, "count": n, "type": "VEC4"}));
    let view = w.floats(
        piece.joints.iter().flatten().map(|(_, w)| *w),
        Some(VERTICES),
    );
    let weights =
        w.accessor(json!({"bufferView": view, "componentType": FLOAT, "count": n, "type": "VEC4"}));
    let view = w.view(
        piece
            .triangles
            .iter()
            .flatten()
            .flat_map(|i| i.to_le_bytes()),
        Some(INDICES),
    );
    let indices = w.accessor(json!({"bufferView": view, "componentType": U32, "count": piece.triangles.len() * 3, "type": "SCALAR"}));
    let mut primitive = json!({
        "attributes": {"POSITION": position, "NORMAL": normal, "TEXCOORD_0": uv, "JOINTS_0": joints, "WEIGHTS_0": weights},
        "indices": indices,
        "material": piece.surface,
    });
    if !piece.shades.is_empty() {
        let view = w.floats(
            piece.shades.iter().flat_map(|s| [*s, *s, *s, 1.0]),
            Some(VERTICES),
        );
        let colour = w.accessor(
            json!({"bufferView": view, "componentType": FLOAT, "count": n, "type": "VEC4"}),
        );
        primitive["attributes"]["COLOR_0"] = json!(colour);
    }
    let mut mesh = json!({"name": piece.name});
    let (mut names, mut targets) = (Vec::new(), Vec::new());
    for (name, all) in &piece.shapes {
        let moved: Vec<(u32, Vec3)> = all
            .iter()
            .enumerate()
            .filter(|(_, d)| d.length() > LEAST)
            .map(|(i, d)| (i as u32, *d))
            .collect();
        if !moved.is_empty() {
            targets.push(json!({"POSITION": w.sparse(n, &moved)}));
            names.push(*name);
        }
    }
    if !targets.is_empty() {
        mesh["weights"] = json!(vec![0.0; targets.len()]);
        primitive["targets"] = Value::Array(targets);
        mesh["extras"] = json!({"targetNames": names});
    }
    mesh["primitives"] = json!([primitive]);
    mesh
}

fn normals(piece: &Piece) -> Vec<Vec3> {
    let mut sum = vec![Vec3::ZERO; piece.points.len()];
    for t in &piece.triangles {
        let [a, b, c] = t.map(|i| piece.points[i as usize]);
        let n = (b - a).cross(c - a);
        for i in t {
            sum[*i as usize] += n;
        }
    }
    sum.into_iter().map(|n| n.normalize_or(Vec3::Z)).collect()
}

fn material(surface: &Surface) -> Value {
    let mut pbr =
        json!({"baseColorFactor": surface.base, "metallicFactor": 0.0, "roughnessFactor": 0.7});
    if let Some(picture) = surface.picture {
        pbr["baseColorTexture"] = json!({"index": picture});
    }
    let mut out = json!({"name": surface.name, "pbrMetallicRoughness": pbr, "doubleSided": surface.double_sided});
    if surface.blend {
        out["alphaMode"] = json!("BLEND");
    }
    if surface.unlit {
        out["extensions"] = json!({"KHR_materials_unlit": {}});
    }
    out
}

fn pack(root: &Value, bin: &[u8]) -> Vec<u8> {
    let mut text = root.to_string().into_bytes();
    while !text.len().is_multiple_of(4) {
        text.push(b' ');
    }
    let total = 12 + 8 + text.len() + 8 + bin.len();
    let mut out = Vec::with_capacity(total);
    out.extend(b"glTF");
    out.extend(2_u32.to_le_bytes());
    out.extend((total as u32).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(b"JSON");
    out.extend(text);
    out.extend((bin.len() as u32).to_le_bytes());
    out.extend(b"BIN\0");
    out.extend(bin);
    out
}
