//! From a person's frames and voice to the clip: into the scene, under its
//! layers, with music; after what comes before, and before what comes after.

use huashen_core::{Frame, FrameRate, SinkError};
use huashen_media::{ClipInfo, ClipWriter, Playback};
use huashen_overlay::Overlay;
use huashen_pipeline::offline::ClipStage;
use huashen_pipeline::scene::Canvas;

use crate::bookend::Bookend;
use crate::delivery::Seal;
use crate::soundtrack::Soundtrack;

/// A clip under way.
pub struct Staging<'a> {
    pub writer: ClipWriter,
    pub canvas: Option<(Canvas, Option<Playback>)>,
    pub overlay: Overlay,
    pub soundtrack: Option<Soundtrack>,
    pub rate: FrameRate,
    /// Frames of the person.
    pub total: u64,
    /// Sees every frame of the person, and their number.
    pub look: &'a mut dyn FnMut(&Frame, u64),
    /// Frames in the file so far.
    pub written: u64,
}

impl Staging<'_> {
    /// Puts all of `bookend` into the clip, labelled as the person is where
    /// `labelled`.
    pub fn play(&mut self, mut bookend: Bookend, labelled: bool) -> anyhow::Result<()> {
        while let Some((mut frame, samples)) = bookend.next()? {
            if labelled {
                self.overlay.draw_mark(&mut frame);
            }
            self.writer.audio(&samples)?;
            self.write(frame)?;
        }
        Ok(())
    }

    /// Lets out what is still inside of the sound.
    pub fn end_sound(&mut self) -> anyhow::Result<()> {
        if let Some(soundtrack) = &mut self.soundtrack {
            self.writer.audio(&soundtrack.finish()?)?;
        }
        Ok(())
    }

    /// Completes and seals the file; gives what it holds and its number of frames.
    pub fn finish(self, seal: &Seal) -> anyhow::Result<(ClipInfo, u64)> {
        let closed = self.writer.close()?;
        seal.put_on(closed.path())?;
        Ok((closed.place()?, self.written))
    }

    fn write(&mut self, frame: Frame) -> anyhow::Result<()> {
        let frame = Frame {
            index: self.written,
            ..frame
        };
        self.written += 1;
        Ok(self.writer.video(frame)?)
    }
}

impl ClipStage for Staging<'_> {
    fn video(&mut self, mut frame: Frame) -> Result<(), SinkError> {
        let at_secs = self.rate.frame_time_secs(frame.index);
        if let Some((canvas, behind)) = &mut self.canvas {
            let behind = match behind {
                Some(playback) => playback.at(at_secs)?,
                None => None,
            };
            frame = canvas.compose(&frame, at_secs, behind);
        }
        self.overlay.draw(&mut frame, at_secs);
        (self.look)(&frame, self.total);
        Ok(self.write(frame)?)
    }

    fn audio(&mut self, samples: &[f32]) -> Result<(), SinkError> {
        match &mut self.soundtrack {
            Some(soundtrack) => Ok(self.writer.audio(&soundtrack.mix(samples)?)?),
            None => Ok(self.writer.audio(samples)?),
        }
    }
}
