//! The pass that draws a mouth over a base frame (`shaders/mouth.wgsl`).

use bytemuck::{Pod, Zeroable};
use glam::Vec2;
use huashen_avatar::video::weave::{CORNERS, Weave};
use huashen_avatar::video::{VideoAvatar, Woven};
use huashen_core::Size;

use super::planes;
use super::readers::Readers;
use crate::RenderError;
use crate::adapter::Gpu;
use crate::i420::Rect;

/// Takes that stay on the device, at most.
const KEPT: usize = 32;
/// Pixels around what is drawn: bent skin is looked up there.
const MARGIN: f32 = 12.0;
/// Colours are matched over squares of this part of the ring's own size.
const PATCH: f32 = 0.05;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Vertex {
    at: [f32; 2],
    base: [f32; 2],
    first: [f32; 2],
    second: [f32; 2],
    first_shift: [f32; 4],
    second_shift: [f32; 4],
}

const VERTEX: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![
        0 => Float32x2, 1 => Float32x2, 2 => Float32x2, 3 => Float32x2, 4 => Float32x4, 5 => Float32x4
    ],
};

/// What is drawn into, as large as was ever needed.
struct Room {
    width: u32,
    height: u32,
    base: wgpu::Texture,
    target: wgpu::Texture,
    read_back: wgpu::Buffer,
}

/// A take on the device.
struct Loaded {
    take: usize,
    rgba: Vec<u8>,
    side: usize,
    view: wgpu::TextureView,
}

pub(super) struct Composer {
    gpu: Gpu,
    pipeline: wgpu::RenderPipeline,
    sampler: wgpu::Sampler,
    share: wgpu::Buffer,
    vertices: wgpu::Buffer,
    indices: wgpu::Buffer,
    count: u32,
    room: Option<Room>,
    takes: Vec<Loaded>,
    mouths: Readers,
}

impl Composer {
    /// `mouths` gives the pictures of mouths.
    pub fn new(gpu: Gpu, mouths: Readers) -> Self {
        let device = &gpu.device;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("mouth"),
            source: crate::shaders::Shader::Mouth.source(),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("mouth"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[VERTEX],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("fragment"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::TextureFormat::Rgba8Unorm.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let buffer = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let side = CORNERS as u32;
        let indices: Vec<u32> = (0..side - 1)
            .flat_map(|y| (0..side - 1).map(move |x| y * side + x))
            .flat_map(|i| [i, i + side, i + 1, i + 1, i + side, i + side + 1])
            .collect();
        let on_device = buffer("mouth", indices.len() as u64 * 4, wgpu::BufferUsages::INDEX);
        gpu.queue
            .write_buffer(&on_device, 0, bytemuck::cast_slice(&indices));
        Self {
            pipeline,
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..wgpu::SamplerDescriptor::default()
            }),
            share: buffer("share", 16, wgpu::BufferUsages::UNIFORM),
            vertices: buffer(
                "mouth",
                (CORNERS * CORNERS * size_of::<Vertex>()) as u64,
                wgpu::BufferUsages::VERTEX,
            ),
            indices: on_device,
            count: indices.len() as u32,
            room: None,
            takes: Vec::new(),
            mouths,
            gpu,
        }
    }

