//! The relief's parts put together: skin and hair, eyes, mouth, skeleton.

use glam::{Vec2, Vec3};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbaImage};

use super::eyes::Eye;
use super::fit::Fit;
use super::glb::{Node, Picture, Piece, Surface};
use super::landmarks as lm;
use super::mesh::{Edge, Net, Openings};
use super::mouth::{Colours, Light, OwnTeeth, Site, Surfaces};
use super::shapes::{self, Deltas, Ground};
use super::{PUPILS_M, PhotoInput, Relief, glb, mesh, outline, plate};
use crate::AvatarError;
use crate::raster::Hit;

/// The matte is taken as sure above the first and as nothing below the second.
const SURE: u8 = 250;
const NOTHING: u8 = 6;
/// What the person is painted out with reaches this far beyond them, in units.
const PAINT_OUT: f32 = 0.10;
/// What is nearer to the matte than this still shows the person, in units.
const OUTLINE: f32 = 0.05;

/// Pixels of the photo → metres of the model.
pub struct Frame {
    middle: Vec2,
    scale: f32,
}

impl Frame {
    pub fn point(&self, p: Vec3) -> Vec3 {
        Vec3::new(p.x - self.middle.x, self.middle.y - p.y, p.z) * self.scale
    }

    pub fn vector(&self, d: Vec3) -> Vec3 {
        Vec3::new(d.x, -d.y, d.z) * self.scale
    }
}

// The skeleton; the order is that of `skeleton`.
const HIPS: u16 = 0;
const SPINE: u16 = 1;
const NECK: u16 = 2;
pub const HEAD: u16 = 3;
const EYES: [u16; 2] = [4, 5];

// Surfaces; the order is that of `surfaces`.
const RELIEF: usize = 0;
const RELIEF_EDGE: usize = 1;
const WHITES: [usize; 2] = [2, 3];
const IRISES: [usize; 2] = [4, 5];
const TEETH: usize = 6;
const TONGUE: usize = 7;
const MOUTH: usize = 8;
const OWN_TEETH: usize = 9;

pub fn relief(
    input: &PhotoInput<'_>,
    openings: &Openings,
    irises: &[[Vec2; 5]; 2],
    fit: &Fit<'_>,
) -> Result<Relief, AvatarError> {
    let (w, h) = input.picture.dimensions();
    let unit = openings.unit;
    let frame = Frame {
        middle: Vec2::new(w as f32, h as f32) * 0.5,
        scale: PUPILS_M / unit,
    };
    let matte = GrayImage::from_fn(w, h, |x, y| {
        let a = input.matte.get_pixel(x, y)[0];
        image::Luma([match a {
            a if a <= NOTHING => 0,
            a if a >= SURE => 255,
            a => a,
        }])
    });
    let painted = plate::dilate(&matte, (PAINT_OUT * unit).ceil() as u32);
    let outline = (OUTLINE * unit).ceil() as u32;
    let near = plate::dilate(&matte, outline);
    let filled = plate::fill(input.picture, &painted);
    let filled = plate::eased(input.picture, &filled, &matte, outline);
    let alpha = plate::refined(&matte, input.picture, &filled, &near);
    let mask = plate::dilate(&alpha, (0.03 * unit).ceil() as u32);
    let layers = plate::layers(input.picture, &filled, &alpha, &near);

    let net = mesh::net(openings, &mask);
    let ground = Ground::new(fit, unit);
    let hits = shapes::hits(&net, openings, &ground);
    let deltas = shapes::deltas(&net, openings, &ground, &hits);
    let mut depth = depth(&net, openings, &hits, fit);
    // Where lips meet, they meet in depth too: a turned or bowed head would show
    // teeth through the line between them. The upper one is before the lower by
    // a hair, for where a smile lets them overlap.
    for (upper, lower) in shapes::pairs(&net) {
        let middle = 0.5 * (depth[upper] + depth[lower]);
        let hair = 0.5 * LIP_BEFORE * unit;
        (depth[upper], depth[lower]) = (middle + hair, middle - hair);
    }
    let lids = lid_planes(&net, unit, &mut depth);

    let nodes = skeleton(fit, &frame, h as f32);
    let [mut solid, edge] = skin(&net, &depth, &deltas, openings, &frame, &alpha);
    rim(&mut solid, &net, openings, &frame);
    // `lips` counts the solid part's points; the edge keeps its own.
    let mut pieces = vec![solid];
    let edge = edge.compact();
    if !edge.triangles.is_empty() {
        pieces.push(edge);
    }
    let lips = [Edge::UpperLip, Edge::LowerLip].map(|edge| {
        (0..net.points.len())
            .filter(|i| net.edges[*i] == edge)
            .map(|i| i as u32)
            .collect()
    });
    let vertices = net.points.len();

    let mut pictures = vec![png(&layers.foreground)?];
    for (e, iris) in irises.iter().enumerate() {
        let eye = Eye::cut(input.picture, openings, e, *iris);
        pictures.push(png(
            &image::DynamicImage::ImageRgb8(eye.white.clone()).to_rgba8()
        )?);
        pictures.push(png(&eye.iris)?);
        pieces.extend(eyeball(&eye, e, openings, &lids[e], (&net, &depth), &frame));
    }
    let outer: Vec<Vec2> = lm::LIP_OUTER
        .iter()
        .map(|i| input.landmarks[*i].truncate())
        .collect();
    let own_teeth = OwnTeeth::find(input.picture, openings, &outer);
    let light = Light::of(input.picture, openings, &outer, &own_teeth);
    pictures.push(png(&light.teeth_picture(&fit.head.teeth_picture))?);
    if let Some(own) = &own_teeth.picture {
        pictures.push(png(own)?);
    }
    let site = Site {
        openings,
        neutral: deltas.get(shapes::NEUTRAL).map(Vec::as_slice),
        net: &net,
        depth: &depth,
        frame: &frame,
    };
    let inside = Surfaces {
        teeth: TEETH,
        tongue: TONGUE,
        dark: MOUTH,
        own: OWN_TEETH,
    };
    pieces.extend(site.pieces(fit, &own_teeth, &inside));
    if deltas.contains_key(shapes::NEUTRAL) && openings.mouth_is_open() {
        pieces.push(site.photo_mouth(RELIEF, Vec2::new(w as f32, h as f32)));
    }
    let glb = glb::write(
        &pieces,
        &surfaces(&light.colours(), own_teeth.picture.is_some()),
        &pictures,
        &nodes,
        "the photo's own rights; head shapes CC0, MakeHuman community",
    );
    Ok(Relief {
        glb,
        plate: layers.plate,
        metres_per_px: frame.scale,
        lips,
        vertices,
    })
}

