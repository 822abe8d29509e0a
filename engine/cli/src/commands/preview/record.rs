//! Records what is seen and heard, while it is.
//!
//! The sound is the clock: it is written as it was heard, and each frame of the
//! file shows the picture that was seen with its sound. Neither the window nor
//! the sound device ever waits for it; what it is too slow for is left out.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use huashen_audio::{Player, Resampler, Tapped};
use huashen_core::{Frame, FrameRate};
use huashen_media::{AudioSpec, ClipInfo, ClipSpec, ClipWriter};
use huashen_overlay::{MarkText, Overlay};
use huashen_render::FrameTap;

use super::Shared;

/// Frames a second of the file.
const FPS: u32 = 30;
/// What sound is recorded at.
const SOUND_HZ: u32 = 48_000;
/// Pictures that may wait for the recorder.
const WAITING: usize = 8;
/// Sound and pictures are looked after this often.
const TICK: Duration = Duration::from_millis(20);
/// What has not come after so long does not come.
const PATIENCE_SECS: f64 = 0.5;
/// Sound that is this far from where it should be was interrupted.
const GAP_SECS: f64 = 0.12;
/// How fast the clocks of the device and of the machine are brought together.
const FOLLOW: f64 = 0.02;

/// How a file is to be.
pub struct Recipe {
    pub path: PathBuf,
    pub encoding: huashen_media::Encoding,
    pub metadata: Vec<(String, String)>,
    pub mark: MarkText,
    /// Where the face is in pictures of a size: left, top, right, bottom.
    pub face: Box<dyn Fn(huashen_core::Size) -> Option<[f32; 4]> + Send>,
}

/// A recording under way.
pub struct Recording {
    started: Instant,
    stop: Sender<Instant>,
    thread: JoinHandle<anyhow::Result<ClipInfo>>,
}

impl Recording {
    /// Begins to record; the tap is to be given to the window.
    pub fn start(shared: &Arc<Shared>, recipe: Recipe) -> anyhow::Result<(Self, FrameTap)> {
        let (to, pictures) = crossbeam_channel::bounded::<(Arc<Frame>, Instant)>(WAITING);
        let (stop, stopped) = crossbeam_channel::bounded(1);
        let player = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("huashen-record".to_owned())
            .spawn(move || {
                player.player.tap(true);
                let made = record(&player.player, &recipe, &pictures, &stopped);
                player.player.tap(false);
                made
            })
            .context("no thread can be started")?;
        let tap: FrameTap = Box::new(move |frame, at| {
            // A full queue: the one before is shown for longer.
            to.try_send((frame, at)).ok();
        });
        let started = Instant::now();
        Ok((
            Self {
                started,
                stop,
                thread,
            },
            tap,
        ))
    }

    pub fn secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Whether it ended by itself: then it failed.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it; the file is there once the thread is done.
    pub fn stop(self) -> JoinHandle<anyhow::Result<ClipInfo>> {
        self.stop.send(Instant::now()).ok();
        self.thread
    }
}

fn record(
    player: &Player,
    recipe: &Recipe,
    pictures: &Receiver<(Arc<Frame>, Instant)>,
    stopped: &Receiver<Instant>,
) -> anyhow::Result<ClipInfo> {
    // The first picture tells the size, and when the file begins.
    let (first, start) = loop {
        match pictures.recv_timeout(TICK) {
            Ok(picture) => break picture,
            Err(RecvTimeoutError::Timeout) if stopped.is_empty() => {}
            Err(_) => anyhow::bail!("nothing was seen while it was recorded"),
        }
    };
    let size = first.size;
    let rate: FrameRate = FPS.to_string().parse()?;
    let mut overlay = Overlay::default();
    overlay.mark(recipe.mark, false, size, (recipe.face)(size));
    let spec = ClipSpec {
        size,
        rate,
        encoding: recipe.encoding,
        audio: Some(AudioSpec::mono(SOUND_HZ)),
        metadata: recipe.metadata.clone(),
    };
    let mut file = File {
        writer: ClipWriter::create(&recipe.path, spec)?,
        sound: SoundLine::default(),
        overlay,
        seen: VecDeque::from([(0.0, first)]),
        next: 0,
    };
    let mut tapped = Vec::new();
    let mut end = None;
    loop {
        if end.is_none() {
            end = stopped.try_recv().ok().map(|at| secs_between(start, at));
        }
        while let Ok((frame, at)) = pictures.try_recv() {
            if frame.size == size {
                file.seen.push_back((secs_between(start, at), frame));
            }
        }
        tapped.clear();
        player.tapped(&mut tapped);
        for buffer in tapped.drain(..) {
            file.sound.push(secs_between(start, buffer.at), &buffer);
        }
        let now = secs_between(start, Instant::now());
        file.write(now, end.unwrap_or(f64::INFINITY))?;
        if end.is_some_and(|end| file.written_secs() >= end || now > end + 2.0 * PATIENCE_SECS) {
            return Ok(file.writer.finish()?);
        }
        std::thread::sleep(TICK);
    }
}

/// `to - from`, which may be before it.
fn secs_between(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64(),
        None => -(from - to).as_secs_f64(),
    }
}

/// The sound in one piece from the file's start on, whatever devices did.
#[derive(Default)]
struct SoundLine {
    /// At [`SOUND_HZ`], not yet given to the file.
    waiting: Vec<f32>,
    /// Samples so far, those that wait included.
    made: u64,
    resampler: Option<(u32, Resampler)>,
    /// How much later than it says the wall clock's second is heard in the file.
    lag_secs: f64,
    begun: bool,
}

