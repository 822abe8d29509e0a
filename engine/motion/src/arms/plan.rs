//! Which gesture falls on which accent, and how the hands get there and back.

use super::clips::{self, Clip, Hands, READY, REST};
use super::limb::{Arm, Side};
use super::timeline::{Timeline, least_secs};
use crate::options::Style;
use crate::random::{Chance, Stream};
use crate::score::{Accent, Score};

/// A gesture that the script asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cue {
    pub at: f64,
    pub clip: &'static Clip,
}

/// How a style gesticulates.
struct Manner {
    /// Least time between two strokes of their own accord, seconds.
    gap: f64,
    /// Factor of the odds that an accent is accompanied.
    odds: f64,
    /// Size of beats.
    size: f64,
    /// Hands that have nothing to do for so long go down, seconds.
    patience: f64,
}

impl Manner {
    const fn of(style: Style) -> Self {
        let (gap, odds, size, patience) = match style {
            Style::Calm => (2.6, 0.40, 0.70, 2.2),
            Style::Natural => (1.2, 0.65, 0.90, 2.6),
            Style::Lively => (0.7, 0.95, 1.05, 3.0),
        };
        Self {
            gap,
            odds,
            size,
            patience,
        }
    }
}

/// A stroke looks this far for an accent after its mark, and falls on the mark if there is none.
const SEEK_SECS: f64 = 0.6;
/// Hands go back to rest in no less time than this.
const BACK_SECS: f64 = 0.8;
/// Least hold of a gesture that is cut short.
const LEAST_HOLD_SECS: f64 = 0.2;

/// The places of the left and the right hand over a clip of `secs` seconds:
/// strokes of `cues`, and of their own accord on `score`'s accents where the
/// script asks for nothing. Both hands hang at the beginning and at the end.
pub fn plan(score: &Score, cues: &[Cue], secs: f64, style: Style, seed: u64) -> [Timeline; 2] {
    Plan::new(score, cues, secs, style, seed).finish()
}

/// Moves a mark's stroke to the next accent, and forward where the clip would
/// end before the hands are back.
fn on_accent(cue: &Cue, score: &Score, secs: f64) -> Cue {
    let from = score.accents.partition_point(|a| a.at < cue.at - 0.02);
    let accent = score.accents[from..]
        .iter()
        .take_while(|a| a.at < cue.at + SEEK_SECS)
        .find(|a| a.strength > 0.2);
    let at = accent.map_or(cue.at, |a| a.at);
    Cue {
        at: at.min(secs - tail(cue.clip)),
        clip: cue.clip,
    }
}

/// From the stroke to hands at rest, at the shortest.
fn tail(clip: &Clip) -> f64 {
    let held = clip.keys.last().map_or(0.0, |k| f64::from(k.secs));
    held + LEAST_HOLD_SECS + BACK_SECS
}

/// What falls on an accent or a mark.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stroke {
    at: f64,
    clip: &'static Clip,
    /// None: both hands.
    side: Option<Side>,
}

struct Plan {
    chance: Chance,
    manner: Manner,
    secs: f64,
    hands: [Timeline; 2],
    strokes: Vec<Stroke>,
    /// Nothing of its own accord before this.
    free_at: f64,
}

impl Plan {
    fn new(score: &Score, cues: &[Cue], secs: f64, style: Style, seed: u64) -> Self {
        let mut cues: Vec<Cue> = cues.iter().map(|c| on_accent(c, score, secs)).collect();
        cues.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut plan = Self {
            chance: Chance::new(seed, Stream::Arms),
            manner: Manner::of(style),
            secs,
            hands: [Timeline::resting(), Timeline::resting()],
            strokes: Vec::new(),
            free_at: 0.0,
        };
        let mut next = 0;
        for accent in &score.accents {
            while cues.get(next).is_some_and(|c| c.at <= accent.at) {
                plan.cue(&cues[next]);
                next += 1;
            }
            let ahead = cues.get(next).is_some_and(|c| c.at - accent.at < 1.2);
            if !ahead {
                plan.beat(accent);
            }
        }
        for cue in &cues[next..] {
            plan.cue(cue);
        }
        plan
    }

