//! Encoders in graphics chips: which to try, and whether one really works.
//!
//! Drivers promise more than they keep, so that a few pictures are encoded,
//! decoded by the processor and looked at before a chip is trusted with a clip.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ffmpeg::format::Pixel;
use ffmpeg::{Packet, codec, color, ffi, frame};
use ffmpeg_next as ffmpeg;
use huashen_core::{Frame, FrameRate, PixelFormat, Size};

use crate::MediaError;
use crate::error::Doing;
use crate::format::{ClipFormat, Codec, Encoding, Quality};
use crate::picture::Pictures;
use crate::video::Recipe;

/// What a chip's encoder has to keep of the trial pictures, in dB, in every plane.
const LEAST_PSNR_DB: f64 = 32.0;
/// Enough for pictures to lean on one another.
const TRIAL_FRAMES: u64 = 6;

/// The chips' recipes for `encoding`, the likeliest first.
fn recipes(encoding: &Encoding) -> Vec<Recipe> {
    // Footage is read again, in any order: what x264 does there is known.
    let level = match encoding.quality {
        Quality::Draft => 0,
        Quality::Good => 1,
        Quality::Best => 2,
        Quality::Footage | Quality::Mouths => return Vec::new(),
    };
    let ClipFormat::Video(_, codec) = encoding.format else {
        return Vec::new();
    };
    // Their own measures of quality, about as good as our x264 and x265.
    let (names, profile, constant) = match codec {
        Codec::H264 => (
            ["h264_nvenc", "h264_videotoolbox", "h264_vaapi"],
            "high",
            [["28", "45", "27"], ["21", "65", "20"], ["17", "80", "16"]][level],
        ),
        Codec::H265 => (
            ["hevc_nvenc", "hevc_videotoolbox", "hevc_vaapi"],
            "main",
            [["30", "45", "29"], ["23", "65", "22"], ["19", "80", "18"]][level],
        ),
        Codec::Vp9 | Codec::ProRes => return Vec::new(),
    };
    let software = Recipe::of(encoding);
    let own = |n: usize| -> Vec<(&'static str, String)> {
        let quality = constant[n].to_owned();
        let bits = encoding.bits_per_sec.map(|bits| ("b", bits.to_string()));
        let mut options = vec![("profile", profile.to_owned())];
        match (n, bits) {
            (0, Some(bits)) => options.extend([("rc", "vbr".to_owned()), bits]),
            (0, None) => options.extend([
                ("rc", "vbr".to_owned()),
                ("cq", quality),
                ("b", "0".to_owned()),
            ]),
            (1, None) => options.extend([
                ("flags", "+qscale".to_owned()),
                (
                    "global_quality",
                    format!("{}", 118 * quality.parse().unwrap_or(65)),
                ),
            ]),
            (2, None) => options.extend([("rc_mode", "CQP".to_owned()), ("qp", quality)]),
            (_, Some(bits)) => options.push(bits),
            (_, None) => {}
        }
        options
    };
    (0..names.len())
        .map(|n| Recipe {
            encoder: names[n],
            known_as: names[n],
            options: own(n),
            surfaces: (n == 2).then_some(ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI),
            ..software.clone()
        })
        .collect()
}

/// The first of the chips' recipes that works here, else the processor's.
pub(crate) fn choose(encoding: &Encoding, size: Size, rate: FrameRate) -> Recipe {
    let mut all = Vec::new();
    if encoding.on_chip {
        all = recipes(encoding);
    }
    let found = all.into_iter().find(|recipe| works(recipe, size, rate));
    found.unwrap_or_else(|| Recipe::of(encoding))
}

/// The chips' encoders of H.264 and H.265 that work here.
pub(crate) fn working() -> Vec<&'static str> {
    let size = Size {
        width: 1280,
        height: 720,
    };
    let container = crate::Container::Mp4;
    let codecs = [Codec::H264, Codec::H265].into_iter();
    let all = codecs.flat_map(|codec| {
        recipes(&Encoding {
            format: ClipFormat::Video(container, codec),
            ..Encoding::default()
        })
    });
    all.filter(|recipe| works(recipe, size, FrameRate::whole(25)))
        .map(|recipe| recipe.encoder)
        .collect()
}

