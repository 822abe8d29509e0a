//! A clip's sound as a file of its own.

use std::path::Path;

use huashen_core::{FrameRate, Size};
use huashen_media::{AudioSpec, ClipSpec, ClipWriter, Encoding, WavWriter};
use huashen_pipeline::Sound;

use crate::delivery::Seal;
use crate::interrupt;

/// Samples written at a time.
const BLOCK: usize = 24_000;

/// Writes the whole of `sound`, levelled, in the form that `encoding` names,
/// and seals it.
pub fn write(
    path: &Path,
    encoding: Encoding,
    metadata: Vec<(String, String)>,
    sound: &mut Sound,
    seal: &Seal,
) -> anyhow::Result<()> {
    let sample_rate_hz = sound.sample_rate_hz();
    if encoding.format.is_wav() {
        let mut writer = WavWriter::create(path, AudioSpec::mono(sample_rate_hz))?;
        each_block(sound, |block| Ok(writer.push(block)?))?;
        let closed = writer.close()?;
        seal.put_on(closed.temp())?;
        closed.commit()?;
        return Ok(());
    }
    let spec = ClipSpec {
        // No pictures: none of these matters.
        size: Size {
            width: 2,
            height: 2,
        },
        rate: FrameRate::whole(25),
        encoding,
        audio: Some(AudioSpec::mono(sample_rate_hz)),
        metadata,
    };
    let mut writer = ClipWriter::create(path, spec)?;
    each_block(sound, |block| Ok(writer.audio(block)?))?;
    let closed = writer.close()?;
    seal.put_on(closed.path())?;
    closed.place()?;
    Ok(())
}

fn each_block(
    sound: &mut Sound,
    mut take: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut audio = sound.levelled()?;
    let mut block = Vec::new();
    loop {
        interrupt::check()?;
        audio.read(&mut block, BLOCK)?;
        if block.is_empty() {
            return Ok(());
        }
        take(&block)?;
    }
}
