//! The lean look: one shadow map, one pass, vertices deformed on the CPU.
//!
//! A software adapter's vertex stage runs on the same processor, without the
//! sparseness of the morph targets; so the deformed vertices are uploaded and
//! its stage only projects them.

mod cull;
mod flat;
mod pipelines;
mod textures;
mod thin;

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use glam::{Mat4, Vec2, Vec3};
use huashen_avatar::Lens;
use huashen_core::Size;

use crate::i420::Rect;
use crate::mixing::Mixing;
use crate::scene::{Alpha, Deform, Kind, Scene, Shot, Vertex};
use crate::target::{DEPTH_FORMAT, Target, crop_matrix, footprint};
use cull::{Cull, Run};
use pipelines::{Key, Pipelines, Step};
use textures::Texels;
pub(crate) use thin::Thinned;

/// Side of the shadow map in texels. It covers what the picture shows, so a
/// texel is a good millimetre in a portrait, and four taps make a soft edge.
const SHADOW_SIDE: u32 = 384;

/// Direction to the key light, as in `shaders/lean.wgsl`.
const KEY_TO: Vec3 = Vec3::new(-0.5080, 0.5588, 0.6553);

/// What is nearer is cut, in metres; with parallel rays also what is farther.
const NEAR: f32 = 0.02;
const FAR: f32 = 20.0;

/// A person of fewer triangles is lit at pixels.
const DENSE: usize = 6000;

