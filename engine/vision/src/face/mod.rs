//! Faces in a picture: where they are, 478 landmarks, 52 blendshapes, the head.
//!
//! The nets and the steps around them are MediaPipe's face landmarker. Upstream
//! looks at the whole picture only, letterboxed to 128 pixels, and so misses
//! faces smaller than about a tenth of it; [`FaceFinder::find`] also looks at
//! overlapping tiles, down to faces of [`FindOptions::min_face`],
//! and looks once more, from near by, at what it takes for a face.

mod cover;
mod detector;
mod geometry;
mod jaw;
mod landmarks;
mod task;

use std::path::Path;

use candle_core::Device;
use glam::{Vec2, Vec3};
use huashen_core::ArkitWeights;
use image::RgbaImage;
use rayon::prelude::*;

pub use cover::Cover;
pub use detector::Detection;
pub use geometry::{CanonicalMesh, HeadPose};
pub use landmarks::{EYE_CORNERS, LANDMARK_COUNT, LEFT_IRIS, MESH_COUNT, RIGHT_IRIS};

use crate::VisionError;
use crate::rect::Rect;
use crate::sample::Roi;
use detector::{Detector, suppress};
use landmarks::{BlendshapeNet, LandmarkNet, roi_of};
use task::Task;

/// Where the model lies inside the models directory.
const MODEL_FILE: &str = "face_landmarker/face_landmarker.task";

/// Smallest face that the detector finds, as a part of its tile's side.
const MIN_FACE_IN_TILE: f32 = 0.12;
/// Least side of a face in pixels; there is nothing to read in smaller ones.
const MIN_FACE_PX: f32 = 24.0;
/// Most tiles of a level.
const MAX_TILES: usize = 1024;
/// The region of a second look, as a multiple of the landmark net's.
const CONFIRM_SCALE: f32 = 1.5;
/// Two findings whose landmarks' boxes overlap by more than this are one face.
const SAME_FACE_IOU: f32 = 0.3;

/// A face that was found.
#[derive(Clone, Debug)]
pub struct Face {
    /// Box around the landmarks, in pixels; it may leave the picture.
    pub bounds: Rect,
    /// [`LANDMARK_COUNT`] points: x and y in pixels of the picture, z in the
    /// same unit from the head's middle, smaller is nearer to the camera.
    pub landmarks: Vec<Vec3>,
    /// Whether there is a face at all, 0 to 1.
    pub presence: f32,
    /// The expression, each 0 to 1. The net has no `tongueOut`: it stays 0.
    pub blendshapes: ArkitWeights,
    pub head: HeadPose,
    /// The region that the landmarks were read from.
    pub roi: Roi,
}

impl Face {
    /// Landmark `i`, below [`LANDMARK_COUNT`], in pixels of the picture.
    pub fn point(&self, i: usize) -> Vec2 {
        self.landmarks[i].truncate()
    }
}

/// What [`FaceFinder::find`] looks for.
#[derive(Clone, Debug, PartialEq)]
pub struct FindOptions {
    /// Smallest face, forehead to chin, as a part of the picture's longer side.
    /// Halving it looks at four times as many tiles.
    pub min_face: f32,
    /// Faces smaller than this part of the largest one are not looked for.
    pub min_beside_largest: f32,
    /// Most faces that are given, the largest ones.
    pub max_faces: usize,
    /// Least score of the detector for a region to be looked at.
    pub min_detection: f32,
    /// Least score of the landmark net for a face to count.
    pub min_presence: f32,
    /// How often the region is placed anew by the landmarks just found. One
    /// pass makes turned and tilted faces exact; upstream has none for stills.
    pub refinements: usize,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            min_face: 1.0 / 40.0,
            min_beside_largest: 0.25,
            max_faces: 16,
            min_detection: 0.5,
            min_presence: 0.5,
            refinements: 1,
        }
    }
}

