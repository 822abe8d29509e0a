//! What moves a preview from outside, and what it tells others: the microphone
//! and VMC.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use huashen_audio::{Microphone, Notice};
use huashen_motion::MotionOptions;
use huashen_pipeline::live::{Ear, Face, vmc};

use super::preview::Shared;
use crate::args::Preview;
use crate::failure::Missing;

/// Poses a second that others are told.
const OUT_HZ: f64 = 60.0;

/// Starts what the flags ask for.
pub fn start(
    args: &Preview,
    manner: &MotionOptions,
    shared: &Arc<Shared>,
    notice: &Notice,
) -> anyhow::Result<()> {
    if let Some(port) = args.vmc_in {
        let listener = vmc::Listener::bind(port)
            .map_err(|e| Missing(format!("the port {port} for --vmc-in cannot be used: {e}")))?;
        notice(&format!("VMC: listening on port {port}"));
        let shared = Arc::clone(shared);
        spawn("huashen-vmc-in", move || follow(listener, &shared))?;
    }
    if let Some(to) = &args.vmc_out {
        let sender = vmc::Sender::new(to)
            .with_context(|| format!("--vmc-out {to}: write a host and a port"))?;
        notice(&format!("VMC: sending to {to}"));
        let shared = Arc::clone(shared);
        spawn("huashen-vmc-out", move || tell(&sender, &shared))?;
    }
    if args.mic {
        let (shared, notice) = (Arc::clone(shared), Arc::clone(notice));
        let (wanted, manner) = (args.microphone.clone(), *manner);
        spawn("huashen-ear", move || {
            if let Err(error) = hear(wanted, &manner, &shared, &notice) {
                notice(&format!("the microphone is not followed: {error:#}"));
            }
        })?;
    }
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .context("no thread can be started")?;
    Ok(())
}

/// Faces that come by UDP.
fn follow(mut listener: vmc::Listener, shared: &Shared) {
    while !shared.stopped() {
        if let Some(face) = listener.next_face() {
            let now = shared.wall_secs();
            shared.live().set_face(face, now);
            shared.faces.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Poses as they are seen, at an even rate.
fn tell(sender: &vmc::Sender, shared: &Shared) {
    let start = Instant::now();
    let mut count = 0_u64;
    while !shared.stopped() {
        let due = Duration::from_secs_f64(count as f64 / OUT_HZ);
        if let Some(wait) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(wait);
        } else {
            // A machine that slept sends nothing twice.
            count = (start.elapsed().as_secs_f64() * OUT_HZ) as u64;
        }
        count += 1;
        let heard = shared.player.heard_secs();
        let now = shared.wall_secs();
        let pose = shared.live().pose(now, heard);
        sender.send(&pose, now);
    }
}

/// The microphone's voice.
fn hear(
    wanted: Option<String>,
    manner: &MotionOptions,
    shared: &Shared,
    notice: &Notice,
) -> anyhow::Result<()> {
    let ear = Ear::new(manner)?;
    let mut microphone = Microphone::new(wanted, Arc::clone(notice));
    let mut samples = Vec::new();
    while !shared.stopped() {
        let Some(rate_hz) = microphone.rate_hz() else {
            microphone.read(&mut samples);
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let mut heard = ear.hear(rate_hz)?;
        // What was said before anyone listened is nobody's.
        microphone.read(&mut samples);
        samples.clear();
        while !shared.stopped() && microphone.rate_hz() == Some(rate_hz) {
            samples.clear();
            microphone.read(&mut samples);
            if samples.is_empty() {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            let came = Instant::now();
            if let Some(frame) = heard.push(&samples)? {
                let now = shared.wall_secs();
                shared.live().set_face(Face::from(&frame), now);
                let late = Ear::look_ahead_secs()
                    + microphone.age_secs()
                    + samples.len() as f64 / f64::from(rate_hz)
                    + came.elapsed().as_secs_f64();
                shared.heard_late[0].fetch_add((late * 1e6) as u64, Ordering::Relaxed);
                shared.heard_late[1].fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}