/// Below this coverage a hair pixel is fringe: blended, not depth-written.
const HAIR_CORE: f32 = 0.55;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct View {
    clip_from_world: [[f32; 4]; 4],
    shadow_from_world: [[f32; 4]; 4],
    eye: [f32; 3],
    mouth_open: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Surface {
    base: [f32; 4],
    emissive: [f32; 3],
    roughness: f32,
    metallic: f32,
    cutoff: f32,
    normal_scale: f32,
    catchlight: f32,
}

/// One draw of one part.
struct Draw {
    key: Key,
    material: usize,
    /// Which of the runs.
    run: usize,
}

/// The parts' triangles in drawing order.
struct Plan {
    indices: Vec<u32>,
    runs: Vec<Run>,
    /// What throws shadows that anyone would see.
    casters: Vec<Run>,
    draws: Vec<Draw>,
}

/// What one picture shows of them, as uploaded.
struct Seen {
    indices: Vec<u32>,
    runs: Vec<Range<u32>>,
    casters: Range<u32>,
}

/// Everything the pass keeps on the device.
pub(crate) struct Lean {
    device: wgpu::Device,
    queue: wgpu::Queue,
    size: Size,
    samples: u32,
    mixing: Mixing,
    shot: Shot,
    pipelines: Pipelines,
    plan: Plan,
    cull: Cull,
    indices: wgpu::Buffer,
    dynamic: wgpu::Buffer,
    fixed: wgpu::Buffer,
    view: wgpu::Buffer,
    view_group: wgpu::BindGroup,
    shadow_group: wgpu::BindGroup,
    shadow_map: wgpu::TextureView,
    surfaces: Vec<wgpu::BindGroup>,
    target: Option<Target>,
}

impl Lean {
    /// `casters`: triangles that throw the parts' shadows, where not their own.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        scene: &Scene,
        casters: Option<&[Vec<u32>]>,
        shot: Shot,
        size: Size,
        samples: u32,
    ) -> Self {
        use wgpu::util::DeviceExt;
        let mixing = mixing(scene);
        let mut keys: Vec<Key> = scene
            .materials
            .iter()
            .flat_map(|m| Key::of(m, dense(scene), mixing))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let pipelines = Pipelines::new(device, &keys, samples, mixing);
        let plan = plan(scene, casters);
        let init = |label, contents: &[u8], usage| {
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents,
                usage,
            })
        };
        let empty = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let view = empty(
            "view",
            size_of::<View>() as u64,
            wgpu::BufferUsages::UNIFORM,
        );
        let shadow_map = device
            .create_texture(&wgpu::TextureDescriptor {
                label: Some("shadow"),
                size: wgpu::Extent3d {
                    width: SHADOW_SIDE,
                    height: SHADOW_SIDE,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: DEPTH_FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                    | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            })
            .create_view(&wgpu::TextureViewDescriptor::default());
        let compare = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("shadow"),
            compare: Some(wgpu::CompareFunction::LessEqual),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = |layout, entries: &[wgpu::BindGroupEntry<'_>]| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("lean"),
                layout,
                entries,
            })
        };
        let view_group = group(
            &pipelines.view_layout,
            &[
                entry(0, view.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&shadow_map)),
                entry(2, wgpu::BindingResource::Sampler(&compare)),
            ],
        );
        let shadow_group = group(
            &pipelines.shadow_layout,
            &[entry(0, view.as_entire_binding())],
        );
        Self {
            indices: empty(
                "indices",
                (plan.indices.len() * size_of::<u32>()) as u64,
                wgpu::BufferUsages::INDEX,
            ),
            dynamic: empty(
                "vertices",
                (scene.fixed.len() * size_of::<Vertex>()) as u64,
                wgpu::BufferUsages::VERTEX,
            ),
            fixed: init(
                "uv",
                bytemuck::cast_slice(&scene.fixed),
                wgpu::BufferUsages::VERTEX,
            ),
            surfaces: surfaces(device, queue, scene, &pipelines.surface_layout),
            device: device.clone(),
            queue: queue.clone(),
            size,
            samples,
            mixing,
            shot,
            pipelines,
            plan,
            cull: Cull::default(),
            view,
            view_group,
            shadow_group,
            shadow_map,
            target: None,
        }
    }

    /// Encodes one picture of `vertices`; gives the encoder and what it draws into.
    pub fn draw(&mut self, vertices: &[Vertex], mouth_open: f32) -> (wgpu::CommandEncoder, Target) {
        let clip_from_world = clip_matrix(&self.shot, self.size);
        let target = self.target_for(vertices, clip_from_world);
        let shadow_from_world = shadow_matrix(vertices, clip_from_world);
        let seen = self.seen(vertices, clip_from_world, shadow_from_world);
        let view = View {
            clip_from_world: (crop_matrix(self.size, target.rect) * clip_from_world)
                .to_cols_array_2d(),
            shadow_from_world: shadow_from_world.to_cols_array_2d(),
            eye: self.shot.eye.to_array(),
            mouth_open,
        };
        self.queue
            .write_buffer(&self.view, 0, bytemuck::bytes_of(&view));
        self.queue
            .write_buffer(&self.dynamic, 0, bytemuck::cast_slice(vertices));
        self.queue
            .write_buffer(&self.indices, 0, bytemuck::cast_slice(&seen.indices));
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.shadow_pass(&mut encoder, &seen);
        self.colour_pass(&mut encoder, &target, &seen);
        (encoder, target)
    }

    fn seen(&mut self, vertices: &[Vertex], clip: Mat4, shadow: Mat4) -> Seen {
        let plan = &self.plan;
        let mut indices = Vec::with_capacity(plan.indices.len());
        let pixels = Vec2::new(self.size.width as f32, self.size.height as f32);
        self.cull
            .look(vertices, clip, (self.samples == 1).then_some(pixels));
        let runs = plan
            .runs
            .iter()
            .map(|run| self.cull.run(&plan.indices, run, &mut indices))
            .collect();
        self.cull
            .look(vertices, shadow, Some(Vec2::splat(SHADOW_SIDE as f32)));
        let start = indices.len() as u32;
        for caster in &plan.casters {
            self.cull.run(&plan.indices, caster, &mut indices);
        }
        Seen {
            casters: start..indices.len() as u32,
            indices,
            runs,
        }
    }

    /// A target that holds the person; it grows when the person leaves it.
    fn target_for(&mut self, vertices: &[Vertex], clip_from_world: Mat4) -> Target {
        let seen = |margin| {
            footprint(
                vertices.iter().map(|v| Vec3::from(v.position)),
                clip_from_world,
                self.size,
                margin,
            )
        };
        let needed = seen(1.0);
        let rect: Rect = match &self.target {
            Some(target) if target.rect.contains(needed) => return target.clone(),
            // Room to move before it grows again.
            Some(target) => target.rect.union(seen(24.0)),
            None => seen(24.0),
        };
        let target = Target::new(&self.device, rect, self.samples, self.mixing);
        self.target = Some(target.clone());
        target
    }

    fn shadow_pass(&self, encoder: &mut wgpu::CommandEncoder, seen: &Seen) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("shadow"),
            color_attachments: &[],
            depth_stencil_attachment: Some(depth_attachment(&self.shadow_map, 1.0, true)),
            ..Default::default()
        });
        pass.set_pipeline(&self.pipelines.shadow);
        pass.set_bind_group(0, &self.shadow_group, &[]);
        pass.set_vertex_buffer(0, self.dynamic.slice(..));
        pass.set_index_buffer(self.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.draw_indexed(seen.casters.clone(), 0, 0..1);
    }

    fn colour_pass(&self, encoder: &mut wgpu::CommandEncoder, target: &Target, seen: &Seen) {
        let (view, resolve_target) = match &target.multisampled {
            Some(many) => (many, Some(&target.attachment)),
            None => (&target.attachment, None),
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("lean"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: if resolve_target.is_some() {
                        wgpu::StoreOp::Discard
                    } else {
                        wgpu::StoreOp::Store
                    },
                },
            })],
            depth_stencil_attachment: Some(depth_attachment(&target.depth, 0.0, false)),
            ..Default::default()
        });
        pass.set_vertex_buffer(0, self.dynamic.slice(..));
        pass.set_vertex_buffer(1, self.fixed.slice(..));
        pass.set_index_buffer(self.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.set_bind_group(0, &self.view_group, &[]);
        for draw in &self.plan.draws {
            let Some(pipeline) = self.pipelines.get(draw.key) else {
                continue;
            };
            pass.set_pipeline(pipeline);
            pass.set_bind_group(1, &self.surfaces[draw.material], &[]);
            pass.draw_indexed(seen.runs[draw.run].clone(), 0, 0..1);
        }
    }
}

