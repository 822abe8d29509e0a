//! Paints the panel's triangles over the picture: the pass of `shaders/panel.wgsl`.

use std::collections::HashMap;

use bevy_egui::egui::epaint::{ClippedPrimitive, ImageData, ImageDelta, Primitive, Vertex};
use bevy_egui::egui::{TextureId, TexturesDelta};
use bytemuck::{Pod, Zeroable};
use huashen_core::Size;

use crate::adapter::Gpu;

/// The panel as it is to be seen from now on.
pub(super) struct PanelPicture {
    pub primitives: Vec<ClippedPrimitive>,
    pub textures: TexturesDelta,
    pub pixels_per_point: f32,
    /// Physical pixels at the right that the picture leaves to the panel.
    pub inset: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Screen {
    size: [f32; 2],
    encodes: f32,
    pad: f32,
}

/// Triangles of one texture within one rectangle.
struct Patch {
    /// Left, top, right, bottom in physical pixels.
    clip: [u32; 4],
    indices: std::ops::Range<u32>,
    first_vertex: i32,
    texture: TextureId,
}

pub(super) struct Painter {
    gpu: Gpu,
    pipeline: wgpu::RenderPipeline,
    sampler: wgpu::Sampler,
    screen: wgpu::Buffer,
    screen_group: wgpu::BindGroup,
    encodes: bool,
    textures: HashMap<TextureId, (wgpu::Texture, wgpu::BindGroup)>,
    buffers: Option<[wgpu::Buffer; 2]>,
    patches: Vec<Patch>,
    pixels_per_point: f32,
}

impl Painter {
    pub fn new(gpu: &Gpu, target: wgpu::TextureFormat) -> Self {
        let device = &gpu.device;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("panel"),
            source: crate::shaders::Shader::Panel.source(),
        });
        let premultiplied = wgpu::ColorTargetState {
            format: target,
            blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            write_mask: wgpu::ColorWrites::ALL,
        };
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("panel"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("place"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[wgpu::VertexBufferLayout {
                    array_stride: size_of::<Vertex>() as u64,
                    step_mode: wgpu::VertexStepMode::Vertex,
                    attributes: &wgpu::vertex_attr_array![
                        0 => Float32x2, 1 => Float32x2, 2 => Unorm8x4
                    ],
                }],
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("paint"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(premultiplied)],
            }),
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            multiview_mask: None,
            cache: None,
        });
        let screen = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("panel"),
            size: size_of::<Screen>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let screen_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("panel"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: screen.as_entire_binding(),
            }],
        });
        Self {
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("panel"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            gpu: gpu.clone(),
            pipeline,
            screen,
            screen_group,
            encodes: target.is_srgb(),
            textures: HashMap::new(),
            buffers: None,
            patches: Vec::new(),
            pixels_per_point: 1.0,
        }
    }

    /// Takes the next picture of the panel; none may be left out, as each tells
    /// what changed in its textures.
    pub fn take(&mut self, mut picture: PanelPicture) {
        for (id, deltas) in picture.textures.set.drain() {
            for delta in deltas {
                self.set_texture(id, &delta);
            }
        }
        self.lay(&picture.primitives, picture.pixels_per_point);
        for id in picture.textures.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn set_texture(&mut self, id: TextureId, delta: &ImageDelta) {
        let ImageData::Color(image) = &delta.image;
        let [width, height] = image.size.map(|side| side as u32);
        let extent = wgpu::Extent3d {
            width,
            height,
            depth_or_array_layers: 1,
        };
        if delta.pos.is_none() {
            let device = &self.gpu.device;
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("panel"),
                size: extent,
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            });
            let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("panel"),
                layout: &self.pipeline.get_bind_group_layout(1),
                entries: &[
                    wgpu::BindGroupEntry {
                        binding: 0,
                        resource: wgpu::BindingResource::TextureView(&view),
                    },
                    wgpu::BindGroupEntry {
                        binding: 1,
                        resource: wgpu::BindingResource::Sampler(&self.sampler),
                    },
                ],
            });
            self.textures.insert(id, (texture, group));
        }
        let Some((texture, _)) = self.textures.get(&id) else {
            return;
        };
        let [x, y] = delta.pos.unwrap_or_default().map(|v| v as u32);
        let mut target = texture.as_image_copy();
        target.origin = wgpu::Origin3d { x, y, z: 0 };
        self.gpu.queue.write_texture(
            target,
            bytemuck::cast_slice(&image.pixels),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(width * 4),
                rows_per_image: None,
            },
            extent,
        );
    }

    fn lay(&mut self, primitives: &[ClippedPrimitive], pixels_per_point: f32) {
        self.pixels_per_point = pixels_per_point;
        self.patches.clear();
        let (mut vertices, mut indices) = (Vec::<Vertex>::new(), Vec::<u32>::new());
        for ClippedPrimitive {
            clip_rect,
            primitive,
        } in primitives
        {
            // Nothing here paints by a callback.
            let Primitive::Mesh(mesh) = primitive else {
                continue;
            };
            let first = indices.len() as u32;
            let [min, max] = [clip_rect.min, clip_rect.max].map(|p| {
                [p.x, p.y].map(|v| (v * pixels_per_point).round().clamp(0.0, 65_535.0) as u32)
            });
            self.patches.push(Patch {
                clip: [min[0], min[1], max[0], max[1]],
                indices: first..first + mesh.indices.len() as u32,
                first_vertex: vertices.len() as i32,
                texture: mesh.texture_id,
            });
            vertices.extend_from_slice(&mesh.vertices);
            indices.extend_from_slice(&mesh.indices);
        }
        if self.patches.is_empty() {
            self.buffers = None;
            return;
        }
        self.buffers = Some([
            self.fill(
                0,
                bytemuck::cast_slice(&vertices),
                wgpu::BufferUsages::VERTEX,
            ),
            self.fill(1, bytemuck::cast_slice(&indices), wgpu::BufferUsages::INDEX),
        ]);
    }

    /// The buffer with these bytes: the old one where they fit.
    fn fill(&self, at: usize, bytes: &[u8], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let old = self.buffers.as_ref().map(|b| &b[at]);
        let size = bytes.len() as u64;
        let buffer = match old {
            Some(old) if old.size() >= size => old.clone(),
            _ => self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("panel"),
                size: size.next_power_of_two(),
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        self.gpu.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// Paints into a target of `size` physical pixels.
    pub fn paint(&self, pass: &mut wgpu::RenderPass<'_>, size: Size) {
        let Some([vertices, indices]) = &self.buffers else {
            return;
        };
        let points = |side: u32| side as f32 / self.pixels_per_point;
        let screen = Screen {
            size: [points(size.width), points(size.height)],
            encodes: if self.encodes { 1.0 } else { 0.0 },
            pad: 0.0,
        };
        self.gpu
            .queue
            .write_buffer(&self.screen, 0, bytemuck::bytes_of(&screen));
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.screen_group, &[]);
        pass.set_vertex_buffer(0, vertices.slice(..));
        pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
        for patch in &self.patches {
            let [left, top, right, bottom] = patch.clip;
            let (right, bottom) = (right.min(size.width), bottom.min(size.height));
            if left >= right || top >= bottom {
                continue;
            }
            let Some((_, texture)) = self.textures.get(&patch.texture) else {
                continue;
            };
            pass.set_scissor_rect(left, top, right - left, bottom - top);
            pass.set_bind_group(1, texture, &[]);
            pass.draw_indexed(patch.indices.clone(), patch.first_vertex, 0..1);
        }
    }
}
