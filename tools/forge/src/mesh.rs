//! Meshes on their way into the file: vertices with everything attached, and
//! cutting along a line.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use glam::{Vec2, Vec3};

use crate::base::Base;

/// A vertex with all that follows it.
#[derive(Clone, Debug, Default)]
pub struct Vertex {
    pub position: Vec3,
    pub uv: Vec2,
    /// Where it lay in the base's texture, for its masks.
    pub base_uv: Vec2,
    pub weights: Vec<(String, f32)>,
    /// Face shape (by index) and what it moves this vertex by.
    pub shapes: BTreeMap<usize, Vec3>,
    /// Position before any offset, for functions of the body's shape.
    pub rest: Vec3,
    /// Where outwards is, when it was settled before cuts; zero when not. Cuts
    /// leave slivers, whose own direction is noise.
    pub out: Vec3,
    /// Multiplies the material's colour: grey, and what shows of it.
    pub shade: Shade,
}

/// A vertex's own share of its colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shade {
    pub light: f32,
    pub alpha: f32,
}

impl Default for Shade {
    fn default() -> Self {
        Self {
            light: 1.0,
            alpha: 1.0,
        }
    }
}

impl Vertex {
    fn between(a: &Self, b: &Self, t: f32) -> Self {
        let mut weights: BTreeMap<String, f32> = BTreeMap::new();
        for (list, f) in [(&a.weights, 1.0 - t), (&b.weights, t)] {
            for (name, w) in list {
                *weights.entry(name.clone()).or_insert(0.0) += w * f;
            }
        }
        let mut weights: Vec<(String, f32)> = weights.into_iter().collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        weights.truncate(4);
        let mut shapes = BTreeMap::new();
        for shape in a.shapes.keys().chain(b.shapes.keys()) {
            let get = |v: &Self| v.shapes.get(shape).copied().unwrap_or_default();
            shapes.insert(*shape, get(a).lerp(get(b), t));
        }
        Self {
            position: a.position.lerp(b.position, t),
            uv: a.uv.lerp(b.uv, t),
            base_uv: a.base_uv.lerp(b.base_uv, t),
            weights,
            shapes,
            rest: a.rest.lerp(b.rest, t),
            out: a.out.lerp(b.out, t).normalize_or_zero(),
            shade: Shade {
                light: a.shade.light + (b.shade.light - a.shade.light) * t,
                alpha: a.shade.alpha + (b.shade.alpha - a.shade.alpha) * t,
            },
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Mesh {
    pub name: String,
    pub material: String,
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// The polygons of a base group for which `keep` holds at every corner.
    pub fn from_group(
        base: &Base,
        shapes: &[HashMap<usize, Vec3>],
        group: &str,
        keep: &dyn Fn(usize, Vec2) -> bool,
    ) -> Self {
        let mut mesh = Self::default();
        let mut index: HashMap<(usize, usize), u32> = HashMap::new();
        for face in base.groups.get(group).map_or(&[][..], Vec::as_slice) {
            if !face.iter().all(|(v, t)| keep(*v, base.uvs[*t])) {
                continue;
            }
            let corners: Vec<u32> = face
                .iter()
                .map(|key| {
                    *index.entry(*key).or_insert_with(|| {
                        let (v, t) = *key;
                        mesh.vertices.push(Vertex {
                            position: base.positions[v],
                            rest: base.positions[v],
                            uv: base.uvs[t],
                            base_uv: base.uvs[t],
                            weights: base.weights[v].clone(),
                            shapes: shapes
                                .iter()
                                .enumerate()
                                .filter_map(|(i, s)| Some((i, *s.get(&v)?)))
                                .collect(),
                            out: Vec3::ZERO,
                            shade: Shade::default(),
                        });
                        mesh.vertices.len() as u32 - 1
                    })
                })
                .collect();
            for i in 1..corners.len() - 1 {
                mesh.triangles
                    .push([corners[0], corners[i], corners[i + 1]]);
            }
        }
        mesh
    }

    /// Area-weighted normals; vertices at one place share theirs.
    pub fn normals(&self) -> Vec<Vec3> {
        let key = |p: Vec3| (p * 1e4).round().as_ivec3();
        let mut sums: HashMap<glam::IVec3, Vec3> = HashMap::new();
        for t in &self.triangles {
            let [a, b, c] = t.map(|i| self.vertices[i as usize].position);
            let n = (b - a).cross(c - a);
            for p in [a, b, c] {
                *sums.entry(key(p)).or_default() += n;
            }
        }
        self.vertices
            .iter()
            .map(|v| {
                sums.get(&key(v.position))
                    .copied()
                    .unwrap_or(Vec3::Y)
                    .normalize_or(Vec3::Y)
            })
            .collect()
    }

    /// [`Vertex::out`] where it is settled, else the normal.
    fn outwards(&self) -> Vec<Vec3> {
        let mut normals = self.normals();
        for (n, v) in normals.iter_mut().zip(&self.vertices) {
            if v.out != Vec3::ZERO {
                *n = v.out;
            }
        }
        normals
    }

    /// Moves every vertex along its normal by `amount(vertex)`.
    pub fn offset(&mut self, amount: &dyn Fn(&Vertex) -> f32) {
        let normals = self.outwards();
        for (v, n) in self.vertices.iter_mut().zip(normals) {
            let by = amount(v);
            v.position += n * by;
        }
    }

    /// Keeps where `value` is positive, cutting triangles along zero.
    pub fn clip(&mut self, value: &dyn Fn(&Vertex) -> f32) {
        let values: Vec<f32> = self.vertices.iter().map(value).collect();
        let mut cuts: HashMap<(u32, u32), u32> = HashMap::new();
        let mut out = Vec::new();
        for t in std::mem::take(&mut self.triangles) {
            let mut polygon: Vec<u32> = Vec::new();
            for k in 0..3 {
                let (a, b) = (t[k], t[(k + 1) % 3]);
                let (va, vb) = (values[a as usize], values[b as usize]);
                if va >= 0.0 {
                    polygon.push(a);
                }
                if (va >= 0.0) != (vb >= 0.0) {
                    let (lo, hi) = (a.min(b), a.max(b));
                    let cut = *cuts.entry((lo, hi)).or_insert_with(|| {
                        let (vl, vh) = (values[lo as usize], values[hi as usize]);
                        let between = Vertex::between(
                            &self.vertices[lo as usize],
                            &self.vertices[hi as usize],
                            vl / (vl - vh),
                        );
                        self.vertices.push(between);
                        self.vertices.len() as u32 - 1
                    });
                    polygon.push(cut);
                }
            }
            for i in 1..polygon.len().saturating_sub(1) {
                out.push([polygon[0], polygon[i], polygon[i + 1]]);
            }
        }
        self.triangles = out;
        self.drop_unused();
    }

    /// Turns the open borders inwards by `depth`: cloth gets a thickness.
    pub fn rim(&mut self, depth: f32) {
        let normals = self.outwards();
        let key = |v: &Vertex| (v.position * 1e4).round().as_ivec3();
        let mut used: BTreeMap<([i32; 3], [i32; 3]), u32> = BTreeMap::new();
        let ends = |mesh: &Self, a: u32, b: u32| {
            let (a, b) = (
                key(&mesh.vertices[a as usize]).to_array(),
                key(&mesh.vertices[b as usize]).to_array(),
            );
            (a.min(b), a.max(b))
        };
        for t in &self.triangles {
            for k in 0..3 {
                *used.entry(ends(self, t[k], t[(k + 1) % 3])).or_insert(0) += 1;
            }
        }
        let mut inner: HashMap<u32, u32> = HashMap::new();
        let mut walls = Vec::new();
        for t in self.triangles.clone() {
            for k in 0..3 {
                let (a, b) = (t[k], t[(k + 1) % 3]);
                let (low, high) = ends(self, a, b);
                if low == high || used[&(low, high)] != 1 {
                    continue;
                }
                let [c, d] = [a, b].map(|i| {
                    *inner.entry(i).or_insert_with(|| {
                        // The wall has an upper end of its own, a hair's breadth
                        // lower: its light must not spill over the cloth's.
                        for by in [0.003, depth] {
                            let mut v = self.vertices[i as usize].clone();
                            v.position -= normals[i as usize] * by;
                            self.vertices.push(v);
                        }
                        self.vertices.len() as u32 - 2
                    })
                });
                walls.extend([[b, a, c], [b, c, d]]);
                walls.extend([[d, c, c + 1], [d, c + 1, d + 1]]);
            }
        }
        self.triangles.extend(walls);
    }

    /// Vertices at one place become one; texture coordinates are the first's.
    pub fn weld(&mut self) {
        let mut first: HashMap<glam::IVec3, u32> = HashMap::new();
        let index: Vec<u32> = (0_u32..)
            .zip(&self.vertices)
            .map(|(i, v)| {
                let key = (v.position * 1e3).round().as_ivec3();
                *first.entry(key).or_insert(i)
            })
            .collect();
        for t in &mut self.triangles {
            *t = t.map(|i| index[i as usize]);
        }
        self.triangles
            .retain(|[a, b, c]| a != b && b != c && c != a);
        self.drop_unused();
    }

    /// Splits every triangle in four; new vertices lie between old ones.
    pub fn subdivide(&mut self) {
        let mut middles: HashMap<(u32, u32), u32> = HashMap::new();
        let mut out = Vec::with_capacity(self.triangles.len() * 4);
        for [a, b, c] in std::mem::take(&mut self.triangles) {
            let mut middle = |i: u32, j: u32| {
                *middles.entry((i.min(j), i.max(j))).or_insert_with(|| {
                    let (lo, hi) = (i.min(j), i.max(j));
                    let v = Vertex::between(
                        &self.vertices[lo as usize],
                        &self.vertices[hi as usize],
                        0.5,
                    );
                    self.vertices.push(v);
                    self.vertices.len() as u32 - 1
                })
            };
            let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
            out.extend([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]);
        }
        self.triangles = out;
    }

    /// Moves each vertex towards the mean of its neighbours; seams stay closed.
    pub fn smooth(&mut self, rounds: usize, amount: f32) {
        let key = |p: Vec3| (p * 1e4).round().as_ivec3();
        for _ in 0..rounds {
            let mut sums: HashMap<glam::IVec3, (Vec3, f32)> = HashMap::new();
            for t in &self.triangles {
                let p = t.map(|i| self.vertices[i as usize].position);
                for k in 0..3 {
                    let entry = sums.entry(key(p[k])).or_default();
                    entry.0 += p[(k + 1) % 3] + p[(k + 2) % 3];
                    entry.1 += 2.0;
                }
            }
            for v in &mut self.vertices {
                if let Some((sum, n)) = sums.get(&key(v.position)) {
                    v.position = v.position.lerp(*sum / *n, amount);
                }
            }
        }
    }

    /// Spreads joint weights over neighbours, of a welded mesh: cloth bends wider
    /// than the body under it, and vertices that the rig forgot follow theirs.
    pub fn smooth_weights(&mut self, rounds: usize) {
        let mut near: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); self.vertices.len()];
        for t in &self.triangles {
            for k in 0..3 {
                near[t[k] as usize].extend([t[(k + 1) % 3], t[(k + 2) % 3]]);
            }
        }
        for _ in 0..rounds {
            let before: Vec<Vec<(String, f32)>> =
                self.vertices.iter().map(|v| v.weights.clone()).collect();
            for (i, v) in self.vertices.iter_mut().enumerate() {
                let share = 1.0 / (near[i].len() + 1) as f32;
                let mut sum: BTreeMap<&str, f32> = BTreeMap::new();
                for j in near[i].iter().map(|j| *j as usize).chain([i]) {
                    for (name, w) in &before[j] {
                        *sum.entry(name).or_insert(0.0) += w * share;
                    }
                }
                let mut list: Vec<(String, f32)> =
                    sum.into_iter().map(|(n, w)| (n.to_owned(), w)).collect();
                list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                list.truncate(4);
                let all: f32 = list.iter().map(|l| l.1).sum();
                list.iter_mut().for_each(|l| l.1 /= all.max(1e-6));
                v.weights = list;
            }
        }
    }

    /// Both meshes as one.
    pub fn append(&mut self, other: Self) {
        let first = self.vertices.len() as u32;
        self.vertices.extend(other.vertices);
        self.triangles
            .extend(other.triangles.into_iter().map(|t| t.map(|i| i + first)));
    }

    fn drop_unused(&mut self) {
        let mut index = vec![u32::MAX; self.vertices.len()];
        let mut kept = Vec::new();
        for t in &mut self.triangles {
            for i in t {
                let slot = &mut index[*i as usize];
                if *slot == u32::MAX {
                    *slot = kept.len() as u32;
                    kept.push(self.vertices[*i as usize].clone());
                }
                *i = *slot;
            }
        }
        self.vertices = kept;
    }
}
