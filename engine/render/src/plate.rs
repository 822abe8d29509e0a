//! What is behind the person.

use huashen_core::Size;
use image::RgbaImage;
use image::imageops::{self, FilterType};

use crate::mixing::Mixing;

/// What is behind the person.
#[derive(Clone, Debug, PartialEq)]
pub enum Background {
    /// One sRGB colour; comes out exactly.
    Color([u8; 3]),
    /// Scaled to cover the picture and cut at the longer side; its transparent
    /// parts show black.
    Picture(RgbaImage),
    /// Nothing: RGBA frames keep straight alpha, I420 frames show black.
    Transparent,
    /// What was behind a person who was filmed; [`Background::PLAIN`] behind
    /// everyone else.
    AsFilmed,
}

/// Behind whoever brings nothing along.
const PLAIN: [u8; 3] = [40, 60, 90];

impl Background {
    /// Behind whoever brings nothing along.
    pub const PLAIN: Self = Self::Color(PLAIN);
}

/// The background at the size of the picture, sRGB-encoded RGBA.
pub(crate) struct Plate {
    size: Size,
    rgba: Vec<u8>,
    transparent: bool,
    /// How what is drawn is mixed with it.
    pub mixing: Mixing,
}

impl Plate {
    pub fn new(background: &Background, size: Size, keep_alpha: bool, mixing: Mixing) -> Self {
        let pixels = size.width as usize * size.height as usize;
        let transparent = keep_alpha && *background == Background::Transparent;
        let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255].repeat(pixels);
        let rgba = match background {
            Background::AsFilmed => opaque(PLAIN),
            Background::Color(color) => opaque(*color),
            Background::Transparent if transparent => vec![0; pixels * 4],
            Background::Transparent => opaque([0; 3]),
            Background::Picture(picture) => cover(picture, size).into_raw(),
        };
        Self {
            size,
            rgba,
            transparent,
            mixing,
        }
    }

    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    pub fn is_transparent(&self) -> bool {
        self.transparent
    }

    /// As a texture of encoded values.
    pub fn texture(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
        use wgpu::util::DeviceExt;
        let descriptor = wgpu::TextureDescriptor {
            label: Some("plate"),
            size: wgpu::Extent3d {
                width: self.size.width,
                height: self.size.height,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        };
        device
            .create_texture_with_data(
                queue,
                &descriptor,
                wgpu::util::TextureDataOrder::LayerMajor,
                &self.rgba,
            )
            .create_view(&wgpu::TextureViewDescriptor::default())
    }
}

/// Scales to cover `size` and cuts the middle; solid, black where it was clear.
pub fn cover(picture: &RgbaImage, size: Size) -> RgbaImage {
    let (pw, ph) = (picture.width().max(1), picture.height().max(1));
    let (w, h) = (size.width, size.height);
    // The largest part of the picture with the frame's shape.
    let (cut_w, cut_h) = if u64::from(pw) * u64::from(h) > u64::from(ph) * u64::from(w) {
        (
            (u64::from(ph) * u64::from(w) / u64::from(h)).max(1) as u32,
            ph,
        )
    } else {
        (
            pw,
            (u64::from(pw) * u64::from(h) / u64::from(w)).max(1) as u32,
        )
    };
    let cut = imageops::crop_imm(picture, (pw - cut_w) / 2, (ph - cut_h) / 2, cut_w, cut_h);
    let mut out = if (cut_w, cut_h) == (w, h) {
        cut.to_image()
    } else {
        imageops::resize(&*cut, w, h, FilterType::CatmullRom)
    };
    for pixel in out.pixels_mut() {
        let [r, g, b, a] = pixel.0;
        let on_black = |c: u8| (u16::from(c) * u16::from(a) / 255) as u8;
        pixel.0 = [on_black(r), on_black(g), on_black(b), 255];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_covers_and_keeps_its_middle() {
        let picture = RgbaImage::from_fn(30, 10, |x, _| {
            image::Rgba(if (10..20).contains(&x) {
                [200, 100, 50, 255]
            } else {
                [0, 0, 0, 255]
            })
        });
        let size = Size {
            width: 10,
            height: 10,
        };
        let plate = Plate::new(&Background::Picture(picture), size, false, Mixing::Light);
        assert!(plate.rgba().chunks(4).all(|p| p == [200, 100, 50, 255]));
    }
}
