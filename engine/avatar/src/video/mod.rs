//! Video avatars: real footage for body, skin and eyes, and a mouth that is put
//! together, picture by picture, from the person's own.
//!
//! [`space`] is what the person's mouth can do, [`film`] what is known of each
//! frame, [`graph`] where one frame may follow another, [`walk`] the way through
//! them, [`choose`] which filmed mouth (a *take*) to show, [`weave`] how base and
//! takes become one picture. The composing itself is the renderer's. Another
//! composer, say a network trained on one person, would take [`choose`] and
//! [`weave`]'s place behind [`MouthComposer`].

pub mod choose;
pub mod film;
pub mod graph;
pub mod space;
mod store;
pub mod style;
pub mod walk;
pub mod weave;

use std::path::Path;
use std::sync::Arc;

use glam::Vec2;
use huashen_core::{Pose, Size};

use crate::AvatarError;
use crate::manifest::Video;
use choose::{Chooser, Take};
use film::{Filmed, OpenFootage, Shown, Square};
use graph::Jump;
use space::{Eye, Mouth, MouthSpace};
use style::Style;
use walk::{Step, Walk};
use weave::{Weave, Wish, weave};

/// The file beside the footage that holds all that is known about it.
pub const PERSON_FILE: &str = "person.safetensors";
/// Pictures of mouths, one after another, each upright in its square.
pub const MOUTHS_FILE: &str = "mouths.mp4";
/// What is person in each frame, white on black; made when it is first needed.
pub const MATTE_FILE: &str = "matte.mp4";

/// A video avatar, loaded.
#[derive(Clone)]
pub struct VideoAvatar {
    pub about: Video,
    pub person: Person,
    /// Who can decode the footage; none until someone gives it along.
    pub footage: Option<Arc<dyn OpenFootage>>,
}

/// What was learnt about a person from their footage.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub space: MouthSpace,
    pub frames: Vec<Filmed>,
    pub jumps: Vec<Jump>,
    pub takes: Vec<Take>,
    /// How the person says what the motion model hears. None where it did not
    /// help.
    pub style: Option<Style>,
    /// The motion model's numbers for this person's manner, as it keeps them.
    pub manner: Vec<f32>,
}

impl std::fmt::Debug for VideoAvatar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VideoAvatar")
            .field("about", &self.about)
            .field("frames", &self.person.frames.len())
            .finish_non_exhaustive()
    }
}

impl VideoAvatar {
    /// Reads what lies in `dir`; the footage itself is not opened.
    pub fn open(dir: &Path, about: &Video) -> Result<Self, AvatarError> {
        let person = Person::read(&dir.join(PERSON_FILE))?;
        if person.frames.len() != about.frames as usize {
            return Err(AvatarError::Manifest {
                path: dir.join("avatar.toml"),
                reason: format!(
                    "it names {} frames, {PERSON_FILE} has {}: build the avatar again",
                    about.frames,
                    person.frames.len()
                ),
            });
        }
        Ok(Self {
            about: about.clone(),
            person,
            footage: None,
        })
    }

    /// The footage's size.
    pub fn size(&self) -> Size {
        Size {
            width: self.about.width,
            height: self.about.height,
        }
    }

    fn eye(&self) -> Eye {
        Eye {
            width: self.about.width as f32,
            height: self.about.height as f32,
        }
    }

    /// What a picture of `size` shows of the footage.
    pub fn shown(&self, size: Size) -> Shown {
        let mut faces: Vec<Vec2> = self.usable().map(|f| self.face(f)).collect();
        let middle = faces.len() / 2;
        let face = match faces.is_empty() {
            true => Vec2::new(self.about.width as f32, self.about.height as f32) * 0.5,
            false => {
                let mut middle_of = |key: fn(&Vec2) -> f32| {
                    faces.sort_by(|a, b| key(a).total_cmp(&key(b)));
                    key(&faces[middle])
                };
                Vec2::new(middle_of(|p| p.x), middle_of(|p| p.y))
            }
        };
        Shown::cover(self.size(), size, face)
    }

    fn usable(&self) -> impl Iterator<Item = &Filmed> {
        self.person.frames.iter().filter(|f| f.usable)
    }

    /// Between the eyes, in pixels of the footage.
    fn face(&self, frame: &Filmed) -> Vec2 {
        self.eye()
            .see(&frame.camera_from_head, glam::Vec3::new(0.0, 1.5, 5.0))
    }

    /// Squares about the heads of two frames, in pixels of the picture shown.
    pub fn heads(&self, one: u32, other: u32, shown: Shown) -> (Square, Square) {
        let [x, y, w, _] = shown.window.map(|v| v as f32);
        let scale = shown.size.width as f32 / w;
        let square = |frame: u32| {
            let frame = &self.person.frames[frame as usize];
            let square = Square::of(self.eye(), &frame.camera_from_head);
            let px_per_cm = square.px_per_cm * scale;
            Square {
                // The face's middle, above that of the lower face.
                middle: (square.to_px(Vec2::new(0.0, -1.0)) - Vec2::new(x, y)) * scale,
                half: square.half * scale,
                px_per_cm,
                ..square
            }
        };
        (square(one), square(other))
    }