fn depth_attachment(
    view: &wgpu::TextureView,
    clear: f32,
    keep: bool,
) -> wgpu::RenderPassDepthStencilAttachment<'_> {
    wgpu::RenderPassDepthStencilAttachment {
        view,
        depth_ops: Some(wgpu::Operations {
            load: wgpu::LoadOp::Clear(clear),
            store: if keep {
                wgpu::StoreOp::Store
            } else {
                wgpu::StoreOp::Discard
            },
        }),
        stencil_ops: None,
    }
}

/// A flat scene as encoded values: see [`flat`].
pub(crate) fn encoded(scene: &Scene, rest: &[Vertex], shot: &Shot, size: Size) -> Scene {
    flat::encoded(scene, rest, clip_matrix(shot, size), size)
}

/// Thins a dense scene to what `shot` shows: see [`thin`](thin::thin).
pub(crate) fn thin(
    scene: &Scene,
    deform: &mut dyn Deform,
    shot: &Shot,
    size: Size,
) -> Option<Thinned> {
    dense(scene).then(|| thin::thin(scene, deform, clip_matrix(shot, size), size, SHADOW_SIDE))
}

fn clip_matrix(shot: &Shot, size: Size) -> Mat4 {
    let clip_from_view = match shot.lens {
        Lens::Perspective { fov_y } => {
            Mat4::perspective_infinite_reverse_rh(fov_y, size.aspect(), NEAR)
        }
        Lens::Orthographic { height } => {
            let (y, x) = (height * 0.5, height * 0.5 * size.aspect());
            // Near and far change places: depth is reversed.
            Mat4::orthographic_rh(-x, x, -y, y, FAR, NEAR)
        }
    };
    clip_from_view * Mat4::look_at_rh(shot.eye, shot.target, Vec3::Y)
}

/// The key light's orthographic view of what the picture shows. Depth reaches
/// over everything: what stands outside may throw its shadow in.
fn shadow_matrix(vertices: &[Vertex], clip_from_world: Mat4) -> Mat4 {
    let view = Mat4::look_to_rh(Vec3::ZERO, -KEY_TO, Vec3::Y);
    let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
    let (mut near, mut far) = (f32::INFINITY, f32::NEG_INFINITY);
    for vertex in vertices {
        let world = Vec3::from(vertex.position);
        let at = view.transform_point3(world);
        near = near.min(at.z);
        far = far.max(at.z);
        let clip = clip_from_world * world.extend(1.0);
        // A little beyond the frame: triangles reach over its edge.
        if clip.x.abs().max(clip.y.abs()) <= clip.w * 1.15 {
            low = low.min(at);
            high = high.max(at);
        }
    }
    if low.x > high.x {
        (low, high) = (Vec3::splat(-1.0), Vec3::splat(1.0));
    }
    // In steps, so that edges do not crawl when the person moves.
    const STEP: f32 = 0.04;
    let margin = Vec3::splat(0.02);
    let low = ((low - margin) / STEP).floor() * STEP;
    let high = ((high + margin) / STEP).ceil() * STEP;
    Mat4::orthographic_rh(low.x, high.x, low.y, high.y, -far - 0.02, -near + 0.02) * view
}

fn mixing(scene: &Scene) -> Mixing {
    match scene.is_flat() {
        true => Mixing::Encoded,
        false => Mixing::Light,
    }
}

/// Whether vertices lie close enough to carry the light.
fn dense(scene: &Scene) -> bool {
    scene
        .parts
        .iter()
        .map(|p| p.indices.len() / 3)
        .sum::<usize>()
        >= DENSE
}

