//! The relief's parts put together: skin and hair, eyes, mouth, skeleton.

use glam::{Vec2, Vec3};
use huashen_core::{ArkitShape, ArkitWeights};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage, RgbaImage};

use super::eyes::Eye;
use super::fit::{Fit, Inside};
use super::glb::{Node, Picture, Piece, Surface};
use super::head::Part;
use super::landmarks as lm;
use super::mesh::{Edge, Net, Openings};
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
struct Frame {
    middle: Vec2,
    scale: f32,
}

impl Frame {
    fn point(&self, p: Vec3) -> Vec3 {
        Vec3::new(p.x - self.middle.x, self.middle.y - p.y, p.z) * self.scale
    }

    fn vector(&self, d: Vec3) -> Vec3 {
        Vec3::new(d.x, -d.y, d.z) * self.scale
    }
}

// The skeleton; the order is that of `skeleton`.
const HIPS: u16 = 0;
const SPINE: u16 = 1;
const NECK: u16 = 2;
const HEAD: u16 = 3;
const EYES: [u16; 2] = [4, 5];

// Surfaces; the order is that of `surfaces`.
const RELIEF: usize = 0;
const RELIEF_EDGE: usize = 1;
const WHITES: [usize; 2] = [2, 3];
const IRISES: [usize; 2] = [4, 5];
const TEETH: usize = 6;
const TONGUE: usize = 7;
const MOUTH: usize = 8;

