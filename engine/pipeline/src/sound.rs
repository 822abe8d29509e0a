//! The sound of a clip: gathered piece by piece on disk while meters listen,
//! then read back as loud as its place of use expects.

use huashen_core::{Prosody, Speech, Timing};
use huashen_motion::model::{Audio2Motion, Condition};
use huashen_motion::{AudioFeatures, AudioMouth, MotionOptions, Planner};
use huashen_speech::{Leveller, Loudness, LoudnessMeter, ProsodyMeter};

use crate::{PcmFile, PcmReader, PipelineError};

/// Gathers the sound of one clip. Memory grows with the words, not with the sound.
pub struct SoundBuilder {
    pcm: PcmFile,
    loudness: LoudnessMeter,
    prosody: ProsodyMeter,
    /// Listens to recordings, whose phonemes nobody knows.
    features: Option<AudioFeatures>,
    timing: Timing,
}

impl SoundBuilder {
    /// For synthesised speech, which brings its timing along.
    pub fn speech(sample_rate_hz: u32) -> Result<Self, PipelineError> {
        Ok(Self {
            pcm: PcmFile::new(sample_rate_hz)?,
            loudness: LoudnessMeter::new(sample_rate_hz)?,
            prosody: ProsodyMeter::new(sample_rate_hz),
            features: None,
            timing: Timing::default(),
        })
    }

    /// For a recording.
    pub fn recording(sample_rate_hz: u32) -> Result<Self, PipelineError> {
        Ok(Self {
            features: Some(AudioFeatures::new(sample_rate_hz)?),
            ..Self::speech(sample_rate_hz)?
        })
    }

    /// Appends a timed piece.
    pub fn push_speech(&mut self, piece: Speech) -> Result<(), PipelineError> {
        self.hear(&piece.samples)?;
        self.timing.append(piece.timing);
        Ok(())
    }

    /// Appends `secs` of silence.
    pub fn push_silence(&mut self, secs: f64) -> Result<(), PipelineError> {
        let samples = (secs * f64::from(self.pcm.sample_rate_hz())).round() as usize;
        self.push_samples(&vec![0.0; samples])
    }

    /// Appends mono samples that nothing is known about.
    pub fn push_samples(&mut self, samples: &[f32]) -> Result<(), PipelineError> {
        self.hear(samples)?;
        self.timing.duration_secs += samples.len() as f64 / f64::from(self.pcm.sample_rate_hz());
        Ok(())
    }

    fn hear(&mut self, samples: &[f32]) -> Result<(), PipelineError> {
        self.pcm.push(samples)?;
        self.loudness.push(samples)?;
        self.prosody.push(samples);
        if let Some(features) = &mut self.features {
            features.push(samples);
        }
        Ok(())
    }

    /// Ends the sound.
    pub fn finish(self) -> Result<Sound, PipelineError> {
        let lufs = self.loudness.lufs()?;
        Ok(Sound {
            loudness: Loudness::default(),
            lufs,
            pcm: self.pcm,
            timing: self.timing,
            prosody: self.prosody.finish(),
            mouth: self.features.map(AudioFeatures::finish),
        })
    }
}

/// The whole sound of a clip and what is known about it.
pub struct Sound {
    pcm: PcmFile,
    loudness: Loudness,
    lufs: f64,
    pub timing: Timing,
    pub prosody: Prosody,
    mouth: Option<AudioMouth>,
}

impl Sound {
    pub fn duration_secs(&self) -> f64 {
        self.pcm.duration_secs()
    }

    pub fn sample_rate_hz(&self) -> u32 {
        self.pcm.sample_rate_hz()
    }

    /// Integrated loudness before levelling; none when nothing is heard.
    pub fn lufs(&self) -> Option<f64> {
        self.lufs.is_finite().then_some(self.lufs)
    }

    /// How loud the sound comes out; [`Loudness::WEB`] when nobody says.
    pub fn level_to(&mut self, loudness: Loudness) {
        self.loudness = loudness;
    }

