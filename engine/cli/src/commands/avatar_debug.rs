//! `huashen avatar new --debug`: what each stage of the build saw and made.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use font8x8::legacy::BASIC_LEGACY;
use glam::{Vec2, Vec3};
use huashen_avatar::raster::Raster;
use huashen_avatar::{Avatar, Framing, Mesh, Photo, photo_window};
use huashen_core::{ArkitShape, Frame, Joint, PixelFormat, Pose, SinkError, Size};
use huashen_render::{RenderOptions, Renderer};
use huashen_vision::{Cover, Face, LEFT_IRIS, MESH_COUNT, RIGHT_IRIS};
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, RgbaImage};

use crate::{output, picture};

/// Pictures with lines are enlarged, by a whole number, until the pupils are
/// this far apart or the picture's longer side is [`MOST_SIDE`].
const GOOD_UNIT_PX: f32 = 160.0;
const MOST_SIDE: u32 = 3840;

const GREEN: [u8; 3] = [120, 255, 120];
const CYAN: [u8; 3] = [60, 220, 255];
const YELLOW: [u8; 3] = [255, 220, 40];
const RED: [u8; 3] = [255, 0, 60];
const ORANGE: [u8; 3] = [255, 120, 20];
const WHITE: [u8; 3] = [255, 255, 255];

/// The sheet of expressions: cells in a row, rows, a cell's picture and label.
const COLUMNS: usize = 9;
const ROWS: usize = 6;
const CELL_PX: u32 = 240;
const LABEL_PX: u32 = 20;
const GLYPH_PX: u32 = 8;
/// A cell is as high as this many distances between the eyes, which are at this
/// part of its height: brows to chin, with room for an open jaw.
const CELL_UNITS: f32 = 3.9;
const EYES_AT: f32 = 0.36;

/// A picture to draw on, and how much larger than the photo it is.
struct Canvas {
    picture: RgbImage,
    scale: f32,
}

impl Canvas {
    /// The photo, enlarged until a face whose pupils are `unit` pixels apart
    /// shows what is drawn on it.
    fn over(photo: &RgbImage, unit: f32) -> Self {
        let (w, h) = photo.dimensions();
        let times = (GOOD_UNIT_PX / unit.max(1.0)).ceil() as u32;
        let times = times.min(MOST_SIDE / w.max(h)).max(1);
        Self {
            picture: imageops::resize(photo, w * times, h * times, FilterType::Triangle),
            scale: times as f32,
        }
    }

    fn blend(&mut self, x: i64, y: i64, colour: [u8; 3], alpha: f32) {
        let (w, h) = self.picture.dimensions();
        if x < 0 || y < 0 || x >= i64::from(w) || y >= i64::from(h) {
            return;
        }
        let p = self.picture.get_pixel_mut(x as u32, y as u32);
        for (p, c) in p.0.iter_mut().zip(colour) {
            *p = (f32::from(*p) + (f32::from(c) - f32::from(*p)) * alpha).round() as u8;
        }
    }

    /// One pixel wide, soft-edged, between places in the photo's pixels.
    fn line(&mut self, a: Vec2, b: Vec2, colour: [u8; 3], alpha: f32) {
        let (a, b) = (a * self.scale - 0.5, b * self.scale - 0.5);
        let d = b - a;
        let n = d.abs().max_element().ceil().max(1.0);
        let steep = d.y.abs() > d.x.abs();
        for i in 0..=n as usize {
            let p = a + d * (i as f32 / n);
            // Shared between the two pixels beside the line.
            let (along, across) = if steep { (p.y, p.x) } else { (p.x, p.y) };
            let low = across.floor();
            for (k, part) in [(0, 1.0 - (across - low)), (1, across - low)] {
                let (along, across) = (along.round() as i64, low as i64 + k);
                let (x, y) = match steep {
                    true => (across, along),
                    false => (along, across),
                };
                self.blend(x, y, colour, alpha * part);
            }
        }
    }

