//! A window's surface: finished pictures are put on it, and read back from it
//! for screenshots.

use bevy::window::RawHandleWrapper;
use bytemuck::{Pod, Zeroable};
use huashen_core::{Frame, Size};
use image::RgbaImage;

use super::paint::{Painter, PanelPicture};
use crate::RenderError;
use crate::adapter::Gpu;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Fit {
    scale: [f32; 2],
}

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented {
    Shown,
    /// Nobody can see the window, or it is changing its size: the picture is dropped.
    Dropped,
}

pub(super) struct Surface {
    gpu: Gpu,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    blit: Blit,
    painter: Painter,
    /// Physical pixels at the right that belong to the panel alone.
    inset: u32,
    transparent: bool,
    /// Keeps the window alive for as long as it is drawn to.
    _window: RawHandleWrapper,
}

impl Surface {
    /// Takes the window over, `size` in physical pixels.
    pub fn new(
        gpu: &Gpu,
        window: RawHandleWrapper,
        size: Size,
        transparent: bool,
    ) -> Result<Self, RenderError> {
        let lost = |reason: String| RenderError::NoWindow(reason);
        let target = wgpu::SurfaceTargetUnsafe::RawHandle {
            raw_display_handle: Some(window.get_display_handle()),
            raw_window_handle: window.get_window_handle(),
        };
        // SAFETY: the wrapper keeps the window, and this value keeps the wrapper.
        let surface = unsafe { gpu.instance.create_surface_unsafe(target) }
            .map_err(|e| lost(e.to_string()))?;
        let can = surface.get_capabilities(&gpu.adapter);
        // Pictures are encoded already.
        let format = can
            .formats
            .iter()
            .find(|f| !f.is_srgb())
            .or(can.formats.first())
            .copied()
            .ok_or_else(|| {
                lost(format!(
                    "the adapter `{}` cannot draw into this window",
                    gpu.info.name
                ))
            })?;
        let has = |mode| can.present_modes.contains(&mode);
        let alpha = wgpu::CompositeAlphaMode::PreMultiplied;
        let config = wgpu::SurfaceConfiguration {
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            format,
            width: size.width.max(1),
            height: size.height.max(1),
            // A newer picture replaces one that waits.
            present_mode: match has(wgpu::PresentMode::Mailbox) {
                true => wgpu::PresentMode::Mailbox,
                false => wgpu::PresentMode::AutoVsync,
            },
            desired_maximum_frame_latency: 1,
            alpha_mode: match transparent && can.alpha_modes.contains(&alpha) {
                true => alpha,
                false => wgpu::CompositeAlphaMode::Auto,
            },
            view_formats: Vec::new(),
        };
        tracing::debug!(?format, mode = ?config.present_mode, alpha = ?config.alpha_mode, "surface");
        surface.configure(&gpu.device, &config);
        Ok(Self {
            blit: Blit::new(gpu, format),
            painter: Painter::new(gpu, format),
            inset: 0,
            gpu: gpu.clone(),
            surface,
            config,
            transparent,
            _window: window,
        })
    }

    pub fn size(&self) -> Size {
        Size {
            width: self.config.width,
            height: self.config.height,
        }
    }

    pub fn resize(&mut self, size: Size) {
        self.config.width = size.width.max(1);
        self.config.height = size.height.max(1);
        self.surface.configure(&self.gpu.device, &self.config);
    }

    /// Where pictures are shown: what the panel leaves of the window.
    pub fn area(&self) -> Size {
        Size {
            width: self.config.width.saturating_sub(self.inset).max(1),
            height: self.config.height,
        }
    }

    /// Builds anew the pass that shows pictures.
    pub fn rebuild(&mut self) {
        self.blit = Blit::new(&self.gpu, self.config.format);
    }

    /// Takes the next picture of the panel; true when the area changed.
    pub fn take_panel(&mut self, picture: PanelPicture) -> bool {
        let changed = self.inset != picture.inset;
        self.inset = picture.inset;
        self.painter.take(picture);
        changed
    }

    /// Puts `frame` (RGBA) on the window.
    pub fn present(&mut self, frame: &Frame) -> Presented {
        use wgpu::CurrentSurfaceTexture as Got;
        let texture = match self.surface.get_current_texture() {
            Got::Success(texture) | Got::Suboptimal(texture) => texture,
            Got::Outdated | Got::Lost => {
                self.surface.configure(&self.gpu.device, &self.config);
                return Presented::Dropped;
            }
            Got::Timeout | Got::Occluded | Got::Validation => return Presented::Dropped,
        };
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = self
            .gpu
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.blit.upload(frame);
        self.draw(&mut encoder, &view, frame.size);
        self.gpu.queue.submit([encoder.finish()]);
        texture.present();
        Presented::Shown
    }

