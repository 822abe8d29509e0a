//! Finding sound devices and opening streams on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig,
};

use crate::AudioError;

/// Calls a function for the sample type that a device speaks.
macro_rules! by_format {
    ($format:expr, $call:ident($($arg:expr),*)) => {
        match $format {
            SampleFormat::F32 => $call::<f32>($($arg),*),
            SampleFormat::I16 => $call::<i16>($($arg),*),
            SampleFormat::I32 => $call::<i32>($($arg),*),
            SampleFormat::U8 => $call::<u8>($($arg),*),
            SampleFormat::U16 => $call::<u16>($($arg),*),
            SampleFormat::I24 => $call::<cpal::I24>($($arg),*),
            SampleFormat::F64 => $call::<f64>($($arg),*),
            _ => Err(cpal::Error::new(ErrorKind::UnsupportedConfig)),
        }
    };
}

/// How long a backend may take to open a device.
const PATIENCE: Duration = Duration::from_secs(2);

/// The machine's devices.
fn host() -> cpal::Host {
    #[cfg(target_os = "linux")]
    quiet_alsa();
    cpal::default_host()
}

/// ALSA prints its errors on stderr, many for one; all come back as results too.
#[cfg(target_os = "linux")]
fn quiet_alsa() {
    use std::ffi::{c_char, c_int};
    type Handler =
        unsafe extern "C" fn(*const c_char, c_int, *const c_char, c_int, *const c_char, ...);
    unsafe extern "C" fn ignore(
        _: *const c_char,
        _: c_int,
        _: *const c_char,
        _: c_int,
        _: *const c_char,
    ) {
    }
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: on every platform that ALSA runs on, a C function may be
        // called with more arguments than it looks at; this one looks at none.
        unsafe {
            let handler: Handler = std::mem::transmute(ignore as *const ());
            alsa_sys::snd_lib_error_set_handler(Some(handler));
        }
    });
}

/// A device as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    pub name: String,
    /// It plays, it listens, or both.
    pub output: bool,
    pub input: bool,
}

/// The devices of this machine.
pub fn devices() -> Vec<DeviceInfo> {
    let Ok(found) = host().devices() else {
        return Vec::new();
    };
    found
        .map(|d| DeviceInfo {
            name: d.to_string(),
            output: d.supports_output(),
            input: d.supports_input(),
        })
        .filter(|d| d.output || d.input)
        .collect()
}

/// Told by a stream's thread that its device is gone, or was not served in time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost(Arc<AtomicBool>, Arc<AtomicU64>);

