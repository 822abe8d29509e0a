//! Plays pieces of sound one after the other, and tells how far the listener is.
//!
//! A thread of its own brings sound to the device's rate and fills a ring; the
//! device's callback empties it, without a lock or an allocation. Where there is
//! no device a timer empties the ring instead, so that time goes on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rtrb::{Producer, RingBuffer};

use crate::AudioError;
use crate::clock::Clock;
use crate::device::{Fill, Open, has_output, open_output};
use crate::outlet::{Drain, Lent, Outlet, Shelf};
use crate::resample::Resampler;
use crate::tap::{Tapped, Taps};

/// How much sound waits in the ring: what a busy machine may be late by.
const RING_SECS: f64 = 1.0;
/// The ring is looked after this often.
const TICK: Duration = Duration::from_millis(5);
/// The rate where there is no device.
const SILENT_HZ: u32 = 48_000;
/// A device that takes sound so much faster than it sounds keeps no time.
const TOO_FAST: f64 = 1.5;
/// How long a device is watched for that.
const WATCHED_SECS: f64 = 1.0;

/// A device that held so long is sound.
const STEADY: Duration = Duration::from_secs(10);
/// One that breaks off more often at a stretch is given up.
const MOST_RESTARTS: u32 = 5;

/// Between two looks for a device where there is none.
const RETRY: Duration = Duration::from_secs(5);

/// Told what a user should know of the devices.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Sound to be played: mono, read block by block when its turn comes.
pub struct Piece {
    pub rate_hz: u32,
    pub read: ReadMore,
}

/// Appends the next samples; false when there were none left.
pub type ReadMore = Box<dyn FnMut(&mut Vec<f32>) -> bool + Send>;

impl Piece {
    /// Samples that are in memory already.
    pub fn of(samples: Vec<f32>, rate_hz: u32) -> Self {
        let mut samples = Some(samples);
        Self {
            rate_hz,
            read: Box::new(move |out| match samples.take() {
                Some(s) => {
                    out.extend_from_slice(&s);
                    true
                }
                None => false,
            }),
        }
    }
}

/// Where a piece lies in the content, once its turn has come.
#[derive(Clone, Debug)]
pub struct Placed(Arc<[AtomicU64; 2]>);

impl Placed {
    fn new() -> Self {
        let unknown = || AtomicU64::new(f64::NAN.to_bits());
        Self(Arc::new([unknown(), unknown()]))
    }

    fn get(&self, i: usize) -> Option<f64> {
        let secs = f64::from_bits(self.0[i].load(Ordering::Acquire));
        (!secs.is_nan()).then_some(secs)
    }

    fn set(&self, i: usize, secs: f64) {
        self.0[i].store(secs.to_bits(), Ordering::Release);
    }

    /// The content second at which it begins; none while others play.
    pub fn start_secs(&self) -> Option<f64> {
        self.get(0)
    }

    /// The content second at which it ends, once that is known.
    pub fn end_secs(&self) -> Option<f64> {
        self.get(1)
    }
}

enum Order {
    Play(Piece, Placed),
    Clear(Sender<()>),
}

/// What the callback and the rest share.
pub(crate) struct Shared {
    pub clock: Clock,
    pub paused: AtomicBool,
    /// Counts how often the ring was to be emptied at once.
    pub flush: AtomicU64,
    /// A piece is being played that has more to come.
    pub active: AtomicBool,
    /// How often the ring ran dry in the middle of a piece.
    pub starved: AtomicU64,
    /// Frames that the device has taken, silence too.
    pub taken: AtomicU64,
    /// Buffers that the device went without.
    missed: AtomicU64,
    /// The highest peak since somebody asked, as a float's bits.
    pub peak: AtomicU32,
    pub taps: Taps,
    /// Content brought to the ring or waiting to be, in seconds.
    brought: AtomicU64,
    waiting: AtomicU64,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(),
            paused: AtomicBool::new(false),
            flush: AtomicU64::new(0),
            active: AtomicBool::new(false),
            starved: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            peak: AtomicU32::new(0),
            taps: Taps::default(),
            brought: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        })
    }
}

