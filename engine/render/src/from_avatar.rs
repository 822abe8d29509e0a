//! An avatar's model as a scene and its deformation.

use glam::Vec3;
use huashen_avatar::{AlphaMode, Avatar, Deformer, Drive, Framing, Model};
use huashen_core::{Pose, Size};

use crate::RenderError;
use crate::scene::{Alpha, Deform, Fixed, Kind, Layer, Material, Part, Scene, Shot, Vertex};

/// The avatar's unmoving side.
pub(crate) fn scene(model: &Model) -> Result<Scene, RenderError> {
    let mut fixed = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    for mesh in &model.meshes {
        if mesh.material >= model.materials.len() {
            return Err(RenderError::Model(format!(
                "`{}` has material {} of {}",
                mesh.name,
                mesh.material,
                model.materials.len()
            )));
        }
        let first = fixed.len() as u32;
        fixed.extend(mesh.uvs.iter().enumerate().map(|(i, uv)| {
            let [r, g, b, a] = mesh.colours.get(i).copied().unwrap_or([1.0; 4]);
            Fixed {
                uv: uv.to_array(),
                colour: [r, g, b, a].map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8),
                occlusion: [255; 4],
            }
        }));
        let indices = mesh.indices.iter().map(|i| first + i);
        match parts.iter_mut().find(|p| p.material == mesh.material) {
            Some(part) => part.indices.extend(indices),
            None => parts.push(Part {
                material: mesh.material,
                indices: indices.collect(),
            }),
        }
    }
    let texture = |index: Option<usize>| index.filter(|i| *i < model.images.len());
    let materials = model
        .materials
        .iter()
        .enumerate()
        .map(|(i, m)| Material {
            kind: if m.unlit { Kind::Unlit } else { kind(&m.name) },
            alpha: match m.alpha {
                AlphaMode::Opaque => Alpha::Opaque,
                AlphaMode::Mask(cutoff) => Alpha::Mask(cutoff),
                AlphaMode::Blend => Alpha::Blend,
            },
            double_sided: m.double_sided,
            base: m.base,
            emissive: m.emissive,
            metallic: m.metallic,
            roughness: m.roughness,
            normal_scale: m.normal_scale,
            coloured: m.base != [1.0; 4]
                || model
                    .meshes
                    .iter()
                    .any(|mesh| mesh.material == i && !mesh.colours.is_empty()),
            layer: match kind(&m.name) {
                Kind::Eye | Kind::Cornea => Layer::Eye,
                Kind::Teeth => Layer::Teeth,
                Kind::Tongue => Layer::Mouth,
                _ => Layer::Front,
            },
            base_texture: texture(m.base_texture),
            normal_texture: texture(m.normal_texture),
        })
        .collect();
    Ok(Scene {
        fixed,
        parts,
        materials,
        textures: model.images.clone(),
    })
}

/// What a surface is, told by its material's name; MakeHuman's, Ready Player
/// Me's and VRoid's names are understood.
fn kind(name: &str) -> Kind {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    if has(&["cornea", "eyewet", "tearline", "eye_occlusion"]) {
        Kind::Cornea
    } else if has(&["lash", "brow"]) {
        Kind::Lash
    } else if has(&["teeth", "tooth", "gum"]) {
        Kind::Teeth
    } else if has(&["tongue", "mouth"]) {
        Kind::Tongue
    } else if has(&["eye", "iris", "sclera", "white"]) {
        Kind::Eye
    } else if has(&["hair", "beard", "scalp"]) {
        Kind::Hair
    } else if has(&["skin", "head", "face", "body"]) {
        Kind::Skin
    } else if has(&["cloth", "shirt", "jacket", "top", "outfit", "suit"]) {
        Kind::Cloth
    } else {
        Kind::Generic
    }
}

/// The camera for this framing and size.
pub(crate) fn shot(avatar: &Avatar, framing: Option<Framing>, size: Size) -> Shot {
    let camera = huashen_avatar::camera(avatar, framing, size.aspect());
    Shot {
        eye: camera.eye,
        target: camera.target,
        lens: camera.lens,
    }
}

/// Drives the model and deforms it on the CPU.
pub(crate) struct ModelDeform {
    model: Model,
    drive: Drive,
    deformer: Deformer,
}

impl ModelDeform {
    pub fn new(avatar: &Avatar) -> Self {
        let mut model = avatar.model.clone();
        // The scene has them; they are the largest part.
        model.images = Vec::new();
        Self {
            drive: Drive::new(&model, &avatar.manifest.calibration),
            model,
            deformer: Deformer::default(),
        }
    }
}

impl Deform for ModelDeform {
    fn deform(&mut self, pose: &Pose, out: &mut [Vertex]) {
        let driven = self.drive.apply(&self.model, pose);
        self.deformer.run(
            &self.model,
            &driven,
            &mut |i, position: Vec3, normal: Vec3| {
                if let Some(vertex) = out.get_mut(i) {
                    vertex.position = position.to_array();
                    vertex.normal = normal.to_array();
                }
            },
        );
    }
}

/// Boxed, as the engine wants it.
pub(crate) fn deform(avatar: &Avatar) -> Box<dyn Deform> {
    Box::new(ModelDeform::new(avatar))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn materials_are_known_by_name() {
        for (name, want) in [
            ("skin", Kind::Skin),
            ("Wolf3D_Head", Kind::Skin),
            ("Wolf3D_Eye", Kind::Eye),
            ("cornea", Kind::Cornea),
            ("Eyelashes", Kind::Lash),
            ("N00_000_00_FaceMouth_00_FACE", Kind::Tongue),
            ("teeth", Kind::Teeth),
            ("hair_front", Kind::Hair),
            ("cloth", Kind::Cloth),
            ("lamp", Kind::Generic),
        ] {
            assert_eq!(kind(name), want, "{name}");
        }
    }
}