impl SoundLine {
    fn secs(&self) -> f64 {
        self.made as f64 / f64::from(SOUND_HZ)
    }

    /// Takes a buffer whose first sample was heard at `at` of the file.
    fn push(&mut self, at: f64, buffer: &Tapped) {
        let before = self.waiting.len();
        let off = at - self.secs();
        if !self.begun || (off - self.lag_secs).abs() > GAP_SECS {
            let silence = (off * f64::from(SOUND_HZ)).round();
            if silence < 0.0 {
                // From before the file began, or heard twice.
                if !self.begun {
                    let drop = (-off * f64::from(buffer.rate_hz)).round() as usize;
                    if drop < buffer.samples.len() {
                        self.begun = true;
                        self.convert(buffer.rate_hz, &buffer.samples[drop..]);
                    }
                }
                self.made += (self.waiting.len() - before) as u64;
                return;
            }
            self.begun = true;
            self.lag_secs = 0.0;
            self.waiting
                .extend(std::iter::repeat_n(0.0, silence as usize));
        } else {
            self.lag_secs += (off - self.lag_secs) * FOLLOW;
        }
        self.convert(buffer.rate_hz, &buffer.samples);
        self.made += (self.waiting.len() - before) as u64;
    }

    fn convert(&mut self, rate_hz: u32, samples: &[f32]) {
        if self
            .resampler
            .as_ref()
            .is_none_or(|(rate, _)| *rate != rate_hz)
        {
            self.resampler = Resampler::new(rate_hz, SOUND_HZ).map(|r| (rate_hz, r));
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(samples, &mut self.waiting);
        }
    }

    /// Fills up with silence to `secs`: sound that never came.
    fn pad(&mut self, secs: f64) {
        let missing = ((secs - self.secs()) * f64::from(SOUND_HZ)).ceil().max(0.0) as usize;
        self.waiting.extend(std::iter::repeat_n(0.0, missing));
        self.made += missing as u64;
    }
}

struct File {
    writer: ClipWriter,
    sound: SoundLine,
    overlay: Overlay,
    /// Pictures and the second of the file that each was posed for.
    seen: VecDeque<(f64, Arc<Frame>)>,
    /// The next frame's number.
    next: u64,
}

impl File {
    fn written_secs(&self) -> f64 {
        self.next as f64 / f64::from(FPS)
    }

    /// Writes the frames up to `end` whose picture and sound are known by `now`.
    fn write(&mut self, now: f64, end: f64) -> anyhow::Result<()> {
        let step = 1.0 / f64::from(FPS);
        loop {
            let at = self.written_secs();
            if at >= end {
                return Ok(());
            }
            // Where on the wall clock the sound of this frame was heard.
            let wall = at + self.sound.lag_secs;
            let last_chance = now > wall + step + PATIENCE_SECS;
            let newer = self.seen.back().is_some_and(|(posed, _)| *posed > wall);
            let heard = self.sound.secs() >= at + step;
            if !(newer && heard || last_chance) {
                return Ok(());
            }
            // The picture nearest to its sound, early or late.
            let off = |at: Option<&(f64, Arc<Frame>)>| at.map(|(posed, _)| (posed - wall).abs());
            while off(self.seen.get(1)).is_some_and(|next| off(self.seen.front()) >= Some(next)) {
                self.seen.pop_front();
            }
            let Some((_, picture)) = self.seen.front() else {
                return Ok(());
            };
            self.sound.pad(at + step);
            let samples = ((at + step) * f64::from(SOUND_HZ)).round() as u64
                - (at * f64::from(SOUND_HZ)).round() as u64;
            let samples = (samples as usize).min(self.sound.waiting.len());
            let mut frame = Frame::clone(picture);
            frame.index = self.next;
            self.overlay.draw(&mut frame, at);
            self.writer.audio(&self.sound.waiting[..samples])?;
            self.sound.waiting.drain(..samples);
            self.writer.video(frame)?;
            self.next += 1;
        }
    }
}

/// The first name of the folder that is free.
pub fn free_name(stem: &str, extension: &str) -> PathBuf {
    let mut number = 0;
    loop {
        number += 1;
        let path = Path::new(&format!("{stem}-{number}.{extension}")).to_owned();
        if !path.exists() {
            return path;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(rate_hz: u32, samples: Vec<f32>) -> Tapped {
        Tapped {
            at: Instant::now(),
            rate_hz,
            samples,
        }
    }

    #[test]
    fn sound_begins_with_the_file_and_gaps_are_silence() {
        let mut line = SoundLine::default();
        let tone = |n: usize| buffer(SOUND_HZ, vec![1.0; n]);
        // Wholly before, half before, then in time with a little jitter.
        line.push(-0.2, &tone(4800));
        assert_eq!(line.made, 0);
        line.push(-0.05, &tone(4800));
        assert_eq!((line.made, line.waiting.len()), (2400, 2400));
        line.push(0.052, &tone(4800));
        line.push(0.149, &tone(4800));
        assert_eq!(line.made, 12_000);
        assert!(line.lag_secs.abs() < 1e-3);
        // A device was away for a second.
        line.push(1.25, &tone(4800));
        assert_eq!(line.made, 12_000 + 48_000 + 4800);
        assert!(line.waiting[12_000..60_000].iter().all(|s| *s == 0.0));
        // A device that runs slow is followed.
        for i in 0..1000_u32 {
            line.push(1.35 + f64::from(i) * 0.1001, &tone(4800));
        }
        assert!((line.lag_secs - 0.095).abs() < 0.01, "{}", line.lag_secs);
    }
}