    /// A dot of this radius in pixels of the canvas.
    fn dot(&mut self, at: Vec2, radius: f32, colour: [u8; 3]) {
        let at = at * self.scale - 0.5;
        let reach = radius.ceil() as i64 + 1;
        let (cx, cy) = (at.x.round() as i64, at.y.round() as i64);
        for y in cy - reach..=cy + reach {
            for x in cx - reach..=cx + reach {
                let far = Vec2::new(x as f32, y as f32).distance(at);
                let cover = (radius + 0.5 - far).clamp(0.0, 1.0);
                self.blend(x, y, colour, cover);
            }
        }
    }

    /// Filled; its corners in either order.
    fn triangle(&mut self, corners: [Vec2; 3], colour: [u8; 3], alpha: f32) {
        let [a, b, c] = corners.map(|p| p * self.scale - 0.5);
        let (low, high) = (a.min(b).min(c).ceil(), a.max(b).max(c).floor());
        for y in low.y as i64..=high.y as i64 {
            for x in low.x as i64..=high.x as i64 {
                let p = Vec2::new(x as f32, y as f32);
                let turns = [(a, b), (b, c), (c, a)].map(|(q, r)| (r - q).perp_dot(p - q));
                if turns.iter().all(|t| *t >= 0.0) || turns.iter().all(|t| *t <= 0.0) {
                    self.blend(x, y, colour, alpha);
                }
            }
        }
    }

    fn ring(&mut self, middle: Vec2, radius: f32, colour: [u8; 3]) {
        const STEPS: usize = 48;
        let at = |i: usize| {
            let turn = std::f32::consts::TAU * i as f32 / STEPS as f32;
            middle + Vec2::from_angle(turn) * radius
        };
        for i in 0..STEPS {
            self.line(at(i), at(i + 1), colour, 1.0);
        }
    }
}

/// Makes the folder, so that a build does not fail at its end.
pub fn folder(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("the folder {} for --debug cannot be made", dir.display()))
}

/// `landmarks.png`: the photo with the 478 landmarks, irises and bounds, and
/// red where the face is covered.
pub fn landmarks(dir: &Path, photo: &RgbaImage, face: &Face, cover: &Cover) -> anyhow::Result<()> {
    let photo = DynamicImage::ImageRgba8(photo.clone()).into_rgb8();
    let unit = face.point(LEFT_IRIS).distance(face.point(RIGHT_IRIS));
    let mut canvas = Canvas::over(&photo, unit);
    for (corners, covered) in &cover.cells {
        canvas.triangle(*corners, RED, 0.6 * covered);
    }
    let (low, high) = (face.bounds.min, face.bounds.max);
    let corners = [
        low,
        Vec2::new(high.x, low.y),
        high,
        Vec2::new(low.x, high.y),
    ];
    for i in 0..4 {
        canvas.line(corners[i], corners[(i + 1) % 4], YELLOW, 1.0);
    }
    for i in 0..MESH_COUNT {
        canvas.dot(face.point(i), 1.5, GREEN);
    }
    for iris in [RIGHT_IRIS, LEFT_IRIS] {
        let middle = face.point(iris);
        let rim = (1..=4).map(|i| face.point(iris + i));
        let radius = rim.map(|p| p.distance(middle)).sum::<f32>() / 4.0;
        canvas.ring(middle, radius, CYAN);
        for i in 0..5 {
            canvas.dot(face.point(iris + i), 1.5, CYAN);
        }
    }
    save(dir, "landmarks.png", canvas.picture)
}

/// `matte.png`: how much of each pixel is the person, white all of it.
pub fn matte(dir: &Path, matte: &GrayImage) -> anyhow::Result<()> {
    save(dir, "matte.png", matte.clone())
}

/// `mesh.png`, `depth.png`, `plate.png` and `expressions.png` of an avatar that
/// was just written.
pub fn relief(
    dir: &Path,
    photo: &RgbImage,
    plate: &RgbImage,
    avatar: &Avatar,
) -> anyhow::Result<()> {
    let about = avatar.manifest.photo.as_ref();
    let about = about.context("the avatar is not of a photo: this is a bug, please report it")?;
    save(dir, "plate.png", plate.clone())?;
    save(dir, "mesh.png", mesh(photo, avatar, about))?;
    save(dir, "depth.png", depth(avatar, about))?;
    save(dir, "expressions.png", expressions(avatar, about)?)
}

