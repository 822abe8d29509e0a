//! Puts mouth, eyes, head and body together, pose by pose.

use huashen_core::{ArkitShape as A, ArkitWeights, Mark, MotionTrack, Pose, Prosody, Timing};

use crate::arms::{self, Arms};
use crate::audio::AudioMouth;
use crate::emotion::Emotion;
use crate::life::blink::Blinks;
use crate::life::body::Body;
use crate::life::brow::Brows;
use crate::life::gaze::{Eyes, eyeballs, write_look};
use crate::life::gesture::Gestures;
use crate::life::head::Head;
use crate::model::HeardMotion;
use crate::mouth::{Articulation, Mouth};
use crate::options::MotionOptions;
use crate::random::{Noise, Stream};
use crate::score::{Loudness, Score};

/// No jaw is faster (measured on captured Mandarin speech: 10.4–11.6 per second).
const JAW_LIMIT_PER_SEC: f32 = 12.0;

/// Where the mouth comes from.
enum Source {
    Phonemes(Articulation),
    Audio(AudioMouth),
    Model(HeardMotion),
}

impl Source {
    /// The mouth that is to be written; none where the model wrote all of it.
    fn at(&self, secs: f64, w: &mut ArkitWeights) -> Option<Mouth> {
        match self {
            Self::Phonemes(a) => Some(a.at(secs)),
            Self::Audio(a) => Some(a.at(secs)),
            Self::Model(heard) => {
                heard.write(secs, w);
                None
            }
        }
    }
}

/// An iterator of poses at [`MotionOptions::rate_hz`], starting at 0 s: the
/// streaming form of [`plan`](crate::plan). It keeps a few bytes a phoneme and
/// nothing a pose.
pub struct Planner {
    mouth: Source,
    score: Score,
    rate_hz: f64,
    next: u64,
    count: u64,
    jaw: Option<f32>,
    blinks: Blinks,
    eyes: Eyes,
    head: Head,
    brows: Brows,
    body: Body,
    gestures: Gestures,
    arms: Arms,
    skew: Noise,
    corners: Noise,
    lids: Noise,
    smile: f32,
    emotion: Emotion,
    emotion_strength: f32,
}

impl Planner {
    /// For speech with phonemes; an empty `timing` gives an idle person.
    pub fn new(timing: &Timing, prosody: &Prosody, options: &MotionOptions) -> Self {
        let loudness = Loudness::new(prosody);
        let mouth = Articulation::new(timing, &loudness, options.style.mouth());
        let score = Score::from_timing(timing, prosody, &loudness);
        Self::assemble(
            Source::Phonemes(mouth),
            score,
            &timing.marks,
            timing.duration_secs,
            options,
        )
    }

    /// For a recording without phonemes.
    pub fn from_audio(
        mouth: AudioMouth,
        marks: &[Mark],
        prosody: &Prosody,
        options: &MotionOptions,
    ) -> Self {
        let duration = mouth.duration_secs();
        let score = Score::from_phrases(mouth.phrases().to_vec(), prosody, &Loudness::new(prosody));
        Self::assemble(Source::Audio(mouth), score, marks, duration, options)
    }

    /// For a recording that the learned model has heard; `sound` tells its phrases.
    pub fn from_model(
        heard: HeardMotion,
        sound: &AudioMouth,
        marks: &[Mark],
        prosody: &Prosody,
        options: &MotionOptions,
    ) -> Self {
        let duration = sound.duration_secs();
        let mut score =
            Score::from_phrases(sound.phrases().to_vec(), prosody, &Loudness::new(prosody));
        score.accents = heard.accents();
        Self::assemble(Source::Model(heard), score, marks, duration, options)
    }

