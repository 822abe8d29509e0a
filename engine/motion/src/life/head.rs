//! Head motion: a slow sway, a posture for each phrase, pitch that follows the
//! voice, and small nods on accents.

use huashen_core::Euler;

use crate::curve::{Spring, min_jerk};
use crate::life::gaze::Direction;
use crate::random::{Chance, Noise, Stream};
use crate::score::Score;

/// A beat: down and back up, minimum jerk each way.
#[derive(Clone, Copy, Debug)]
struct Nod {
    start: f64,
    down: f64,
    up: f64,
    size: f64,
    side: f64,
}

impl Nod {
    fn at(&self, at: f64) -> f64 {
        let t = at - self.start;
        min_jerk(t / self.down) - min_jerk((t - self.down) / self.up)
    }

    fn end(&self) -> f64 {
        self.start + self.down + self.up
    }
}

pub struct Head {
    chance: Chance,
    sway: [Noise; 3],
    /// Quicker and smaller, while speaking.
    stir: [Noise; 3],
    speaking: Spring,
    springs: [Spring; 3],
    posture: Euler,
    phrase: usize,
    next_accent: usize,
    nod: Option<Nod>,
    next_shift: f64,
    liveliness: f64,
}

impl Head {
    pub fn new(seed: u64, liveliness: f64) -> Self {
        let noise = |channel, hz| Noise::new(seed, Stream::Head, channel, hz);
        Self {
            chance: Chance::new(seed, Stream::Head),
            sway: [noise(0, 0.13), noise(1, 0.17), noise(2, 0.11)],
            stir: [noise(3, 0.42), noise(4, 0.5), noise(5, 0.37)],
            speaking: Spring::default(),
            springs: [Spring::default(); 3],
            posture: Euler::default(),
            phrase: 0,
            next_accent: 0,
            nod: None,
            next_shift: 2.0,
            liveliness,
        }
    }

    /// Head at `at`, without gestures. `pull`: where the gaze draws it.
    pub fn step(&mut self, at: f64, dt: f64, score: &Score, pull: Direction) -> Euler {
        self.shift_posture(at, score);
        self.start_nods(at, score);
        let heard = f64::from(u8::from(score.phrase_at(at).is_some()));
        let speaking = self.speaking.step(heard, 4.0, dt);
        let amount = self.liveliness * (0.7 + 0.3 * speaking);
        let stir: [f64; 3] = std::array::from_fn(|i| 0.01 * speaking * self.stir[i].at(at));
        let sway: [f64; 3] = std::array::from_fn(|i| self.sway[i].at(at));
        let target = [
            amount * (0.024 * sway[0] + 1.2 * stir[0] + f64::from(self.posture.yaw)) + pull.yaw,
            amount
                * (0.014 * sway[1]
                    + stir[1]
                    + f64::from(self.posture.pitch)
                    + 0.009 * score.pitch_at(at))
                + pull.pitch,
            amount * (0.017 * sway[2] + 0.8 * stir[2] + f64::from(self.posture.roll))
                - 0.05 * pull.yaw,
        ];
        let [yaw, pitch, roll] = std::array::from_fn(|i| self.springs[i].step(target[i], 6.5, dt));
        let (nod, side) = self.nod.map_or((0.0, 0.0), |n| (n.size * n.at(at), n.side));
        Euler::new(
            (yaw + side * nod) as f32,
            (pitch - nod) as f32,
            (roll + 0.25 * side * nod) as f32,
        )
    }

    /// A new posture with each phrase, and now and then at rest.
    fn shift_posture(&mut self, at: f64, score: &Score) {
        let mut shift = at >= self.next_shift && score.phrase_at(at).is_none();
        while score
            .phrases
            .get(self.phrase)
            .is_some_and(|p| p.start - 0.2 <= at)
        {
            self.phrase += 1;
            shift |= self.chance.happens(0.75);
        }
        if !shift {
            return;
        }
        self.next_shift = at + self.chance.log_normal(4.5, 0.4, 2.0, 12.0);
        let mut draw = |size: f64| size * self.chance.normal().clamp(-1.8, 1.8);
        // Each draw is from the rest pose, not from the last one: no drift.
        self.posture = Euler::new(draw(0.05) as f32, draw(0.02) as f32, draw(0.034) as f32);
    }

    fn start_nods(&mut self, at: f64, score: &Score) {
        while let Some(a) = score.accents.get(self.next_accent) {
            // The lowest point falls on the vowel.
            let down = 0.17;
            if a.at - down > at {
                break;
            }
            self.next_accent += 1;
            let free = self.nod.is_none_or(|n| at >= n.end() + 0.08);
            let odds = (0.15 + 0.75 * a.strength) * self.liveliness;
            if free && (a.strength >= 0.95 || self.chance.happens(odds.clamp(0.0, 0.9))) {
                self.nod = Some(Nod {
                    start: at,
                    down,
                    up: self.chance.even(0.24, 0.36),
                    size: self.liveliness
                        * (0.022 + 0.062 * a.strength)
                        * self.chance.even(0.75, 1.2),
                    side: 0.3 * self.chance.normal().clamp(-1.5, 1.5),
                });
            }
        }
    }
}
