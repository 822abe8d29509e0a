//! Coarticulation: the mouth of a whole utterance as a function of time.
//!
//! Dominance functions after Cohen and Massaro (1993), "Modeling
//! coarticulation in synthetic visual speech": every segment pulls each mouth
//! parameter towards its target with a weight that fades with distance, and
//! the mouth is the weighted mean. Rounding fades slowest ahead of its sound,
//! so lips round before the vowel is heard.

use huashen_core::Timing;

use super::closure::{Window, Windows};
use super::lips::Mouth;
use super::phone::{Atom, Place, atoms};
use super::viseme::{PARAMS, Shape, Target, target};
use crate::score::Loudness;

/// Fade of dominance before the segment, in seconds, by parameter
/// (jaw, pucker, funnel, spread, teeth, tongue).
const LEAD_SECS: [f64; PARAMS] = [0.05, 0.085, 0.08, 0.075, 0.06, 0.035];
/// Fade after it.
const LAG_SECS: [f64; PARAMS] = [0.05, 0.065, 0.06, 0.06, 0.055, 0.035];
/// Pull of the rest shape everywhere: nothing next to speech, all in a pause.
const REST_PULL: f64 = 0.025;
/// Beyond this no segment matters.
const HORIZON_SECS: f64 = 0.5;
/// A gap longer than this is a pause, in which the mouth closes.
pub const PAUSE_SECS: f64 = 0.15;
/// Lips part this long before the sound.
const PART_SECS: f64 = 0.13;
/// Lips take this long to come to rest.
const REST_SECS: f64 = 0.15;
const FAR: f64 = 1e9;

#[derive(Clone, Copy, Debug)]
struct Segment {
    start: f64,
    end: f64,
    row: [f64; PARAMS],
    pull: [f64; PARAMS],
    lead: [f64; PARAMS],
    lag: [f64; PARAMS],
}

/// The mouth of an utterance.
#[derive(Clone, Debug)]
pub struct Articulation {
    segments: Vec<Segment>,
    reach: Vec<f64>,
    seals: Windows,
    tucks: Windows,
}

/// A phoneme's sounds with their share of its time.
struct Sound {
    start: f64,
    end: f64,
    atom: Atom,
    /// How fully the target is reached, about 1.
    gain: f64,
}

impl Articulation {
    /// `amount` scales how far the mouth opens (1 is plain speech).
    pub fn new(timing: &Timing, loudness: &Loudness, amount: f64) -> Self {
        let sounds = sounds(timing, loudness);
        let mut seals = rests(&sounds);
        let mut tucks = Vec::new();
        let mut segments: Vec<Segment> = Vec::with_capacity(sounds.len());
        for s in &sounds {
            if let Atom::Consonant { place, nasal, .. } = s.atom {
                match place {
                    Place::Bilabial => seals.push(Window::seal(s.start, s.end, nasal)),
                    Place::BilabialFricative => seals.push(Window {
                        peak: 0.6,
                        press: 0.0,
                        ..Window::seal(s.start, s.end, true)
                    }),
                    Place::Labiodental => tucks.push(Window::tuck(s.start, s.end, 1.0)),
                    Place::LabiodentalApproximant => {
                        tucks.push(Window::tuck(s.start, s.end, 0.55));
                    }
                    _ => {}
                }
            }
            segments.push(segment(s, amount));
        }
        segments.extend(pauses(&sounds));
        segments.sort_by(|a, b| a.start.total_cmp(&b.start));
        let mut latest = f64::NEG_INFINITY;
        let reach = segments
            .iter()
            .map(|s| {
                latest = latest.max(s.end);
                latest
            })
            .collect();
        Self {
            segments,
            reach,
            seals: Windows::new(seals),
            tucks: Windows::new(tucks),
        }
    }

    /// The mouth at `at` seconds.
    pub fn at(&self, at: f64) -> Mouth {
        let (seal, pressed) = self.seals.at(at);
        let (tuck, _) = self.tucks.at(at);
        Mouth {
            shape: self.blend(at),
            seal: seal as f32,
            press: if seal > 1e-6 {
                (pressed / seal) as f32
            } else {
                0.0
            },
            tuck: tuck as f32,
        }
    }

    fn blend(&self, at: f64) -> Shape {
        let first = self.reach.partition_point(|&end| end < at - HORIZON_SECS);
        let mut sum = [0.0; PARAMS];
        let mut weight = [REST_PULL; PARAMS];
        for s in self.segments[first..]
            .iter()
            .take_while(|s| s.start < at + HORIZON_SECS)
        {
            let (distance, fades) = if at < s.start {
                (s.start - at, &s.lead)
            } else {
                ((at - s.end).max(0.0), &s.lag)
            };
            for p in 0..PARAMS {
                let d = s.pull[p] * fade(distance / fades[p]);
                sum[p] += d * s.row[p];
                weight[p] += d;
            }
        }
        Shape::from_row(std::array::from_fn(|p| (sum[p] / weight[p]) as f32))
    }
}

/// 1 at 0, flat there (no corner in the curve), exponential far out.
fn fade(x: f64) -> f64 {
    (-x * x / (1.0 + 0.5 * x)).exp()
}

