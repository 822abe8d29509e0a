//! The render thread: a headless bevy app, stepped one frame at a time.

use std::sync::Arc;
use std::thread::JoinHandle;

use bevy::app::{App, TaskPoolPlugin};
use bevy::asset::AssetPlugin;
use bevy::diagnostic::FrameCountPlugin;
use bevy::ecs::prelude::*;
use bevy::image::ImagePlugin;
use bevy::mesh::MeshPlugin;
use bevy::render::renderer::{
    RenderAdapter, RenderAdapterInfo, RenderDevice, RenderGraph, RenderGraphSystems,
    RenderInstance, RenderQueue, WgpuWrapper,
};
use bevy::render::settings::{RenderCreation, RenderResources};
use bevy::render::{ExtractSchedule, MainWorld, RenderApp, RenderPlugin};
use bevy::time::TimePlugin;
use bevy::transform::TransformPlugin;
use bevy::window::{ExitCondition, WindowPlugin};
use crossbeam_channel::{Receiver, Sender};
use huashen_core::{ArkitShape, Pose, Size};

use crate::RenderError;
use crate::adapter::Gpu;
use crate::finish::{Finisher, InFlight};
use crate::full;
use crate::i420::Rect;
use crate::lean::{self, Lean};
use crate::mixing::Mixing;
use crate::scene::{Deform, Scene, Shot, Vertex};
use crate::target::Target;

/// What the render thread answers for each pose.
pub(crate) type Answer = Result<InFlight, RenderError>;

/// All that the render thread needs to start.
pub(crate) struct Setup {
    pub gpu: Gpu,
    pub scene: Scene,
    pub deform: Box<dyn Deform>,
    pub shot: Shot,
    pub size: Size,
    pub samples: u32,
    pub full: bool,
    pub finisher: Finisher,
}

/// A running render thread.
pub(crate) struct Engine {
    /// Poses with their frame's index.
    pub poses: Option<Sender<(u64, Pose)>>,
    pub answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread; its app is ready when this returns.
    pub fn start(setup: Setup) -> Result<Self, RenderError> {
        let (poses, todo) = crossbeam_channel::bounded::<(u64, Pose)>(crate::finish::RING);
        let (outbox, answers) = crossbeam_channel::unbounded();
        let (ready, started) = crossbeam_channel::bounded(1);
        let thread = std::thread::Builder::new()
            .name("huashen-render".to_owned())
            .spawn(move || {
                let mut stage = Stage::new(setup, outbox);
                // The starter may be gone; then there are no poses either.
                ready.send(()).ok();
                for (index, pose) in todo {
                    stage.step(index, &pose);
                }
            })
            .map_err(|e| RenderError::Stopped(e.to_string()))?;
        let mut engine = Self {
            poses: Some(poses),
            answers,
            thread: Some(thread),
        };
        match started.recv() {
            Ok(()) => Ok(engine),
            Err(_) => Err(engine.stop()),
        }
    }

    /// Ends the thread and says why it had stopped.
    pub fn stop(&mut self) -> RenderError {
        self.poses = None;
        let why = match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_else(|| "it panicked".to_owned()),
            _ => "it ended early".to_owned(),
        };
        RenderError::Stopped(why)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.poses = None;
        // Buffers still queued must not keep the thread waiting for a slot.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the render thread panicked");
        }
    }
}

/// The frame being made, on its way from the main to the render world.
#[derive(Resource, Default)]
struct Job(Option<FrameJob>);

struct FrameJob {
    index: u64,
    vertices: Arc<Vec<Vertex>>,
    mouth_open: f32,
}

/// The render world's tools.
#[derive(Resource)]
struct Tools {
    look: LookTools,
    finisher: Finisher,
    outbox: Sender<Answer>,
    device: wgpu::Device,
}

enum LookTools {
    Lean(Box<Lean>),
    Full(Box<Target>),
}

struct Stage {
    app: App,
    deform: Box<dyn Deform>,
    /// All that the model has, and which of them are drawn if not all.
    whole: Vec<Vertex>,
    kept: Option<Vec<u32>>,
    /// What is drawn.
    vertices: Arc<Vec<Vertex>>,
    full: Option<full::Stage>,
}

