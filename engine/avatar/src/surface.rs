//! Materials and pictures of a model file.

use std::path::Path;
use std::sync::Arc;

use image::RgbaImage;

const MAX_PIXELS: u32 = 16_384;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlphaMode {
    Opaque,
    /// Cut at this alpha.
    Mask(f32),
    Blend,
}

/// glTF metallic-roughness; textures are indices into [`Model::images`](crate::Model::images).
#[derive(Clone, Debug)]
pub struct Material {
    pub name: String,
    /// Linear RGBA.
    pub base: [f32; 4],
    pub emissive: [f32; 3],
    pub metallic: f32,
    pub roughness: f32,
    pub normal_scale: f32,
    pub base_texture: Option<usize>,
    pub normal_texture: Option<usize>,
    pub metallic_roughness_texture: Option<usize>,
    pub alpha: AlphaMode,
    pub double_sided: bool,
    /// Shown as its picture is, without light.
    pub unlit: bool,
}

pub(crate) fn read_image(
    image: &gltf::Image<'_>,
    buffers: &[gltf::buffer::Data],
    base: &Path,
    warnings: &mut Vec<String>,
) -> Arc<RgbaImage> {
    let decoded = match image.source() {
        gltf::image::Source::View { view, .. } => buffers
            .get(view.buffer().index())
            .and_then(|b| {
                b.0.get(view.offset()..view.offset().checked_add(view.length())?)
            })
            .map(decode_image),
        gltf::image::Source::Uri { uri, .. } if uri.starts_with("data:") => gltf::import_images(
            // The library knows data URIs; files are opened here.
            &image_document(uri),
            None,
            &[],
        )
        .ok()
        .and_then(|mut images| images.pop())
        .map(|data| to_rgba(&data)),
        gltf::image::Source::Uri { uri, .. } => {
            std::fs::read(base.join(uri)).ok().map(|b| decode_image(&b))
        }
    };
    match decoded {
        Some(Ok(image)) => Arc::new(image),
        Some(Err(reason)) => {
            warnings.push(format!(
                "texture {} cannot be read ({reason}): grey instead",
                image.index()
            ));
            grey()
        }
        None => {
            warnings.push(format!(
                "texture {} is missing: grey instead",
                image.index()
            ));
            grey()
        }
    }
}

fn image_document(uri: &str) -> gltf::Document {
    let root = serde_json::json!({"asset": {"version": "2.0"}, "images": [{"uri": uri}]});
    match serde_json::from_value(root).map(gltf::Document::from_json_without_validation) {
        Ok(document) => document,
        Err(_) => gltf::Document::from_json_without_validation(gltf::json::Root::default()),
    }
}

fn to_rgba(data: &gltf::image::Data) -> Result<RgbaImage, String> {
    let pixels = match data.format {
        gltf::image::Format::R8G8B8A8 => data.pixels.clone(),
        gltf::image::Format::R8G8B8 => data
            .pixels
            .chunks_exact(3)
            .flat_map(|p| [p[0], p[1], p[2], 255])
            .collect(),
        other => return Err(format!("{other:?}")),
    };
    RgbaImage::from_raw(data.width, data.height, pixels).ok_or_else(|| "size".to_owned())
}

fn decode_image(bytes: &[u8]) -> Result<RgbaImage, String> {
    let mut reader = image::ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_PIXELS);
    limits.max_image_height = Some(MAX_PIXELS);
    limits.max_alloc = Some(1 << 30);
    reader.limits(limits);
    Ok(reader.decode().map_err(|e| e.to_string())?.to_rgba8())
}

fn grey() -> Arc<RgbaImage> {
    Arc::new(RgbaImage::from_pixel(
        1,
        1,
        image::Rgba([128, 128, 128, 255]),
    ))
}

pub(crate) fn plain_material() -> Material {
    Material {
        name: String::new(),
        base: [0.8, 0.8, 0.8, 1.0],
        emissive: [0.0; 3],
        metallic: 0.0,
        roughness: 0.8,
        normal_scale: 1.0,
        base_texture: None,
        normal_texture: None,
        metallic_roughness_texture: None,
        alpha: AlphaMode::Opaque,
        double_sided: false,
        unlit: false,
    }
}

pub(crate) fn read_material(material: &gltf::Material<'_>) -> Material {
    let pbr = material.pbr_metallic_roughness();
    let image = |texture: gltf::Texture<'_>| texture.source().index();
    Material {
        name: material.name().unwrap_or_default().to_owned(),
        base: pbr.base_color_factor(),
        emissive: material.emissive_factor(),
        metallic: pbr.metallic_factor(),
        roughness: pbr.roughness_factor(),
        normal_scale: material.normal_texture().map_or(1.0, |n| n.scale()),
        base_texture: pbr.base_color_texture().map(|t| image(t.texture())),
        normal_texture: material.normal_texture().map(|t| image(t.texture())),
        metallic_roughness_texture: pbr.metallic_roughness_texture().map(|t| image(t.texture())),
        alpha: match material.alpha_mode() {
            gltf::material::AlphaMode::Opaque => AlphaMode::Opaque,
            gltf::material::AlphaMode::Mask => {
                AlphaMode::Mask(material.alpha_cutoff().unwrap_or(0.5))
            }
            gltf::material::AlphaMode::Blend => AlphaMode::Blend,
        },
        double_sided: material.double_sided(),
        unlit: material.unlit(),
    }
}
