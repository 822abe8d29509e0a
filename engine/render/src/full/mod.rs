//! The full look: bevy's physically based renderer, for GPUs.

mod environment;
mod meshes;

use bevy::app::App;
use bevy::asset::{Assets, Handle, RenderAssetUsages};
use bevy::camera::visibility::NoFrustumCulling;
use bevy::camera::{
    Camera, Camera3d, ClearColorConfig, ManualTextureViewHandle, OrthographicProjection,
    PerspectiveProjection, Projection, RenderTarget, ScalingMode,
};
use bevy::color::Color;
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::ecs::world::World;
use bevy::image::Image;
use bevy::light::{DirectionalLight, EnvironmentMapLight, GlobalAmbientLight};
use bevy::math::UVec2;
use bevy::mesh::{Mesh, Mesh3d};
use bevy::pbr::{MeshMaterial3d, StandardMaterial};
use bevy::render::texture::{ManualTextureView, ManualTextureViews};
use bevy::render::view::Msaa;
use bevy::transform::components::Transform;
use glam::Vec3;
use huashen_avatar::Lens;

use crate::scene::{Alpha, Kind, Material, Scene, Shot, Vertex};
use crate::target::{DRAWN_FORMAT, Target};
use meshes::PartMesh;

const VIEW: ManualTextureViewHandle = ManualTextureViewHandle(7);

/// What must be told when the person moves.
pub(crate) struct Stage {
    parts: Vec<(Handle<Mesh>, PartMesh)>,
}

impl Stage {
    /// Spawns camera, lights and the avatar's parts.
    pub fn new(
        app: &mut App,
        scene: &Scene,
        rest: &[Vertex],
        shot: Shot,
        target: &Target,
        samples: u32,
    ) -> Self {
        let world = app.world_mut();
        let size = UVec2::new(target.rect.width, target.rect.height);
        world.resource_mut::<ManualTextureViews>().insert(
            VIEW,
            ManualTextureView {
                texture_view: target.attachment.clone().into(),
                size,
                view_format: DRAWN_FORMAT,
            },
        );
        let environment = environment::studio(&mut world.resource_mut::<Assets<Image>>());
        spawn_camera(world, shot, samples, environment);
        spawn_lights(world, shot);
        Self {
            parts: spawn_parts(world, scene, rest),
        }
    }

    /// Moves the meshes to deformed `vertices`.
    pub fn pose(&self, world: &mut World, vertices: &[Vertex]) {
        let mut meshes = world.resource_mut::<Assets<Mesh>>();
        for (handle, part) in &self.parts {
            if let Some(mut mesh) = meshes.get_mut(handle) {
                part.pose(&mut mesh, vertices);
            }
        }
    }
}

fn spawn_camera(world: &mut World, shot: Shot, samples: u32, environment: EnvironmentMapLight) {
    world.spawn((
        Camera3d::default(),
        Camera {
            clear_color: ClearColorConfig::Custom(Color::NONE),
            ..Default::default()
        },
        RenderTarget::TextureView(VIEW),
        projection(shot.lens),
        Transform::from_translation(shot.eye).looking_at(shot.target, Vec3::Y),
        if samples > 1 {
            Msaa::Sample4
        } else {
            Msaa::Off
        },
        // Keeps skin's hue where filmic curves bleach it.
        Tonemapping::SomewhatBoringDisplayTransform,
        environment,
    ));
}

fn projection(lens: Lens) -> Projection {
    match lens {
        Lens::Perspective { fov_y } => Projection::Perspective(PerspectiveProjection {
            fov: fov_y,
            near: 0.02,
            ..Default::default()
        }),
        Lens::Orthographic { height } => Projection::Orthographic(OrthographicProjection {
            near: 0.02,
            far: 20.0,
            scaling_mode: ScalingMode::FixedVertical {
                viewport_height: height,
            },
            ..OrthographicProjection::default_3d()
        }),
    }
}