/// Lays the parts' indices out in drawing order.
fn plan(scene: &Scene, casters: Option<&[Vec<u32>]>) -> Plan {
    let mut jobs: Vec<(Key, usize)> = Vec::new();
    for (i, part) in scene.parts.iter().enumerate() {
        for key in Key::of(&scene.materials[part.material], dense(scene), mixing(scene)) {
            jobs.push((key, i));
        }
    }
    // Corneas come before lashes and fringe, which lie in front of them.
    jobs.sort_by_key(|(key, i)| {
        let late = key.step == Step::Blend && key.kind != Kind::Cornea;
        // Outer layers first, so that depth spares the skin under hair and cloth
        // and the mouth behind the lips.
        let layer = match key.kind {
            _ if key.step == Step::Blend => 0,
            Kind::Hair => 0,
            Kind::Cloth | Kind::Generic => 1,
            Kind::Skin => 2,
            _ => 3,
        };
        (key.step, late, layer, key.layer, key.kind, *i)
    });
    let mut plan = Plan {
        indices: Vec::new(),
        runs: Vec::new(),
        casters: Vec::new(),
        draws: Vec::with_capacity(jobs.len()),
    };
    let mut run = |indices: &[u32], double_sided| {
        let start = plan.indices.len();
        plan.indices.extend_from_slice(indices);
        Run {
            indices: start..plan.indices.len(),
            double_sided,
        }
    };
    let mut runs: Vec<Option<usize>> = vec![None; scene.parts.len()];
    for (key, part) in jobs {
        let run = *runs[part].get_or_insert_with(|| {
            let own = &scene.parts[part].indices;
            plan.runs.push(run(own, key.double_sided));
            if casts(key) {
                let casters = casters.map_or(own, |c| &c[part]);
                plan.casters.push(run(casters, key.double_sided));
            }
            plan.runs.len() - 1
        });
        plan.draws.push(Draw {
            key,
            material: scene.parts[part].material,
            run,
        });
    }
    plan
}

/// Glass and fringes throw no shadow, and none is seen of what lies in the head.
fn casts(key: Key) -> bool {
    key.step != Step::Blend
        && matches!(
            key.kind,
            Kind::Generic | Kind::Skin | Kind::Hair | Kind::Cloth
        )
}

fn surfaces(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    scene: &Scene,
    layout: &wgpu::BindGroupLayout,
) -> Vec<wgpu::BindGroup> {
    use wgpu::util::DeviceExt;
    let has_cornea = scene.materials.iter().any(|m| m.kind == Kind::Cornea);
    let white = image::RgbaImage::from_pixel(1, 1, image::Rgba([255; 4]));
    let blank = textures::upload(device, queue, &white, Texels::Data);
    let colour = match mixing(scene) {
        Mixing::Light => Texels::Light,
        Mixing::Encoded => Texels::Encoded,
    };
    // Each texture once, as colour or as data.
    let mut uploaded = std::collections::BTreeMap::new();
    let mut map = |index: Option<usize>, texels: Texels| match index {
        None => blank.clone(),
        Some(i) => uploaded
            .entry((i, texels))
            .or_insert_with(|| textures::upload(device, queue, &scene.textures[i], texels))
            .clone(),
    };
    // A photo ends at its edges.
    let wrap = match mixing(scene) {
        Mixing::Light => wgpu::AddressMode::Repeat,
        Mixing::Encoded => wgpu::AddressMode::ClampToEdge,
    };
    let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("map"),
        address_mode_u: wrap,
        address_mode_v: wrap,
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        mipmap_filter: wgpu::MipmapFilterMode::Nearest,
        ..Default::default()
    });
    scene
        .materials
        .iter()
        .map(|material| {
            let surface = Surface {
                base: material.base,
                emissive: material.emissive,
                roughness: material.roughness,
                metallic: material.metallic,
                cutoff: match material.alpha {
                    Alpha::Mask(cutoff) => cutoff,
                    _ => HAIR_CORE,
                },
                normal_scale: material.normal_scale,
                catchlight: if has_cornea { 0.0 } else { 1.0 },
            };
            let uniform = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("surface"),
                contents: bytemuck::bytes_of(&surface),
                usage: wgpu::BufferUsages::UNIFORM,
            });
            let base = map(material.base_texture, colour);
            let normal = map(material.normal_texture, Texels::Data);
            let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("surface"),
                layout,
                entries: &[
                    entry(0, uniform.as_entire_binding()),
                    entry(1, wgpu::BindingResource::TextureView(&base)),
                    entry(2, wgpu::BindingResource::TextureView(&normal)),
                    entry(3, wgpu::BindingResource::Sampler(&sampler)),
                ],
            })
        })
        .collect()
}
