//! The offline driver: frame n is posed for n / fps, the sound runs beside it,
//! and neither waits for a clock.

use std::cell::RefCell;

use huashen_core::{Frame, FrameRate, FrameSink, Pose, SinkError};

use crate::{Cancelled, PipelineError, Sound};

/// Draws poses, one frame each, in order (`huashen-render` does).
pub trait RenderStage {
    /// Draws every pose that the iterator gives and hands each frame to `sink`.
    /// An error of the sink ends the render and is passed on.
    fn render(
        &mut self,
        poses: &mut dyn Iterator<Item = Pose>,
        sink: &mut dyn FrameSink,
    ) -> Result<(), SinkError>;
}

/// Takes pictures and sound in time order (`huashen-media` does).
pub trait ClipStage {
    fn video(&mut self, frame: Frame) -> Result<(), SinkError>;
    /// Mono samples at the sound's own rate, continuing where the last call ended.
    fn audio(&mut self, samples: &[f32]) -> Result<(), SinkError>;
}

/// Renders the whole of `sound` into `clip`, one frame a pose; gives the number
/// of frames. `poses` are at `rate` and last at least as long as the sound.
///
/// The sound is pushed up to the end of each frame just before the frame, and
/// is padded with silence to end exactly with the last one.
pub fn render_clip(
    sound: &mut Sound,
    poses: &mut dyn Iterator<Item = Pose>,
    rate: FrameRate,
    renderer: &mut dyn RenderStage,
    clip: &mut dyn ClipStage,
    cancelled: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, PipelineError> {
    let total = rate.frame_count(sound.duration_secs());
    let sample_rate_hz = f64::from(sound.sample_rate_hz());
    let mut audio = sound.levelled()?;
    let mut pushed = 0_u64;
    let mut block = Vec::new();
    let stop = RefCell::new(None);

    let mut poses = poses
        .take(usize::try_from(total).unwrap_or(usize::MAX))
        .take_while(|_| !cancelled());
    let mut delivered = 0_u64;
    let mut sink = |frame: Frame| -> Result<(), SinkError> {
        if cancelled() {
            return Err(Box::new(Cancelled));
        }
        let push = || -> Result<(), PipelineError> {
            let until = (rate.frame_time_secs(frame.index + 1) * sample_rate_hz).round() as u64;
            audio.read(&mut block, (until - pushed) as usize)?;
            block.resize((until - pushed) as usize, 0.0);
            pushed = until;
            clip.audio(&block).map_err(PipelineError::Encode)?;
            clip.video(frame).map_err(PipelineError::Encode)
        };
        // Kept aside: the renderer would wrap the error and hide what it was.
        push().map_err(|e| {
            let text = e.to_string();
            *stop.borrow_mut() = Some(e);
            SinkError::from(text)
        })?;
        delivered += 1;
        progress(delivered, total);
        Ok(())
    };
    let rendered = renderer.render(&mut poses, &mut sink);
    if cancelled() {
        return Err(PipelineError::Cancelled(Cancelled));
    }
    if let Some(error) = stop.into_inner() {
        return Err(error);
    }
    rendered.map_err(PipelineError::Render)?;
    if delivered != total {
        return Err(PipelineError::FrameCount {
            expected: total,
            found: delivered,
        });
    }
    Ok(total)
}