fn png(picture: &RgbaImage) -> Result<Picture, AvatarError> {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgba8,
        )
        .map_err(|e| AvatarError::Photo(format!("a picture cannot be packed: {e}")))?;
    Ok(Picture {
        bytes,
        mime: "image/png",
    })
}

fn surfaces(colours: &Colours, own_teeth: bool) -> Vec<Surface> {
    let unlit = |name, picture, blend| Surface {
        name,
        picture: Some(picture),
        base: [1.0; 4],
        blend,
        unlit: true,
        double_sided: true,
    };
    // Behind the lips there is no light but what comes in between them: it is
    // painted on, in the photo's own brightness.
    let inside = |name, picture, [r, g, b]: [f32; 3]| Surface {
        name,
        picture,
        base: [r, g, b, 1.0],
        blend: false,
        unlit: true,
        // The cavity is open in front: its near wall shows no back.
        double_sided: false,
    };
    let mut all = vec![
        unlit("relief", 0, false),
        unlit("relief_edge", 0, true),
        unlit("white_left", 1, false),
        unlit("white_right", 3, false),
        unlit("iris_left", 2, true),
        unlit("iris_right", 4, true),
        inside("teeth", Some(5), [1.0; 3]),
        inside("tongue", None, colours.tongue),
        inside("mouth", None, colours.dark),
    ];
    if own_teeth {
        all.push(unlit("teeth_photo", 6, true));
    }
    all
}

/// Depth of each point: the head's where it lies over it, and from there on as
/// flat as can be.
fn depth(net: &Net, openings: &Openings, hits: &[Option<Hit>], fit: &Fit<'_>) -> Vec<f32> {
    let around = net.neighbours();
    let ears = fit.place(fit.head.joints[0]).z;
    let mut depth: Vec<f32> = hits.iter().map(|h| h.map_or(ears, |h| h.depth)).collect();
    for round in 0..600 {
        // Back and forth, so that far places hear of it early.
        let order: Box<dyn Iterator<Item = usize>> = match round % 2 {
            0 => Box::new(0..depth.len()),
            _ => Box::new((0..depth.len()).rev()),
        };
        for i in order {
            if hits[i].is_none() && !around[i].is_empty() {
                let sum: f32 = around[i].iter().map(|j| depth[*j as usize]).sum();
                depth[i] = sum / around[i].len() as f32;
            }
        }
    }
    // The step from the jaw back to the neck would tear when the head turns.
    for _ in 0..NECK_ROUNDS {
        let before = depth.clone();
        for i in 0..depth.len() {
            let outside = !outline::inside(&openings.oval, net.points[i]);
            if outside && !around[i].is_empty() {
                let sum: f32 = around[i].iter().map(|j| before[*j as usize]).sum();
                depth[i] = 0.5 * before[i] + 0.5 * sum / around[i].len() as f32;
            }
        }
    }
    // Steeper, it would fold over itself.
    for _ in 0..NECK_ROUNDS {
        for i in 0..depth.len() {
            let held = around[i].iter().map(|j| {
                let j = *j as usize;
                depth[j] - STEEPEST * net.points[i].distance(net.points[j])
            });
            depth[i] = held.fold(depth[i], f32::max);
        }
    }
    depth
}