    /// The motion that goes with this sound: from its phonemes, or, where it
    /// is a recording, from what the learned model hears in it.
    ///
    /// # Errors
    /// When the sound cannot be read back.
    pub fn planner(&mut self, options: &MotionOptions) -> Result<Planner, PipelineError> {
        let Some(mouth) = &self.mouth else {
            return Ok(Planner::new(&self.timing, &self.prosody, options));
        };
        let model = Audio2Motion::built_in_on(options.compute)?;
        let rate_hz = f64::from(self.pcm.sample_rate_hz());
        let mut hearing = model.hear(rate_hz, &Condition::from(options))?;
        let mut reader = self.pcm.reader()?;
        let mut block = Vec::new();
        loop {
            reader.read(&mut block, HEARD_AT_ONCE)?;
            if block.is_empty() {
                break;
            }
            hearing.push(&block)?;
        }
        let heard = hearing.finish()?;
        Ok(Planner::from_model(
            heard,
            mouth,
            &self.timing.marks,
            &self.prosody,
            options,
        ))
    }

    /// Reads the sound from its start, at the target loudness.
    pub fn levelled(&mut self) -> Result<Levelled, PipelineError> {
        let rate_hz = self.pcm.sample_rate_hz();
        Ok(Levelled {
            leveller: Some(Leveller::new(self.loudness, self.lufs, rate_hz)),
            reader: self.pcm.reader()?,
            block: Vec::new(),
            ready: Vec::new(),
            at: 0,
        })
    }
}

/// Samples that the motion model takes at a time.
const HEARD_AT_ONCE: usize = 65_536;

/// A [`Sound`] on its way out.
pub struct Levelled {
    reader: PcmReader,
    /// Gone once the sound has ended.
    leveller: Option<Leveller>,
    block: Vec<f32>,
    ready: Vec<f32>,
    at: usize,
}

/// Samples levelled at a time.
const BLOCK: usize = 4096;

impl Levelled {
    /// Fills `out` with up to `max` next samples; fewer at the end.
    pub fn read(&mut self, out: &mut Vec<f32>, max: usize) -> Result<(), PipelineError> {
        out.clear();
        while out.len() < max {
            if self.at == self.ready.len() && !self.refill()? {
                break;
            }
            let n = (max - out.len()).min(self.ready.len() - self.at);
            out.extend_from_slice(&self.ready[self.at..self.at + n]);
            self.at += n;
        }
        Ok(())
    }

    /// Levels the next block; false at the end. The leveller looks ahead, so
    /// a block may give nothing yet.
    fn refill(&mut self) -> Result<bool, PipelineError> {
        self.ready.clear();
        self.at = 0;
        while self.ready.is_empty() {
            let Some(leveller) = &mut self.leveller else {
                return Ok(false);
            };
            self.reader.read(&mut self.block, BLOCK)?;
            if self.block.is_empty() {
                leveller.finish(&mut self.ready);
                self.leveller = None;
            } else {
                leveller.process(&self.block, &mut self.ready);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_out_levelled() {
        let mut builder = SoundBuilder::speech(24_000).unwrap();
        let tone: Vec<f32> = (0..72_000)
            .map(|i| 0.02 * (i as f32 * 0.06).sin())
            .collect();
        for block in tone.chunks(1000) {
            builder.push_samples(block).unwrap();
        }
        builder.push_silence(0.5).unwrap();
        let mut sound = builder.finish().unwrap();
        assert!((sound.timing.duration_secs - 3.5).abs() < 1e-9);
        let mut audio = sound.levelled().unwrap();
        let (mut all, mut block) = (Vec::new(), Vec::new());
        loop {
            audio.read(&mut block, 960).unwrap();
            if block.is_empty() {
                break;
            }
            all.extend_from_slice(&block);
        }
        assert_eq!(all.len(), 84_000);
        let mut meter = LoudnessMeter::new(24_000).unwrap();
        meter.push(&all).unwrap();
        let lufs = meter.lufs().unwrap();
        assert!(
            (lufs - Loudness::WEB.lufs.unwrap()).abs() < 0.3,
            "{lufs} LUFS"
        );
    }

    #[test]
    fn silence_stays_silent() {
        let mut builder = SoundBuilder::recording(48_000).unwrap();
        builder.push_silence(1.0).unwrap();
        let mut sound = builder.finish().unwrap();
        assert_eq!(sound.lufs(), None);
        let mut block = Vec::new();
        sound.levelled().unwrap().read(&mut block, 48_000).unwrap();
        assert!(block.len() == 48_000 && block.iter().all(|s| *s == 0.0));
    }
}
