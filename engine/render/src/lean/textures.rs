//! Textures on the device.

use image::RgbaImage;
use wgpu::util::DeviceExt;

/// What a texture's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Texels {
    /// Colours that are lit.
    Light,
    /// Directions and the like.
    Data,
    /// Colours that are shown as they are, at about their own size.
    Encoded,
}

/// Uploads `picture`, with all its mip levels unless encoded.
///
/// Light is kept as the square root of light rather than in sRGB's curve: a
/// software adapter filters plain bytes several times faster, and undoing the
/// root is one product.
pub(super) fn upload(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    picture: &RgbaImage,
    texels: Texels,
) -> wgpu::TextureView {
    let (width, height) = picture.dimensions();
    let (mut data, levels) = match texels {
        Texels::Encoded => (picture.as_raw().clone(), 1),
        _ => crate::mips::chain(picture, texels == Texels::Light),
    };
    if texels == Texels::Light {
        let root: [u8; 256] = std::array::from_fn(|i| {
            let light = crate::mixing::srgb_decode(i as f32 / 255.0);
            (light.sqrt() * 255.0).round() as u8
        });
        for pixel in data.chunks_exact_mut(4) {
            for channel in &mut pixel[..3] {
                *channel = root[usize::from(*channel)];
            }
        }
    }
    device
        .create_texture_with_data(
            queue,
            &wgpu::TextureDescriptor {
                label: Some("map"),
                size: wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers: 1,
                },
                mip_level_count: levels,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            },
            wgpu::util::TextureDataOrder::LayerMajor,
            &data,
        )
        .create_view(&wgpu::TextureViewDescriptor::default())
}
