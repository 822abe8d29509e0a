//! 16-bit PCM WAV, written as it comes.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec};

use crate::target::Target;
use crate::{AudioSpec, MediaError};

/// Writes sound; the file appears when [`WavWriter::finish`] returns.
pub struct WavWriter {
    writer: hound::WavWriter<BufWriter<File>>,
    target: Target,
    dither: u32,
}

impl WavWriter {
    /// Begins a 16-bit file.
    pub fn create(
        path: &Path,
        AudioSpec {
            sample_rate_hz,
            channels,
        }: AudioSpec,
    ) -> Result<Self, MediaError> {
        let target = Target::new(path)?;
        let spec = WavSpec {
            channels,
            sample_rate: sample_rate_hz,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = hound::WavWriter::create(target.temp(), spec)
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(Self {
            writer,
            target,
            dither: 1,
        })
    }

    /// Appends samples within ±1; anything beyond is clipped.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        for &sample in samples {
            // Triangular dither of ±1 LSB, from a fixed sequence: quantisation
            // noise stays unrelated to the sound and bytes repeat. Digital
            // silence stays silent.
            let noise = if sample == 0.0 {
                0.0
            } else {
                self.noise() - self.noise()
            };
            let value = (sample * 32767.0 + noise).round().clamp(-32768.0, 32767.0);
            self.writer
                .write_sample(value as i16)
                .map_err(|e| self.target.error(&e.to_string()))?;
        }
        Ok(())
    }

    /// Completes the file and puts it in place.
    pub fn finish(self) -> Result<PathBuf, MediaError> {
        self.close()?.commit()
    }

    /// Completes the file; it is not in its place yet, so that something may
    /// still be done to it.
    pub fn close(self) -> Result<Target, MediaError> {
        let Self { writer, target, .. } = self;
        writer
            .finalize()
            .map_err(|e| target.error(&e.to_string()))?;
        Ok(target)
    }

    /// The next of a xorshift32 sequence, in 0..1.
    fn noise(&mut self) -> f32 {
        self.dither ^= self.dither << 13;
        self.dither ^= self.dither >> 17;
        self.dither ^= self.dither << 5;
        (self.dither >> 8) as f32 / (1 << 24) as f32
    }
}
