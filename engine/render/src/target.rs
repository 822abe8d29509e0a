//! The textures that a look draws into.

use huashen_core::Size;

use crate::i420::Rect;
use crate::mixing::Mixing;

pub(crate) const DRAWN_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;
pub(crate) const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// What is drawn through, as encoded values or as light that is encoded.
pub(crate) fn drawn_format(mixing: Mixing) -> wgpu::TextureFormat {
    match mixing {
        Mixing::Light => DRAWN_FORMAT,
        Mixing::Encoded => wgpu::TextureFormat::Rgba8Unorm,
    }
}

/// A drawn picture: see [`mixing`](crate::mixing).
///
/// The texture is `Rgba8Unorm` with a view to draw through, which encodes where
/// light is drawn, so that compute and copies read encoded values.
#[derive(Clone)]
pub(crate) struct Target {
    /// Which part of the picture it covers.
    pub rect: Rect,
    pub drawn: wgpu::Texture,
    /// To draw through.
    pub attachment: wgpu::TextureView,
    pub drawn_raw: wgpu::TextureView,
    /// Multisampled colour, resolved into `drawn`.
    pub multisampled: Option<wgpu::TextureView>,
    pub depth: wgpu::TextureView,
}

impl Target {
    pub fn new(device: &wgpu::Device, rect: Rect, samples: u32, mixing: Mixing) -> Self {
        let format = drawn_format(mixing);
        let size = wgpu::Extent3d {
            width: rect.width,
            height: rect.height,
            depth_or_array_layers: 1,
        };
        let texture = |label, format, samples, usage, views: &[wgpu::TextureFormat]| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size,
                mip_level_count: 1,
                sample_count: samples,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage,
                view_formats: views,
            })
        };
        let drawable = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let drawn = texture(
            "drawn",
            wgpu::TextureFormat::Rgba8Unorm,
            1,
            drawable | wgpu::TextureUsages::COPY_SRC | wgpu::TextureUsages::TEXTURE_BINDING,
            &[DRAWN_FORMAT],
        );
        let depth = texture("depth", DEPTH_FORMAT, samples, drawable, &[]);
        let multisampled = (samples > 1)
            .then(|| texture("multisampled", format, samples, drawable, &[]))
            .map(|t| t.create_view(&wgpu::TextureViewDescriptor::default()));
        Self {
            rect,
            attachment: drawn.create_view(&wgpu::TextureViewDescriptor {
                format: Some(format),
                ..Default::default()
            }),
            drawn_raw: drawn.create_view(&wgpu::TextureViewDescriptor {
                format: Some(wgpu::TextureFormat::Rgba8Unorm),
                ..Default::default()
            }),
            drawn,
            multisampled,
            depth: depth.create_view(&wgpu::TextureViewDescriptor::default()),
        }
    }
}

/// The part of a picture that `positions` touch when seen through
/// `clip_from_world`, grown by `margin` pixels and cut to the picture.
/// Multiples of 16 pixels, so that it rarely changes.
pub(crate) fn footprint(
    positions: impl Iterator<Item = glam::Vec3>,
    clip_from_world: glam::Mat4,
    size: Size,
    margin: f32,
) -> Rect {
    let mut low = glam::Vec2::INFINITY;
    let mut high = glam::Vec2::NEG_INFINITY;
    for position in positions {
        let clip = clip_from_world * position.extend(1.0);
        if clip.w <= 1e-4 {
            // Behind the camera: no bound can be given.
            return Rect::full(size);
        }
        let ndc = glam::Vec2::new(clip.x, clip.y) / clip.w;
        low = low.min(ndc);
        high = high.max(ndc);
    }
    let (w, h) = (size.width as f32, size.height as f32);
    let edge = |v: f32, whole: f32, up: bool| {
        let v = if up {
            ((v + margin) / 16.0).ceil() * 16.0
        } else {
            ((v - margin) / 16.0).floor() * 16.0
        };
        v.clamp(0.0, whole) as u32
    };
    let x0 = edge((low.x * 0.5 + 0.5) * w, w, false);
    let x1 = edge((high.x * 0.5 + 0.5) * w, w, true);
    let y0 = edge((0.5 - high.y * 0.5) * h, h, false);
    let y1 = edge((0.5 - low.y * 0.5) * h, h, true);
    if x1 <= x0 || y1 <= y0 {
        return Rect {
            x: 0,
            y: 0,
            width: 16.min(size.width),
            height: 16.min(size.height),
        };
    }
    Rect {
        x: x0,
        y: y0,
        width: x1 - x0,
        height: y1 - y0,
    }
}

/// Maps the clip space of the whole picture to that of `rect`.
pub(crate) fn crop_matrix(size: Size, rect: Rect) -> glam::Mat4 {
    let (w, h) = (size.width as f32, size.height as f32);
    let (rw, rh) = (rect.width as f32, rect.height as f32);
    let centre_x = (rect.x as f32 + rw / 2.0) / w * 2.0 - 1.0;
    let centre_y = 1.0 - (rect.y as f32 + rh / 2.0) / h * 2.0;
    let scale = glam::Vec3::new(w / rw, h / rh, 1.0);
    glam::Mat4::from_scale(scale)
        * glam::Mat4::from_translation(glam::Vec3::new(-centre_x, -centre_y, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_shows_the_same_points_at_the_same_pixels() {
        let size = Size {
            width: 200,
            height: 100,
        };
        let rect = Rect {
            x: 32,
            y: 16,
            width: 64,
            height: 48,
        };
        let point = glam::Vec4::new(-0.4, 0.2, 0.3, 1.0);
        let whole = ((point.x * 0.5 + 0.5) * 200.0, (0.5 - point.y * 0.5) * 100.0);
        let inside = crop_matrix(size, rect) * point;
        let cut = (
            (inside.x * 0.5 + 0.5) * 64.0 + 32.0,
            (0.5 - inside.y * 0.5) * 48.0 + 16.0,
        );
        assert!((whole.0 - cut.0).abs() < 1e-3 && (whole.1 - cut.1).abs() < 1e-3);
        let found = footprint(
            [point.truncate()].into_iter(),
            glam::Mat4::IDENTITY,
            size,
            2.0,
        );
        assert!(found.contains(Rect {
            x: 58,
            y: 38,
            width: 4,
            height: 4
        }));
    }
}