/// Plays sound on a device that may come and go.
pub struct Player {
    orders: Option<Sender<Order>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Plays on the device called `wanted`, or on the desktop's own; without
    /// any, in silence. `notice` hears which, now and whenever it changes.
    pub fn new(wanted: Option<String>, notice: Notice) -> Self {
        let shared = Shared::new();
        let (orders, todo) = crossbeam_channel::unbounded();
        let pump_shared = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("huashen-sound".to_owned())
            .spawn(move || Pump::new(wanted, notice, pump_shared).run(&todo))
            .map_err(|e| tracing::error!("no thread for sound: {e}"))
            .ok();
        Self {
            orders: Some(orders),
            shared,
            thread,
        }
    }

    /// Plays `piece` after all that was given before.
    pub fn play(&self, piece: Piece) -> Placed {
        let placed = Placed::new();
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        if let Some(orders) = &self.orders {
            orders.send(Order::Play(piece, placed.clone())).ok();
        }
        placed
    }

    /// Stops at once and forgets what was to come.
    pub fn clear(&self) {
        let (done, wait) = crossbeam_channel::bounded(1);
        if let Some(orders) = &self.orders
            && orders.send(Order::Clear(done)).is_ok()
        {
            wait.recv_timeout(Duration::from_secs(1)).ok();
        }
    }

