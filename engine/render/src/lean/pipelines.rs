//! One small pipeline for each way a surface is shaded.

use std::collections::BTreeMap;

use crate::mixing::Mixing;
use crate::scene::{Alpha, Fixed, Kind, Layer, Material, Vertex};
use crate::target::{DEPTH_FORMAT, drawn_format};

/// When and how a part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Opaque,
    Cut,
    /// The dense part of blended hair, which may hide what is behind it.
    Core,
    /// Blended, behind nothing that writes depth.
    Blend,
}

/// All that tells one pipeline from another; ordered by drawing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub step: Step,
    pub kind: Kind,
    pub textured: bool,
    /// Has factors besides its texture, where encoded values are drawn.
    pub coloured: bool,
    pub normal_mapped: bool,
    pub double_sided: bool,
    /// Lit at its vertices rather than at its pixels.
    pub lit_early: bool,
    /// Where encoded values are drawn, what tells an edge.
    pub layer: Layer,
}

impl Key {
    /// The steps in which a material is drawn. `dense`: its vertices lie so close
    /// that light may be taken there.
    pub fn of(material: &Material, dense: bool, mixing: Mixing) -> Vec<Self> {
        // A catchlight is smaller than the triangles of an eye.
        let fine = matches!(material.kind, Kind::Eye | Kind::Cornea | Kind::Unlit);
        let steps: &[Step] = match (material.alpha, material.kind) {
            (_, Kind::Cornea) => &[Step::Blend],
            (Alpha::Opaque, _) => &[Step::Opaque],
            (Alpha::Mask(_), _) => &[Step::Cut],
            (Alpha::Blend, Kind::Hair) => &[Step::Core, Step::Blend],
            (Alpha::Blend, _) => &[Step::Blend],
        };
        steps
            .iter()
            .map(|&step| Self {
                step,
                kind: material.kind,
                textured: material.base_texture.is_some(),
                coloured: material.coloured,
                normal_mapped: material.normal_texture.is_some(),
                double_sided: material.double_sided,
                lit_early: dense && !fine && material.normal_texture.is_none(),
                layer: match mixing {
                    Mixing::Light => Layer::Front,
                    Mixing::Encoded => material.layer,
                },
            })
            .collect()
    }
}

/// The pass's pipelines and what they bind.
pub(super) struct Pipelines {
    pub view_layout: wgpu::BindGroupLayout,
    pub surface_layout: wgpu::BindGroupLayout,
    pub shadow_layout: wgpu::BindGroupLayout,
    pub shadow: wgpu::RenderPipeline,
    drawn: BTreeMap<Key, wgpu::RenderPipeline>,
}

const DYNAMIC: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3],
};
const FIXED: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Fixed>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![2 => Float32x2, 3 => Unorm8x4, 4 => Unorm8x4],
};

