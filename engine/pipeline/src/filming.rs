//! Footage of a person becomes what a video avatar lives on: each picture is
//! looked at once, in order, and nothing of it is kept but its mouth.

use glam::{Mat4, Vec2, Vec3};
use huashen_avatar::video::Person;
use huashen_avatar::video::choose::Take;
use huashen_avatar::video::film::{Filmed, Square, smooth};
use huashen_avatar::video::graph::{THUMB, jumps};
use huashen_avatar::video::space::{self, Eye, MODES, MouthSpace};
use huashen_core::{ArkitWeights, FrameRate, MotionTrack, Size};
use huashen_vision::Face;
use image::{Rgba, RgbaImage};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::PipelineError;
use crate::capture::{Capture, Seen};
use crate::film_report::{FilmReport, Glance, Unused};
pub use crate::manner_of::Hear;
use crate::manner_of::{Found, Learning, StyleCheck};

/// Deviations that heads and mouths are evened out by, in frames.
const SMOOTH_HEAD: f32 = 0.8;
const SMOOTH_MOUTH: f32 = 0.5;
/// A mouth's picture has this many pixels a side.
const TAKE_PX: (u32, u32) = (96, 416);
/// The small picture that takes are told apart by.
const LOOK: (u32, u32) = (12, 8);
/// Pictures that differ by more, on average, are of two scenes.
const CUT: f32 = 28.0;
/// Lips that part by less say nothing.
const LEAST_OPENING_CM: f32 = 0.15;
/// Mouths with less than this part of the usual detail moved or were out of focus.
const SHARP: f32 = 0.6;

/// Why footage is of no use.
#[derive(Debug, Error)]
pub enum FilmError {
    #[error(
        "no face in {pictures} pictures; film one person from the front, with the whole face in the picture"
    )]
    NoFace { pictures: usize },
    #[error(
        "only {found:.1} s of it can be used, {least:.0} s are needed: film longer, face the camera, keep hands off the mouth"
    )]
    TooShort { found: f64, least: f64 },
    #[error("several people are in the picture most of the time: film one alone")]
    Crowd,
    #[error("the mouth hardly moves in it: film someone who speaks")]
    Still,
    #[error(transparent)]
    Heard(#[from] PipelineError),
}

/// One picture, as far as it is remembered.
#[derive(Clone, Serialize, Deserialize)]
struct Shot {
    camera_from_head: Mat4,
    /// Of [`space::points`], in the head's frame.
    points: Vec<Vec3>,
    square: [f32; 6],
    look: Vec<u8>,
    glance: Glance,
}

/// What a stretch of footage told, for [`Filming::resume`].
#[derive(Serialize, Deserialize)]
pub struct Stretch {
    take_px: u32,
    shots: Vec<Option<Shot>>,
    thumbs: Vec<Vec<u8>>,
    unused: Vec<Unused>,
    seen: Vec<Seen>,
}

/// Looks at footage.
pub struct Filming {
    size: Size,
    rate: FrameRate,
    capture: Capture,
    /// None where no face is to be used.
    shots: Vec<Option<Shot>>,
    thumbs: Vec<Vec<u8>>,
    take_px: u32,
    unused: Vec<Unused>,
    /// Of shots, pictures not used and faces, how many earlier stretches hold.
    told: [usize; 3],
}

impl Filming {
    /// For footage of `size` at `rate`.
    pub fn new(size: Size, rate: FrameRate) -> Self {
        Self {
            size,
            rate,
            capture: Capture::default(),
            shots: Vec::new(),
            thumbs: Vec::new(),
            take_px: 0,
            unused: Vec::new(),
            told: [0; 3],
        }
    }

    /// What was seen since the last stretch.
    pub fn stretch(&mut self) -> Stretch {
        let [shots, unused, seen] = self.told;
        let stretch = Stretch {
            take_px: self.take_px,
            shots: self.shots[shots..].to_vec(),
            thumbs: self.thumbs[shots..].to_vec(),
            unused: self.unused[unused..].to_vec(),
            seen: self.capture.seen()[seen..].to_vec(),
        };
        self.tell();
        stretch
    }

