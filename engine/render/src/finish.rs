//! From a drawn texture to bytes on their way to a sink: the I420 compute
//! pass on GPUs, a plain copy on software adapters (which convert in the CPU
//! twin), and the ring of read-back buffers.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use crossbeam_channel::{Receiver, Sender};
use huashen_core::{Frame, PixelFormat, Size};

use crate::RenderError;
use crate::edges::{Drawn, Edges, Softened};
use crate::i420::{self, Rect};
use crate::mixing::Mixing;
use crate::plate::{Background, Plate};
use crate::target::Target;

/// Read-back buffers in flight: one being drawn, one queued, one being read,
/// one at the encoder.
pub(crate) const RING: usize = 4;

const ROW_ALIGN: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct FinishUniform {
    size: [u32; 2],
    origin: [u32; 2],
    drawn: [u32; 2],
    stride: u32,
    mixing: u32,
}

/// A frame that the GPU is working on.
pub(crate) struct InFlight {
    pub index: u64,
    pub rect: Rect,
    pub buffer: wgpu::Buffer,
    pub submission: wgpu::SubmissionIndex,
    pub mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// The render thread's end: turns a finished target into an [`InFlight`].
pub(crate) struct Finisher {
    device: wgpu::Device,
    queue: wgpu::Queue,
    size: Size,
    convert: Option<Convert>,
    free: Receiver<Option<wgpu::Buffer>>,
}

struct Convert {
    pipeline: wgpu::ComputePipeline,
    uniform: wgpu::Buffer,
    planes: wgpu::Buffer,
    plate: wgpu::TextureView,
    mixing: Mixing,
    bound: Option<(Rect, wgpu::BindGroup)>,
}

/// Row length of the luma plane in the compute pass's buffer.
fn stride(size: Size) -> u32 {
    size.width.next_multiple_of(8)
}

fn planes_len(size: Size) -> u64 {
    u64::from(stride(size)) * u64::from(size.height) * 3 / 2
}

/// Bytes a row of a texture copy of this width.
fn copy_row(width: u32) -> u32 {
    (width * 4).next_multiple_of(ROW_ALIGN)
}

impl Finisher {
    /// `on_gpu`: convert to I420 there, else copy RGBA.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        size: Size,
        plate: &Plate,
        on_gpu: bool,
        free: Receiver<Option<wgpu::Buffer>>,
    ) -> Self {
        Self {
            convert: on_gpu.then(|| Convert::new(device, queue, size, plate)),
            device: device.clone(),
            queue: queue.clone(),
            size,
            free,
        }
    }

    /// Queues conversion and read-back of `target`, after what was submitted
    /// before. Waits while all buffers of the ring are in use.
    pub fn finish(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        target: &Target,
        index: u64,
    ) -> Result<InFlight, RenderError> {
        let bytes = match &self.convert {
            Some(_) => planes_len(self.size),
            None => u64::from(copy_row(target.rect.width)) * u64::from(target.rect.height),
        };
        let slot = self
            .free
            .recv()
            .map_err(|_| RenderError::Stopped("no buffer came back".to_owned()))?;
        let buffer = match slot {
            Some(buffer) if buffer.size() == bytes => buffer,
            _ => self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("read-back"),
                size: bytes,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            }),
        };
        if let Some(convert) = &mut self.convert {
            convert.encode(&self.device, &self.queue, &mut encoder, target, self.size);
            encoder.copy_buffer_to_buffer(&convert.planes, 0, &buffer, 0, bytes);
        } else {
            encoder.copy_texture_to_buffer(
                target.drawn.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: &buffer,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(copy_row(target.rect.width)),
                        rows_per_image: None,
                    },
                },
                wgpu::Extent3d {
                    width: target.rect.width,
                    height: target.rect.height,
                    depth_or_array_layers: 1,
                },
            );
        }
        let submission = self.queue.submit([encoder.finish()]);
        let (tell, mapped) = crossbeam_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver may be gone when the render was stopped.
            tell.send(result).ok();
        });
        Ok(InFlight {
            index,
            rect: target.rect,
            buffer,
            submission,
            mapped,
        })
    }
}

impl Convert {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue, size: Size, plate: &Plate) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("rgba_to_i420"),
            source: crate::shaders::Shader::RgbaToI420.source(),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("rgba_to_i420"),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let buffer = |label, size, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        Self {
            uniform: buffer(
                "finish",
                size_of::<FinishUniform>() as u64,
                wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            ),
            planes: buffer(
                "planes",
                planes_len(size),
                wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            ),
            plate: plate.texture(device, queue),
            pipeline,
            mixing: plate.mixing,
            bound: None,
        }
    }

    fn encode(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        target: &Target,
        size: Size,
    ) {
        let group = match &self.bound {
            Some((rect, group)) if *rect == target.rect => group.clone(),
            _ => {
                let uniform = FinishUniform {
                    size: [size.width, size.height],
                    origin: [target.rect.x, target.rect.y],
                    drawn: [target.rect.width, target.rect.height],
                    stride: stride(size),
                    mixing: self.mixing as u32,
                };
                queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&uniform));
                let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
                let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("rgba_to_i420"),
                    layout: &self.pipeline.get_bind_group_layout(0),
                    entries: &[
                        entry(0, self.uniform.as_entire_binding()),
                        entry(1, wgpu::BindingResource::TextureView(&target.drawn_raw)),
                        entry(2, wgpu::BindingResource::TextureView(&self.plate)),
                        entry(3, self.planes.as_entire_binding()),
                    ],
                });
                self.bound = Some((target.rect, group.clone()));
                group
            }
        };
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(
            (stride(size) / 8).div_ceil(8),
            (size.height / 2).div_ceil(8),
            1,
        );
    }
}