/// Whether pictures of this size survive the recipe; tried once a process.
fn works(recipe: &Recipe, size: Size, rate: FrameRate) -> bool {
    static KNOWN: Mutex<Option<HashMap<String, bool>>> = Mutex::new(None);
    let key = format!("{} {size} {:?}", recipe.encoder, recipe.options);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(works) = known.get(&key) {
        return *works;
    }
    let tried = try_out(recipe, size, rate);
    match &tried {
        Ok(()) => tracing::info!("{} encodes the pictures", recipe.encoder),
        Err(why) => tracing::debug!("{} is not used: {why}", recipe.encoder),
    }
    known.insert(key, tried.is_ok());
    tried.is_ok()
}

/// Encodes a few pictures, decodes them on the processor and compares.
fn try_out(recipe: &Recipe, size: Size, rate: FrameRate) -> Result<(), String> {
    let encoded = encode(recipe, size, rate).map_err(|e| e.to_string())?;
    let (parameters, packets) = encoded;
    let decoder = codec::context::Context::from_parameters(parameters)
        .and_then(|context| context.decoder().video());
    let mut decoder = decoder.map_err(|e| e.to_string())?;
    let (mut picture, mut seen) = (frame::Video::empty(), 0);
    let mut compare = |decoder: &mut codec::decoder::Video| {
        while decoder.receive_frame(&mut picture).is_ok() {
            let wanted = pattern(seen, size);
            alike(&picture, &wanted)?;
            seen += 1;
        }
        Ok::<(), String>(())
    };
    for packet in &packets {
        decoder.send_packet(packet).map_err(|e| e.to_string())?;
        compare(&mut decoder)?;
    }
    decoder.send_eof().map_err(|e| e.to_string())?;
    compare(&mut decoder)?;
    match seen {
        TRIAL_FRAMES => Ok(()),
        _ => Err(format!("{seen} of {TRIAL_FRAMES} pictures came back")),
    }
}

fn encode(
    recipe: &Recipe,
    size: Size,
    rate: FrameRate,
) -> Result<(codec::Parameters, Vec<Packet>), MediaError> {
    let surfaces = recipe.surfaces(size)?;
    let mut encoder = recipe.encoder(size, rate, true, surfaces.as_ref())?;
    let mut pictures = Pictures::new(size, recipe.pixel);
    let mut packets = Vec::new();
    let mut drain = |encoder: &mut codec::encoder::video::Encoder| {
        let mut packet = Packet::empty();
        while encoder.receive_packet(&mut packet).is_ok() {
            packets.push(std::mem::replace(&mut packet, Packet::empty()));
        }
    };
    for index in 0..TRIAL_FRAMES {
        let mut picture = pictures.picture(&pattern(index, size))?;
        if let Some(surfaces) = &surfaces {
            picture = surfaces.upload(&picture)?;
        }
        encoder.send_frame(&picture).doing("taking a frame")?;
        drain(&mut encoder);
    }
    encoder.send_eof().doing("ending the pictures")?;
    drain(&mut encoder);
    Ok((codec::Parameters::from(&encoder), packets))
}

/// A soft pattern that moves: every plane has its own slope.
fn pattern(index: u64, size: Size) -> Frame {
    let (width, height) = (size.width as usize, size.height as usize);
    let wave = |at: usize, whole: usize, turns: f64| {
        let phase = at as f64 / whole as f64 * turns + index as f64 * 0.03;
        (phase * std::f64::consts::TAU).sin()
    };
    let mut data = Vec::with_capacity(width * height * 3 / 2);
    for y in 0..height {
        let down = wave(y, height, 1.0);
        data.extend((0..width).map(|x| (126.0 + 45.0 * (wave(x, width, 2.0) + down)) as u8));
    }
    for turns in [1.0, 1.5] {
        for y in 0..height / 2 {
            let down = wave(y, height, turns);
            let row = (0..width / 2).map(|x| wave(x, width, turns));
            data.extend(row.map(|across| (128.0 + 40.0 * (across + down)) as u8));
        }
    }
    Frame {
        index,
        size,
        format: PixelFormat::I420,
        data,
    }
}