    /// Draws a mouth into a picture's planes.
    pub fn compose(
        &mut self,
        avatar: &VideoAvatar,
        woven: &Woven,
        size: Size,
        planes: &mut [u8],
    ) -> Result<(), RenderError> {
        let mut weave = woven.weave.clone();
        let Some(rect) = reach(&weave, size) else {
            return Ok(());
        };
        if self.takes.len() >= KEPT {
            // Before, not while, this picture's takes get their numbers.
            self.takes.drain(..KEPT / 2);
        }
        let first = self.take(avatar, woven.takes[0])?;
        let second = self.take(avatar, woven.takes[1])?;
        let rgba = planes::part_to_rgba(planes, size, rect);
        self.tint(&mut weave, &rgba, rect, [first, second]);
        let room = Self::room(&self.gpu, &mut self.room, rect);
        let extent = wgpu::Extent3d {
            width: rect.width,
            height: rect.height,
            depth_or_array_layers: 1,
        };
        let queue = &self.gpu.queue;
        queue.write_texture(
            room.base.as_image_copy(),
            &rgba,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(rect.width * 4),
                rows_per_image: None,
            },
            extent,
        );
        queue.write_buffer(
            &self.vertices,
            0,
            bytemuck::cast_slice(&vertices(&weave, rect, room)),
        );
        queue.write_buffer(
            &self.share,
            0,
            bytemuck::cast_slice(&[woven.second, 0.0, 0.0, 0.0]),
        );
        let device = &self.gpu.device;
        let view = |t: &wgpu::Texture| t.create_view(&wgpu::TextureViewDescriptor::default());
        let base = view(&room.base);
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("mouth"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(&base)),
                entry(
                    1,
                    wgpu::BindingResource::TextureView(&self.takes[first].view),
                ),
                entry(
                    2,
                    wgpu::BindingResource::TextureView(&self.takes[second].view),
                ),
                entry(3, wgpu::BindingResource::Sampler(&self.sampler)),
                entry(4, self.share.as_entire_binding()),
            ],
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_texture(
            room.base.as_image_copy(),
            room.target.as_image_copy(),
            extent,
        );
        {
            let target = view(&room.target);
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("mouth"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &target,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Load,
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..wgpu::RenderPassDescriptor::default()
            });
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.set_vertex_buffer(0, self.vertices.slice(..));
            pass.set_index_buffer(self.indices.slice(..), wgpu::IndexFormat::Uint32);
            pass.draw_indexed(0..self.count, 0, 0..1);
        }
        let row = copy_row(rect.width);
        encoder.copy_texture_to_buffer(
            room.target.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &room.read_back,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            extent,
        );
        let submission = queue.submit([encoder.finish()]);
        let (tell, mapped) = crossbeam_channel::bounded(1);
        room.read_back
            .map_async(wgpu::MapMode::Read, .., move |result| {
                tell.send(result).ok();
            });
        device
            .poll(wgpu::PollType::Wait {
                submission_index: Some(submission),
                timeout: None,
            })
            .map_err(|e| RenderError::Device(e.to_string()))?;
        match mapped.recv() {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(RenderError::Device(e.to_string())),
            Err(e) => return Err(RenderError::Device(e.to_string())),
        }
        {
            let drawn = room.read_back.slice(..).get_mapped_range();
            planes::put(planes, size, rect, &drawn, row as usize);
        }
        room.read_back.unmap();
        Ok(())
    }

    /// Puts a take on the device; gives where it is among those there.
    fn take(&mut self, avatar: &VideoAvatar, take: usize) -> Result<usize, RenderError> {
        if let Some(at) = self.takes.iter().position(|t| t.take == take) {
            return Ok(at);
        }
        let side = avatar.about.mouth_px;
        let size = Size {
            width: side,
            height: side,
        };
        let planes = self
            .mouths
            .read(u64::from(avatar.person.takes[take].picture))
            .map_err(|e| RenderError::Footage(e.to_string()))?;
        let rgba = planes::to_rgba(planes, size);
        let extent = wgpu::Extent3d {
            width: side,
            height: side,
            depth_or_array_layers: 1,
        };
        let texture = self.gpu.device.create_texture(&descriptor(extent));
        self.gpu.queue.write_texture(
            texture.as_image_copy(),
            &rgba,
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(side * 4),
                rows_per_image: None,
            },
            extent,
        );
        self.takes.push(Loaded {
            take,
            rgba,
            side: side as usize,
            view: texture.create_view(&wgpu::TextureViewDescriptor::default()),
        });
        Ok(self.takes.len() - 1)
    }

    /// Finds how much lighter the base is than the takes around the lips.
    fn tint(&self, weave: &mut Weave, rgba: &[u8], rect: Rect, takes: [usize; 2]) {
        let corner = Vec2::new(rect.x as f32, rect.y as f32);
        let across = weave
            .ring
            .iter()
            .map(|r| r[0].distance(weave.ring[0][0]))
            .fold(0.0, f32::max);
        let in_base = |p: Vec2| {
            let (w, h) = (rect.width as usize, rect.height as usize);
            let p = p - corner;
            mean(w, h, p, (across * PATCH).max(1.0), |x, y| {
                let at = (y * w + x) * 4;
                [rgba[at], rgba[at + 1], rgba[at + 2]]
            })
        };
        let apart: Vec<[[f32; 3]; 2]> = weave
            .ring
            .iter()
            .map(|ring| {
                let base = in_base(ring[0]);
                [0, 1].map(|n| {
                    let picture = &self.takes[takes[n]];
                    let side = picture.side;
                    // The ring spans about two fifths of a take.
                    let patch = (side as f32 * 0.4 * PATCH).max(1.0);
                    let p = ring[n + 1] * side as f32;
                    let theirs = mean(side, side, p, patch, |x, y| {
                        let at = (y * side + x) * 4;
                        [picture.rgba[at], picture.rgba[at + 1], picture.rgba[at + 2]]
                    });
                    [0, 1, 2].map(|c| (base[c] - theirs[c]) / 255.0)
                })
            })
            .collect();
        weave.tint(&apart);
    }

    fn room<'a>(gpu: &Gpu, room: &'a mut Option<Room>, rect: Rect) -> &'a Room {
        let fits = |r: &Room| r.width >= rect.width && r.height >= rect.height;
        if !room.as_ref().is_some_and(fits) {
            let old = room.as_ref().map_or((0, 0), |r| (r.width, r.height));
            let side = |new: u32, old: u32| new.next_multiple_of(64).max(old);
            let (width, height) = (side(rect.width, old.0), side(rect.height, old.1));
            let extent = wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers: 1,
            };
            *room = Some(Room {
                width,
                height,
                base: gpu.device.create_texture(&descriptor(extent)),
                target: gpu.device.create_texture(&descriptor(extent)),
                read_back: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("mouth"),
                    size: u64::from(copy_row(width)) * u64::from(height),
                    usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                    mapped_at_creation: false,
                }),
            });
        }
        match room {
            Some(room) => room,
            None => unreachable!("it was just made"),
        }
    }
}