    fn assemble(
        mouth: Source,
        score: Score,
        marks: &[Mark],
        duration_secs: f64,
        options: &MotionOptions,
    ) -> Self {
        let seed = options.seed;
        let life = options.style.liveliness();
        let rate_hz = options.rate_hz.clamp(1.0, 1000.0);
        let secs = if duration_secs.is_finite() {
            duration_secs.clamp(0.0, MAX_SECS)
        } else {
            0.0
        };
        let gestures = Gestures::new(marks);
        let hands = arms::plan(&score, gestures.cues(), secs, options.style, seed);
        Self {
            mouth,
            rate_hz,
            next: 0,
            // One pose beyond the end, so that the last frame has a neighbour.
            count: (secs * rate_hz).ceil() as u64 + 1,
            jaw: None,
            blinks: Blinks::new(seed, 1.0),
            eyes: Eyes::new(seed, marks, life),
            head: Head::new(seed, life),
            brows: Brows::new(seed, life),
            body: Body::new(seed),
            gestures,
            arms: Arms::new(seed, hands),
            skew: Noise::new(seed, Stream::Face, 0, 0.4),
            corners: Noise::new(seed, Stream::Face, 1, 0.15),
            lids: Noise::new(seed, Stream::Face, 2, 0.2),
            smile: options.style.smile(),
            emotion: options.emotion,
            emotion_strength: options.emotion_strength,
            score,
        }
    }

    /// Poses a second.
    pub fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// Where the speech is accented: seconds, and strength from 0 barely to 1.
    pub fn beats(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.score.accents.iter().map(|a| (a.at, a.strength))
    }

    fn pose(&mut self, at: f64) -> Pose {
        let dt = 1.0 / self.rate_hz;
        let mut pose = Pose::default();
        let w = &mut pose.weights;

        match self.mouth.at(at, w) {
            Some(mouth) => {
                let reach = JAW_LIMIT_PER_SEC * dt as f32;
                let jaw = match self.jaw {
                    Some(last) => mouth.jaw().clamp(last - reach, last + reach),
                    None => mouth.jaw(),
                };
                self.jaw = Some(jaw);
                mouth.write(jaw, self.skew.at(at) as f32, w);
                self.emotion.apply(self.emotion_strength, w);
            }
            // The model was told the emotion, and has no brows or eyes of its own.
            None => self.emotion.apply_above_the_mouth(self.emotion_strength, w),
        }
        let overlay = self.gestures.apply(at, w);

        let corners = self.corners.at(at) as f32;
        w[A::MouthSmileLeft] += self.smile + 0.012 * corners;
        w[A::MouthSmileRight] += self.smile - 0.008 * corners;
        let lids = 0.02 + 0.02 * self.lids.at(at) as f32;
        w[A::EyeSquintLeft] += lids.max(0.0);
        w[A::EyeSquintRight] += lids.max(0.0);

        let gaze = self.eyes.step(at, &self.score);
        let mut head = self.head.step(at, dt, &self.score, gaze.head_pull);
        self.brows.step(at, dt, &self.score, w);
        let joints = (overlay.shrug, overlay.bow);
        head.yaw += overlay.yaw as f32;
        head.pitch += overlay.pitch as f32;
        head.roll += overlay.roll as f32;
        let (left, right) = eyeballs(gaze.direction, head);
        write_look(left, right, w);
        self.blinks.step(at, gaze.shifted, &self.score, w);
        for v in &mut w.0 {
            *v = v.clamp(0.0, 1.0);
        }

        let breath = self
            .body
            .step(at, dt, &self.score, joints.0, joints.1, &mut pose);
        self.arms.apply(at, &mut pose);
        head.pitch += (0.004 * (breath - 0.5)) as f32;
        pose.head = head;
        pose.left_eye = left;
        pose.right_eye = right;
        pose
    }

    /// All remaining poses as a track.
    pub fn into_track(self) -> MotionTrack {
        MotionTrack {
            rate_hz: self.rate_hz,
            poses: self.collect(),
        }
    }
}

/// A day: longer inputs are cut, so that a broken duration cannot eat the memory.
const MAX_SECS: f64 = 86_400.0;

impl Iterator for Planner {
    type Item = Pose;

    fn next(&mut self) -> Option<Pose> {
        if self.next >= self.count {
            return None;
        }
        let at = self.next as f64 / self.rate_hz;
        self.next += 1;
        Some(self.pose(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.count - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Planner {}
