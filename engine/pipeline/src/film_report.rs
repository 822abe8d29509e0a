//! What footage shows and what it lacks, for whoever filmed it.

use huashen_core::{ArkitShape, ArkitWeights};
use serde::{Deserialize, Serialize};

/// Kinds of mouth that speech needs, and what to say to show more of them.
pub const MOUTHS: [(&str, &str); 4] = [
    ("open", "father, palm, far; 大家, 他怕"),
    ("wide", "see, tea, cheese; 你, 七, 一起"),
    ("round", "two, who, cool; 五, 路, 不"),
    ("shut", "mum, baby, map; 妈妈, 爸爸, 慢慢"),
];
/// Less of a kind of mouth is too little, in seconds.
const ENOUGH_SECS: f64 = 0.4;
/// Lips that are this near each other are shut, in centimetres.
const SHUT_CM: f32 = 0.12;
/// Light that changes by more shows at every jump, in stops.
const EVEN_STOPS: f32 = 0.35;
/// A picture with this part of the usual detail is out of focus or moved.
const SOFT: f32 = 0.5;

/// Why a picture is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unused {
    NoFace,
    /// The lower face leaves the picture.
    Outside,
    /// Something is in front of the mouth.
    Covered,
    /// The first picture of another scene.
    Cut,
}

/// What one picture told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Glance {
    /// Mean brightness of the lower face, 0 to 255.
    pub light: f32,
    /// Detail of the lower face.
    pub detail: f32,
    /// Between the inner lips, in centimetres.
    pub gap: f32,
    /// Degrees.
    pub yaw: f32,
    pub pitch: f32,
}

/// The whole of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilmReport {
    pub no_face: usize,
    pub outside: usize,
    pub covered: usize,
    pub cuts: usize,
    /// Seconds of each of [`MOUTHS`].
    pub mouths_secs: [f64; 4],
    /// A mouth at rest: shut for a third of a second.
    pub rest: bool,
    /// How much the light changes, in stops.
    pub light_stops: f32,
    /// Pictures that are much softer than most.
    pub soft: usize,
    /// Farthest turns of the head, in degrees.
    pub yaw: f32,
    pub pitch: f32,
}

impl FilmReport {
    /// `glances` are of used pictures, with the curves that were tracked there.
    pub fn of(unused: &[Unused], glances: &[(Glance, ArkitWeights)], fps: f64) -> Self {
        let count = |why: Unused| unused.iter().filter(|u| **u == why).count();
        let mut report = Self {
            no_face: count(Unused::NoFace),
            outside: count(Unused::Outside),
            covered: count(Unused::Covered),
            cuts: count(Unused::Cut),
            ..Self::default()
        };
        let mut shut = 0_usize;
        for (glance, w) in glances {
            let is_shut = glance.gap < SHUT_CM;
            shut = if is_shut { shut + 1 } else { 0 };
            report.rest |= shut as f64 > fps / 3.0;
            let pair = |l: ArkitShape, r: ArkitShape| (w[l] + w[r]) * 0.5;
            let kinds = [
                w[ArkitShape::JawOpen] > 0.3,
                !is_shut
                    && pair(ArkitShape::MouthSmileLeft, ArkitShape::MouthSmileRight).max(pair(
                        ArkitShape::MouthStretchLeft,
                        ArkitShape::MouthStretchRight,
                    )) > 0.25,
                w[ArkitShape::MouthPucker].max(w[ArkitShape::MouthFunnel]) > 0.25,
                is_shut,
            ];
            for (secs, is) in report.mouths_secs.iter_mut().zip(kinds) {
                *secs += f64::from(u8::from(is)) / fps;
            }
            report.yaw = report.yaw.max(glance.yaw.abs());
            report.pitch = report.pitch.max(glance.pitch.abs());
        }
        let sorted = |of: fn(&Glance) -> f32| {
            let mut all: Vec<f32> = glances.iter().map(|(g, _)| of(g)).collect();
            all.sort_by(f32::total_cmp);
            all
        };
        let light = sorted(|g| g.light);
        if !light.is_empty() {
            let at = |part: f64| light[(part * (light.len() - 1) as f64) as usize].max(1.0);
            // Encoded values: a stop is about a factor of 2 to the power 1/2.2.
            report.light_stops = 2.2 * (at(0.98) / at(0.02)).log2();
            let detail = sorted(|g| g.detail);
            let usual = detail[detail.len() / 2];
            report.soft = detail.iter().filter(|d| **d < SOFT * usual).count();
        }
        report
    }

    /// What to do better.
    pub fn advice(&self, fps: f64) -> Vec<String> {
        let mut advice = Vec::new();
        let secs = |pictures: usize| pictures as f64 / fps;
        if secs(self.no_face) > 1.0 {
            advice.push(format!(
                "for {:.0} s no face is seen: look towards the camera",
                secs(self.no_face)
            ));
        }
        if secs(self.outside) > 1.0 {
            advice.push(format!(
                "for {:.0} s the chin or mouth leaves the picture: film from a little farther away",
                secs(self.outside)
            ));
        }
        if secs(self.covered) > 0.5 {
            advice.push(format!(
                "for {:.0} s something covers the mouth: keep hands and microphones away from it",
                secs(self.covered)
            ));
        }
        for ((kind, say), secs) in MOUTHS.iter().zip(self.mouths_secs) {
            if secs < ENOUGH_SECS {
                advice.push(format!(
                    "only {secs:.1} s of a mouth that is {kind}: say {say}"
                ));
            }
        }
        if !self.rest {
            advice.push(
                "the mouth never rests: keep it shut for two seconds at the beginning".to_owned(),
            );
        }
        if self.light_stops > EVEN_STOPS {
            advice.push(format!(
                "the light on the face changes by {:.1} stops: use steady light and lock the exposure",
                self.light_stops
            ));
        }
        if secs(self.soft) > 0.5 {
            advice.push(format!(
                "{:.1} s are blurred: lock the focus, use more light",
                secs(self.soft)
            ));
        }
        if self.yaw > 30.0 {
            advice.push(format!(
                "the head turns by {:.0}°: face the camera",
                self.yaw
            ));
        }
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let glance = |gap: f32, light: f32| Glance {
            light,
            detail: 5.0,
            gap,
            yaw: 3.0,
            pitch: 2.0,
        };
        let mut open = ArkitWeights::default();
        open[ArkitShape::JawOpen] = 0.5;
        let seen: Vec<_> = (0..100).map(|_| (glance(0.5, 120.0), open)).collect();
        let report = FilmReport::of(&[Unused::Covered; 50], &seen, 25.0);
        assert!(!report.rest);
        assert_eq!(report.covered, 50);
        assert!((report.mouths_secs[0] - 4.0).abs() < 1e-9);
        let advice = report.advice(25.0).join("\n");
        for said in [
            "covers the mouth",
            "that is wide",
            "that is shut",
            "never rests",
        ] {
            assert!(advice.contains(said), "{advice}");
        }
        assert!(
            !advice.contains("that is open") && !advice.contains("light"),
            "{advice}"
        );
    }
}