    /// Goes on after a stretch that was seen before.
    pub fn resume(&mut self, stretch: Stretch) {
        self.take_px = stretch.take_px;
        self.shots.extend(stretch.shots);
        self.thumbs.extend(stretch.thumbs);
        self.unused.extend(stretch.unused);
        let end = self.shots.len().saturating_sub(1);
        let end_secs = self.rate.frame_time_secs(end as u64);
        self.capture
            .resume(self.shots.len(), end_secs, stretch.seen);
        self.tell();
    }

    fn tell(&mut self) {
        self.told = [
            self.shots.len(),
            self.unused.len(),
            self.capture.seen().len(),
        ];
    }

    /// Side of the pictures of mouths, in pixels; none before the first one.
    pub fn mouth_px(&self) -> Option<u32> {
        (self.take_px > 0).then_some(self.take_px)
    }

    fn eye(&self) -> Eye {
        Eye {
            width: self.size.width as f32,
            height: self.size.height as f32,
        }
    }

    /// Takes the next frame and gives its mouth, square and upright, where it
    /// can be used. `covered`: something is in front of it.
    pub fn push(
        &mut self,
        picture: &RgbaImage,
        face: Option<&Face>,
        covered: bool,
    ) -> Option<RgbaImage> {
        let at_secs = self.rate.frame_time_secs(self.shots.len() as u64);
        self.capture.push(at_secs, face);
        let thumb = thumb(picture);
        let cut = self
            .thumbs
            .last()
            .is_some_and(|last| apart(last, &thumb) > CUT);
        self.thumbs.push(thumb);
        let fault = match face {
            None => Some(Unused::NoFace),
            Some(_) if cut => Some(Unused::Cut),
            Some(face) if !self.is_inside(face) => Some(Unused::Outside),
            Some(_) => covered.then_some(Unused::Covered),
        };
        self.unused.extend(fault);
        let (shot, mouth) = match (face, fault) {
            (Some(face), None) => Some(self.shot(picture, face)),
            _ => None,
        }
        .unzip();
        self.shots.push(shot);
        mouth
    }

    /// Whether the whole lower face is in the picture.
    fn is_inside(&self, face: &Face) -> bool {
        space::points().all(|i| {
            let p = face.point(i);
            (1.0..self.size.width as f32 - 1.0).contains(&p.x)
                && (1.0..self.size.height as f32 - 1.0).contains(&p.y)
        })
    }

    fn shot(&mut self, picture: &RgbaImage, face: &Face) -> (Shot, RgbaImage) {
        let square = Square::of(self.eye(), &face.head.camera_from_head);
        if self.take_px == 0 {
            let side = (square.half * 2.0).round().clamp(0.0, 4096.0) as u32;
            self.take_px = side.next_multiple_of(16).clamp(TAKE_PX.0, TAKE_PX.1);
        }
        let side = self.take_px;
        let mouth = RgbaImage::from_fn(side, side, |x, y| {
            let u = (Vec2::new(x as f32, y as f32) + 0.5) / side as f32 * 2.0 - 1.0;
            bilinear(picture, square.to_px(u))
        });
        let points = &face.head.points_in_head;
        let [yaw, pitch, _] = face.head.degrees();
        let (light, detail) = light_and_detail(&mouth);
        let shot = Shot {
            glance: Glance {
                light,
                detail,
                gap: points[13].distance(points[14]),
                yaw,
                pitch,
            },
            camera_from_head: face.head.camera_from_head,
            points: space::points()
                .map(|i| face.head.points_in_head[i])
                .collect(),
            square: square.to_array(),
            look: look(&mouth),
        };
        (shot, mouth)
    }

    /// Frames looked at, and those that can be used.
    pub fn counts(&self) -> (usize, usize) {
        (self.shots.len(), self.shots.iter().flatten().count())
    }

    /// What the footage shows and lacks.
    pub fn report(&self) -> FilmReport {
        let track = self.track();
        let seen: Vec<(Glance, ArkitWeights)> = self
            .shots
            .iter()
            .zip(&track.poses)
            .filter_map(|(s, pose)| Some((s.as_ref()?.glance, pose.weights)))
            .collect();
        FilmReport::of(&self.unused, &seen, self.rate.fps())
    }

    /// The person's own curves, at the footage's rate.
    pub fn track(&self) -> MotionTrack {
        self.capture.track(self.rate.fps())
    }

