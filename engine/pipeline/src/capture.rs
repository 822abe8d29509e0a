//! A face that was filmed becomes a [`MotionTrack`].
//!
//! [`FaceFollower`] finds one person's face in picture after picture;
//! [`Capture`] gathers what was seen and, when the video has ended, makes even,
//! smooth curves of it. Smoothing looks both ways, so nothing lags.

use glam::Vec2;
use huashen_core::{ArkitShape, ArkitWeights, Euler, MotionTrack, Pose};
use huashen_motion::{LOOK_DOWN_RAD, LOOK_SIDE_RAD, LOOK_UP_RAD};
use huashen_vision::{Face, FaceFinder, FindOptions, HeadPose, VisionError};
use image::RgbaImage;

/// A face whose middle moves further than this part of its size between two
/// pictures is another one, or the scene was cut.
const JUMP: f32 = 0.5;
/// Faces down to this part of the longer side are looked for.
const MIN_FACE: f32 = 0.06;
/// Between two looks for a lost face this many pictures pass at most.
const MOST_SKIPPED: u32 = 12;

/// Follows the largest face of a video.
pub struct FaceFollower<'a> {
    finder: &'a FaceFinder,
    last: Option<Face>,
    /// Pictures without a face so far, and those still not to look at.
    lost: u32,
    skip: u32,
}

impl<'a> FaceFollower<'a> {
    pub fn new(finder: &'a FaceFinder) -> Self {
        Self {
            finder,
            last: None,
            lost: 0,
            skip: 0,
        }
    }

    /// The face in the next picture, if there is one.
    ///
    /// # Errors
    /// When a model fails.
    pub fn next(&mut self, picture: &RgbaImage) -> Result<Option<Face>, VisionError> {
        let tracked = match &self.last {
            Some(last) => self
                .finder
                .track(picture, last)?
                .filter(|face| is_near(face, last)),
            None => None,
        };
        let face = match tracked {
            Some(face) => Some(face),
            None if self.skip > 0 => {
                self.skip -= 1;
                None
            }
            None => {
                let options = FindOptions {
                    min_face: MIN_FACE,
                    max_faces: 1,
                    ..FindOptions::default()
                };
                self.finder.find(picture, &options)?.into_iter().next()
            }
        };
        if face.is_some() {
            (self.lost, self.skip) = (0, 0);
        } else if self.skip == 0 {
            // Looking everywhere is slow: where nobody is, ever more rarely.
            self.lost += 1;
            self.skip = (self.lost / 4).min(MOST_SKIPPED);
        }
        self.last.clone_from(&face);
        Ok(face)
    }
}

fn is_near(face: &Face, last: &Face) -> bool {
    let moved = face.bounds.center().distance(last.bounds.center());
    let size = |f: &Face| f.bounds.size().max_element();
    let ratio = size(face) / size(last).max(1.0);
    moved < JUMP * size(last) && (0.7..1.4).contains(&ratio)
}

/// What one picture showed.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Seen {
    at_secs: f64,
    weights: ArkitWeights,
    head: HeadPose,
    /// Between the inner lips, against the face's height.
    lips: f32,
}

/// Gathers the faces of a video.
#[derive(Default)]
pub struct Capture {
    seen: Vec<Seen>,
    pictures: usize,
    end_secs: f64,
}

/// Curves are cut where no face was seen for longer than this.
const BRIDGED_SECS: f64 = 0.4;
/// Deviation of the smoothing, in seconds: lips and lids are quick, heads are not.
const SMOOTH_FACE_SECS: f64 = 0.018;
const SMOOTH_HEAD_SECS: f64 = 0.05;
/// Lids and brows rest where they are in this part of the pictures, from the lowest.
const RESTING: f64 = 0.3;
/// The blendshape net's blink reaches about this when lids are shut.
const SHUT_LIDS: f32 = 0.65;

impl Capture {
    /// Takes what the picture at `at_secs` showed; times must not go back.
    pub fn push(&mut self, at_secs: f64, face: Option<&Face>) {
        self.pictures += 1;
        self.end_secs = self.end_secs.max(at_secs);
        if let Some(face) = face {
            self.seen.push(Seen {
                at_secs,
                weights: face.blendshapes,
                head: face.head.clone(),
                lips: face.point(13).distance(face.point(14))
                    / face.point(10).distance(face.point(152)).max(1.0),
            });
        }
    }

    /// Goes on after `pictures` that were seen before, the last at `end_secs`.
    pub(crate) fn resume(&mut self, pictures: usize, end_secs: f64, seen: Vec<Seen>) {
        self.pictures = pictures;
        self.end_secs = end_secs;
        self.seen.extend(seen);
    }

    pub(crate) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// Pictures taken, and those with a face.
    pub fn counts(&self) -> (usize, usize) {
        (self.pictures, self.seen.len())
    }