/// How far the upper lip's edge is before the lower one's, in units.
const LIP_BEFORE: f32 = 0.012;
/// How fast depth may fall back: at 1.7 it folds at a turn of 30°.
const STEEPEST: f32 = 1.7;
/// Rounds of smoothing of what lies beside the face.
const NECK_ROUNDS: usize = 40;

/// A neck this near to the picture's lower edge is held there, in units.
const NECK_HELD: f32 = 0.8;

/// How far below the jaw a point counts, at most, against its distance from it.
const NEAR_JAW: f32 = 0.9;

/// How much head, neck, chest and hips each have in a point.
fn joint_weights(p: Vec2, openings: &Openings, height: f32) -> [(u16, f32); 4] {
    let u = openings.unit;
    let chin = openings.oval[18];
    let top = openings.oval[0];
    let down = (chin - top).normalize_or(Vec2::Y);
    let across = down.perp();
    let along = |q: Vec2| (q - chin).dot(down);
    let beside = (p - chin).dot(across).abs();
    // The jaw's line above or below: what is under it is neck.
    let half = openings
        .oval
        .iter()
        .map(|q| (*q - chin).dot(across).abs())
        .fold(0.0, f32::max)
        .max(1e-3);
    let jaw = openings.oval[9..28]
        .iter()
        .filter(|q| ((**q - chin).dot(across) - (p - chin).dot(across)).abs() < 0.14 * half)
        .map(|q| along(*q))
        .fold(f32::NEG_INFINITY, f32::max);
    let line = if beside < 0.8 * half && jaw.is_finite() {
        jaw.min(0.0)
    } else {
        0.0
    };
    // Beside a steep jaw, as a turned face's far one is, what is far below its
    // line may be right at the cheek.
    let beyond = match outline::inside(&openings.oval, p) {
        true => 0.0,
        false => outline::distance(&openings.oval, p),
    };
    let below = (along(p) - line).min(NEAR_JAW * beyond) / u;
    let smooth = |from: f32, to: f32, v: f32| {
        let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    };
    // Nobody moves at the picture's lower edge, or what is behind would show
    // under it.
    let held = smooth(0.0, NECK_HELD * u, height - p.y);
    let under_chin = smooth(0.04, 0.3, below);
    let head = (1.0 - smooth(0.04, 0.75, below)) * (1.0 - under_chin * (1.0 - held));
    let neck = ((1.0 - smooth(0.5, 1.5, below)) * held - head).max(0.0);
    let torso = 1.0 - head - neck;
    let free = smooth(0.0, 2.5 * u, height - p.y);
    [
        (HEAD, head),
        (NECK, neck),
        (SPINE, torso * free),
        (HIPS, torso * (1.0 - free)),
    ]
}

fn skeleton(fit: &Fit<'_>, frame: &Frame, height: f32) -> Vec<Node> {
    let [head, neck] = fit.head.joints.map(|j| {
        let p = fit.similarity.point(j);
        frame.point(Vec3::new(p.x, -p.y, p.z))
    });
    let eyes = fit.head.eyes.map(|e| frame.point(fit.place(e)));
    let low = frame.point(Vec3::new(frame.middle.x, height, 0.0)).y;
    let spine = Vec3::new(neck.x, (neck.y - 3.0 * PUPILS_M).max(low), neck.z);
    let hips = Vec3::new(neck.x, low.min(spine.y), neck.z);
    let node = |name, parent, position| Node {
        name,
        parent,
        position,
    };
    vec![
        node("hips", None, hips),
        node("spine", Some(0), spine),
        node("neck", Some(1), neck),
        node("head", Some(2), head),
        node("leftEye", Some(3), eyes[0]),
        node("rightEye", Some(3), eyes[1]),
    ]
}

