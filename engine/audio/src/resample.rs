//! From the content's rate to the device's, piece by piece, without a delay.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// Samples that are converted at a time.
const CHUNK: usize = 480;

/// Mono samples from one rate to another.
pub struct Resampler {
    fft: Option<Fft<f32>>,
    waiting: Vec<f32>,
    block: Vec<f32>,
    /// Outputs still to drop: the filter's delay.
    skip: usize,
    taken: u64,
    given: u64,
    ratio: f64,
}

impl Resampler {
    /// None where no filter goes from `from_hz` to `to_hz`.
    pub fn new(from_hz: u32, to_hz: u32) -> Option<Self> {
        let fft = match from_hz == to_hz {
            true => None,
            false => {
                Some(Fft::new(from_hz as usize, to_hz as usize, CHUNK, 1, FixedSync::Input).ok()?)
            }
        };
        Some(Self {
            skip: fft.as_ref().map_or(0, |f| f.output_delay()),
            block: fft
                .as_ref()
                .map_or(Vec::new(), |f| vec![0.0; f.output_frames_max()]),
            fft,
            waiting: Vec::new(),
            taken: 0,
            given: 0,
            ratio: f64::from(to_hz) / f64::from(from_hz),
        })
    }

    /// Converts the next samples; what does not fill a chunk waits.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        self.convert(samples, out);
    }

    fn convert(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(fft) = &mut self.fft else {
            out.extend_from_slice(samples);
            return;
        };
        self.waiting.extend_from_slice(samples);
        let mut at = 0;
        loop {
            let need = fft.input_frames_next();
            let room = self.block.len();
            let Some(chunk) = self.waiting.get(at..at + need) else {
                break;
            };
            let converted = InterleavedSlice::new(chunk, 1, need)
                .ok()
                .zip(InterleavedSlice::new_mut(&mut self.block, 1, room).ok())
                .and_then(|(input, mut output)| {
                    fft.process_into_buffer(&input, &mut output, Some(&Indexing::new()))
                        .ok()
                });
            let Some((_, made)) = converted else {
                tracing::error!("a chunk of sound could not be resampled");
                break;
            };
            let dropped = self.skip.min(made);
            self.skip -= dropped;
            out.extend_from_slice(&self.block[dropped..made]);
            self.given += (made - dropped) as u64;
            at += need;
        }
        self.waiting.drain(..at);
    }

    /// The rest, so that all of the content has come out; nothing more.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        if self.fft.is_none() {
            return;
        }
        let due = (self.taken as f64 * self.ratio).round() as u64;
        let before = out.len();
        let missing = |given: u64| due.saturating_sub(given) as usize;
        let had = self.given;
        // A few chunks of silence push everything through the filter.
        for _ in 0..16 {
            if self.given >= due {
                break;
            }
            self.convert(&[0.0; CHUNK], out);
        }
        out.truncate(before + missing(had));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_place_and_length() {
        for (from, to) in [
            (24_000_u32, 48_000_u32),
            (44_100, 48_000),
            (48_000, 44_100),
            (48_000, 48_000),
        ] {
            let tone = |i: usize, rate: u32| {
                (i as f32 / rate as f32 * 440.0 * std::f32::consts::TAU).sin() * 0.5
            };
            let input: Vec<f32> = (0..from as usize).map(|i| tone(i, from)).collect();
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut out = Vec::new();
            for piece in input.chunks(777) {
                resampler.push(piece, &mut out);
            }
            resampler.finish(&mut out);
            assert_eq!(out.len(), to as usize, "{from} to {to}");
            // Away from the ends, where the tone begins at once.
            let worst = (2000..to as usize - 2000)
                .map(|i| (out[i] - tone(i, to)).abs())
                .fold(0.0, f32::max);
            // The filter's delay is told in whole samples: half a one may be left,
            // which this tone's steepest slope makes 0.016 of.
            assert!(worst < 0.017, "{from} to {to}: off by {worst}");
        }
    }
}
