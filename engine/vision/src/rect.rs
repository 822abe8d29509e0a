//! Upright rectangles in pixels.

use glam::Vec2;

/// An upright rectangle; x to the right and y down, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub min: Vec2,
    pub max: Vec2,
}

impl Rect {
    /// The smallest rectangle around `points`; `None` without any.
    pub fn around(points: impl IntoIterator<Item = Vec2>) -> Option<Self> {
        points.into_iter().fold(None, |rect: Option<Self>, p| {
            let (min, max) = rect.map_or((p, p), |r| (r.min.min(p), r.max.max(p)));
            Some(Self { min, max })
        })
    }

    /// Width and height.
    pub fn size(&self) -> Vec2 {
        (self.max - self.min).max(Vec2::ZERO)
    }

    pub fn center(&self) -> Vec2 {
        (self.min + self.max) * 0.5
    }

    pub fn area(&self) -> f32 {
        self.size().element_product()
    }

    /// Area of the common part over area of the union, 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let common = Self {
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        };
        let union = self.area() + other.area() - common.area();
        if union > 0.0 {
            common.area() / union
        } else {
            0.0
        }
    }
}