fn spawn_lights(world: &mut World, shot: Shot) {
    world.insert_resource(GlobalAmbientLight::NONE);
    let mut light = |towards: Vec3, color: [f32; 3], illuminance: f32, shadows: bool| {
        world.spawn((
            DirectionalLight {
                color: Color::linear_rgb(color[0], color[1], color[2]),
                illuminance,
                shadow_maps_enabled: shadows,
                ..Default::default()
            },
            bevy::light::CascadeShadowConfigBuilder {
                num_cascades: 1,
                minimum_distance: 0.1,
                maximum_distance: (shot.eye - shot.target).length() + 1.0,
                ..Default::default()
            }
            .build(),
            Transform::from_translation(shot.target + towards).looking_at(shot.target, Vec3::Y),
        ));
    };
    // The studio of shaders/lean.wgsl.
    light(
        Vec3::new(-0.5080, 0.5588, 0.6553),
        [1.0, 0.93, 0.84],
        4200.0,
        true,
    );
    light(
        Vec3::new(0.7352, 0.1838, 0.6525),
        [0.80, 0.90, 1.0],
        900.0,
        false,
    );
    light(
        Vec3::new(0.6172, 0.4629, -0.6362),
        [0.85, 0.93, 1.0],
        2600.0,
        false,
    );
}

fn spawn_parts(world: &mut World, scene: &Scene, rest: &[Vertex]) -> Vec<(Handle<Mesh>, PartMesh)> {
    let mut images = world.resource_mut::<Assets<Image>>();
    // Each texture once, as colour or as data.
    let mut made = std::collections::BTreeMap::new();
    let mut texture = |index: Option<usize>, srgb: bool| {
        index.map(|i| {
            made.entry((i, srgb))
                .or_insert_with(|| images.add(meshes::texture(&scene.textures[i], srgb)))
                .clone()
        })
    };
    let materials: Vec<StandardMaterial> = scene
        .materials
        .iter()
        .map(|m| StandardMaterial {
            base_color_texture: texture(m.base_texture, true),
            normal_map_texture: texture(m.normal_texture, false),
            ..standard(m)
        })
        .collect();
    let mut store = world.resource_mut::<Assets<StandardMaterial>>();
    let materials: Vec<_> = materials.into_iter().map(|m| store.add(m)).collect();
    let mut out = Vec::with_capacity(scene.parts.len());
    for part in &scene.parts {
        let normal_mapped = scene.materials[part.material].normal_texture.is_some();
        let (mesh, moving) = PartMesh::new(scene, part, rest, normal_mapped);
        let handle = world.resource_mut::<Assets<Mesh>>().add(mesh);
        world.spawn((
            Mesh3d(handle.clone()),
            MeshMaterial3d(materials[part.material].clone()),
            Transform::IDENTITY,
            // The bounds of the rest pose do not hold for the others.
            NoFrustumCulling,
        ));
        out.push((handle, moving));
    }
    out
}

/// A surface in bevy's terms; what glTF cannot say comes from its kind.
fn standard(material: &Material) -> StandardMaterial {
    use bevy::material::AlphaMode;
    let [r, g, b, a] = material.base;
    let base = StandardMaterial {
        base_color: Color::linear_rgba(r, g, b, a),
        emissive: bevy::color::LinearRgba::rgb(
            material.emissive[0],
            material.emissive[1],
            material.emissive[2],
        ),
        metallic: material.metallic,
        perceptual_roughness: material.roughness,
        alpha_mode: match material.alpha {
            Alpha::Opaque => AlphaMode::Opaque,
            Alpha::Mask(cutoff) => AlphaMode::Mask(cutoff),
            // Coverage instead of sorting: hair cards cross each other.
            Alpha::Blend if matches!(material.kind, Kind::Hair | Kind::Lash) => {
                AlphaMode::AlphaToCoverage
            }
            Alpha::Blend => AlphaMode::Blend,
        },
        double_sided: material.double_sided,
        cull_mode: (!material.double_sided).then_some(wgpu::Face::Back),
        ..Default::default()
    };
    match material.kind {
        Kind::Unlit => StandardMaterial {
            unlit: true,
            ..base
        },
        Kind::Skin => StandardMaterial {
            // Light that comes through thin skin (ears, nostrils), reddish.
            diffuse_transmission: 0.12,
            perceptual_roughness: material.roughness.clamp(0.4, 0.65),
            reflectance: 0.38,
            ..base
        },
        Kind::Cornea => StandardMaterial {
            base_color: Color::linear_rgba(1.0, 1.0, 1.0, 0.02),
            alpha_mode: AlphaMode::Premultiplied,
            perceptual_roughness: 0.06,
            ..base
        },
        Kind::Eye => StandardMaterial {
            perceptual_roughness: 0.25,
            ..base
        },
        Kind::Teeth | Kind::Tongue => StandardMaterial {
            perceptual_roughness: 0.3,
            ..base
        },
        _ => base,
    }
}

/// How assets are kept: the CPU copy is needed to move meshes.
const KEPT: RenderAssetUsages = RenderAssetUsages::all();
