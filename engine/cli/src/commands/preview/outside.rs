//! What moves a preview from outside, and what it tells others: the microphone
//! and VMC.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use huashen_audio::{Microphone, Notice};
use huashen_motion::MotionOptions;
use huashen_pipeline::live::{Ear, Face, vmc};

use super::{Shared, spawn};
use crate::args::Preview;
use crate::failure::Missing;

/// Poses a second that others are told.
const OUT_HZ: f64 = 60.0;

/// Starts what the flags ask for.
pub fn start(args: &Preview, manner: &MotionOptions, shared: &Arc<Shared>) -> anyhow::Result<()> {
    if let Some(port) = args.vmc_in {
        follow_vmc(shared, port)?;
    }
    if let Some(to) = &args.vmc_out {
        let sender = vmc::Sender::new(to)
            .with_context(|| format!("--vmc-out {to}: write a host and a port"))?;
        shared.note(&format!("VMC: sending to {to}"));
        let shared = Arc::clone(shared);
        spawn("huashen-vmc-out", move || tell(&sender, &shared))?;
    }
    if args.mic {
        listen(shared, args.microphone.clone(), manner)?;
    }
    Ok(())
}

/// Ends what follows the microphone or a face from outside.
pub fn stop(shared: &Shared) {
    shared.follower.fetch_add(1, Ordering::AcqRel);
}

/// Follows faces that come by VMC, until something else is followed.
pub fn follow_vmc(shared: &Arc<Shared>, port: u16) -> anyhow::Result<()> {
    let turn = Turn::new(shared);
    // One that ends now still holds the port for a moment.
    let mut tries = 0;
    let listener = loop {
        match vmc::Listener::bind(port) {
            Ok(listener) => break listener,
            Err(_) if tries < 5 => tries += 1,
            Err(e) => {
                let text = format!("the port {port} for VMC cannot be used: {e}");
                return Err(Missing(text).into());
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    shared.note(&format!("VMC: listening on port {port}"));
    spawn("huashen-vmc-in", move || follow(listener, &turn))
}

/// Follows the microphone, until something else is followed.
pub fn listen(
    shared: &Arc<Shared>,
    wanted: Option<String>,
    manner: &MotionOptions,
) -> anyhow::Result<()> {
    let (turn, manner) = (Turn::new(shared), *manner);
    spawn("huashen-ear", move || {
        if let Err(error) = hear(wanted, &manner, &turn) {
            turn.shared
                .complain(&format!("the microphone is not followed: {error:#}"));
        }
    })
}

/// The right to move the person, until another one has it.
struct Turn {
    shared: Arc<Shared>,
    number: u64,
}

impl Turn {
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            number: shared.follower.fetch_add(1, Ordering::AcqRel) + 1,
            shared: Arc::clone(shared),
        }
    }

    fn is_over(&self) -> bool {
        self.shared.stopped() || self.shared.follower.load(Ordering::Acquire) != self.number
    }
}

/// Faces that come by UDP.
fn follow(mut listener: vmc::Listener, turn: &Turn) {
    let shared = &turn.shared;
    while !turn.is_over() {
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
fn hear(wanted: Option<String>, manner: &MotionOptions, turn: &Turn) -> anyhow::Result<()> {
    let shared = &turn.shared;
    let ear = Ear::new(manner)?;
    let notice: Notice = Arc::clone(&shared.say);
    let mut microphone = Microphone::new(wanted, notice);
    let mut samples = Vec::new();
    while !turn.is_over() {
        let Some(rate_hz) = microphone.rate_hz() else {
            microphone.read(&mut samples);
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let mut heard = ear.hear(rate_hz)?;
        // What was said before anyone listened is nobody's.
        microphone.read(&mut samples);
        samples.clear();
        while !turn.is_over() && microphone.rate_hz() == Some(rate_hz) {
            samples.clear();
            microphone.read(&mut samples);
            if samples.is_empty() {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            let came = Instant::now();
            let peak = samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
            // Positive floats are ordered as their bits are.
            shared
                .voice_peak
                .fetch_max(peak.to_bits(), Ordering::Relaxed);
            if let Some(frame) = heard.push(&samples)? {
                let now = shared.wall_secs();
                shared.live().set_face(Face::from(&frame), now);
                shared.voice_late.add(
                    Ear::look_ahead_secs()
                        + microphone.age_secs()
                        + samples.len() as f64 / f64::from(rate_hz)
                        + came.elapsed().as_secs_f64(),
                );
            }
        }
    }
    Ok(())
}