/// The caller's end: waits for frames and gives their buffers back.
pub(crate) struct Deliverer {
    device: wgpu::Device,
    size: Size,
    format: PixelFormat,
    converted: bool,
    plate: Arc<Plate>,
    free: Sender<Option<wgpu::Buffer>>,
    /// Where edges are softened after drawing.
    edges: Option<Edges>,
    softened: Vec<Softened>,
    /// The picture so far, RGBA over the plate; only the drawn part changes.
    picture: Vec<u8>,
    frame: Vec<u8>,
    drawn: Option<Rect>,
}

impl Deliverer {
    pub fn new(
        device: &wgpu::Device,
        size: Size,
        format: PixelFormat,
        converted: bool,
        plate: Arc<Plate>,
        free: Sender<Option<wgpu::Buffer>>,
        soften: bool,
    ) -> Self {
        Self {
            device: device.clone(),
            size,
            format,
            converted,
            picture: Vec::new(),
            frame: Vec::new(),
            drawn: None,
            edges: soften.then(|| Edges::new(plate.mixing)),
            softened: Vec::new(),
            plate,
            free,
        }
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// Another plate from the next frame on.
    pub fn set_background(&mut self, background: &Background) {
        let keep_alpha = self.format == PixelFormat::Rgba8;
        let plate = Plate::new(background, self.size, keep_alpha, self.plate.mixing);
        self.plate = Arc::new(plate);
        // Drawn anew, so that nothing of the old one stays.
        self.picture.clear();
        self.drawn = None;
    }

    /// Waits for a frame and gives it in the format asked for.
    pub fn take(&mut self, frame: InFlight) -> Result<Frame, RenderError> {
        self.device
            .poll(wgpu::PollType::Wait {
                submission_index: Some(frame.submission.clone()),
                timeout: None,
            })
            .map_err(|e| RenderError::Device(e.to_string()))?;
        match frame.mapped.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(RenderError::Device(error.to_string())),
            Err(error) => return Err(RenderError::Device(error.to_string())),
        }
        let data = {
            let view = frame.buffer.slice(..).get_mapped_range();
            if self.converted {
                unpad(&view, self.size)
            } else {
                self.compose(&view, frame.rect)
            }
        };
        frame.buffer.unmap();
        // The render thread may have stopped; the frame is good all the same.
        self.free.send(Some(frame.buffer)).ok();
        Ok(Frame {
            index: frame.index,
            size: self.size,
            format: self.format,
            data,
        })
    }

    /// Puts drawn rows over the plate and converts what was touched.
    fn compose(&mut self, drawn: &[u8], rect: Rect) -> Vec<u8> {
        let width = self.size.width as usize;
        let first = self.picture.is_empty();
        if first {
            self.picture = self.plate.rgba().to_vec();
        }
        let row_bytes = copy_row(rect.width) as usize;
        for y in 0..rect.height as usize {
            let at = ((rect.y as usize + y) * width + rect.x as usize) * 4;
            let line = at..at + rect.width as usize * 4;
            let from = &drawn[y * row_bytes..][..rect.width as usize * 4];
            let to = &mut self.picture[line.clone()];
            if self.plate.is_transparent() {
                for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(4)) {
                    let drawn = [from[0], from[1], from[2], from[3]];
                    to.copy_from_slice(&self.plate.mixing.straighten(drawn));
                }
                continue;
            }
            let plate = &self.plate.rgba()[line];
            self.plate.mixing.over_row(from, plate, to);
        }
        if let Some(edges) = &mut self.edges {
            let drawn = Drawn {
                bytes: drawn,
                row_bytes,
                width: rect.width as usize,
                height: rect.height as usize,
            };
            edges.soften(drawn, &mut self.softened);
            for s in &self.softened {
                let at = ((rect.y as usize + s.y) * width + rect.x as usize + s.x) * 4;
                let back = &self.plate.rgba()[at..at + 4];
                let pixel = if self.plate.is_transparent() {
                    self.plate.mixing.straighten(s.pixel)
                } else {
                    self.plate
                        .mixing
                        .over(s.pixel, [back[0], back[1], back[2], back[3]])
                };
                self.picture[at..at + 4].copy_from_slice(&pixel);
            }
        }
        match self.format {
            PixelFormat::Rgba8 => self.picture.clone(),
            PixelFormat::I420 => {
                let changed = match self.drawn.replace(rect) {
                    Some(last) => last.union(rect),
                    None => Rect::full(self.size),
                };
                if first {
                    self.frame = vec![0; self.format.byte_len(self.size)];
                }
                i420::rgba_to_i420(&self.picture, self.size, changed, &mut self.frame);
                self.frame.clone()
            }
        }
    }
}

/// Drops the padding of the compute pass's rows.
fn unpad(planes: &[u8], size: Size) -> Vec<u8> {
    let (w, h, padded) = (
        size.width as usize,
        size.height as usize,
        stride(size) as usize,
    );
    if padded == w {
        return planes.to_vec();
    }
    let mut out = Vec::with_capacity(PixelFormat::I420.byte_len(size));
    let (luma, chroma) = planes.split_at(padded * h);
    for row in luma.chunks_exact(padded) {
        out.extend_from_slice(&row[..w]);
    }
    for row in chroma.chunks_exact(padded / 2) {
        out.extend_from_slice(&row[..w / 2]);
    }
    out
}
