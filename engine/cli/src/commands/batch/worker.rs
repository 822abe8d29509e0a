//! `huashen batch-worker`: takes jobs from the queue until none is left. What
//! it loaded for one clip is there for the next.
//!
//! It speaks to its parent in JSON lines on stdout, and stops when stdin ends:
//! a parent that was killed leaves no worker behind.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huashen_core::{Frame, PixelFormat};
use huashen_pipeline::batch::{
    Claim, Claimed, Made, Outcome, Queue, QueueError, SqliteQueue, Ticket, put_in_place,
};
use image::codecs::jpeg::JpegEncoder;
use serde::{Deserialize, Serialize};

use super::order::{Order, OrderSound};
use crate::args::BatchWorker;
use crate::commands::render::{Studio, make};
use crate::settings::Settings;
use crate::sound::Input;
use crate::{failure, interrupt, progress};

/// What a worker tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Ready {
        worker: String,
    },
    Start {
        out: String,
        attempt: u32,
    },
    Progress {
        stage: String,
        done: u64,
        total: u64,
    },
    Done {
        out: String,
        duration_secs: f64,
        frames: u64,
        elapsed_secs: f64,
        /// The clip of the same content that it is a copy of.
        copy_of: Option<String>,
    },
    Failed {
        out: String,
        error: String,
        /// It is tried once more, after so long.
        again_in_secs: Option<f64>,
    },
}

const HEARTBEAT: Duration = Duration::from_secs(5);
/// Between two looks into a queue that has nothing now.
const POLL: Duration = Duration::from_millis(200);
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Width of the pictures in the report, in pixels.
const THUMBNAIL_WIDTH: u32 = 240;
const THUMBNAIL_QUALITY: u8 = 80;

