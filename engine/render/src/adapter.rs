//! Finding and opening a graphics adapter with plain wgpu, so that a machine
//! without a driver gets an error and not bevy's panic.

use bevy::tasks::block_on;

use crate::RenderError;

/// The adapter that would draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterInfo {
    /// `NVIDIA H100`, `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// Driver and its version, as it reports itself.
    pub driver: String,
    /// It draws on the processor, so that the lean look is chosen.
    pub software: bool,
}

/// An opened device, with what bevy wants to know about it.
#[derive(Clone)]
pub(crate) struct Gpu {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: AdapterInfo,
}

/// Names the adapter that [`crate::Renderer`] would use, without opening it.
///
/// `WGPU_BACKEND` and `WGPU_ADAPTER_NAME` narrow the choice.
///
/// # Errors
/// [`RenderError::NoAdapter`] when no driver is installed or none matches.
pub fn probe() -> Result<AdapterInfo, RenderError> {
    let (_, adapter) = choose()?;
    Ok(describe(&adapter.get_info()))
}

fn describe(info: &wgpu::AdapterInfo) -> AdapterInfo {
    AdapterInfo {
        name: info.name.clone(),
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info)
            .trim()
            .to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

fn choose() -> Result<(wgpu::Instance, wgpu::Adapter), RenderError> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::from_env().unwrap_or(wgpu::Backends::PRIMARY);
    descriptor.flags = wgpu::InstanceFlags::empty();
    let backends = descriptor.backends;
    let instance = wgpu::Instance::new(descriptor);
    if let Ok(wanted) = std::env::var("WGPU_ADAPTER_NAME") {
        let wanted = wanted.to_lowercase();
        let adapters = block_on(instance.enumerate_adapters(backends));
        let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
        return match adapters
            .into_iter()
            .find(|a| a.get_info().name.to_lowercase().contains(&wanted))
        {
            Some(adapter) => Ok((instance, adapter)),
            None => Err(RenderError::NoAdapter(format!(
                "WGPU_ADAPTER_NAME is `{wanted}`, these are here: {names:?}"
            ))),
        };
    }
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        force_fallback_adapter: false,
        compatible_surface: None,
    };
    match block_on(instance.request_adapter(&options)) {
        Ok(adapter) => Ok((instance, adapter)),
        Err(error) => Err(RenderError::NoAdapter(error.to_string())),
    }
}

/// Opens the adapter of [`probe`] with all the features and limits it has.
pub(crate) fn open() -> Result<Gpu, RenderError> {
    let (instance, adapter) = choose()?;
    let info = describe(&adapter.get_info());
    let mut features = adapter.features();
    // Mapped primary buffers are slow across PCI-E, and experimental features
    // ask for an unsafe token.
    features.remove(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
    features.remove(wgpu::Features::all_experimental_mask());
    let opened = block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        label: Some("huashen"),
        required_features: features,
        required_limits: adapter.limits(),
        experimental_features: wgpu::ExperimentalFeatures::disabled(),
        memory_hints: wgpu::MemoryHints::Performance,
        trace: wgpu::Trace::Off,
    }));
    match opened {
        Ok((device, queue)) => Ok(Gpu {
            instance,
            adapter,
            device,
            queue,
            info,
        }),
        Err(error) => Err(RenderError::NoDevice {
            adapter: info.name,
            reason: error.to_string(),
        }),
    }
}