    /// Which pictures show a mouth as sharp as most, so that it may be shown.
    fn sharp(&self) -> Vec<bool> {
        let mut all: Vec<f32> = self
            .shots
            .iter()
            .flatten()
            .map(|s| s.glance.detail)
            .collect();
        all.sort_by(f32::total_cmp);
        let usual = all.get(all.len() / 2).copied().unwrap_or(0.0);
        self.shots
            .iter()
            .map(|s| s.as_ref().is_some_and(|s| s.glance.detail >= SHARP * usual))
            .collect()
    }

    /// Puts together what was seen. `hear` gives what the motion model says of
    /// the footage's sound in a manner, at the footage's rate.
    ///
    /// # Errors
    /// Footage that no avatar can live on.
    pub fn finish(
        self,
        hear: Option<Hear<'_>>,
        least_secs: f64,
    ) -> Result<(Person, StyleCheck), FilmError> {
        let (pictures, usable) = self.counts();
        let fps = self.rate.fps();
        if usable == 0 {
            return Err(FilmError::NoFace { pictures });
        }
        let found = usable as f64 / fps;
        if found < least_secs {
            return Err(FilmError::TooShort {
                found,
                least: least_secs,
            });
        }
        let track = self.track();
        let weights = |i: usize| {
            track
                .poses
                .get(i)
                .map_or(ArkitWeights::default(), |p| p.weights)
        };
        // A long film is learnt from by every second or third picture.
        let every = usable.div_ceil(3000);
        let seen: Vec<(Vec<Vec3>, ArkitWeights)> = self
            .shots
            .iter()
            .enumerate()
            .filter_map(|(i, s)| Some((s.as_ref()?.points.clone(), weights(i))))
            .step_by(every)
            .collect();
        let Some(space) = MouthSpace::fit(&seen) else {
            return Err(FilmError::TooShort {
                found,
                least: least_secs,
            });
        };
        let mut frames: Vec<Filmed> = self
            .shots
            .iter()
            .map(|shot| Filmed {
                camera_from_head: shot.as_ref().map_or(Mat4::IDENTITY, |s| s.camera_from_head),
                mouth: shot
                    .as_ref()
                    .map_or([0.0; MODES], |s| space.read(&s.points)),
                usable: shot.is_some(),
                speaks: false,
            })
            .collect();
        smooth(&mut frames, SMOOTH_HEAD, SMOOTH_MOUTH);
        if opening(&space, &frames) < LEAST_OPENING_CM {
            return Err(FilmError::Still);
        }
        let mut found = Found::default();
        if let Some(hear) = hear {
            let learning = Learning::new(&space, &frames, &track);
            let heard = learning.run(hear, &mut found)?;
            for (i, frame) in frames.iter_mut().enumerate() {
                frame.speaks = speaks(&heard, i);
            }
        }
        let jumps = jumps(&frames, &self.thumbs, fps);
        let sharp = self.sharp();
        let seen = self
            .shots
            .into_iter()
            .enumerate()
            .filter_map(|(i, shot)| Some((i, shot?)));
        let takes = seen
            .enumerate()
            .filter(|(_, (i, _))| sharp[*i])
            .map(|(picture, (i, shot))| Take {
                frame: i as u32,
                picture: picture as u32,
                square: Square::from_array(shot.square),
                look: shot.look,
            })
            .collect();
        Ok((
            Person {
                space,
                frames,
                jumps,
                takes,
                style: found.style,
                manner: found.manner.captured_and_habit(),
            },
            found.check,
        ))
    }
}

/// How far the lips part between nearly always and nearly never, in centimetres.
fn opening(space: &MouthSpace, frames: &[Filmed]) -> f32 {
    let seen = frames.iter().filter(|f| f.usable);
    let mut gaps: Vec<f32> = seen.map(|f| space.gap(&f.mouth)).collect();
    gaps.sort_by(f32::total_cmp);
    let at = |part: f64| gaps[(part * (gaps.len() - 1) as f64) as usize];
    at(0.95) - at(0.05)
}