fn tell(event: &Event) {
    let Ok(line) = serde_json::to_string(event) else {
        return;
    };
    let mut out = std::io::stdout().lock();
    // A parent that is gone closes stdin as well: that ends this process.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The job under way, for the thread that beats.
type Current = Arc<Mutex<Option<Ticket>>>;

pub fn run(args: &BatchWorker, settings: &Settings) -> anyhow::Result<ExitCode> {
    let open = || SqliteQueue::open(&args.state, &args.output, &args.manifest);
    let mut queue = open()?.only(args.only.as_deref());
    let worker = queue.enlist()?;
    tell(&Event::Ready { worker });
    stop_with_parent();
    tell_progress();
    let current = Current::default();
    beat(open()?, Arc::clone(&current));
    let mut studio = Studio::default();
    let mut warm: Option<String> = None;
    loop {
        interrupt::check()?;
        let claimed = match queue.claim(warm.as_deref())? {
            Claim::Empty => return Ok(ExitCode::SUCCESS),
            Claim::Wait => {
                std::thread::sleep(POLL);
                continue;
            }
            Claim::Job(claimed) => *claimed,
        };
        set(&current, Some(claimed.ticket.clone()));
        tell(&Event::Start {
            out: claimed.ticket.out.clone(),
            attempt: claimed.attempt,
        });
        let result = one(&args.output, settings, &claimed, &mut studio, &mut queue);
        let void = set(&current, None).is_none();
        claimed.ticket.sweep(&args.output);
        match result {
            Ok(Some(event)) => {
                warm = Some(claimed.warm);
                tell(&event);
            }
            // Somebody else has the job; what this one made is not wanted.
            Ok(None) => {}
            Err(error) if failure::was_stopped(&error) => {
                queue.release(&claimed.ticket)?;
                if !void || PARENT_GONE.load(Ordering::SeqCst) {
                    return Err(error);
                }
                interrupt::clear();
            }
            Err(error) => {
                studio.clear();
                warm = None;
                // Nobody knows the hidden file by its name.
                let hidden = claimed.ticket.temp_file(&args.output);
                let place = args.output.join(&claimed.ticket.out);
                let text = failure::one_line(&error)
                    .replace(&*hidden.to_string_lossy(), &place.to_string_lossy());
                let may_pass = failure::may_pass(&error);
                let again = match queue.fail(&claimed.ticket, &text, may_pass)? {
                    Outcome::Again { after } => Some(after.as_secs_f64()),
                    Outcome::Failed | Outcome::Void => None,
                };
                tell(&Event::Failed {
                    out: claimed.ticket.out,
                    error: text,
                    again_in_secs: again,
                });
            }
        }
    }
}

/// Makes one clip and puts it in its place; none when the claim became void.
fn one(
    output_dir: &Path,
    settings: &Settings,
    claimed: &Claimed,
    studio: &mut Studio,
    queue: &mut SqliteQueue,
) -> anyhow::Result<Option<Event>> {
    let started = Instant::now();
    let ticket = &claimed.ticket;
    let path = output_dir.join(&ticket.out);
    let temp = ticket.temp_file(output_dir);
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|source| QueueError::File {
            path: dir.to_owned(),
            source,
        })?;
    }
    let order: Order = serde_json::from_str(&claimed.order)?;
    let twin = claimed.twin.as_ref().filter(|(twin, made)| {
        let place = output_dir.join(twin);
        made.is_at(&place) && order.subtitles(&place).is_none_or(|file| file.is_file())
    });
    let (mut made, copy_of) = match twin {
        Some((twin, made)) => {
            let place = output_dir.join(twin);
            let from = [Some(place.clone()), order.subtitles(&place)];
            let to = [Some(temp.clone()), order.subtitles(&path)];
            for (from, to) in from.into_iter().flatten().zip(to.into_iter().flatten()) {
                copy(&from, &to).map_err(|source| QueueError::File { path: to, source })?;
            }
            (made.clone(), Some(twin.clone()))
        }
        None => (render(&order, settings, studio, &temp, &path)?, None),
    };
    let file = Made::of_file(&temp).map_err(|source| QueueError::File {
        path: temp.clone(),
        source,
    })?;
    made = Made {
        sha256: file.sha256,
        bytes: file.bytes,
        modified_nanos: file.modified_nanos,
        elapsed_secs: started.elapsed().as_secs_f64(),
        ..made
    };
    if !queue.seal(ticket, &made)? {
        return Ok(None);
    }
    put_in_place(&temp, &path)?;
    if !queue.complete(ticket)? {
        return Ok(None);
    }
    Ok(Some(Event::Done {
        out: ticket.out.clone(),
        duration_secs: made.duration_secs,
        frames: made.frames,
        elapsed_secs: made.elapsed_secs,
        copy_of,
    }))
}

fn render(
    order: &Order,
    settings: &Settings,
    studio: &mut Studio,
    path: &Path,
    place: &Path,
) -> anyhow::Result<Made> {
    let args = order.render(path, place)?;
    let input = match &order.sound {
        OrderSound::Script(text) => Input::Script(huashen_script::parse(text)?.script),
        OrderSound::Audio(path) => Input::Recording(path.clone()),
    };
    let mut thumbnail = Vec::new();
    let made = make(
        &args,
        settings,
        &input,
        studio,
        true,
        &mut |frame, total| {
            // Past the start, where the mouth is still shut.
            if frame.index == total / 3 {
                thumbnail = picture_of(frame);
            }
        },
    )?;
    Ok(Made {
        duration_secs: made.clip.duration_secs,
        frames: made.frames,
        thumbnail,
        label: serde_json::to_string(&made.label)?,
        ..Made::default()
    })
}

/// Copies a file, or a folder of files.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(|_| ());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn set(current: &Current, ticket: Option<Ticket>) -> Option<Ticket> {
    let mut held = current.lock().unwrap_or_else(|e| e.into_inner());
    std::mem::replace(&mut *held, ticket)
}