/// Splits phonemes into sounds; drops what is not finite or has no length.
fn sounds(timing: &Timing, loudness: &Loudness) -> Vec<Sound> {
    let mut all = Vec::with_capacity(timing.phonemes.len());
    for p in &timing.phonemes {
        if !(p.start_secs.is_finite() && p.end_secs > p.start_secs && p.end_secs < FAR) {
            continue;
        }
        let found = atoms(&p.ipa);
        let share = |a: &Atom| match a {
            Atom::Vowel(_) => 2.0,
            Atom::Consonant { .. } => 1.0,
        };
        let total: f64 = found.iter().map(share).sum();
        let secs = p.end_secs - p.start_secs;
        let emphasised = p
            .word
            .and_then(|w| timing.words.get(w))
            .is_some_and(|w| w.emphasised);
        let stress = match p.stress {
            0 => 0.88,
            1 => 1.0,
            _ => 1.08,
        };
        let gain =
            stress * loudness.gain(p.start_secs, p.end_secs) * if emphasised { 1.15 } else { 1.0 };
        let mut start = p.start_secs;
        for atom in found {
            let end = start + secs * share(&atom) / total;
            all.push(Sound {
                start,
                end,
                atom,
                gain,
            });
            start = end;
        }
    }
    all.sort_by(|a, b| a.start.total_cmp(&b.start));
    all
}

fn segment(s: &Sound, amount: f64) -> Segment {
    let Target { shape, dominance } = target(s.atom);
    let secs = s.end - s.start;
    let mut row = shape.row().map(f64::from);
    if let Atom::Vowel(_) = s.atom {
        // Undershoot (Lindblom 1963): a short vowel does not get to its target.
        let reached = 1.0 - (-secs / 0.04).exp();
        row[0] = soft_limit(
            row[0] * s.gain * amount * (0.35 + 0.65 * reached),
            0.42,
            0.56,
        );
        for p in &mut row[1..] {
            *p *= (0.6 + 0.4 * reached) * (0.5 + 0.5 * amount);
        }
    }
    // The middle of the segment holds; its edges already give way.
    let edge = (secs * 0.22).min(0.05);
    Segment {
        start: s.start + edge,
        end: s.end - edge,
        row,
        pull: dominance.row().map(f64::from),
        lead: reach_of(&LEAD_SECS, &row),
        lag: reach_of(&LAG_SECS, &row),
    }
}

/// What a sound asks for reaches far; what it does not care about (the lips of
/// a plain vowel beside a rounded one) gives way at once.
fn reach_of(fades: &[f64; PARAMS], row: &[f64; PARAMS]) -> [f64; PARAMS] {
    const SHORT_SECS: f64 = 0.045;
    std::array::from_fn(|p| {
        if p == 0 {
            return fades[p];
        }
        let asked = (row[p] / 0.3).min(1.0);
        SHORT_SECS + (fades[p] - SHORT_SECS) * asked
    })
}

/// Bends `v` above `knee` so that it never passes `limit`.
fn soft_limit(v: f64, knee: f64, limit: f64) -> f64 {
    if v <= knee {
        return v;
    }
    let room = limit - knee;
    knee + room * ((v - knee) / room).tanh()
}

/// The rest shape in the middle of pauses, so that a far sound does not shape
/// the silent mouth.
fn pauses(sounds: &[Sound]) -> Vec<Segment> {
    let rest = |start: f64, end: f64| {
        (end > start).then_some(Segment {
            start,
            end,
            row: [0.0; PARAMS],
            pull: [0.5; PARAMS],
            lead: [0.07; PARAMS],
            lag: [0.07; PARAMS],
        })
    };
    let (Some(first), Some(last)) = (sounds.first(), sounds.last()) else {
        return Vec::new();
    };
    let between = sounds
        .windows(2)
        .filter_map(|pair| rest(pair[0].end + REST_SECS, pair[1].start - PART_SECS));
    rest(-FAR, first.start - PART_SECS)
        .into_iter()
        .chain(between)
        .chain(rest(last.end + REST_SECS, FAR))
        .collect()
}

/// Gentle seals in every pause, before the first sound and after the last.
fn rests(sounds: &[Sound]) -> Vec<Window> {
    let window = |end: Option<&Sound>, start: Option<&Sound>| {
        // A pause beside a bilabial keeps the lips together up to it.
        let (from, full_from) = match end {
            None => (-FAR, -FAR),
            Some(s) if sealed(s.atom) => (s.end - 0.08, s.end - 0.02),
            Some(s) => (s.end, s.end + REST_SECS),
        };
        let (full_to, to) = match start {
            None => (FAR, FAR),
            Some(s) if sealed(s.atom) => (s.start, s.start + 0.04),
            Some(s) => (s.start - PART_SECS, s.start - 0.01),
        };
        Window {
            from,
            full_from,
            full_to,
            to,
            peak: 1.0,
            press: 0.06,
        }
    };
    let (Some(first), Some(last)) = (sounds.first(), sounds.last()) else {
        return vec![window(None, None)];
    };
    let mut all = vec![window(None, Some(first))];
    for pair in sounds.windows(2) {
        if pair[1].start - pair[0].end > PAUSE_SECS {
            all.push(window(Some(&pair[0]), Some(&pair[1])));
        }
    }
    all.push(window(Some(last), None));
    all
}

fn sealed(atom: Atom) -> bool {
    matches!(
        atom,
        Atom::Consonant {
            place: Place::Bilabial,
            ..
        }
    )
}