    fn cue(&mut self, cue: &Cue) {
        let side = match cue.clip.hands {
            Hands::Both => None,
            Hands::Left => Some(Side::Left),
            Hands::Right | Hands::One => Some(Side::Right),
        };
        let arms: Vec<Arm> = cue.clip.keys.iter().map(|k| Arm::from(&k.reach)).collect();
        let at = sides(side)
            .map(|s| self.earliest(s, cue.clip, &arms))
            .fold(cue.at, f64::max);
        if at + tail(cue.clip) > self.secs + 1e-6 || at > cue.at + 2.0 {
            tracing::warn!(
                gesture = cue.clip.name,
                at_secs = cue.at,
                "no time for this gesture here: the arms leave it out"
            );
            return;
        }
        self.place(at, cue.clip, side, &arms);
        let keys = cue.clip.keys.last().map_or(0.0, |k| f64::from(k.secs));
        self.free_at = at + keys + f64::from(cue.clip.hold_secs) + 0.3;
    }

    fn beat(&mut self, accent: &Accent) {
        if accent.at < self.free_at {
            return;
        }
        let odds = self.manner.odds * (0.2 + 0.9 * accent.strength);
        if !self.chance.happens(odds.clamp(0.0, 0.95)) {
            return;
        }
        let (clip, side) = self.choose(accent);
        if accent.at + tail(clip) + 0.2 > self.secs {
            return;
        }
        let size = self.manner.size * (0.75 + 0.35 * accent.strength);
        let size = (size * self.chance.even(0.88, 1.12)) as f32;
        let aside: [f32; 3] = std::array::from_fn(|_| self.chance.even(-0.022, 0.022) as f32);
        let ready = Arm::from(&READY);
        let arms: Vec<Arm> = clip
            .keys
            .iter()
            .map(|k| {
                let mut arm = ready.lerp(&Arm::from(&k.reach), size.min(1.15));
                arm.aim(aside.into());
                arm
            })
            .collect();
        if sides(side).any(|s| self.earliest(s, clip, &arms) > accent.at) {
            return;
        }
        self.place(accent.at, clip, side, &arms);
        self.free_at = accent.at + self.manner.gap;
    }

    /// A clip and a hand (none: both) for an accent: never the same twice in a
    /// row, the same hand a few times.
    fn choose(&mut self, accent: &Accent) -> (&'static Clip, Option<Side>) {
        const OPENING: [&Clip; 5] = [
            &clips::PALM,
            &clips::PALMS,
            &clips::BEAT_OPEN,
            &clips::BEAT_BOTH,
            &clips::BEAT,
        ];
        const GOING_ON: [&Clip; 5] = [
            &clips::BEAT,
            &clips::BEAT_OPEN,
            &clips::BEAT_BOTH,
            &clips::BEAT,
            &clips::PALM,
        ];
        const STRONG: [&Clip; 4] = [
            &clips::EMPHASIS,
            &clips::EMPHASIS_BOTH,
            &clips::BEAT_BOTH,
            &clips::PALMS,
        ];
        let last = self.strokes.last().copied();
        let fresh = last.is_none_or(|l| accent.at - l.at > self.manner.patience);
        let pool: &[&'static Clip] = if accent.strength > 0.85 {
            &STRONG
        } else if fresh {
            &OPENING
        } else {
            &GOING_ON
        };
        let run = self.strokes.iter().rev().take(4);
        let tired = run.filter(|s| Some(s.side) == last.map(|l| l.side)).count() == 4;
        let hand = match last.and_then(|l| l.side) {
            Some(side) if !fresh && !tired && self.chance.happens(0.7) => side,
            Some(side) => side.other(),
            None if self.chance.happens(0.65) => Side::Right,
            None => Side::Left,
        };
        loop {
            let i = self.chance.even(0.0, pool.len() as f64) as usize;
            let clip = pool[i.min(pool.len() - 1)];
            let side = (clip.hands != Hands::Both).then_some(hand);
            if last.is_none_or(|l| (l.clip, l.side) != (clip, side)) {
                return (clip, side);
            }
        }
    }