/// Whether `picture` is `wanted`, and says in its tags how it is to be seen.
fn alike(picture: &frame::Video, wanted: &Frame) -> Result<(), String> {
    let (width, height) = (wanted.size.width as usize, wanted.size.height as usize);
    if (picture.width(), picture.height()) != (wanted.size.width, wanted.size.height)
        || picture.format() != Pixel::YUV420P
    {
        return Err(format!(
            "a picture came back as {}x{} {:?}",
            picture.width(),
            picture.height(),
            picture.format()
        ));
    }
    if picture.color_space() != color::Space::BT709 || picture.color_range() != color::Range::MPEG {
        return Err("its colours are not tagged as BT.709".to_owned());
    }
    let mut rest = &wanted.data[..];
    for (plane, (width, height)) in [
        (width, height),
        (width / 2, height / 2),
        (width / 2, height / 2),
    ]
    .into_iter()
    .enumerate()
    {
        let (own, after) = rest.split_at(width * height);
        rest = after;
        let rows = picture.data(plane).chunks(picture.stride(plane));
        let differences = rows.zip(own.chunks_exact(width)).flat_map(|(row, own)| {
            let pairs = row.iter().zip(own);
            pairs.map(|(a, b)| f64::from(i32::from(*a) - i32::from(*b)))
        });
        let sum: f64 = differences.map(|d| d * d).sum();
        let mean = sum / (width * height) as f64;
        let psnr_db = 10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10();
        if psnr_db < LEAST_PSNR_DB {
            return Err(format!("plane {plane} came back at {psnr_db:.1} dB"));
        }
    }
    Ok(())
}

/// Pictures in a chip's own memory, for encoders that take no others.
pub(crate) struct Surfaces {
    frames: *mut ffi::AVBufferRef,
    size: Size,
}

// SAFETY: libav counts references atomically; one thread at a time uses it.
unsafe impl Send for Surfaces {}

/// In the encoder's hands at a time, at most.
const POOL: i32 = 24;

impl Surfaces {
    /// In the memory of the first device of this kind.
    pub fn open(kind: ffi::AVHWDeviceType, size: Size) -> Result<Self, MediaError> {
        let pixel = match kind {
            ffi::AVHWDeviceType::AV_HWDEVICE_TYPE_VAAPI => ffi::AVPixelFormat::AV_PIX_FMT_VAAPI,
            _ => ffi::AVPixelFormat::AV_PIX_FMT_VULKAN,
        };
        let mut device = ptr::null_mut();
        // SAFETY: `device` receives a reference, which is given back below; the
        // frames' context is libav's own, and filled in before it is made ready.
        unsafe {
            let made =
                ffi::av_hwdevice_ctx_create(&mut device, kind, ptr::null(), ptr::null_mut(), 0);
            checked(made)?;
            let mut frames = ffi::av_hwframe_ctx_alloc(device);
            ffi::av_buffer_unref(&mut device);
            if frames.is_null() {
                return checked(ffi::AVERROR(ffi::ENOMEM)).map(|()| unreachable!("it is an error"));
            }
            let context = (*frames).data.cast::<ffi::AVHWFramesContext>();
            (*context).format = pixel;
            (*context).sw_format = ffi::AVPixelFormat::AV_PIX_FMT_NV12;
            (*context).width = size.width as i32;
            (*context).height = size.height as i32;
            (*context).initial_pool_size = POOL;
            if let Err(error) = checked(ffi::av_hwframe_ctx_init(frames)) {
                ffi::av_buffer_unref(&mut frames);
                return Err(error);
            }
            Ok(Self { frames, size })
        }
    }

    /// Lets `encoder`, which is not open yet, take these pictures.
    pub fn feed(&self, encoder: &mut codec::encoder::video::Video) {
        // SAFETY: the encoder owns the new reference and frees it with itself.
        unsafe {
            let context = encoder.as_mut_ptr();
            (*context).pix_fmt = (*(*self.frames).data.cast::<ffi::AVHWFramesContext>()).format;
            (*context).hw_frames_ctx = ffi::av_buffer_ref(self.frames);
        }
    }

    /// Copies a planar 4:2:0 picture over.
    pub fn upload(&self, picture: &frame::Video) -> Result<frame::Video, MediaError> {
        let own = interleaved(picture, self.size);
        let mut there = frame::Video::empty();
        // SAFETY: `there` is empty and receives a surface of the pool.
        unsafe {
            checked(ffi::av_hwframe_get_buffer(
                self.frames,
                there.as_mut_ptr(),
                0,
            ))?;
            checked(ffi::av_hwframe_transfer_data(
                there.as_mut_ptr(),
                own.as_ptr(),
                0,
            ))?;
            checked(ffi::av_frame_copy_props(
                there.as_mut_ptr(),
                picture.as_ptr(),
            ))?;
        }
        Ok(there)
    }
}