/// Skin, hair and clothes in two pieces: what is solid, and the soft edge.
fn skin(
    net: &Net,
    depth: &[f32],
    deltas: &Deltas,
    openings: &Openings,
    frame: &Frame,
    alpha: &GrayImage,
) -> [Piece; 2] {
    let (w, h) = (alpha.width() as f32, alpha.height() as f32);
    let solid: Vec<bool> = net
        .triangles
        .iter()
        .map(|t| is_solid(net, t, alpha))
        .collect();
    [
        (RELIEF, "relief", true),
        (RELIEF_EDGE, "relief_edge", false),
    ]
    .map(|(surface, name, wanted)| {
        let triangles: Vec<[u32; 3]> = net
            .triangles
            .iter()
            .zip(&solid)
            .filter(|(_, s)| **s == wanted)
            .map(|(t, _)| *t)
            .collect();
        Piece {
            name,
            surface,
            points: net
                .points
                .iter()
                .zip(depth)
                .map(|(p, z)| frame.point(p.extend(*z)))
                .collect(),
            uvs: net.points.iter().map(|p| *p / Vec2::new(w, h)).collect(),
            shades: Vec::new(),
            joints: net
                .points
                .iter()
                .map(|p| joint_weights(*p, openings, h))
                .collect(),
            triangles,
            shapes: deltas
                .iter()
                .map(|(name, d)| (*name, d.iter().map(|d| frame.vector(*d)).collect()))
                .collect(),
        }
    })
}

/// How far the lower lip goes on behind the upper one: up and back, in units.
const RIM: Vec2 = Vec2::new(0.013, 0.02);

/// Lets the lower lip go on behind the upper one: through the line between them
/// no teeth are seen, whichever way the head turns.
fn rim(solid: &mut Piece, net: &Net, openings: &Openings, frame: &Frame) {
    let on = |edge| (0..net.points.len()).filter(move |i| net.edges[*i] == edge);
    let corners: Vec<usize> = on(Edge::LipCorner).collect();
    let [first, last] = corners[..] else { return };
    let line: Vec<usize> = std::iter::once(first)
        .chain(on(Edge::LowerLip))
        .chain([last])
        .collect();
    let (_, down) = openings.lips.axes();
    let own = solid.points.len() as u32;
    let spans = line.len() as f32 - 1.0;
    for (k, i) in line.iter().enumerate() {
        // None at the corners.
        let t = k as f32 / spans;
        let full = (4.0 * t * (1.0 - t)).sqrt() * openings.unit;
        let behind = (down * (-RIM.x * full)).extend(-RIM.y * full);
        solid.points.push(solid.points[*i] + frame.vector(behind));
        solid.uvs.push(solid.uvs[*i]);
        solid.joints.push(solid.joints[*i]);
        for (_, moved) in &mut solid.shapes {
            moved.push(moved[*i]);
        }
    }
    for (k, pair) in (own..).zip(line.windows(2)) {
        let (a, b) = (pair[0] as u32, pair[1] as u32);
        solid.triangles.extend([[a, b, k + 1], [a, k + 1, k]]);
    }
}

/// Whether a triangle lies where the matte is sure.
fn is_solid(net: &Net, triangle: &[u32; 3], alpha: &GrayImage) -> bool {
    let corners = triangle.map(|i| net.points[i as usize]);
    let low = corners.iter().fold(Vec2::INFINITY, |m, p| m.min(*p)) - 1.0;
    let high = corners.iter().fold(Vec2::NEG_INFINITY, |m, p| m.max(*p)) + 1.0;
    let clamp = |v: f32, most: u32| (v.max(0.0) as u32).min(most - 1);
    (clamp(low.y, alpha.height())..=clamp(high.y, alpha.height())).all(|y| {
        (clamp(low.x, alpha.width())..=clamp(high.x, alpha.width()))
            .all(|x| alpha.get_pixel(x, y)[0] == 255)
    })
}

/// The plane that one eye's lids lie in: depth at a place.
struct LidPlane {
    middle: Vec2,
    depth: f32,
    /// Along the eye's width; its height is too little to tell a slope.
    slope: f32,
}

/// Lids farther from their plane than this (units) are no lids: the head was
/// seen through an eye or beside it.
const LID_BAND: f32 = 0.025;

impl LidPlane {
    fn at(&self, p: Vec2) -> f32 {
        self.depth + self.slope * (p.x - self.middle.x)
    }

    /// Least squares, then again without what lies far off.
    fn fit(lids: &[(Vec2, f32)], unit: f32) -> Self {
        let mut kept = lids.to_vec();
        let mut plane = Self::through(&kept);
        for band in [4.0, 2.0, 1.0] {
            let near: Vec<(Vec2, f32)> = kept
                .iter()
                .copied()
                .filter(|(p, z)| (z - plane.at(*p)).abs() < band * LID_BAND * unit)
                .collect();
            if near.len() * 2 < lids.len() {
                break;
            }
            kept = near;
            plane = Self::through(&kept);
        }
        plane
    }