impl Stage {
    fn new(setup: Setup, outbox: Sender<Answer>) -> Self {
        let Setup {
            gpu,
            mut scene,
            mut deform,
            shot,
            size,
            samples,
            full,
            finisher,
        } = setup;
        let mut vertices = vec![Vertex::default(); scene.fixed.len()];
        deform.deform(&Pose::default(), &mut vertices);
        crate::occlusion::bake(&mut scene, &vertices);
        let mut app = App::new();
        add_plugins(&mut app, &gpu, full);
        app.init_resource::<Job>();
        let mut kept = None;
        let (look, full) = if full {
            let target = Target::new(&gpu.device, Rect::full(size), 1, Mixing::Light);
            let stage = full::Stage::new(&mut app, &scene, &vertices, shot, &target, samples);
            (LookTools::Full(Box::new(target)), Some(stage))
        } else {
            if scene.is_flat() {
                scene = lean::encoded(&scene, &vertices, &shot, size);
            }
            // Where pixels have one sample, a processor draws them.
            let thinned = (samples == 1 && !scene.is_flat())
                .then(|| lean::thin(&scene, &mut *deform, &shot, size))
                .flatten();
            let (scene, casters) = match &thinned {
                Some(thinned) => (&thinned.scene, Some(&thinned.casters[..])),
                None => (&scene, None),
            };
            let (device, queue) = (&gpu.device, &gpu.queue);
            let lean = Lean::new(device, queue, scene, casters, shot, size, samples);
            kept = thinned.map(|t| t.kept);
            (LookTools::Lean(Box::new(lean)), None)
        };
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            render.init_resource::<Job>();
            render.insert_resource(Tools {
                look,
                finisher,
                outbox,
                device: gpu.device.clone(),
            });
            render.add_systems(ExtractSchedule, take_job);
            render.add_systems(RenderGraph, finish_frame.in_set(RenderGraphSystems::Finish));
        }
        app.finish();
        app.cleanup();
        let mut stage = Self {
            app,
            deform,
            vertices: Arc::default(),
            whole: vertices,
            kept,
            full,
        };
        // Assets reach the render world one update late, and pipelines are
        // made when first needed: no frame is counted before all is there.
        for _ in 0..if stage.full.is_some() { 6 } else { 1 } {
            stage.app.update();
        }
        stage
    }

    fn step(&mut self, index: u64, pose: &Pose) {
        self.deform.deform(pose, &mut self.whole);
        let vertices = Arc::make_mut(&mut self.vertices);
        vertices.clear();
        match &self.kept {
            Some(kept) => vertices.extend(kept.iter().map(|i| self.whole[*i as usize])),
            None => vertices.extend_from_slice(&self.whole),
        }
        if let Some(full) = &self.full {
            full.pose(self.app.world_mut(), vertices);
        }
        self.app.world_mut().resource_mut::<Job>().0 = Some(FrameJob {
            index,
            vertices: Arc::clone(&self.vertices),
            mouth_open: pose.weights[ArkitShape::JawOpen].clamp(0.0, 1.0),
        });
        self.app.update();
    }
}

/// bevy's renderer without a window, a clock of its own or a log subscriber.
fn add_plugins(app: &mut App, gpu: &Gpu, full: bool) {
    app.add_plugins((
        TaskPoolPlugin::default(),
        FrameCountPlugin,
        TimePlugin,
        TransformPlugin,
        WindowPlugin {
            primary_window: None,
            exit_condition: ExitCondition::DontExit,
            ..Default::default()
        },
        AssetPlugin::default(),
        RenderPlugin {
            render_creation: RenderCreation::Manual(RenderResources(
                RenderDevice::from(gpu.device.clone()),
                RenderQueue(Arc::new(WgpuWrapper::new(gpu.queue.clone()))),
                RenderAdapterInfo(WgpuWrapper::new(gpu.adapter.get_info())),
                RenderAdapter(Arc::new(WgpuWrapper::new(gpu.adapter.clone()))),
                RenderInstance(Arc::new(WgpuWrapper::new(gpu.instance.clone()))),
            )),
            synchronous_pipeline_compilation: true,
            ..Default::default()
        },
        ImagePlugin::default_linear(),
        MeshPlugin,
        bevy::camera::CameraPlugin,
    ));
    if full {
        app.add_plugins((
            bevy::light::LightPlugin,
            bevy::core_pipeline::CorePipelinePlugin,
            bevy::pbr::PbrPlugin {
                // Models are read by huashen-avatar.
                gltf_enable_standard_materials: false,
                ..Default::default()
            },
        ));
    }
}

fn take_job(mut main: ResMut<MainWorld>, mut job: ResMut<Job>) {
    job.0 = main.resource_mut::<Job>().0.take();
}

/// Draws (lean) or takes what bevy drew (full), and queues its way out.
fn finish_frame(mut job: ResMut<Job>, tools: ResMut<Tools>) {
    let Some(frame) = job.0.take() else {
        return;
    };
    let tools = tools.into_inner();
    let (encoder, target) = match &mut tools.look {
        LookTools::Lean(lean) => lean.draw(&frame.vertices, frame.mouth_open),
        LookTools::Full(target) => {
            let encoder = tools
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            (encoder, target.as_ref().clone())
        }
    };
    let answer = tools.finisher.finish(encoder, &target, frame.index);
    // The caller may have stopped listening; then the frame is not wanted.
    tools.outbox.send(answer).ok();
}
