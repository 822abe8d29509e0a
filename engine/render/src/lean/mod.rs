//! The lean look: one shadow map, one pass, vertices deformed on the CPU.
//!
//! A software adapter's vertex stage runs on the same processor, without the
//! sparseness of the morph targets; so the deformed vertices are uploaded and
//! its stage only projects them.

mod pipelines;
mod textures;

use bytemuck::{Pod, Zeroable};
use glam::{Mat4, Vec3};
use huashen_core::Size;

use crate::i420::Rect;
use crate::scene::{Alpha, Kind, Scene, Shot, Vertex};
use crate::target::{DEPTH_FORMAT, Target, crop_matrix, footprint};
use pipelines::{Key, Pipelines, Step};

/// Side of the shadow map in texels. It covers what the picture shows, so a
/// texel is a good millimetre in a portrait, and four taps make a soft edge.
const SHADOW_SIDE: u32 = 384;

/// Direction to the key light, as in `shaders/lean.wgsl`.
const KEY_TO: Vec3 = Vec3::new(-0.5080, 0.5588, 0.6553);

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

/// One draw: a slice of the index buffer.
struct Draw {
    key: Key,
    material: usize,
    indices: std::ops::Range<u32>,
}

/// Everything the pass keeps on the device.
pub(crate) struct Lean {
    device: wgpu::Device,
    queue: wgpu::Queue,
    size: Size,
    samples: u32,
    shot: Shot,
    pipelines: Pipelines,
    draws: Vec<Draw>,
    /// Indices of what casts shadows: opaque and cut parts.
    casters: std::ops::Range<u32>,
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
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        scene: &Scene,
        shot: Shot,
        size: Size,
        samples: u32,
    ) -> Self {
        use wgpu::util::DeviceExt;
        let mut keys: Vec<Key> = scene.materials.iter().flat_map(Key::of).collect();
        keys.sort_unstable();
        keys.dedup();
        let pipelines = Pipelines::new(device, &keys, samples);
        let (indices, draws, casters) = plan(scene);
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
            indices: init(
                "indices",
                bytemuck::cast_slice(&indices),
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
            shot,
            pipelines,
            draws,
            casters,
            view,
            view_group,
            shadow_group,
            shadow_map,
            target: None,
        }
    }

    /// Encodes one picture of `vertices`; gives the encoder and what it draws into.
    pub fn draw(&mut self, vertices: &[Vertex], mouth_open: f32) -> (wgpu::CommandEncoder, Target) {
        let clip_from_world = self.clip_from_world();
        let target = self.target_for(vertices, clip_from_world);
        let view = View {
            clip_from_world: (crop_matrix(self.size, target.rect) * clip_from_world)
                .to_cols_array_2d(),
            shadow_from_world: shadow_matrix(vertices, clip_from_world).to_cols_array_2d(),
            eye: self.shot.eye.to_array(),
            mouth_open,
        };
        self.queue
            .write_buffer(&self.view, 0, bytemuck::bytes_of(&view));
        self.queue
            .write_buffer(&self.dynamic, 0, bytemuck::cast_slice(vertices));
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.shadow_pass(&mut encoder);
        self.colour_pass(&mut encoder, &target);
        (encoder, target)
    }

    fn clip_from_world(&self) -> Mat4 {
        let shot = &self.shot;
        Mat4::perspective_infinite_reverse_rh(shot.fov_y, self.size.aspect(), 0.02)
            * Mat4::look_at_rh(shot.eye, shot.target, Vec3::Y)
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
        let target = Target::new(&self.device, rect, self.samples);
        self.target = Some(target.clone());
        target
    }

    fn shadow_pass(&self, encoder: &mut wgpu::CommandEncoder) {
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
        pass.draw_indexed(self.casters.clone(), 0, 0..1);
    }

    fn colour_pass(&self, encoder: &mut wgpu::CommandEncoder, target: &Target) {
        let (view, resolve_target) = match &target.multisampled {
            Some(many) => (many, Some(&target.drawn_srgb)),
            None => (&target.drawn_srgb, None),
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
        for draw in &self.draws {
            let Some(pipeline) = self.pipelines.get(draw.key) else {
                continue;
            };
            pass.set_pipeline(pipeline);
            pass.set_bind_group(1, &self.surfaces[draw.material], &[]);
            pass.draw_indexed(draw.indices.clone(), 0, 0..1);
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

/// Lays the parts' indices out in drawing order.
fn plan(scene: &Scene) -> (Vec<u32>, Vec<Draw>, std::ops::Range<u32>) {
    let mut jobs: Vec<(Key, usize)> = Vec::new();
    for (i, part) in scene.parts.iter().enumerate() {
        for key in Key::of(&scene.materials[part.material]) {
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
        (key.step, late, layer, key.kind, *i)
    });
    let mut indices: Vec<u32> = Vec::new();
    let mut draws = Vec::with_capacity(jobs.len());
    let mut starts: Vec<Option<std::ops::Range<u32>>> = vec![None; scene.parts.len()];
    let mut casters = 0;
    for (key, part) in jobs {
        let range = starts[part].clone().unwrap_or_else(|| {
            let start = indices.len() as u32;
            indices.extend_from_slice(&scene.parts[part].indices);
            start..indices.len() as u32
        });
        starts[part] = Some(range.clone());
        if key.step != Step::Blend {
            casters = casters.max(range.end);
        }
        draws.push(Draw {
            key,
            material: scene.parts[part].material,
            indices: range,
        });
    }
    (indices, draws, 0..casters)
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
    let blank = textures::upload(device, queue, &white, false);
    // Each texture once, as colour or as data.
    let mut uploaded = std::collections::BTreeMap::new();
    let mut map = |index: Option<usize>, srgb: bool| match index {
        None => blank.clone(),
        Some(i) => uploaded
            .entry((i, srgb))
            .or_insert_with(|| textures::upload(device, queue, &scene.textures[i], srgb))
            .clone(),
    };
    let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("map"),
        address_mode_u: wgpu::AddressMode::Repeat,
        address_mode_v: wgpu::AddressMode::Repeat,
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        mipmap_filter: wgpu::MipmapFilterMode::Linear,
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
            let base = map(material.base_texture, true);
            let normal = map(material.normal_texture, false);
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