    fn through(lids: &[(Vec2, f32)]) -> Self {
        let n = lids.len().max(1) as f32;
        let middle = lids.iter().map(|l| l.0).sum::<Vec2>() / n;
        let depth = lids.iter().map(|l| l.1).sum::<f32>() / n;
        let (mut xx, mut xz) = (1e-6, 0.0);
        for (p, z) in lids {
            xx += (p.x - middle.x) * (p.x - middle.x);
            xz += (p.x - middle.x) * (z - depth);
        }
        Self {
            middle,
            depth,
            slope: (xz / xx).clamp(-1.0, 1.0),
        }
    }
}

/// Both eyes' planes; the lids' points are drawn to them.
fn lid_planes(net: &Net, unit: f32, depth: &mut [f32]) -> [LidPlane; 2] {
    [0, 1].map(|e| {
        let ids: Vec<usize> = (0..net.points.len())
            .filter(|i| net.edges[*i] == Edge::Lid(e))
            .collect();
        let lids: Vec<(Vec2, f32)> = ids.iter().map(|i| (net.points[*i], depth[*i])).collect();
        let plane = LidPlane::fit(&lids, unit);
        for i in ids {
            let flat = plane.at(net.points[i]);
            depth[i] = depth[i].clamp(flat, flat + LID_BAND * unit);
        }
        plane
    })
}

/// How far behind the lids iris and white lie, in units.
const IRIS_BACK: f32 = 0.015;
const WHITE_BACK: f32 = 0.07;
/// How far around a point of the eye the skin is looked at, and how far behind
/// it the eye stays, in units.
const TEMPLE: f32 = 0.09;
const TEMPLE_BACK: f32 = 0.03;
/// How far the white reaches behind the lids, as a part of the opening.
const WHITE_REACH: f32 = 1.16;

/// White and iris of one eye: pictures of the photo, pixel on pixel. The iris
/// turns with the eyeball, the white stays.
fn eyeball(
    eye: &Eye,
    e: usize,
    openings: &Openings,
    lids: &LidPlane,
    (net, depth): (&Net, &[f32]),
    frame: &Frame,
) -> Vec<Piece> {
    let unit = openings.unit;
    let size = Vec2::new(eye.white.width() as f32, eye.white.height() as f32);
    let origin = Vec2::new(eye.origin.0 as f32, eye.origin.1 as f32);
    let names = [["white_left", "iris_left"], ["white_right", "iris_right"]][e];
    let part = |name, surface, joint: u16, points: &[Vec3], triangles| Piece {
        name,
        surface,
        points: points.iter().map(|p| frame.point(*p)).collect(),
        uvs: points
            .iter()
            .map(|p| (p.truncate() - origin) / size)
            .collect(),
        shades: Vec::new(),
        joints: vec![[(joint, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; points.len()],
        triangles,
        shapes: Vec::new(),
    };
    // A fan under the lids: a wider sheet would come out beside the temple.
    let middle = openings.eyes[e].middle();
    let mut ring: Vec<Vec2> = vec![middle];
    ring.extend(openings.eyes[e].outline().iter().map(|p| {
        middle + (*p - middle) * WHITE_REACH + (*p - middle).normalize_or_zero() * 0.02 * unit
    }));
    let white: Vec<Vec3> = ring
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let flat = lids.at(*p) - WHITE_BACK * unit;
            // Beside an eye the temple falls back: nothing may come out there.
            let skin = net
                .points
                .iter()
                .zip(depth)
                .filter(|(q, _)| i > 0 && q.distance(*p) < TEMPLE * unit)
                .map(|(_, z)| z - TEMPLE_BACK * unit);
            p.extend(skin.fold(flat, f32::min))
        })
        .collect();
    let n = ring.len() as u32 - 1;
    let fan = (0..n).map(|k| [0, 1 + k, 1 + (k + 1) % n]).collect();
    let r = Vec2::splat(eye.radius * super::eyes::GONE);
    let square = [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)]
        .map(|(x, y)| eye.centre + r * Vec2::new(x, y))
        .map(|p| p.extend(lids.at(p) - IRIS_BACK * unit));
    vec![
        part(names[0], WHITES[e], HEAD, &white, fan),
        part(
            names[1],
            IRISES[e],
            EYES[e],
            &square,
            vec![[0, 2, 1], [1, 2, 3]],
        ),
    ]
}
