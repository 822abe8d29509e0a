//! Films in parts become one, without a picture being encoded anew.

use std::path::{Path, PathBuf};

use ffmpeg::{Packet, Rational, codec, encoder, format, media};
use ffmpeg_next as ffmpeg;
use huashen_core::FrameRate;

use crate::MediaError;
use crate::error::Doing;

/// Puts the pictures of `parts` behind each other into `to`. Each part is what
/// [`crate::Quality::Footage`] wrote at `rate`: one size, no picture waiting for
/// a later one.
///
/// # Errors
/// Parts that cannot be read or do not fit together, and a full disk.
pub fn join(parts: &[PathBuf], to: &Path, rate: FrameRate) -> Result<(), MediaError> {
    crate::init();
    let cannot = |reason: String| MediaError::Write {
        path: to.to_owned(),
        reason,
    };
    let mut output = format::output_as(to, "mp4").map_err(|e| cannot(e.to_string()))?;
    let ticks = Rational(rate.den as i32, rate.num as i32);
    let mut header: Option<Vec<u8>> = None;
    let mut count = 0;
    for part in parts {
        let mut input = crate::probe::open(part)?;
        let no_video = || MediaError::NoVideo { path: part.clone() };
        let stream = input.streams().best(media::Type::Video);
        let stream = stream.ok_or_else(no_video)?;
        let (index, parameters) = (stream.index(), stream.parameters());
        let own = extradata(&parameters);
        match &header {
            Some(first) if *first != own => {
                return Err(cannot(format!(
                    "{} was encoded in another way",
                    part.display()
                )));
            }
            Some(_) => {}
            None => {
                begin(&mut output, parameters, ticks).map_err(|e| cannot(e.to_string()))?;
                header = Some(own);
            }
        }
        let into = output.stream(0).map(|s| s.time_base());
        let into = into.ok_or(MediaError::Stopped)?;
        let mut packet = Packet::empty();
        loop {
            match packet.read(&mut input) {
                Ok(()) if packet.stream() != index => continue,
                Ok(()) => {}
                Err(ffmpeg::Error::Eof) => break,
                Err(e) => return Err(e).doing("reading a part of the footage"),
            }
            packet.set_stream(0);
            packet.set_position(-1);
            packet.set_pts(Some(count));
            packet.set_dts(Some(count));
            packet.set_duration(1);
            packet.rescale_ts(ticks, into);
            packet
                .write_interleaved(&mut output)
                .map_err(|e| cannot(e.to_string()))?;
            count += 1;
        }
    }
    if header.is_none() {
        return Err(MediaError::NoPicture {
            path: to.to_owned(),
        });
    }
    output.write_trailer().map_err(|e| cannot(e.to_string()))
}

fn begin(
    output: &mut format::context::Output,
    parameters: codec::Parameters,
    ticks: Rational,
) -> Result<(), ffmpeg::Error> {
    let mut stream = output.add_stream(encoder::find(codec::Id::None))?;
    stream.set_parameters(parameters);
    stream.set_time_base(ticks);
    stream.set_avg_frame_rate(ticks.invert());
    output.write_header().map(|_| ())
}

/// The decoder's settings, which a file has but once.
fn extradata(parameters: &codec::Parameters) -> Vec<u8> {
    // SAFETY: the parameters are live; libav keeps pointer and length together.
    unsafe {
        let raw = &*parameters.as_ptr();
        match raw.extradata.is_null() {
            true => Vec::new(),
            false => std::slice::from_raw_parts(raw.extradata, raw.extradata_size.max(0) as usize)
                .to_vec(),
        }
    }
}