/// Beats for the job under way; takes it away when another worker has it.
fn beat(mut queue: SqliteQueue, current: Current) {
    let beat = move || {
        loop {
            std::thread::sleep(HEARTBEAT);
            let ticket = current.lock().unwrap_or_else(|e| e.into_inner()).clone();
            let Some(ticket) = ticket else { continue };
            if matches!(queue.heartbeat(&ticket), Ok(false)) {
                let mut held = current.lock().unwrap_or_else(|e| e.into_inner());
                if held.as_ref() == Some(&ticket) {
                    *held = None;
                    interrupt::press();
                }
            }
        }
    };
    spawn("heartbeat", beat);
}

static PARENT_GONE: AtomicBool = AtomicBool::new(false);

/// Stops when stdin ends: the parent is gone or wants it.
fn stop_with_parent() {
    spawn("parent", || {
        let mut bytes = [0_u8; 64];
        while matches!(std::io::stdin().read(&mut bytes), Ok(n) if n > 0) {}
        PARENT_GONE.store(true, Ordering::SeqCst);
        interrupt::press();
    });
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(run) {
        tracing::warn!("the {name} thread did not start: {error}");
    }
}

fn tell_progress() {
    let last = Mutex::new(None::<(String, Instant)>);
    progress::listen(move |stage, done, total| {
        let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
        let fresh = last
            .as_ref()
            .is_none_or(|(s, at)| s != stage || at.elapsed() >= PROGRESS_EVERY);
        if fresh {
            *last = Some((stage.to_owned(), Instant::now()));
            tell(&Event::Progress {
                stage: stage.to_owned(),
                done,
                total,
            });
        }
    });
}

/// A frame as a small JPEG; empty when it cannot be made.
fn picture_of(frame: &Frame) -> Vec<u8> {
    let (w, h) = (frame.size.width, frame.size.height);
    let (tw, th) = (
        THUMBNAIL_WIDTH.min(w),
        (h * THUMBNAIL_WIDTH.min(w) / w).max(1),
    );
    let mut rgb = Vec::with_capacity((tw * th * 3) as usize);
    for ty in 0..th {
        for tx in 0..tw {
            rgb.extend(mean_rgb(
                frame,
                (tx * w / tw)..((tx + 1) * w / tw),
                (ty * h / th)..((ty + 1) * h / th),
            ));
        }
    }
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, THUMBNAIL_QUALITY);
    let encoded =
        image::ImageEncoder::write_image(encoder, &rgb, tw, th, image::ExtendedColorType::Rgb8);
    match encoded {
        Ok(()) => jpeg,
        Err(error) => {
            tracing::warn!("no picture for the report: {error}");
            Vec::new()
        }
    }
}

/// The mean colour of a block of pixels, as sRGB.
fn mean_rgb(frame: &Frame, xs: std::ops::Range<u32>, ys: std::ops::Range<u32>) -> [u8; 3] {
    let (w, h) = (frame.size.width as usize, frame.size.height as usize);
    let mut sum = [0.0_f32; 3];
    let mut count = 0.0_f32;
    for y in ys {
        for x in xs.clone() {
            let (x, y) = (x as usize, y as usize);
            let at = |i: usize| f32::from(frame.data.get(i).copied().unwrap_or(0));
            let colour = match frame.format {
                PixelFormat::Rgba8 => {
                    let i = (y * w + x) * 4;
                    [at(i), at(i + 1), at(i + 2)]
                }
                PixelFormat::I420 => {
                    let chroma = y / 2 * (w / 2) + x / 2;
                    let luma = (at(y * w + x) - 16.0) * 255.0 / 219.0;
                    let cb = (at(w * h + chroma) - 128.0) * 255.0 / 224.0;
                    let cr = (at(w * h * 5 / 4 + chroma) - 128.0) * 255.0 / 224.0;
                    // BT.709.
                    [
                        luma + 1.5748 * cr,
                        luma - 0.1873 * cb - 0.4681 * cr,
                        luma + 1.8556 * cb,
                    ]
                }
            };
            for (sum, value) in sum.iter_mut().zip(colour) {
                *sum += value;
            }
            count += 1.0;
        }
    }
    sum.map(|s| (s / count.max(1.0)).round().clamp(0.0, 255.0) as u8)
}