pub fn relief(
    input: &PhotoInput<'_>,
    openings: &Openings,
    fit: &Fit<'_>,
) -> Result<Relief, AvatarError> {
    let (w, h) = input.picture.dimensions();
    let unit = openings.unit;
    let frame = Frame {
        middle: Vec2::new(w as f32, h as f32) * 0.5,
        scale: PUPILS_M / unit,
    };
    let alpha = GrayImage::from_fn(w, h, |x, y| {
        let a = input.matte.get_pixel(x, y)[0];
        image::Luma([match a {
            a if a <= NOTHING => 0,
            a if a >= SURE => 255,
            a => a,
        }])
    });
    let painted = plate::dilate(&alpha, (PAINT_OUT * unit).ceil() as u32);
    let near = plate::dilate(&alpha, (OUTLINE * unit).ceil() as u32);
    let filled = plate::fill(input.picture, &painted);
    let alpha = plate::refined(&alpha, input.picture, &filled, &near);
    let mask = plate::dilate(&alpha, (0.03 * unit).ceil() as u32);
    let layers = plate::layers(input.picture, &filled, &alpha, &near);

    let net = mesh::net(openings, &mask);
    let ground = Ground::new(fit, unit);
    let hits = shapes::hits(&net, openings, &ground);
    let deltas = shapes::deltas(&net, openings, &ground, &hits);
    let mut depth = depth(&net, openings, &hits, fit);
    let lids = lid_planes(&net, unit, &mut depth);

    let nodes = skeleton(fit, &frame, h as f32);
    let [solid, edge] = skin(&net, &depth, &deltas, openings, &frame, &alpha);
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
    for (e, iris) in [lm::LEFT_IRIS, lm::RIGHT_IRIS].into_iter().enumerate() {
        let iris = iris.map(|i| input.landmarks[i].truncate());
        let eye = Eye::cut(input.picture, openings, e, iris);
        pictures.push(png(
            &image::DynamicImage::ImageRgb8(eye.white.clone()).to_rgba8()
        )?);
        pictures.push(png(&eye.iris)?);
        pieces.extend(eyeball(&eye, e, openings, &lids[e], (&net, &depth), &frame));
    }
    pictures.push(png(&fit.head.teeth_picture)?);
    pieces.extend(mouth(fit, openings, &depth, &net, &frame));
    if deltas.contains_key(shapes::NEUTRAL) && openings.mouth_is_open() {
        pieces.push(photo_mouth(
            &net,
            &depth,
            openings,
            &frame,
            Vec2::new(w as f32, h as f32),
        ));
    }
    let tint = tint(input.picture, openings);
    let glb = glb::write(
        &pieces,
        &surfaces(tint),
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

fn surfaces(tint: Vec3) -> Vec<Surface> {
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
    let inside = |name, picture, colour: [f32; 3]| Surface {
        name,
        picture,
        base: [
            colour[0] * tint.x,
            colour[1] * tint.y,
            colour[2] * tint.z,
            1.0,
        ],
        blend: false,
        unlit: true,
        // The cavity is open in front: its near wall shows no back.
        double_sided: false,
    };
    vec![
        unlit("relief", 0, false),
        unlit("relief_edge", 0, true),
        unlit("white_left", 1, false),
        unlit("white_right", 3, false),
        unlit("iris_left", 2, true),
        unlit("iris_right", 4, true),
        inside("teeth", Some(5), [0.78, 0.76, 0.72]),
        inside("tongue", None, [0.34, 0.10, 0.10]),
        inside("mouth", None, [0.10, 0.020, 0.020]),
    ]
}

/// How bright the photo's light is on the skin, against the studio's, and its colour.
fn tint(photo: &RgbImage, openings: &Openings) -> Vec3 {
    let linear = |v: u8| (f32::from(v) / 255.0).powf(2.2);
    let (mut sum, mut n) = (Vec3::ZERO, 0.0);
    let low = openings.oval.iter().fold(Vec2::INFINITY, |m, p| m.min(*p));
    let high = openings
        .oval
        .iter()
        .fold(Vec2::NEG_INFINITY, |m, p| m.max(*p));
    for i in 0..32 {
        for j in 0..32 {
            let p = low + (high - low) * Vec2::new(i as f32 + 0.5, j as f32 + 0.5) / 32.0;
            let (x, y) = (p.x as i64, p.y as i64);
            if !outline::inside(&openings.oval, p)
                || x < 0
                || y < 0
                || x >= i64::from(photo.width())
                || y >= i64::from(photo.height())
            {
                continue;
            }
            let c = photo.get_pixel(x as u32, y as u32);
            sum += Vec3::new(linear(c[0]), linear(c[1]), linear(c[2]));
            n += 1.0;
        }
    }
    if n == 0.0 {
        return Vec3::ONE;
    }
    // Skin in the studio's light is about this.
    let ratio = sum / n / Vec3::new(0.55, 0.32, 0.24);
    let grey = ratio.element_sum() / 3.0;
    // Colour of light only by half: it is the skin's, too.
    let colour = Vec3::splat(grey).lerp(ratio, 0.35);
    colour.clamp(Vec3::splat(0.45), Vec3::splat(1.25))
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

/// How fast depth may fall back: at 1.7 it folds at a turn of 30°.
const STEEPEST: f32 = 1.7;
/// Rounds of smoothing of what lies beside the face.
const NECK_ROUNDS: usize = 40;

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
    let below = (along(p) - line) / u;
    let smooth = |from: f32, to: f32, v: f32| {
        let t = ((v - from) / (to - from)).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    };
    let head = 1.0 - smooth(0.04, 0.75, below);
    let neck = (1.0 - smooth(0.5, 1.5, below)) - head;
    let torso = 1.0 - head - neck.max(0.0);
    // Nobody moves at the picture's lower edge.
    let free = smooth(0.0, 2.5 * u, height - p.y);
    [
        (HEAD, head),
        (NECK, neck.max(0.0)),
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

/// What the photo shows between open lips; it leaves when the lips move.
fn photo_mouth(net: &Net, depth: &[f32], openings: &Openings, frame: &Frame, size: Vec2) -> Piece {
    let on = |edge| (0..net.points.len()).filter(move |i| net.edges[*i] == edge);
    let corners: Vec<usize> = on(Edge::LipCorner).collect();
    let line = |edge| {
        let mut line: Vec<usize> = corners.iter().take(1).copied().collect();
        line.extend(on(edge));
        line.extend(corners.iter().skip(1));
        line
    };
    let (upper, lower) = (line(Edge::UpperLip), line(Edge::LowerLip));
    let n = upper.len() as u32;
    let all: Vec<usize> = upper.into_iter().chain(lower).collect();
    let back = Vec3::new(0.0, 0.0, -2.0 * openings.unit);
    Piece {
        name: "mouth_photo",
        surface: RELIEF,
        points: all
            .iter()
            .map(|i| frame.point(net.points[*i].extend(depth[*i])))
            .collect(),
        uvs: all.iter().map(|i| net.points[*i] / size).collect(),
        shades: Vec::new(),
        joints: vec![[(HEAD, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; all.len()],
        triangles: (0..n.saturating_sub(1))
            .flat_map(|k| [[k, n + k, n + k + 1], [k, n + k + 1, k + 1]])
            .collect(),
        shapes: vec![(shapes::NEUTRAL, vec![frame.vector(back); all.len()])],
    }
}

/// Teeth, tongue and the dark behind them, from the head, at this mouth's size.
fn mouth(
    fit: &Fit<'_>,
    openings: &Openings,
    depth: &[f32],
    net: &Net,
    frame: &Frame,
) -> Vec<Piece> {
    let unit = openings.unit;
    let head = fit.head;
    let rest = head.landmark_points(&head.skin.points);
    let corner = |i: usize| fit.similarity.point(rest[i]);
    let own = corner(lm::LIP_INNER_UPPER[0]).distance(corner(lm::LIP_INNER_UPPER[10]));
    let scale = (openings.lips.width() / own.max(1e-3)).clamp(0.75, 1.35);
    let between = (rest[13] + rest[14]) * 0.5;
    // Behind the lips wherever they are.
    let lips = (0..net.points.len())
        .filter(|i| {
            matches!(
                net.edges[*i],
                Edge::UpperLip | Edge::LowerLip | Edge::LipCorner
            )
        })
        .map(|i| depth[i])
        .fold(f32::INFINITY, f32::min);
    let front = depth
        .iter()
        .zip(&net.edges)
        .filter(|(_, e)| matches!(e, Edge::UpperLip))
        .map(|(z, _)| *z)
        .fold(f32::NEG_INFINITY, f32::max);
    let z = (front - 0.10 * unit).min(lips + 0.10 * unit);
    // An open mouth's upper lip tells where the teeth are, not its middle.
    let upper = openings.lips.upper[openings.lips.upper.len() / 2];
    let inside = Inside {
        from: between,
        to: upper.extend(z),
        scale,
    };
    [
        (&head.teeth, TEETH, "teeth"),
        (&head.tongue, TONGUE, "tongue"),
        (&head.mouth, MOUTH, "mouth"),
    ]
    .into_iter()
    .map(|(part, surface, name)| piece(fit, part, surface, name, inside, frame))
    .collect()
}

fn piece(
    fit: &Fit<'_>,
    part: &Part,
    surface: usize,
    name: &'static str,
    inside: Inside,
    frame: &Frame,
) -> Piece {
    let place = |p: Vec3| frame.point(inside.point(&fit.similarity, p));
    let jaw_only = ArkitWeights::default();
    Piece {
        name,
        surface,
        points: part.posed(&jaw_only).into_iter().map(place).collect(),
        uvs: part.uvs.clone(),
        shades: part.shades.clone(),
        joints: vec![[(HEAD, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]; part.points.len()],
        triangles: part.triangles.clone(),
        shapes: ArkitShape::ALL
            .into_iter()
            .zip(&part.shapes)
            .map(|(shape, deltas)| {
                let mut all = vec![Vec3::ZERO; part.points.len()];
                for (v, d) in deltas {
                    all[*v as usize] = frame.vector(inside.vector(&fit.similarity, *d));
                }
                (shape.name(), all)
            })
            .collect(),
    }
}