    /// The earliest time at which a stroke of `clip` can fall.
    fn earliest(&self, side: Side, clip: &Clip, arms: &[Arm]) -> f64 {
        let lead = -times(clip, arms)[0];
        let firm = self.hands[side as usize].firm();
        firm.secs + least_secs(&firm.arm, &arms[0]) + lead
    }

    fn place(&mut self, at: f64, clip: &'static Clip, side: Option<Side>, arms: &[Arm]) {
        let times = times(clip, arms);
        for side in sides(side) {
            let hand = &mut self.hands[side as usize];
            let begin = at + times[0];
            hand.make_room(begin, &arms[0]);
            bridge(hand, begin, &arms[0], self.manner.patience);
            for (time, arm) in times.iter().zip(arms) {
                hand.push(at + time, *arm, true);
            }
            let end = hand.last().secs;
            hand.hold(end + LEAST_HOLD_SECS.min(f64::from(clip.hold_secs)));
            hand.hold(end + f64::from(clip.hold_secs));
        }
        self.strokes.push(Stroke { at, clip, side });
    }

    fn finish(mut self) -> [Timeline; 2] {
        let rest = Arm::from(&REST);
        for hand in &mut self.hands {
            hand.make_room(self.secs, &rest);
            let last = *hand.last();
            let back = least_secs(&last.arm, &rest);
            let left = self.secs - last.secs;
            // As slowly as there is time for, within reason.
            let back = (1.3 * back).max(BACK_SECS).clamp(back, left.max(back));
            let wait = (left - back).clamp(0.0, 0.4);
            hand.hold(last.secs + wait);
            hand.push(last.secs + wait + back, rest, true);
        }
        self.hands
    }
}

fn sides(side: Option<Side>) -> impl Iterator<Item = Side> {
    Side::BOTH
        .into_iter()
        .filter(move |s| side.is_none_or(|only| only == *s))
}

/// Seconds of a clip's keyframes from its stroke, spread where the hand could
/// not follow.
fn times(clip: &Clip, arms: &[Arm]) -> Vec<f64> {
    let stroke = clip.keys.iter().position(|k| k.secs >= 0.0).unwrap_or(0);
    let mut times: Vec<f64> = clip.keys.iter().map(|k| f64::from(k.secs)).collect();
    let apart = |i: usize| {
        let written = f64::from(clip.keys[i + 1].secs - clip.keys[i].secs);
        written.max(least_secs(&arms[i], &arms[i + 1]))
    };
    for i in (0..stroke).rev() {
        times[i] = times[i + 1] - apart(i);
    }
    for i in stroke + 1..times.len() {
        times[i] = times[i - 1] + apart(i - 1);
    }
    times
}

