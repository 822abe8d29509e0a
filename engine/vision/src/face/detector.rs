//! The face detector: MediaPipe's BlazeFace, short range.
//!
//! Constants and steps are those of upstream's `face_detector_graph.cc`:
//! letterbox to 128², 896 SSD anchors, weighted non-maximum suppression.

use candle_core::Device;
use glam::Vec2;
use image::RgbaImage;

use crate::VisionError;
use crate::rect::Rect;
use crate::sample::{Border, Roi, sample};
use crate::tflite::Net;

/// Side of the net's input in pixels.
pub(super) const SIDE: usize = 128;
const ANCHORS: usize = 896;
/// Box and six points, x and y each.
const NUMBERS: usize = 16;
/// Boxes that overlap by more than this are one face.
const SAME_FACE_IOU: f32 = 0.5;

/// One face as the detector sees it, in pixels of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    pub bounds: Rect,
    /// Right eye, left eye (the person's), nose, mouth, right ear, left ear.
    pub keypoints: [Vec2; 6],
    /// 0 to 1.
    pub score: f32,
}

impl Detection {
    /// What the landmark net wants to see: the box, 1.5 times as large, turned
    /// so that the eyes are level.
    pub fn roi(&self) -> Roi {
        let eyes = self.keypoints[1] - self.keypoints[0];
        Roi {
            center: self.bounds.center(),
            size: self.bounds.size() * 1.5,
            rotation: eyes.y.atan2(eyes.x),
        }
    }
}

/// The net and its anchors.
#[derive(Debug)]
pub(super) struct Detector {
    net: Net,
    /// Centres, 0 to 1; all boxes are as large as the input.
    anchors: Vec<Vec2>,
}

/// Two anchors a cell of the 16² map, then six a cell of the 8² map.
fn anchors() -> Vec<Vec2> {
    let map = |cells: usize, each: usize| {
        (0..cells * cells).flat_map(move |i| {
            let at = Vec2::new((i % cells) as f32, (i / cells) as f32);
            std::iter::repeat_n((at + 0.5) / cells as f32, each)
        })
    };
    map(16, 2).chain(map(8, 6)).collect()
}

impl Detector {
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self, VisionError> {
        let net = Net::load("face_detector.tflite", bytes, device)?
            .expect(&[1, SIDE, SIDE, 3], &[ANCHORS * NUMBERS, ANCHORS])?;
        Ok(Self {
            net,
            anchors: anchors(),
        })
    }

    /// Faces in the square `tile` (it may be turned) of the picture whose score is at least
    /// `min_score`, best first. What lies beyond the picture is black.
    pub fn run(
        &self,
        picture: &RgbaImage,
        tile: &Roi,
        min_score: f32,
    ) -> Result<Vec<Detection>, VisionError> {
        let input = sample(picture, tile, [SIDE, SIDE], [-1.0, 1.0], Border::Black);
        let [boxes, logits] = self.net.run(input)?.try_into().unwrap_or_default();
        let mut found = Vec::new();
        for ((anchor, numbers), logit) in self
            .anchors
            .iter()
            .zip(boxes.chunks_exact(NUMBERS))
            .zip(&logits)
        {
            let score = 1.0 / (1.0 + (-logit.clamp(-100.0, 100.0)).exp());
            let finite = score.is_finite() && numbers.iter().all(|n| n.is_finite());
            if !finite || score < min_score {
                continue;
            }
            let pair = |i: usize| Vec2::new(numbers[i], numbers[i + 1]) / SIDE as f32;
            // Upright in the picture even where the tile is turned.
            let center = tile.point(*anchor + pair(0));
            let half = pair(2) * 0.5 * tile.size;
            found.push(Detection {
                bounds: Rect {
                    min: center - half,
                    max: center + half,
                },
                keypoints: std::array::from_fn(|k| tile.point(*anchor + pair(4 + 2 * k))),
                score,
            });
        }
        Ok(suppress(found))
    }
}

/// Weighted non-maximum suppression: boxes that overlap the best one become
/// their mean, weighted by score.
pub(super) fn suppress(mut left: Vec<Detection>) -> Vec<Detection> {
    left.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept = Vec::new();
    while let Some(best) = left.first() {
        let (bounds, score) = (best.bounds, best.score);
        let (same, rest): (Vec<_>, Vec<_>) = left
            .into_iter()
            .enumerate()
            .partition(|(i, d)| *i == 0 || d.bounds.iou(&bounds) > SAME_FACE_IOU);
        let total: f32 = same.iter().map(|(_, d)| d.score).sum();
        let mean = |point: &dyn Fn(&Detection) -> Vec2| {
            same.iter().map(|(_, d)| point(d) * d.score).sum::<Vec2>() / total
        };
        kept.push(Detection {
            bounds: Rect {
                min: mean(&|d| d.bounds.min),
                max: mean(&|d| d.bounds.max),
            },
            keypoints: std::array::from_fn(|k| mean(&|d| d.keypoints[k])),
            score,
        });
        left = rest.into_iter().map(|(_, d)| d).collect();
    }
    kept
}
