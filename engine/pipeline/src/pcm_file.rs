//! PCM that stays on disk, so that an hour of speech costs no memory.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Mono f32 PCM in an unnamed temporary file; it vanishes with the value.
pub struct PcmFile {
    writer: BufWriter<File>,
    sample_rate_hz: u32,
    len: u64,
}

impl PcmFile {
    /// An empty file in the system's temporary folder.
    pub fn new(sample_rate_hz: u32) -> io::Result<Self> {
        Ok(Self {
            writer: BufWriter::with_capacity(1 << 16, tempfile::tempfile()?),
            sample_rate_hz,
            len: 0,
        })
    }

    /// Appends samples.
    pub fn push(&mut self, samples: &[f32]) -> io::Result<()> {
        let mut bytes = [0_u8; 4096];
        for block in samples.chunks(bytes.len() / 4) {
            for (slot, sample) in bytes.chunks_exact_mut(4).zip(block) {
                slot.copy_from_slice(&sample.to_le_bytes());
            }
            self.writer.write_all(&bytes[..block.len() * 4])?;
        }
        self.len += samples.len() as u64;
        Ok(())
    }

    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples pushed so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn duration_secs(&self) -> f64 {
        self.len as f64 / f64::from(self.sample_rate_hz)
    }

    /// Reads from the first sample on.
    pub fn reader(&mut self) -> io::Result<PcmReader> {
        self.writer.flush()?;
        let mut file = self.writer.get_ref().try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(PcmReader {
            reader: BufReader::with_capacity(1 << 16, file),
            left: self.len,
        })
    }
}

/// Reads a [`PcmFile`] in order.
pub struct PcmReader {
    reader: BufReader<File>,
    left: u64,
}

impl PcmReader {
    /// Fills `block` with up to `max` next samples; empty at the end.
    pub fn read(&mut self, block: &mut Vec<f32>, max: usize) -> io::Result<()> {
        block.clear();
        let n = (max as u64).min(self.left) as usize;
        let mut bytes = [0_u8; 4];
        for _ in 0..n {
            self.reader.read_exact(&mut bytes)?;
            block.push(f32::from_le_bytes(bytes));
        }
        self.left -= n as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_in_order_and_exactly() {
        let samples: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.37).sin()).collect();
        let mut file = PcmFile::new(24_000).unwrap();
        for block in samples.chunks(777) {
            file.push(block).unwrap();
        }
        assert_eq!(file.len(), 10_000);
        let mut reader = file.reader().unwrap();
        let (mut back, mut block) = (Vec::new(), Vec::new());
        loop {
            reader.read(&mut block, 1000).unwrap();
            if block.is_empty() {
                break;
            }
            back.extend_from_slice(&block);
        }
        assert_eq!(back, samples);
    }
}