    /// Where faces are, over all of the footage: left, top, right, bottom in
    /// pixels of the picture shown.
    pub fn face_px(&self, shown: Shown) -> Option<[f32; 4]> {
        let mut all: Option<[f32; 4]> = None;
        for frame in self.usable() {
            let middle = self.face(frame);
            let cm = self
                .eye()
                .px_per_cm(&frame.camera_from_head, glam::Vec3::Z * 5.0);
            let low = shown.place(middle - Vec2::new(8.0, 7.0) * cm);
            let high = shown.place(middle + Vec2::new(8.0, 13.0) * cm);
            let [x0, y0, x1, y1] = all.unwrap_or([low.x, low.y, high.x, high.y]);
            all = Some([x0.min(low.x), y0.min(low.y), x1.max(high.x), y1.max(high.y)]);
        }
        all
    }
}

/// What one picture is made of.
pub struct Planned {
    pub step: Step,
    /// None where no face is to be changed.
    pub mouth: Option<Woven>,
}

/// The mouth of a picture.
pub struct Woven {
    pub weave: Weave,
    /// Which takes are looked at, and how much of the second.
    pub takes: [usize; 2],
    pub second: f32,
}

/// Makes a picture's mouth: from footage (as [`TakeComposer`] does), or by any
/// other means that gives a grid and what is shown in it. A network trained on
/// one person belongs here: it would give its own picture as the take.
pub trait MouthComposer: Send {
    /// The next picture is to show `pose` over what `step` shows.
    fn want(&mut self, step: Step, pose: &Pose);
    /// The first picture that has not been given yet; `last`: no more will be
    /// wanted, so nothing is worth waiting for.
    fn next(&mut self, last: bool) -> Option<Planned>;
}

/// Pictures that wait, so that mouths are chosen with what comes after in view.
pub const AHEAD: usize = 10;

/// Puts mouths together from a person's own takes.
pub struct TakeComposer {
    avatar: Arc<VideoAvatar>,
    shown: Shown,
    chooser: Chooser,
    ahead: usize,
    waiting: std::collections::VecDeque<(Step, Filmed, Mouth)>,
    /// The take shown last, and the one that it takes over from.
    last: Option<usize>,
    changing: Option<usize>,
}

impl TakeComposer {
    /// `ahead`: pictures that may wait, [`AHEAD`] at best, 0 where each must
    /// come at once.
    pub fn new(avatar: Arc<VideoAvatar>, shown: Shown, ahead: usize) -> Self {
        let person = &avatar.person;
        Self {
            chooser: Chooser::new(&person.space, &person.frames, &person.takes),
            shown,
            ahead,
            waiting: std::collections::VecDeque::new(),
            last: None,
            changing: None,
            avatar,
        }
    }

    fn woven(&mut self, base: &Filmed, mouth: &Mouth) -> Option<Woven> {
        let take = self.chooser.decide()?;
        let person = &self.avatar.person;
        let goes_on = |from: usize| {
            from + 1 < person.takes.len()
                && person.takes[from + 1].frame == person.takes[from].frame + 1
        };
        // A change of take is spread over two pictures.
        let (second, share) = match (self.last, self.changing.take()) {
            (_, Some(old)) => (old, 0.25),
            (Some(last), None) if last != take && !(goes_on(last) && last + 1 == take) => {
                let old = if goes_on(last) { last + 1 } else { last };
                self.changing = Some(if goes_on(old) { old + 1 } else { old });
                (old, 0.6)
            }
            _ => (take, 0.0),
        };
        self.last = Some(take);
        let film = |t: usize| {
            let take = &person.takes[t];
            (&person.frames[take.frame as usize], take.square)
        };
        let shown = self.shown;
        let weave = weave(&Wish {
            space: &person.space,
            eye: self.avatar.eye(),
            base,
            mouth,
            takes: [film(take), film(second)],
            place: &|p| shown.place(p),
        })?;
        Some(Woven {
            weave,
            takes: [take, second],
            second: share,
        })
    }
}

impl MouthComposer for TakeComposer {
    fn want(&mut self, step: Step, pose: &Pose) {
        let person = &self.avatar.person;
        let film = |frame: u32| &person.frames[frame as usize];
        let base = match step.over {
            Some((to, t)) => film(step.frame).lerp(film(to), t),
            None => film(step.frame).clone(),
        };
        let mouth = person.space.wanted(&pose.weights);
        if base.usable {
            self.chooser.want(&person.space, &mouth, &base);
        }
        self.waiting.push_back((step, base, mouth));
    }

    fn next(&mut self, last: bool) -> Option<Planned> {
        if self.waiting.len() <= self.ahead && !last {
            return None;
        }
        let (step, base, mouth) = self.waiting.pop_front()?;
        let mouth = match base.usable {
            true => self.woven(&base, &mouth),
            false => None,
        };
        Some(Planned { step, mouth })
    }
}

impl VideoAvatar {
    /// The walk through the footage; `straight`: as it was filmed, while it lasts.
    pub fn walk(&self, straight: bool, seed: u64) -> Walk {
        let person = &self.person;
        let walk = if straight { Walk::straight } else { Walk::new };
        walk(&person.frames, &person.jumps, self.about.fps(), seed)
    }
}

impl Person {
    /// The pose as this person would show it, where sound asked for it.
    pub fn in_style(&self, pose: &mut Pose) {
        if let Some(style) = &self.style {
            pose.weights = style.of(&pose.weights);
        }
    }
}