/// The meshes that show the photo: what is solid, and the soft edge around it.
fn nets(avatar: &Avatar) -> impl Iterator<Item = &Mesh> {
    let meshes = avatar.model.meshes.iter();
    meshes.filter(|m| m.name == "relief" || m.name == "relief_edge")
}

/// A point of the model in the photo's pixels, z towards the viewer.
fn in_photo(p: Vec3, photo: &Photo) -> Vec3 {
    let middle = Vec3::new(photo.width as f32, photo.height as f32, 0.0) * 0.5;
    middle + p * Vec3::new(1.0, -1.0, 1.0) / photo.metres_per_px
}

fn points(mesh: &Mesh, photo: &Photo) -> Vec<Vec3> {
    mesh.positions.iter().map(|p| in_photo(*p, photo)).collect()
}

/// Middles of the left and the right eye in the photo's pixels.
fn eyes(avatar: &Avatar, photo: &Photo) -> [Vec2; 2] {
    [Joint::LeftEye, Joint::RightEye].map(|joint| {
        let eye = avatar.model.joint_position(joint).unwrap_or_default();
        in_photo(eye, photo).truncate()
    })
}

/// The net over the photo: white where the relief is solid, cyan at the soft
/// edge, orange where it is open (lips, lids, the outer rim).
fn mesh(photo: &RgbImage, avatar: &Avatar, about: &Photo) -> RgbImage {
    let [left, right] = eyes(avatar, about);
    let unit = left.distance(right);
    let mut canvas = Canvas::over(photo, unit);
    // Sides with one triangle only, by place: the two meshes share no points.
    let mut open: BTreeMap<[[u32; 2]; 2], Vec<usize>> = BTreeMap::new();
    for (n, mesh) in nets(avatar).enumerate() {
        let points = points(mesh, about);
        let mut sides: BTreeMap<[u32; 2], usize> = BTreeMap::new();
        for t in mesh.indices.as_chunks::<3>().0 {
            for k in 0..3 {
                let (a, b) = (t[k], t[(k + 1) % 3]);
                *sides.entry([a.min(b), a.max(b)]).or_default() += 1;
            }
        }
        let colour = if n == 0 { WHITE } else { CYAN };
        for (side, triangles) in sides {
            let [a, b] = side.map(|i| points[i as usize].truncate());
            canvas.line(a, b, colour, 0.45);
            if triangles == 1 {
                let mut ends = [a, b].map(|p| [p.x.to_bits(), p.y.to_bits()]);
                ends.sort_unstable();
                open.entry(ends).or_default().push(n);
            }
        }
    }
    for (ends, meshes) in open {
        // The seam between the two meshes is not open. Shut lips are: both
        // their sides lie in one place and belong to one mesh.
        if meshes.iter().any(|n| *n != meshes[0]) {
            continue;
        }
        let [a, b] = ends.map(|[x, y]| Vec2::new(f32::from_bits(x), f32::from_bits(y)));
        canvas.line(a, b, ORANGE, 1.0);
    }
    canvas.picture
}

/// The relief's depth at the photo's size: near is bright, nothing is black.
fn depth(avatar: &Avatar, about: &Photo) -> GrayImage {
    /// The farthest point of the relief.
    const FAR: f32 = 40.0;
    let (mut all, mut triangles) = (Vec::new(), Vec::new());
    for mesh in nets(avatar) {
        let first = all.len() as u32;
        all.extend(points(mesh, about));
        let own = mesh.indices.as_chunks::<3>().0.iter();
        triangles.extend(own.map(|t| t.map(|i| first + i)));
    }
    let (w, h) = (about.width, about.height);
    let raster = Raster::new(&all, &triangles, w as usize, h as usize);
    let at = |x: u32, y: u32| {
        raster
            .at(Vec2::new(x as f32, y as f32) + 0.5)
            .map(|hit| hit.depth)
    };
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for z in (0..h)
        .flat_map(|y| (0..w).map(move |x| (x, y)))
        .filter_map(|(x, y)| at(x, y))
    {
        (low, high) = (low.min(z), high.max(z));
    }
    GrayImage::from_fn(w, h, |x, y| {
        let near = |z: f32| (z - low) / (high - low).max(1e-6);
        Luma([at(x, y).map_or(0, |z| (FAR + near(z) * (255.0 - FAR)).round() as u8)])
    })
}

