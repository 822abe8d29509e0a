//! Textures on the device.

use image::RgbaImage;
use wgpu::util::DeviceExt;

/// Uploads `picture` with all its mip levels. `srgb`: colour, else data.
pub(super) fn upload(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    picture: &RgbaImage,
    srgb: bool,
) -> wgpu::TextureView {
    let (width, height) = picture.dimensions();
    let (data, levels) = crate::mips::chain(picture, srgb);
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
                format: if srgb {
                    wgpu::TextureFormat::Rgba8UnormSrgb
                } else {
                    wgpu::TextureFormat::Rgba8Unorm
                },
                usage: wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            },
            wgpu::util::TextureDataOrder::LayerMajor,
            &data,
        )
        .create_view(&wgpu::TextureViewDescriptor::default())
}