fn copy_row(width: u32) -> u32 {
    (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

fn descriptor(size: wgpu::Extent3d) -> wgpu::TextureDescriptor<'static> {
    wgpu::TextureDescriptor {
        label: Some("mouth"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_DST
            | wgpu::TextureUsages::COPY_SRC
            | wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    }
}

/// The part of the picture that a weave touches, with a margin; even.
fn reach(weave: &Weave, size: Size) -> Option<Rect> {
    let low = weave.corners.iter().map(|c| c.at).reduce(Vec2::min)? - MARGIN;
    let high = weave.corners.iter().map(|c| c.at).reduce(Vec2::max)? + MARGIN;
    let edge = |v: f32, most: u32| (v.clamp(0.0, most as f32) as u32) & !1;
    let (x, y) = (edge(low.x, size.width), edge(low.y, size.height));
    let (right, down) = (
        edge(high.x + 1.0, size.width),
        edge(high.y + 1.0, size.height),
    );
    (right > x + 8 && down > y + 8).then_some(Rect {
        x,
        y,
        width: right - x,
        height: down - y,
    })
}

fn vertices(weave: &Weave, rect: Rect, room: &Room) -> Vec<Vertex> {
    let corner = Vec2::new(rect.x as f32, rect.y as f32);
    let part = Vec2::new(rect.width as f32, rect.height as f32);
    let whole = Vec2::new(room.width as f32, room.height as f32);
    let shift = |s: [f32; 3], w: f32| [s[0], s[1], s[2], w];
    weave
        .corners
        .iter()
        .map(|c| {
            // The target is as large as the room.
            let at = (c.at - corner) / whole * 2.0 - 1.0;
            let inside = (c.base - corner).clamp(Vec2::splat(0.5), part - 0.5);
            Vertex {
                at: [at.x, -at.y],
                base: (inside / whole).to_array(),
                first: c.takes[0].to_array(),
                second: c.takes[1].to_array(),
                first_shift: shift(c.shift[0], c.cover),
                second_shift: shift(c.shift[1], 0.0),
            }
        })
        .collect()
}

/// Mean colour over a square about `p`.
fn mean(w: usize, h: usize, p: Vec2, reach: f32, at: impl Fn(usize, usize) -> [u8; 3]) -> [f32; 3] {
    let range = |v: f32, most: usize| {
        let edge = |v: f32| (v.max(0.0) as usize).min(most - 1);
        edge(v - reach)..=edge(v + reach)
    };
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for y in range(p.y, h) {
        for x in range(p.x, w) {
            for (s, v) in sum.iter_mut().zip(at(x, y)) {
                *s += f32::from(v);
            }
            count += 1.0;
        }
    }
    sum.map(|s| s / count)
}