/// The face at rest, then with each of the 52 shapes at 1, row by row.
fn expressions(avatar: &Avatar, about: &Photo) -> anyhow::Result<RgbImage> {
    let framing = Some(Framing::Face);
    let window = photo_window(avatar, about, framing, 1.0);
    let [left, right] = eyes(avatar, about);
    // The shot at the size that makes the part that is cut out a cell.
    let wanted = CELL_PX as f32 * window.height / (CELL_UNITS * left.distance(right));
    let side = (wanted as u32).clamp(CELL_PX, 4 * CELL_PX) & !1;
    let at = ((left + right) * 0.5 - Vec2::new(window.x, window.y)) * side as f32 / window.height;
    let corner = at - CELL_PX as f32 * Vec2::new(0.5, EYES_AT);
    let corner = corner.clamp(Vec2::ZERO, Vec2::splat((side - CELL_PX) as f32));
    let corner = corner.as_uvec2();
    let size = Size {
        width: side,
        height: side,
    };
    let options = RenderOptions {
        size,
        background: picture::plate(avatar, framing, size)?,
        framing,
        format: PixelFormat::Rgba8,
        ..RenderOptions::default()
    };
    let posed = |shape: ArkitShape| {
        let mut pose = Pose::default();
        pose.weights[shape] = 1.0;
        (shape.name(), pose)
    };
    let cells: Vec<(&str, Pose)> = std::iter::once(("at rest", Pose::default()))
        .chain(ArkitShape::ALL.map(posed))
        .collect();
    let mut sheet = RgbImage::new(COLUMNS as u32 * CELL_PX, ROWS as u32 * (CELL_PX + LABEL_PX));
    let mut renderer = Renderer::new(avatar, &options)?;
    let mut poses = cells.iter().map(|(_, pose)| pose.clone());
    renderer.render(&mut poses, &mut |frame: Frame| -> Result<(), SinkError> {
        let cell = frame.index as usize;
        let (x, y) = (
            (cell % COLUMNS) as u32 * CELL_PX,
            (cell / COLUMNS) as u32 * (CELL_PX + LABEL_PX),
        );
        label(&mut sheet, cells[cell].0, x, y);
        let pixels = frame.data.as_chunks::<4>().0;
        for (column, row) in (0..CELL_PX * CELL_PX).map(|i| (i % CELL_PX, i / CELL_PX)) {
            let from = (corner.y + row) * side + corner.x + column;
            let [r, g, b, _] = pixels[from as usize];
            sheet.put_pixel(x + column, y + LABEL_PX + row, Rgb([r, g, b]));
        }
        Ok(())
    })?;
    Ok(sheet)
}

/// One line of ASCII in the middle of a cell's label.
fn label(sheet: &mut RgbImage, name: &str, x: u32, y: u32) {
    let left = x + (CELL_PX - GLYPH_PX * name.len() as u32) / 2;
    text(sheet, name, (left, y + (LABEL_PX - GLYPH_PX) / 2), WHITE);
}

/// One line of ASCII from a left upper corner.
pub(super) fn text(picture: &mut RgbImage, line: &str, (x, y): (u32, u32), colour: [u8; 3]) {
    for (n, c) in (0..).zip(line.bytes()) {
        for (row, bits) in (0..).zip(BASIC_LEGACY[usize::from(c & 0x7f)]) {
            for column in (0..GLYPH_PX).filter(|k| bits >> k & 1 == 1) {
                let at = (x + n * GLYPH_PX + column, y + row);
                if let Some(pixel) = picture.get_pixel_mut_checked(at.0, at.1) {
                    *pixel = Rgb(colour);
                }
            }
        }
    }
}

fn save(dir: &Path, name: &str, picture: impl Into<DynamicImage>) -> anyhow::Result<()> {
    let picture = picture.into();
    output::write_file(&dir.join(name), |file| {
        Ok(picture.write_with_encoder(PngEncoder::new(file))?)
    })
}