impl Drop for Surfaces {
    fn drop(&mut self) {
        // SAFETY: it is ours, and not used any more.
        unsafe { ffi::av_buffer_unref(&mut self.frames) }
    }
}

fn checked(code: i32) -> Result<(), MediaError> {
    match code {
        0.. => Ok(()),
        error => Err(ffmpeg::Error::from(error)).doing("giving pictures to the graphics chip"),
    }
}

/// 4:2:0 with its chroma side by side, which every chip takes.
fn interleaved(picture: &frame::Video, size: Size) -> frame::Video {
    let mut own = frame::Video::new(Pixel::NV12, size.width, size.height);
    let (width, height) = (size.width as usize, size.height as usize);
    let (from, to) = (picture.stride(0), own.stride(0));
    for y in 0..height {
        own.data_mut(0)[y * to..][..width].copy_from_slice(&picture.data(0)[y * from..][..width]);
    }
    let (from, to) = (picture.stride(1), own.stride(1));
    for y in 0..height / 2 {
        let row = &mut own.data_mut(1)[y * to..][..width];
        for plane in [1, 2] {
            let chroma = &picture.data(plane)[y * from..][..width / 2];
            for (to, from) in row.iter_mut().skip(plane - 1).step_by(2).zip(chroma) {
                *to = *from;
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 320,
        height: 180,
    };
    const RATE: FrameRate = FrameRate::whole(25);

    fn recipe(codec: Codec) -> Recipe {
        Recipe::of(&Encoding {
            format: ClipFormat::Video(crate::Container::Mp4, codec),
            ..Encoding::default()
        })
    }

    #[test]
    fn what_keeps_the_pictures_passes_its_trial() {
        crate::init();
        for codec in [Codec::H264, Codec::H265] {
            assert_eq!(try_out(&recipe(codec), SIZE, RATE), Ok(()), "{codec:?}");
        }
    }

    #[test]
    fn what_spoils_the_pictures_does_not() {
        crate::init();
        let mut coarse = recipe(Codec::H264);
        coarse.options.push(("crf", "51".to_owned()));
        let why = try_out(&coarse, SIZE, RATE).unwrap_err();
        assert!(why.contains("dB"), "{why}");

        let mut absent = recipe(Codec::H264);
        absent.encoder = "h264_of_nobody";
        assert!(try_out(&absent, SIZE, RATE).is_err());
        assert!(!works(&absent, SIZE, RATE));
    }

    #[test]
    fn a_chip_that_fails_leaves_the_work_to_the_processor() {
        crate::init();
        let encoding = Encoding {
            on_chip: true,
            ..Encoding::default()
        };
        let chosen = choose(&encoding, SIZE, RATE);
        // With a chip that works, its encoder; here or there, pictures survive.
        assert_eq!(try_out(&chosen, SIZE, RATE), Ok(()));
        let on_the_processor = Encoding::default();
        assert_eq!(choose(&on_the_processor, SIZE, RATE).encoder, "libx264");
        let footage = Encoding {
            quality: Quality::Footage,
            ..encoding
        };
        assert_eq!(choose(&footage, SIZE, RATE).encoder, "libx264");
    }

    #[test]
    fn chroma_goes_side_by_side() {
        crate::init();
        let frame = pattern(2, SIZE);
        let picture = Pictures::new(SIZE, Pixel::YUV420P).picture(&frame).unwrap();
        let own = interleaved(&picture, SIZE);
        let (width, height) = (SIZE.width as usize, SIZE.height as usize);
        let chroma = &frame.data[width * height..];
        for (x, y) in [(0, 0), (17, 40), (width / 2 - 1, height / 2 - 1)] {
            let at = y * own.stride(1) + 2 * x;
            let (u, v) = chroma.split_at(width * height / 4);
            let i = y * width / 2 + x;
            assert_eq!(own.data(1)[at..at + 2], [u[i], v[i]]);
        }
    }
}