/// The nets, loaded once and used from any thread.
#[derive(Debug)]
pub struct FaceFinder {
    detector: Detector,
    landmarks: LandmarkNet,
    blendshapes: BlendshapeNet,
    mesh: CanonicalMesh,
}

impl FaceFinder {
    /// Loads the model from `models_dir` (see `huashen_core::paths::models_dir`).
    ///
    /// # Errors
    /// [`VisionError::NoModel`] where it was not fetched, [`VisionError::Model`]
    /// where it is something else.
    pub fn open(models_dir: &Path, device: &Device) -> Result<Self, VisionError> {
        let mut task = Task::open(&models_dir.join(MODEL_FILE))?;
        Ok(Self {
            detector: Detector::load(&task.part("face_detector.tflite")?, device)?,
            landmarks: LandmarkNet::load(&task.part("face_landmarks_detector.tflite")?, device)?,
            blendshapes: BlendshapeNet::load(&task.part("face_blendshapes.tflite")?, device)?,
            mesh: CanonicalMesh::parse(
                &task.part("geometry_pipeline_metadata_landmarks.binarypb")?,
            )?,
        })
    }

    /// The mean face that the first 468 landmarks are a deformation of.
    pub fn canonical_mesh(&self) -> &CanonicalMesh {
        &self.mesh
    }

    /// Faces as the detector sees them in the whole picture, best first.
    pub fn detect(
        &self,
        picture: &RgbaImage,
        min_score: f32,
    ) -> Result<Vec<Detection>, VisionError> {
        match levels(picture, 1.0).iter().flatten().next() {
            Some(whole) => self.detector.run(picture, whole, min_score),
            None => Ok(Vec::new()),
        }
    }

    /// All faces of a picture, the largest first. Empty where there is none.
    pub fn find(
        &self,
        picture: &RgbaImage,
        options: &FindOptions,
    ) -> Result<Vec<Face>, VisionError> {
        let mut faces: Vec<Face> = Vec::new();
        for level in levels(picture, options.min_face) {
            let side = level.first().map_or(0.0, |t| t.size.x);
            let largest = faces.iter().map(|f| f.bounds.size().max_element());
            let enough = largest.fold(0.0, f32::max) * options.min_beside_largest;
            // The level before has found faces down to this size.
            if 2.0 * side * MIN_FACE_IN_TILE <= enough {
                break;
            }
            // Put together in order, whatever thread made a tile's findings.
            let detections: Vec<Vec<Detection>> = level
                .par_iter()
                .map(|tile| self.detector.run(picture, tile, options.min_detection))
                .collect::<Result<_, _>>()?;
            let candidates = suppress(detections.into_iter().flatten().collect());
            tracing::debug!(side, candidates = candidates.len(), "faces detected");
            for candidate in candidates {
                let Some(face) = self.look(picture, candidate.roi(), options)? else {
                    continue;
                };
                if faces
                    .iter()
                    .any(|f| f.bounds.iou(&face.bounds) > SAME_FACE_IOU)
                {
                    continue;
                }
                // The landmark net believes in a face wherever it is shown one;
                // an eye or a fold taken for a face does not stand a second look.
                let confirmed = self.confirm(picture, &face)?;
                if confirmed >= options.min_detection {
                    faces.push(face);
                } else {
                    tracing::debug!(bounds = ?face.bounds, confirmed, "no face at a second look");
                }
            }
        }
        faces.sort_by(|a, b| b.bounds.area().total_cmp(&a.bounds.area()));
        faces.truncate(options.max_faces);
        Ok(faces)
    }

    /// The same face in the next picture of a video, at most moved a little;
    /// `None` where it is lost and [`Self::find`] must look for it.
    pub fn track(&self, picture: &RgbaImage, previous: &Face) -> Result<Option<Face>, VisionError> {
        let options = FindOptions {
            refinements: 0,
            ..FindOptions::default()
        };
        match roi_of(&previous.landmarks) {
            Some(roi) => self.look(picture, roi, &options),
            None => Ok(None),
        }
    }