/// What the hand does between its last stop and `arm` at `secs`: it goes down
/// if there is time enough, waits before the waist if there is some, or stays.
fn bridge(hand: &mut Timeline, secs: f64, arm: &Arm, patience: f64) {
    let (rest, ready) = (Arm::from(&REST), Arm::from(&READY));
    let last = *hand.last();
    let gap = secs - last.secs;
    let away = |to: &Arm, least: f64| (1.3 * least_secs(&last.arm, to)).max(least);
    let towards = |from: &Arm, least: f64| (1.25 * least_secs(from, arm)).max(least);
    if last.arm == rest {
        hand.hold(secs - towards(&rest, 0.55).min(gap));
        return;
    }
    let (down, up) = (away(&rest, 1.0), towards(&rest, 0.55));
    if gap > patience.max(down + up + 0.5) {
        let wait = (gap - down - up - 0.3).min(0.5);
        hand.hold(last.secs + wait);
        hand.push(last.secs + wait + down, rest, false);
        hand.hold(secs - up);
        return;
    }
    let (back, out) = (away(&ready, 0.5), towards(&ready, 0.35));
    if gap > back + out + 0.15 {
        hand.push(last.secs + back, ready, false);
        hand.hold(secs - out);
    } else {
        hand.hold(secs - towards(&last.arm, 0.3).min(gap));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arms::clips::ALL;

    /// Accents of a speaker, two and a half a second with pauses.
    fn score(secs: f64, seed: u64) -> Score {
        let mut chance = Chance::new(seed, Stream::Face);
        let mut accents = Vec::new();
        let mut at = 0.5;
        while at < secs - 0.3 {
            let strength = chance.even(0.1, 1.0);
            accents.push(Accent { at, strength });
            at += chance.even(0.18, 0.55);
            if chance.happens(0.1) {
                at += chance.even(0.4, 3.0);
            }
        }
        let mut score = Score::default();
        score.accents = accents;
        score
    }

    #[test]
    fn strokes_fall_on_accents_and_the_hand_stops_there() {
        for (style, least, most) in [
            (Style::Calm, 3, 16),
            (Style::Natural, 12, 35),
            (Style::Lively, 25, 60),
        ] {
            for seed in 1..=4 {
                let score = score(60.0, seed);
                let plan = Plan::new(&score, &[], 60.0, style, seed);
                let strokes = plan.strokes.clone();
                assert!(
                    (least..=most).contains(&strokes.len()),
                    "{style} seed {seed}: {} strokes a minute",
                    strokes.len()
                );
                for pair in strokes.windows(2) {
                    let same = (pair[0].clip, pair[0].side) == (pair[1].clip, pair[1].side);
                    assert!(!same, "{} twice in a row", pair[0].clip.name);
                }
                let hands = plan.finish();
                for stroke in strokes {
                    assert!(
                        score
                            .accents
                            .iter()
                            .any(|a| (a.at - stroke.at).abs() < 0.08)
                    );
                    for side in sides(stroke.side) {
                        let place = |t: f64| hands[side as usize].at(stroke.at + t).wrist();
                        let there = place(0.0).distance(place(-0.01));
                        let before = place(-0.05).distance(place(-0.15));
                        assert!(there < 0.002 && before > 0.01, "{}", stroke.clip.name);
                    }
                }
                let kinds = |side| hands_used(&plan_strokes(&score, style, seed), side);
                if style != Style::Calm {
                    assert!(kinds(Some(Side::Left)) > 0 && kinds(Some(Side::Right)) > 0);
                    assert!(kinds(None) > 0);
                }
            }
        }
    }

    fn plan_strokes(score: &Score, style: Style, seed: u64) -> Vec<Stroke> {
        Plan::new(score, &[], 60.0, style, seed).strokes
    }

    fn hands_used(strokes: &[Stroke], side: Option<Side>) -> usize {
        strokes.iter().filter(|s| s.side == side).count()
    }

    #[test]
    fn marks_are_honoured_among_beats_and_fit_before_the_end() {
        for clip in ALL {
            for at in [2.0, 9.9] {
                let score = score(10.0, 3);
                let cue = Cue { at, clip };
                let plan = Plan::new(&score, &[cue], 10.0, Style::Lively, 5);
                let own: Vec<Stroke> = plan
                    .strokes
                    .iter()
                    .copied()
                    .filter(|s| (s.at - at).abs() < 3.5 && s.clip == clip)
                    .collect();
                assert!(!own.is_empty(), "{} at {at}", clip.name);
                if at == 2.0 {
                    assert!(own.iter().any(|s| (s.at - at).abs() < SEEK_SECS + 0.08));
                }
                let rest = Arm::from(&REST).wrist();
                for hand in plan.finish() {
                    assert!(hand.at(10.0).wrist().distance(rest) < 0.02, "{}", clip.name);
                }
            }
        }
    }
}