    /// The motion at `rate_hz`; at rest where no face was seen for long.
    pub fn track(&self, rate_hz: f64) -> MotionTrack {
        let frames = (self.end_secs * rate_hz).round() as usize + 1;
        let Some(rest) = self.rest() else {
            return MotionTrack {
                rate_hz,
                poses: vec![Pose::default(); frames],
            };
        };
        let seen = self.faces(&rest);
        let mut poses = Vec::with_capacity(frames);
        let mut first = 0;
        for n in 0..frames {
            let at = n as f64 / rate_hz;
            let reach = (4.0 * SMOOTH_HEAD_SECS).max(BRIDGED_SECS);
            while first < seen.len() && seen[first].0 < at - reach {
                first += 1;
            }
            poses.push(pose_at(at, &seen[first..], reach));
        }
        MotionTrack { rate_hz, poses }
    }

    /// A picture in which the mouth is at rest: among the narrowest lips, but
    /// not the very narrowest, which may be pressed together or misread.
    fn rest(&self) -> Option<HeadPose> {
        let mut order: Vec<&Seen> = self.seen.iter().collect();
        order.sort_by(|a, b| a.lips.total_cmp(&b.lips));
        order.get(order.len() / 20).map(|s| s.head.clone())
    }

    /// Each picture's pose, told against this person's own rest.
    fn faces(&self, rest: &HeadPose) -> Vec<(f64, ArkitWeights, Euler)> {
        let usual = |shape: ArkitShape| -> f32 {
            let mut all: Vec<f32> = self.seen.iter().map(|s| s.weights[shape]).collect();
            all.sort_by(f32::total_cmp);
            all[(all.len() as f64 * RESTING) as usize]
        };
        let rests: Vec<(ArkitShape, f32, f32)> = ArkitShape::ALL
            .iter()
            .filter_map(|shape| match shape.name() {
                "eyeBlinkLeft" | "eyeBlinkRight" => {
                    let low = usual(*shape).min(0.4);
                    Some((*shape, low, SHUT_LIDS.max(low + 0.2)))
                }
                name if name.starts_with("brow") => Some((*shape, usual(*shape).min(0.8), 1.0)),
                _ => None,
            })
            .collect();
        self.seen
            .iter()
            .map(|s| {
                let mut weights = s.weights;
                for (shape, low, high) in &rests {
                    weights[*shape] = ((weights[*shape] - low) / (high - low)).clamp(0.0, 1.0);
                }
                weights[ArkitShape::JawOpen] = s.head.jaw_opening(rest).clamp(0.0, 1.0);
                (s.at_secs, weights, s.head.rotation)
            })
            .collect()
    }
}

/// The pose at `at`, of the pictures within `reach` of it.
fn pose_at(at: f64, seen: &[(f64, ArkitWeights, Euler)], reach: f64) -> Pose {
    let near = seen.iter().take_while(|s| s.0 <= at + reach);
    let (mut weights, mut face_sum) = (ArkitWeights::default(), 0.0);
    let (mut head, mut head_sum) = ([0.0; 3], 0.0);
    let mut nearest = f64::INFINITY;
    for (secs, w, rotation) in near {
        let apart = (secs - at).abs();
        nearest = nearest.min(apart);
        // A little of everything in reach bridges short gaps.
        let share = |smooth: f64| {
            ((-0.5 * (apart / smooth).powi(2)).exp() + 1e-6 / (1e-3 + apart.powi(4))) as f32
        };
        let k = share(SMOOTH_FACE_SECS);
        face_sum += k;
        for (sum, value) in weights.0.iter_mut().zip(&w.0) {
            *sum += k * value;
        }
        let k = share(SMOOTH_HEAD_SECS);
        head_sum += k;
        for (sum, value) in head
            .iter_mut()
            .zip([rotation.yaw, rotation.pitch, rotation.roll])
        {
            *sum += k * value;
        }
    }
    if nearest > BRIDGED_SECS {
        return Pose::default();
    }
    for w in &mut weights.0 {
        *w /= face_sum;
    }
    let [yaw, pitch, roll] = head.map(|a| a / head_sum);
    let (left_eye, right_eye) = eyes(&weights);
    Pose {
        weights,
        head: Euler::new(yaw, pitch, roll),
        left_eye,
        right_eye,
        ..Pose::default()
    }
}

/// The eyeballs that the `eyeLook*` weights tell; both look the same way, as
/// a filmed face gives no distance.
fn eyes(w: &ArkitWeights) -> (Euler, Euler) {
    use ArkitShape as A;
    let left = w[A::EyeLookOutLeft] - w[A::EyeLookInLeft];
    let right = w[A::EyeLookInRight] - w[A::EyeLookOutRight];
    let up = (w[A::EyeLookUpLeft] + w[A::EyeLookUpRight]) / 2.0 * LOOK_UP_RAD;
    let down = (w[A::EyeLookDownLeft] + w[A::EyeLookDownRight]) / 2.0 * LOOK_DOWN_RAD;
    let look = Vec2::new((left + right) / 2.0 * LOOK_SIDE_RAD, up - down);
    let eye = Euler::new(look.x, look.y, 0.0);
    (eye, eye)
}