/// Whether the model hears speech about frame `i`.
fn speaks(heard: &MotionTrack, i: usize) -> bool {
    let reach = (0.3 * heard.rate_hz) as usize;
    let about = heard
        .poses
        .iter()
        .skip(i.saturating_sub(reach))
        .take(2 * reach + 1);
    let open = |p: &huashen_core::Pose| p.weights[huashen_core::ArkitShape::JawOpen];
    let (low, high) = about.fold((f32::INFINITY, 0.0_f32), |(l, h), p| {
        (l.min(open(p)), h.max(open(p)))
    });
    high - low > 0.06
}

fn bilinear(picture: &RgbaImage, p: Vec2) -> Rgba<u8> {
    let (w, h) = picture.dimensions();
    let p = (p - 0.5).clamp(Vec2::ZERO, Vec2::new(w as f32 - 1.0, h as f32 - 1.0));
    let (x, y) = (p.x as u32, p.y as u32);
    let (x1, y1) = ((x + 1).min(w - 1), (y + 1).min(h - 1));
    let t = p.fract();
    let [a, b, c, d] = [(x, y), (x1, y), (x, y1), (x1, y1)].map(|(x, y)| picture.get_pixel(x, y).0);
    Rgba(std::array::from_fn(|i| {
        let mix = |a: u8, b: u8| f32::from(a) + (f32::from(b) - f32::from(a)) * t.x;
        let (top, low) = (mix(a[i], b[i]), mix(c[i], d[i]));
        (top + (low - top) * t.y).round() as u8
    }))
}

/// Mean brightness, and mean difference of neighbours.
fn light_and_detail(mouth: &RgbaImage) -> (f32, f32) {
    let side = mouth.width();
    let green = |x: u32, y: u32| f32::from(mouth.get_pixel(x, y)[1]);
    let (mut light, mut detail) = (0.0, 0.0);
    // The middle of the square is face, whatever is around it.
    let (low, high) = (side / 4, side * 3 / 4);
    for y in low..high {
        for x in low..high {
            light += green(x, y);
            detail += (4.0 * green(x, y)
                - green(x + 1, y)
                - green(x - 1, y)
                - green(x, y + 1)
                - green(x, y - 1))
            .abs();
        }
    }
    let n = ((high - low) * (high - low)) as f32;
    (light / n, detail / n)
}

/// The lips and a little around them, small and grey.
fn look(mouth: &RgbaImage) -> Vec<u8> {
    let (columns, rows) = LOOK;
    let side = mouth.width();
    let range = |i: u32, n: u32, low: f32, high: f32| {
        let edge = |i: u32| ((low + (high - low) * i as f32 / n as f32) * side as f32) as u32;
        edge(i)..edge(i + 1).max(edge(i) + 1)
    };
    let mut out = Vec::with_capacity((columns * rows) as usize);
    for row in 0..rows {
        for column in 0..columns {
            let (mut sum, mut count) = (0_u32, 0);
            for y in range(row, rows, 0.22, 0.56) {
                for x in range(column, columns, 0.28, 0.72) {
                    let [r, g, b, _] = mouth.get_pixel(x, y).0;
                    sum += u32::from(r) + u32::from(g) + u32::from(b);
                    count += 3;
                }
            }
            out.push((sum / count.max(1)) as u8);
        }
    }
    out
}

/// The whole picture, small and grey.
fn thumb(picture: &RgbaImage) -> Vec<u8> {
    let (w, h) = picture.dimensions();
    let mut out = Vec::with_capacity((THUMB.width * THUMB.height) as usize);
    let range =
        |i: u32, n: u32, most: u32| i * most / n..((i + 1) * most / n).max(i * most / n + 1);
    for row in 0..THUMB.height {
        for column in 0..THUMB.width {
            let (mut sum, mut count) = (0_u32, 0);
            for y in range(row, THUMB.height, h).step_by(2) {
                for x in range(column, THUMB.width, w).step_by(2) {
                    let [r, g, b, _] = picture.get_pixel(x, y).0;
                    sum += u32::from(r) + 2 * u32::from(g) + u32::from(b);
                    count += 4;
                }
            }
            out.push((sum / count.max(1)) as u8);
        }
    }
    out
}

fn apart(a: &[u8], b: &[u8]) -> f32 {
    let sum: u32 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    sum as f32 / a.len().max(1) as f32
}