    /// Holds the sound, and with it the clock.
    pub fn set_paused(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::Release);
    }

    pub fn is_paused(&self) -> bool {
        self.shared.paused.load(Ordering::Acquire)
    }

    /// Seconds of content heard so far: the clock of everything that moves with
    /// the sound. It stands still while nothing plays.
    pub fn heard_secs(&self) -> f64 {
        self.shared.clock.heard_secs()
    }

    /// Whether content is still to be heard.
    pub fn is_playing(&self) -> bool {
        let brought = f64::from_bits(self.shared.brought.load(Ordering::Acquire));
        self.shared.waiting.load(Ordering::Acquire) > 0
            || self.shared.active.load(Ordering::Acquire)
            || self.heard_secs() + 1e-3 < brought
    }

    /// How many buffers this device went without because nobody came in time.
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }

    /// The highest peak since the last call, 0 to 1.
    pub fn peak(&self) -> f32 {
        f32::from_bits(self.shared.peak.swap(0, Ordering::Relaxed))
    }

    /// Begins, or ends, to keep what is heard for [`Self::tapped`].
    pub fn tap(&self, on: bool) {
        self.shared.taps.set(on);
    }

    /// Appends what was heard since the last call. To be called several times
    /// a second while it is tapped: what does not fit is lost.
    pub fn tapped(&self, out: &mut Vec<Tapped>) {
        self.shared.taps.read(out);
    }

    /// How often sound came too late in the middle of a piece.
    pub fn starved(&self) -> u64 {
        self.shared.starved.load(Ordering::Relaxed)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The piece under way.
struct Current {
    piece: Piece,
    placed: Placed,
    resampler: Resampler,
    ended: bool,
}

struct Pump {
    wanted: Option<String>,
    notice: Notice,
    shared: Arc<Shared>,
    drain: Option<Drain>,
    ring: Producer<f32>,
    rate_hz: f64,
    base_secs: f64,
    pushed: u64,
    queue: VecDeque<(Piece, Placed)>,
    current: Option<Current>,
    block: Vec<f32>,
    ready: Vec<f32>,
    at: usize,
    opened: Instant,
    taken_at_open: u64,
    /// The device that was lost, until another is open.
    lost: Option<String>,
    restarts: u32,
    /// Buffers that devices before this one went without.
    missed: u64,
    /// The device there is keeps no time: no other is looked for.
    gave_up: bool,
    shelf: Shelf,
}

impl Pump {
    fn new(wanted: Option<String>, notice: Notice, shared: Arc<Shared>) -> Self {
        let mut pump = Self {
            wanted,
            notice,
            shared,
            drain: None,
            ring: RingBuffer::new(1).0,
            rate_hz: f64::from(SILENT_HZ),
            base_secs: 0.0,
            pushed: 0,
            queue: VecDeque::new(),
            current: None,
            block: Vec::new(),
            ready: Vec::new(),
            at: 0,
            opened: Instant::now(),
            taken_at_open: 0,
            lost: None,
            restarts: 0,
            missed: 0,
            gave_up: false,
            shelf: Shelf::default(),
        };
        pump.open();
        pump
    }

    fn run(mut self, todo: &Receiver<Order>) {
        loop {
            match todo.recv_timeout(TICK) {
                Ok(Order::Play(piece, placed)) => self.queue.push_back((piece, placed)),
                Ok(Order::Clear(done)) => {
                    self.clear();
                    done.send(()).ok();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.watch();
            self.feed();
        }
    }

    /// Seconds of content brought so far.
    fn brought_secs(&self) -> f64 {
        self.base_secs + self.pushed as f64 / self.rate_hz
    }

    /// Opens the device that is wanted, else the desktop's own, else none.
    fn open(&mut self) {
        let mut wanted = self.wanted.clone();
        loop {
            match self.try_open(wanted.as_deref()) {
                Ok(open) => {
                    match self.lost.take() {
                        // A hiccup of the device is no news.
                        Some(lost) if lost == open.name => {
                            tracing::info!("the sound device {lost} was opened again");
                        }
                        Some(lost) => (self.notice)(&format!(
                            "the sound device {lost} is gone; sound: {}, {} Hz",
                            open.name, open.rate_hz
                        )),
                        None => {
                            (self.notice)(&format!("sound: {}, {} Hz", open.name, open.rate_hz));
                        }
                    }
                    self.drain = Some(Drain::Device(open));
                    break;
                }
                Err(error) => match wanted.take() {
                    Some(_) => (self.notice)(&format!("{error}; taking the desktop's own")),
                    None => {
                        self.open_silence(&error.to_string());
                        break;
                    }
                },
            }
        }
        self.opened = Instant::now();
        self.taken_at_open = self.shared.taken.load(Ordering::Relaxed);
    }

    fn open_silence(&mut self, why: &str) {
        (self.notice)(&format!("no sound: {why}; going on in silence"));
        let lent = Lent::new(self.outlet(SILENT_HZ), &self.shelf);
        self.drain = Some(Drain::silence(lent));
        self.opened = Instant::now();
    }

    fn try_open(&mut self, wanted: Option<&str>) -> Result<Open, AudioError> {
        open_output(wanted, |rate_hz| {
            let mut lent = Lent::new(self.outlet(rate_hz), &self.shelf);
            let fill: Fill = Box::new(move |frames, delay_secs, put| {
                lent.fill(frames, delay_secs, put);
            });
            fill
        })
    }

    /// For a device of this rate: what the last one gave back, where that fits.
    fn outlet(&mut self, rate_hz: u32) -> Outlet {
        let kept = self
            .shelf
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match kept.filter(|outlet| outlet.rate_hz() == f64::from(rate_hz)) {
            Some(outlet) => outlet,
            None => self.connect(rate_hz),
        }
    }

    /// A fresh ring for a device of this rate; what the old one held is lost.
    fn connect(&mut self, rate_hz: u32) -> Outlet {
        self.base_secs = self.brought_secs();
        self.pushed = 0;
        if f64::from(rate_hz) != self.rate_hz {
            // Samples of another rate are of no use.
            self.ready.clear();
            self.at = 0;
            if let Some(current) = &mut self.current
                && let Some(resampler) = Resampler::new(current.piece.rate_hz, rate_hz)
            {
                current.resampler = resampler;
            }
        }
        self.rate_hz = f64::from(rate_hz);
        let (ring, drain) = RingBuffer::new((self.rate_hz * RING_SECS) as usize);
        self.ring = ring;
        Outlet::new(
            drain,
            Arc::clone(&self.shared),
            self.rate_hz,
            self.base_secs,
        )
    }

    /// Notices a device that went away or keeps no time.
    fn watch(&mut self) {
        let Some(Drain::Device(open)) = &self.drain else {
            if !self.gave_up && self.opened.elapsed() > RETRY {
                self.look_again();
            }
            return;
        };
        let missed = self.missed + open.lost.missed();
        self.shared.missed.store(missed, Ordering::Relaxed);
        if open.lost.is_lost() {
            // What it was playing when it broke off.
            self.missed = missed + 1;
            self.lose(open.name.clone());
            return;
        }
        let secs = self.opened.elapsed().as_secs_f64();
        if (WATCHED_SECS..WATCHED_SECS * 3.0).contains(&secs) {
            let taken = self.shared.taken.load(Ordering::Relaxed) - self.taken_at_open;
            if taken as f64 / self.rate_hz > secs * TOO_FAST + RING_SECS {
                let name = open.name.clone();
                self.drain = None;
                self.gave_up = true;
                self.open_silence(&format!("the sound device {name} keeps no time"));
            }
        }
    }

    /// A device may have come where there was none.
    fn look_again(&mut self) {
        self.opened = Instant::now();
        let wanted = self.wanted.clone().filter(|name| has_output(Some(name)));
        if wanted.is_none() && !has_output(None) {
            return;
        }
        // The timer gives the ring back.
        self.drain = None;
        match self.try_open(wanted.as_deref()) {
            Ok(open) => {
                (self.notice)(&format!("sound: {}, {} Hz", open.name, open.rate_hz));
                self.drain = Some(Drain::Device(open));
                self.restarts = 0;
                self.opened = Instant::now();
                self.taken_at_open = self.shared.taken.load(Ordering::Relaxed);
            }
            Err(_) => {
                // Said once already.
                let lent = Lent::new(self.outlet(SILENT_HZ), &self.shelf);
                self.drain = Some(Drain::silence(lent));
            }
        }
    }

    /// Goes on with the same device if it is still there, else with another.
    fn lose(&mut self, name: String) {
        self.drain = None;
        if self.opened.elapsed() > STEADY {
            self.restarts = 0;
        }
        self.restarts += 1;
        if self.restarts > MOST_RESTARTS {
            self.open_silence(&format!(
                "the sound device {name} breaks off again and again"
            ));
            return;
        }
        self.lost = Some(name);
        self.open();
    }

    fn clear(&mut self) {
        for (_, placed) in self.queue.drain(..) {
            placed.set(0, f64::INFINITY);
            placed.set(1, f64::INFINITY);
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        self.ready.clear();
        self.at = 0;
        self.shared.active.store(false, Ordering::Release);
        self.shared.flush.fetch_add(1, Ordering::AcqRel);
        if let Some(current) = self.current.take() {
            current.placed.set(1, self.brought_secs());
        }
        // Until the callback came by; one that hangs is found lost later.
        let capacity = self.ring.buffer().capacity();
        for _ in 0..100 {
            if self.ring.slots() == capacity {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Brings sound to the ring while it has room.
    fn feed(&mut self) {
        loop {
            if self.at < self.ready.len() {
                let (pushed, rest) = self.ring.push_partial_slice(&self.ready[self.at..]);
                self.at += pushed.len();
                self.pushed += pushed.len() as u64;
                let full = !rest.is_empty();
                self.shared
                    .brought
                    .store(self.brought_secs().to_bits(), Ordering::Release);
                if full {
                    return;
                }
            }
            self.ready.clear();
            self.at = 0;
            if !self.refill() {
                return;
            }
        }
    }

    /// The next samples at the device's rate; false when nothing is to be played.
    fn refill(&mut self) -> bool {
        if self.current.as_ref().is_none_or(|c| c.ended) {
            if let Some(ended) = self.current.take() {
                ended.placed.set(1, self.brought_secs());
            }
            self.shared.active.store(false, Ordering::Release);
            let Some((piece, placed)) = self.queue.pop_front() else {
                return false;
            };
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
            placed.set(0, self.brought_secs());
            let Some(resampler) = Resampler::new(piece.rate_hz, self.rate_hz as u32) else {
                (self.notice)(&format!("sound of {} Hz cannot be played", piece.rate_hz));
                placed.set(1, self.brought_secs());
                return true;
            };
            self.current = Some(Current {
                piece,
                placed,
                resampler,
                ended: false,
            });
        }
        if let Some(current) = &mut self.current {
            self.block.clear();
            if (current.piece.read)(&mut self.block) {
                current.resampler.push(&self.block, &mut self.ready);
                self.shared.active.store(true, Ordering::Release);
            } else {
                current.resampler.finish(&mut self.ready);
                current.ended = true;
                self.shared.active.store(false, Ordering::Release);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_without_a_seam_and_the_clock_counts_them() {
        let shared = Shared::new();
        let notice: Notice = Arc::new(|_| {});
        let mut pump = Pump {
            wanted: None,
            notice,
            shared: Arc::clone(&shared),
            drain: None,
            ring: RingBuffer::new(1).0,
            rate_hz: 48_000.0,
            base_secs: 0.0,
            pushed: 0,
            queue: VecDeque::new(),
            current: None,
            block: Vec::new(),
            ready: Vec::new(),
            at: 0,
            opened: Instant::now(),
            taken_at_open: 0,
            lost: None,
            restarts: 0,
            missed: 0,
            gave_up: false,
            shelf: Shelf::default(),
        };
        let mut outlet = pump.connect(48_000);
        let ramp = |from: usize, n: usize| (from..from + n).map(|i| i as f32).collect();
        let (first, second) = (Placed::new(), Placed::new());
        for (placed, samples) in [(&first, ramp(1, 4800)), (&second, ramp(4801, 9600))] {
            shared.waiting.fetch_add(1, Ordering::AcqRel);
            pump.queue
                .push_back((Piece::of(samples, 48_000), placed.clone()));
        }
        let mut heard = Vec::new();
        for _ in 0..40 {
            pump.feed();
            outlet.fill(480, 0.0, &mut |_, s| heard.push(s));
        }
        let want: Vec<f32> = (1..=14_400).map(|i| i as f32).collect();
        assert_eq!(heard[..14_400], want);
        assert!(heard[14_400..].iter().all(|s| *s == 0.0));
        assert_eq!(first.start_secs(), Some(0.0));
        assert_eq!(first.end_secs(), Some(0.1));
        assert_eq!(second.start_secs(), Some(0.1));
        assert!((second.end_secs().unwrap() - 0.3).abs() < 1e-9);
        assert!((shared.clock.heard_secs() - 0.3).abs() < 1e-9);
        assert_eq!(shared.starved.load(Ordering::Relaxed), 0);

        // Paused, nothing is taken; cleared, what waited is gone and counted.
        pump.queue
            .push_back((Piece::of(ramp(1, 4800), 48_000), Placed::new()));
        shared.waiting.fetch_add(1, Ordering::AcqRel);
        pump.feed();
        shared.paused.store(true, Ordering::Release);
        outlet.fill(480, 0.0, &mut |_, s| assert_eq!(s, 0.0));
        shared.paused.store(false, Ordering::Release);
        shared.flush.fetch_add(1, Ordering::AcqRel);
        outlet.fill(480, 0.0, &mut |_, s| assert_eq!(s, 0.0));
        assert!((shared.clock.heard_secs() - 0.4).abs() < 1e-9);
    }

    #[test]
    fn without_a_device_time_goes_on_in_silence() {
        let said = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = Arc::clone(&said);
        let player = Player::new(
            Some("no such device".to_owned()),
            Arc::new(move |text| keep.lock().unwrap().push(text.to_owned())),
        );
        let placed = player.play(Piece::of(vec![0.0; 4800], 48_000));
        assert!(player.is_playing());
        let begun = Instant::now();
        while player.is_playing() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        // It counts as heard from its last millisecond on.
        assert!((player.heard_secs() - 0.1).abs() < 1.5e-3);
        assert_eq!(placed.end_secs(), Some(0.1));
        let said = said.lock().unwrap();
        assert!(said[0].contains("no such device"), "{said:?}");
    }
}
