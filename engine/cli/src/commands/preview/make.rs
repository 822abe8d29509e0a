//! Makes what a preview plays and says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use huashen_audio::Piece;
use huashen_core::paths;
use huashen_pipeline::live::speak;
use huashen_script::Script;
use huashen_speech::Synthesizer;

use super::control::Happening;
use super::{Shared, lock};
use crate::commands::avatar_new;
use crate::commands::render::own_voice;
use crate::sound;

/// Samples read from a recording at a time.
const BLOCK: usize = 4096;
/// Pictures a second that a processor draws while it has to speak as well.
const FPS_WHILE_SPEAKING: f64 = 12.0;

/// Something to be heard.
pub enum Job {
    Script(Script),
    Recording(PathBuf),
    /// To become an avatar.
    Photo(PathBuf),
    /// The same, with the words of who agreed.
    Film(PathBuf, String),
}

/// Does the jobs one after the other.
pub struct Maker {
    shared: Arc<Shared>,
    happens: Sender<Happening>,
    /// A track moves the person: sound is only heard.
    mute_motion: bool,
    quiet: bool,
    synth: Option<Synthesizer>,
}

impl Maker {
    pub fn new(
        shared: Arc<Shared>,
        happens: Sender<Happening>,
        mute_motion: bool,
        quiet: bool,
    ) -> Self {
        Self {
            shared,
            happens,
            mute_motion,
            quiet,
            synth: None,
        }
    }

    pub fn run(mut self, todo: &Receiver<Job>) {
        // The window opens first, unless there is something to say.
        while todo.is_empty() && !self.shared.seen.load(Ordering::Acquire) {
            if self.shared.stopped() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Loaded before the first line; where it is missing, that line says so.
        if !todo.is_empty() {
            self.shared.gauge.limit_fps(FPS_WHILE_SPEAKING);
        }
        let begun = Instant::now();
        self.synth = Synthesizer::open(&paths::models_dir()).ok();
        self.shared.gauge.limit_fps(f64::INFINITY);
        tracing::debug!("voice model loaded in {:?}", begun.elapsed());
        while let Ok(job) = todo.recv() {
            let done = match &job {
                Job::Script(script) => self.speak(script),
                Job::Recording(path) => self.play(path),
                Job::Photo(path) => self.built(avatar_new::from_dropped(path)),
                Job::Film(path, consent) => {
                    self.built(avatar_new::from_dropped_film(path, consent))
                }
            };
            if let Err(error) = done {
                self.shared.complain(&format!("{error:#}"));
            }
            self.shared.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn built(&self, name: anyhow::Result<String>) -> anyhow::Result<()> {
        self.happens.send(Happening::Built(name?)).ok();
        Ok(())
    }

    /// Sound begins when someone can be seen.
    fn wait_for_window(&self) {
        while !self.shared.seen.load(Ordering::Acquire) && !self.shared.stopped() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn speak(&mut self, script: &Script) -> anyhow::Result<()> {
        let synth = match self.synth.take() {
            Some(synth) => synth,
            None => Synthesizer::open(&paths::models_dir())?,
        };
        let avatar = Arc::clone(&lock(&self.shared.avatar));
        let voice = lock(&self.shared.voice).clone();
        let voice = voice.or_else(|| own_voice(&avatar, script).map(str::to_owned));
        let mut ordered = Some(Instant::now());
        let shared = Arc::clone(&self.shared);
        let options = *shared.live().options();
        shared.gauge.limit_fps(FPS_WHILE_SPEAKING);
        let spoken = speak(&synth, script, voice.as_deref(), &options, &mut |line| {
            if let Some(ordered) = ordered.take() {
                shared.first_sound.add(ordered.elapsed().as_secs_f64());
            }
            self.wait_for_window();
            let secs = line.secs();
            let placed = shared
                .player
                .play(Piece::of(line.samples, line.sample_rate_hz));
            shared
                .live()
                .say(line.planner, secs, Box::new(move || placed.start_secs()));
            !shared.stopped()
        });
        shared.gauge.limit_fps(f64::INFINITY);
        self.synth = Some(synth);
        Ok(spoken?)
    }

    fn play(&self, path: &Path) -> anyhow::Result<()> {
        let options = *self.shared.live().options();
        let mut sound = sound::record(path, self.quiet)?;
        let secs = sound.duration_secs();
        let planner = match self.mute_motion {
            true => None,
            false => Some(sound.planner(&options)?),
        };
        let mut levelled = sound.levelled()?;
        let rate_hz = sound.sample_rate_hz();
        let mut block = Vec::new();
        self.wait_for_window();
        let placed = self.shared.player.play(Piece {
            rate_hz,
            read: Box::new(move |out| {
                // The file is a temporary one of ours; where it fails, sound ends.
                if let Err(error) = levelled.read(&mut block, BLOCK) {
                    tracing::error!("{error}");
                    return false;
                }
                out.extend_from_slice(&block);
                !block.is_empty()
            }),
        });
        if let Some(planner) = planner {
            self.shared
                .live()
                .say(planner, secs, Box::new(move || placed.start_secs()));
        }
        Ok(())
    }
}