    /// What the window shows of `frame`, drawn once more by the same pass.
    pub fn picture(&mut self, frame: &Frame) -> Result<RgbaImage, RenderError> {
        let size = self.size();
        let device = &self.gpu.device;
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("screenshot"),
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.config.format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let row = (size.width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("screenshot"),
            size: u64::from(row) * u64::from(size.height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        self.blit.upload(frame);
        self.draw(&mut encoder, &view, frame.size);
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row),
                    rows_per_image: None,
                },
            },
            extent(size),
        );
        let submission = self.gpu.queue.submit([encoder.finish()]);
        let (tell, mapped) = crossbeam_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            tell.send(result).ok();
        });
        let failed = |e: String| RenderError::Device(e);
        self.gpu
            .device
            .poll(wgpu::PollType::Wait {
                submission_index: Some(submission),
                timeout: None,
            })
            .map_err(|e| failed(e.to_string()))?;
        match mapped.recv() {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(failed(e.to_string())),
            Err(e) => return Err(failed(e.to_string())),
        }
        let view = buffer.slice(..).get_mapped_range();
        let blue_first = matches!(
            self.config.format,
            wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Bgra8UnormSrgb
        );
        Ok(RgbaImage::from_fn(size.width, size.height, |x, y| {
            let at = (y * row + x * 4) as usize;
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| view[at + i]);
            image::Rgba(match blue_first {
                true => [c, b, a, d],
                false => [a, b, c, d],
            })
        }))
    }

    /// The picture that was uploaded, `picture` large, and the panel over it.
    fn draw(&self, encoder: &mut wgpu::CommandEncoder, view: &wgpu::TextureView, picture: Size) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("present"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(self.clear()),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let (area, whole) = (self.area(), self.size());
        let side = |v: u32| v as f32;
        pass.set_viewport(0.0, 0.0, side(area.width), side(area.height), 0.0, 1.0);
        self.blit.draw(&mut pass, picture, area);
        pass.set_viewport(0.0, 0.0, side(whole.width), side(whole.height), 0.0, 1.0);
        self.painter.paint(&mut pass, whole);
    }

    fn clear(&self) -> wgpu::Color {
        match self.transparent {
            true => wgpu::Color::TRANSPARENT,
            false => wgpu::Color::BLACK,
        }
    }
}

fn extent(size: Size) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width: size.width,
        height: size.height,
        depth_or_array_layers: 1,
    }
}

/// The pass of `shaders/present.wgsl`.
struct Blit {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::RenderPipeline,
    sampler: wgpu::Sampler,
    fit: wgpu::Buffer,
    picture: Option<(Size, wgpu::Texture, wgpu::BindGroup)>,
    format: wgpu::TextureFormat,
}

impl Blit {
    fn new(gpu: &Gpu, target: wgpu::TextureFormat) -> Self {
        let device = &gpu.device;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("present"),
            source: crate::shaders::Shader::Present.source(),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("present"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("corner"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("show"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(target.into())],
            }),
            primitive: wgpu::PrimitiveState {
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                ..Default::default()
            },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            multiview_mask: None,
            cache: None,
        });
        Self {
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("present"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            fit: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("fit"),
                size: size_of::<Fit>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            device: device.clone(),
            queue: gpu.queue.clone(),
            pipeline,
            picture: None,
            // What is encoded on the way out is decoded on the way in.
            format: match target.is_srgb() {
                true => wgpu::TextureFormat::Rgba8UnormSrgb,
                false => wgpu::TextureFormat::Rgba8Unorm,
            },
        }
    }

    fn upload(&mut self, frame: &Frame) {
        if self.picture.as_ref().is_none_or(|(s, ..)| *s != frame.size) {
            self.picture = Some(self.texture(frame.size));
        }
        if let Some((size, texture, _)) = &self.picture {
            self.queue.write_texture(
                texture.as_image_copy(),
                &frame.data,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(size.width * 4),
                    rows_per_image: None,
                },
                extent(*size),
            );
        }
    }

    fn texture(&self, size: Size) -> (Size, wgpu::Texture, wgpu::BindGroup) {
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("shown"),
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("present"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(&view)),
                entry(1, wgpu::BindingResource::Sampler(&self.sampler)),
                entry(2, self.fit.as_entire_binding()),
            ],
        });
        (size, texture, group)
    }

    /// Draws the picture into an area of the target.
    fn draw(&self, pass: &mut wgpu::RenderPass<'_>, picture: Size, area: Size) {
        let fit = Fit {
            scale: fit(picture, area),
        };
        self.queue
            .write_buffer(&self.fit, 0, bytemuck::bytes_of(&fit));
        if let Some((_, _, group)) = &self.picture {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..4, 0..1);
        }
    }
}

/// The share of the window's sides that a whole picture takes.
fn fit(picture: Size, window: Size) -> [f32; 2] {
    let ratio = picture.aspect() / window.aspect();
    // Sides are made even for drawing: less than a pixel of border is none.
    if (ratio - 1.0).abs() < 0.01 {
        return [1.0, 1.0];
    }
    [ratio.min(1.0), (1.0 / ratio).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_in_any_window() {
        let size = |width, height| Size { width, height };
        assert_eq!(fit(size(640, 360), size(1280, 720)), [1.0, 1.0]);
        assert_eq!(fit(size(640, 360), size(641, 361)), [1.0, 1.0]);
        let [x, y] = fit(size(100, 100), size(400, 200));
        assert!((x - 0.5).abs() < 1e-6 && y == 1.0);
        let [x, y] = fit(size(400, 200), size(100, 100));
        assert!(x == 1.0 && (y - 0.5).abs() < 1e-6);
    }
}