impl Pipelines {
    pub fn new(device: &wgpu::Device, keys: &[Key], samples: u32, mixing: Mixing) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("lean"),
            source: crate::shaders::Shader::Lean.source(),
        });
        let uniform = |binding, visibility| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let map = |binding, visibility, sample_type| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Texture {
                sample_type,
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let sampler = |binding, visibility, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Sampler(ty),
            count: None,
        };
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(label),
                entries,
            })
        };
        let both_stages = wgpu::ShaderStages::VERTEX_FRAGMENT;
        let pixels = wgpu::ShaderStages::FRAGMENT;
        let float = wgpu::TextureSampleType::Float { filterable: true };
        let view_layout = layout(
            "view",
            &[
                uniform(0, both_stages),
                map(1, both_stages, wgpu::TextureSampleType::Depth),
                sampler(2, both_stages, wgpu::SamplerBindingType::Comparison),
            ],
        );
        let surface_layout = layout(
            "surface",
            &[
                uniform(0, both_stages),
                map(1, pixels, float),
                map(2, pixels, float),
                sampler(3, pixels, wgpu::SamplerBindingType::Filtering),
            ],
        );
        let shadow_layout = layout("shadow", &[uniform(0, wgpu::ShaderStages::VERTEX)]);
        let pipeline_layout = |groups: &[Option<&wgpu::BindGroupLayout>]| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("lean"),
                bind_group_layouts: groups,
                immediate_size: 0,
            })
        };
        let both = pipeline_layout(&[Some(&view_layout), Some(&surface_layout)]);
        let drawn = keys
            .iter()
            .map(|&key| (key, pipeline(device, &module, &both, key, samples, mixing)))
            .collect();
        let only_view = pipeline_layout(&[Some(&shadow_layout)]);
        let shadow = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("shadow"),
            layout: Some(&only_view),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("shadow_vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[wgpu::VertexBufferLayout {
                    attributes: &DYNAMIC.attributes[..1],
                    ..DYNAMIC
                }],
            },
            fragment: None,
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: Some(wgpu::DepthStencilState {
                format: DEPTH_FORMAT,
                depth_write_enabled: Some(true),
                depth_compare: Some(wgpu::CompareFunction::Less),
                stencil: wgpu::StencilState::default(),
                bias: wgpu::DepthBiasState::default(),
            }),
            multisample: wgpu::MultisampleState::default(),
            multiview_mask: None,
            cache: None,
        });
        Self {
            view_layout,
            surface_layout,
            shadow_layout,
            shadow,
            drawn,
        }
    }

    pub fn get(&self, key: Key) -> Option<&wgpu::RenderPipeline> {
        self.drawn.get(&key)
    }
}

fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::PipelineLayout,
    key: Key,
    samples: u32,
    mixing: Mixing,
) -> wgpu::RenderPipeline {
    let blended = key.step == Step::Blend;
    let alpha = match key.step {
        Step::Opaque => 0.0,
        Step::Cut | Step::Core => 1.0,
        Step::Blend => 2.0,
    };
    let flag = |on| f64::from(u8::from(on));
    // Tiny and hidden surfaces go without the shadow's four taps.
    let shadowed = !matches!(key.kind, Kind::Lash | Kind::Cornea | Kind::Unlit);
    let constants = [
        ("KIND", f64::from(key.kind as u8)),
        ("ALPHA", alpha),
        ("TEXTURED", flag(key.textured)),
        ("NORMAL_MAPPED", flag(key.normal_mapped)),
        ("COLOURED", flag(key.coloured)),
        ("SHADOWED", flag(shadowed)),
        ("TWO_SIDED", flag(key.double_sided)),
        // With several samples edges need no telling, and layers would mix.
        (
            "FULL",
            match samples {
                1 => f64::from(Mixing::alpha_of(key.layer)),
                _ => 1.0,
            },
        ),
    ];
    let (vertex, fragment) = if mixing == Mixing::Encoded {
        ("vertex_flat", "fragment_flat")
    } else if key.lit_early {
        ("vertex_lit", "fragment_lit")
    } else {
        ("vertex", "fragment")
    };
    let compilation_options = wgpu::PipelineCompilationOptions {
        constants: &constants,
        ..Default::default()
    };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("lean"),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(vertex),
            compilation_options: compilation_options.clone(),
            buffers: &[DYNAMIC, FIXED],
        },
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(fragment),
            compilation_options,
            targets: &[Some(wgpu::ColorTargetState {
                format: drawn_format(mixing),
                blend: blended.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                // What is blended behind an opening lies on the opaque layer.
                write_mask: match key.layer {
                    Layer::Front => wgpu::ColorWrites::ALL,
                    _ if blended => wgpu::ColorWrites::COLOR,
                    _ => wgpu::ColorWrites::ALL,
                },
            })],
        }),
        primitive: wgpu::PrimitiveState {
            cull_mode: (!key.double_sided).then_some(wgpu::Face::Back),
            ..Default::default()
        },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH_FORMAT,
            depth_write_enabled: Some(!blended),
            // Reversed depth. Equal lets nothing through twice: the blended
            // fringe of hair is drawn where its core was cut away.
            depth_compare: Some(wgpu::CompareFunction::Greater),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState {
            count: samples,
            ..Default::default()
        },
        multiview_mask: None,
        cache: None,
    })
}