    /// The detector's score for a face that was found, seen from near by and
    /// upright: 0 where it sees none in that place.
    fn confirm(&self, picture: &RgbaImage, face: &Face) -> Result<f32, VisionError> {
        let view = Roi {
            size: face.roi.size * CONFIRM_SCALE,
            ..face.roi
        };
        let found = self.detector.run(picture, &view, 0.1)?;
        Ok(found
            .iter()
            .filter(|d| d.bounds.center().distance(face.bounds.center()) < 0.25 * face.roi.size.x)
            .map(|d| d.score)
            .fold(0.0, f32::max))
    }

    /// Reads one region; `None` where there is no face.
    fn look(
        &self,
        picture: &RgbaImage,
        mut roi: Roi,
        options: &FindOptions,
    ) -> Result<Option<Face>, VisionError> {
        if picture.is_empty() || !roi.is_sound() {
            return Ok(None);
        }
        let mut seen = self.landmarks.run(picture, &roi)?;
        for _ in 0..options.refinements {
            // A face that is there at the second look only was none.
            if seen.presence < options.min_presence {
                return Ok(None);
            }
            let Some(next) = roi_of(&seen.points) else {
                return Ok(None);
            };
            roi = next;
            seen = self.landmarks.run(picture, &roi)?;
        }
        if seen.presence < options.min_presence {
            return Ok(None);
        }
        let size = [picture.width(), picture.height()];
        let bounds = Rect::around(seen.points.iter().map(|p| p.truncate()));
        let (Some(bounds), Some(head)) = (bounds, self.mesh.head_pose(&seen.points, size)) else {
            return Ok(None);
        };
        Ok(Some(Face {
            bounds,
            blendshapes: self.blendshapes.run(&seen.points)?,
            landmarks: seen.points,
            presence: seen.presence,
            head,
            roi,
        }))
    }
}

/// Squares to look at: the whole picture, then tiles of half the side each
/// level, overlapping by half, until faces of `min_face` are found.
fn levels(picture: &RgbaImage, min_face: f32) -> Vec<Vec<Roi>> {
    let size = Vec2::new(picture.width() as f32, picture.height() as f32);
    if size.min_element() < 1.0 {
        return Vec::new();
    }
    let square = |center: Vec2, side: f32| Roi {
        center,
        size: Vec2::splat(side),
        rotation: 0.0,
    };
    let mut side = size.max_element();
    let mut levels = vec![vec![square(size * 0.5, side)]];
    let smallest = (min_face * side).max(MIN_FACE_PX) / MIN_FACE_IN_TILE;
    while side > smallest {
        side *= 0.5;
        let along = |length: f32| -> Vec<f32> {
            if length <= side {
                return vec![length * 0.5];
            }
            let n = (2.0 * (length - side) / side).ceil().max(1.0);
            (0..=n as usize)
                .map(|i| side * 0.5 + (length - side) * i as f32 / n)
                .collect()
        };
        let (xs, ys) = (along(size.x), along(size.y));
        if xs.len() * ys.len() > MAX_TILES {
            break;
        }
        let row = |y: f32| xs.iter().map(move |x| square(Vec2::new(*x, y), side));
        levels.push(ys.iter().flat_map(|y| row(*y)).collect());
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_picture_and_stay_few() {
        for (w, h) in [(100, 100), (4000, 300), (300, 4000), (1920, 1080), (1, 1)] {
            let picture = RgbaImage::new(w, h);
            let levels = levels(&picture, 1.0 / 40.0);
            let last = &levels[levels.len() - 1];
            assert!(last.len() <= MAX_TILES);
            let side = last[0].size.x;
            for point in [
                Vec2::ZERO,
                Vec2::new(w as f32, h as f32),
                Vec2::new(w as f32 * 0.37, h as f32 * 0.61),
            ] {
                assert!(
                    last.iter().any(|t| {
                        let d = (point - t.center).abs();
                        d.max_element() <= side * 0.5 + 1e-2
                    }),
                    "{point} of {w}x{h} at {side}"
                );
            }
        }
    }
}