impl Lost {
    pub fn is_lost(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Buffers that the device went without, or threw away.
    pub fn missed(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    pub fn declare(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// For a stream's error callback.
    fn listener(&self) -> impl FnMut(cpal::Error) + Send + 'static {
        let lost = self.clone();
        move |error| match error.kind() {
            // The stream goes on.
            ErrorKind::Xrun => {
                lost.1.fetch_add(1, Ordering::Relaxed);
            }
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {
                tracing::debug!("sound device: {error}");
            }
            _ => {
                tracing::debug!("sound device lost: {error}");
                lost.declare();
            }
        }
    }
}

/// A stream that runs for as long as it is kept.
pub(crate) struct Open {
    pub name: String,
    pub rate_hz: u32,
    pub lost: Lost,
    _stream: Stream,
}

/// What fills a device's buffer: how many frames, seconds until the first of
/// them is heard, and a place for each sample.
pub(crate) type Fill = Box<dyn FnMut(usize, f64, &mut dyn FnMut(usize, f32)) + Send>;

/// What takes a device's buffer: mono samples, and how old the first one is.
pub(crate) type Take = Box<dyn FnMut(&mut dyn Iterator<Item = f32>, f64) + Send>;

/// Whether the output called `wanted`, or the desktop's own, could be opened.
pub(crate) fn has_output(wanted: Option<&str>) -> bool {
    let host = host();
    let device = match wanted {
        Some(name) => find(&host, name, DeviceTrait::supports_output).ok(),
        None => host.default_output_device(),
    };
    device.is_some_and(|device| device.default_output_config().is_ok())
}

/// Opens the output called `wanted`, or the desktop's own.
pub(crate) fn open_output(
    wanted: Option<&str>,
    fill: impl FnOnce(u32) -> Fill,
) -> Result<Open, AudioError> {
    let host = host();
    let device = match wanted {
        Some(name) => find(&host, name, DeviceTrait::supports_output)?,
        None => host
            .default_output_device()
            .ok_or(AudioError::NoDevice("sound device to play on"))?,
    };
    let name = device.to_string();
    let failed = |e: cpal::Error| AudioError::Open {
        device: name.clone(),
        reason: e.to_string(),
    };
    let config = device.default_output_config().map_err(failed)?;
    let rate_hz = config.sample_rate();
    let lost = Lost::default();
    let fill = fill(rate_hz);
    let stream =
        by_format!(config.sample_format(), play(&device, &config, fill, &lost)).map_err(failed)?;
    stream.play().map_err(failed)?;
    Ok(Open {
        name,
        rate_hz,
        lost,
        _stream: stream,
    })
}

/// Opens the input called `wanted`, or the desktop's own.
pub(crate) fn open_input(
    wanted: Option<&str>,
    take: impl FnOnce(u32) -> Take,
) -> Result<Open, AudioError> {
    let host = host();
    let device = match wanted {
        Some(name) => find(&host, name, DeviceTrait::supports_input)?,
        None => host
            .default_input_device()
            .ok_or(AudioError::NoDevice("microphone"))?,
    };
    let name = device.to_string();
    let failed = |e: cpal::Error| AudioError::Open {
        device: name.clone(),
        reason: e.to_string(),
    };
    let config = device.default_input_config().map_err(failed)?;
    let rate_hz = config.sample_rate();
    let lost = Lost::default();
    let take = take(rate_hz);
    let stream = by_format!(
        config.sample_format(),
        listen(&device, &config, take, &lost)
    )
    .map_err(failed)?;
    stream.play().map_err(failed)?;
    Ok(Open {
        name,
        rate_hz,
        lost,
        _stream: stream,
    })
}

/// The device whose name is, or contains, `wanted`.
fn find(
    host: &cpal::Host,
    wanted: &str,
    fits: impl Fn(&Device) -> bool,
) -> Result<Device, AudioError> {
    let all: Vec<Device> = host
        .devices()
        .map(|found| found.filter(|d| fits(d)).collect())
        .unwrap_or_default();
    let asked = wanted.to_lowercase();
    let named = |exact: bool| {
        all.iter().find(|d| {
            let name = d.to_string().to_lowercase();
            match exact {
                true => name == asked,
                false => name.contains(&asked),
            }
        })
    };
    named(true)
        .or_else(|| named(false))
        .cloned()
        .ok_or_else(|| AudioError::NoSuchDevice {
            wanted: wanted.to_owned(),
            found: match all.is_empty() {
                true => "none".to_owned(),
                false => all
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            },
        })
}

/// About `secs` a buffer, where the device takes it.
fn config(supported: &SupportedStreamConfig, secs: f64) -> StreamConfig {
    let frames = (f64::from(supported.sample_rate()) * secs) as u32;
    let mut config = supported.config();
    if let SupportedBufferSize::Range { min, max } = supported.buffer_size() {
        config.buffer_size = BufferSize::Fixed(frames.clamp(*min, *max));
    }
    config
}

fn play<T: SizedSample + FromSample<f32>>(
    device: &Device,
    supported: &SupportedStreamConfig,
    mut fill: Fill,
    lost: &Lost,
) -> Result<Stream, cpal::Error> {
    // The clock knows of the delay, so that a busy machine may have its time.
    let config = config(supported, 0.1);
    let channels = usize::from(config.channels).max(1);
    device.build_output_stream::<T, _, _>(
        config,
        move |out, info| {
            let at = info.timestamp();
            let delay = at.playback.saturating_duration_since(at.callback);
            fill(
                out.len() / channels,
                delay.as_secs_f64(),
                &mut |i, sample| {
                    out[i * channels..(i + 1) * channels].fill(T::from_sample(sample));
                },
            );
        },
        lost.listener(),
        Some(PATIENCE),
    )
}

fn listen<T: SizedSample + cpal::Sample>(
    device: &Device,
    supported: &SupportedStreamConfig,
    mut take: Take,
    lost: &Lost,
) -> Result<Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let config = config(supported, 0.01);
    let channels = usize::from(config.channels).max(1);
    device.build_input_stream::<T, _, _>(
        config,
        move |heard, info| {
            let at = info.timestamp();
            let age = at.callback.saturating_duration_since(at.capture);
            let mut mono = heard.chunks_exact(channels).map(|frame| {
                let sum: f32 = frame.iter().map(|s| s.to_sample::<f32>()).sum();
                sum / channels as f32
            });
            take(&mut mono, age.as_secs_f64());
        },
        lost.listener(),
        Some(PATIENCE),
    )
}
