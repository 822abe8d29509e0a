//! The voice with music under it, in stereo.

use std::path::PathBuf;

use anyhow::bail;
use huashen_audio::Resampler;
use huashen_media::{AudioReader, AudioSpec};
use huashen_pipeline::Sound;
use huashen_pipeline::scene::{Ducking, Music};
use huashen_speech::{Loudness, LoudnessMeter};

use crate::interrupt;

/// Of what comes out.
pub const RATE_HZ: u32 = 48_000;
/// A voice in both channels is heard as loud as it was in one.
const BOTH: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// A song that begins anew does not click.
const AGAIN_SAMPLES: usize = RATE_HZ as usize / 50;

/// Takes the mono voice in time order and gives what is heard.
pub struct Soundtrack {
    voice: Resampler,
    heard: Vec<f32>,
    bed: Option<Bed>,
    /// Samples of a channel that came out.
    at: u64,
}

struct Bed {
    file: PathBuf,
    reader: AudioReader,
    /// Left and right, read and not yet heard, from `next` on.
    block: Vec<f32>,
    next: usize,
    gain: f32,
    ducking: Ducking,
}

impl Soundtrack {
    pub const SPEC: AudioSpec = AudioSpec {
        sample_rate_hz: RATE_HZ,
        channels: 2,
    };

    /// For `sound`, which comes out at `loudness`.
    ///
    /// # Errors
    /// Music that cannot be read.
    pub fn new(sound: &Sound, loudness: Loudness, music: Option<&Music>) -> anyhow::Result<Self> {
        let rate_hz = sound.sample_rate_hz();
        let Some(voice) = Resampler::new(rate_hz, RATE_HZ) else {
            bail!("a voice of {rate_hz} Hz cannot be mixed with music");
        };
        let bed = match music {
            None => None,
            Some(music) => {
                // Where nothing is levelled, beside the voice as it came.
                let aim = loudness.lufs.or(sound.lufs()).or(Loudness::WEB.lufs);
                let aim = Loudness {
                    lufs: aim,
                    ..loudness
                };
                Some(Bed {
                    gain: aim.gain_for(measure(&music.file)?.lufs()?) * music.volume,
                    reader: AudioReader::open_stereo(&music.file, RATE_HZ)?,
                    file: music.file.clone(),
                    block: Vec::new(),
                    next: 0,
                    ducking: Ducking::new(&sound.prosody, sound.duration_secs()),
                })
            }
        };
        Ok(Self {
            voice,
            heard: Vec::new(),
            bed,
            at: 0,
        })
    }

    /// What is heard of the next mono samples, as far as it is known; left and
    /// right take turns.
    pub fn mix(&mut self, samples: &[f32]) -> anyhow::Result<Vec<f32>> {
        self.voice.push(samples, &mut self.heard);
        self.flush()
    }

    /// The rest.
    pub fn finish(&mut self) -> anyhow::Result<Vec<f32>> {
        self.voice.finish(&mut self.heard);
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<Vec<f32>> {
        let mut out: Vec<f32> = self.heard.iter().flat_map(|s| [s * BOTH; 2]).collect();
        self.heard.clear();
        for both in out.chunks_exact_mut(2) {
            if let Some(bed) = &mut self.bed {
                let [left, right] = bed.next()?;
                let gain = bed.gain * bed.ducking.gain(self.at as f64 / f64::from(RATE_HZ));
                both[0] = (both[0] + left * gain).clamp(-1.0, 1.0);
                both[1] = (both[1] + right * gain).clamp(-1.0, 1.0);
            }
            self.at += 1;
        }
        Ok(out)
    }
}

impl Bed {
    /// The next left and right; the song begins anew when it ends.
    fn next(&mut self) -> anyhow::Result<[f32; 2]> {
        while self.next + 2 > self.block.len() {
            self.next = 0;
            self.block = match self.reader.next().transpose()? {
                Some(block) => block,
                None => {
                    self.reader = AudioReader::open_stereo(&self.file, RATE_HZ)?;
                    let mut block = self.reader.next().transpose()?.unwrap_or_default();
                    for (i, both) in block.chunks_mut(2).enumerate().take(AGAIN_SAMPLES) {
                        let come = i as f32 / AGAIN_SAMPLES as f32;
                        both.iter_mut().for_each(|s| *s *= come);
                    }
                    block
                }
            };
        }
        let both = [self.block[self.next], self.block[self.next + 1]];
        self.next += 2;
        Ok(both)
    }
}

/// Hears all of a file's sound.
pub fn measure(path: &std::path::Path) -> anyhow::Result<LoudnessMeter> {
    let mut meter = LoudnessMeter::stereo(RATE_HZ)?;
    for block in AudioReader::open_stereo(path, RATE_HZ)? {
        interrupt::check()?;
        meter.push(&block?)?;
    }
    Ok(meter)
}
