//! From I420 (BT.709, limited range) to RGBA and back, for a part of a picture.

use huashen_core::{PixelFormat, Size};

use crate::i420::{self, Rect};

/// The pixels of `rect` as RGBA rows.
pub(super) fn part_to_rgba(planes: &[u8], size: Size, rect: Rect) -> Vec<u8> {
    let (w, h) = (size.width as usize, size.height as usize);
    let (luma, chroma) = planes.split_at(w * h);
    let (cb, cr) = chroma.split_at(w * h / 4);
    let mut out = Vec::with_capacity((rect.width * rect.height * 4) as usize);
    let (cw, ch) = (w / 2, h / 2);
    for y in rect.y as usize..(rect.y + rect.height) as usize {
        // Chroma lies between two rows, three parts of the nearer one.
        let (near, far) = (
            y / 2,
            if y % 2 == 0 {
                (y / 2).max(1) - 1
            } else {
                y / 2 + 1
            },
        );
        let (near, far) = (near * cw, far.min(ch - 1) * cw);
        let at = |plane: &[u8], x: usize| -> i32 {
            let x = x.min(cw - 1);
            3 * i32::from(plane[near + x]) + i32::from(plane[far + x])
        };
        for x in rect.x as usize..(rect.x + rect.width) as usize {
            // Sited left: on even pixels, halfway between on odd ones.
            let c = |plane: &[u8]| -> i32 {
                match x % 2 {
                    0 => 2 * at(plane, x / 2),
                    _ => at(plane, x / 2) + at(plane, x / 2 + 1),
                }
            };
            let luma = (i32::from(luma[y * w + x]) - 16) * 76_309;
            let (b, r) = (c(cb) - 1024, c(cr) - 1024);
            // 16.16 fixed point; chroma comes eightfold.
            let fixed = |v: i32| ((v + (1 << 15)) >> 16).clamp(0, 255) as u8;
            out.extend_from_slice(&[
                fixed(luma + r * 14_686),
                fixed(luma - b * 1_747 - r * 4_366),
                fixed(luma + b * 17_305),
                255,
            ]);
        }
    }
    out
}

/// The whole picture as RGBA.
pub(super) fn to_rgba(planes: &[u8], size: Size) -> Vec<u8> {
    part_to_rgba(planes, size, Rect::full(size))
}

/// Puts RGBA rows of `row_bytes` over the pixels of `rect` (even edges).
pub(super) fn put(planes: &mut [u8], size: Size, rect: Rect, rgba: &[u8], row_bytes: usize) {
    let part = Size {
        width: rect.width,
        height: rect.height,
    };
    let row = rect.width as usize * 4;
    let tight: Vec<u8> = rgba
        .chunks(row_bytes)
        .take(rect.height as usize)
        .flat_map(|line| &line[..row])
        .copied()
        .collect();
    let mut converted = vec![0; PixelFormat::I420.byte_len(part)];
    i420::rgba_to_i420(&tight, part, Rect::full(part), &mut converted);
    let (w, h) = (size.width as usize, size.height as usize);
    let (pw, ph) = (part.width as usize, part.height as usize);
    let mut copy =
        |to: usize, stride: usize, from: usize, x: usize, y: usize, w: usize, h: usize| {
            for line in 0..h {
                let to = to + (y + line) * stride + x;
                planes[to..to + w].copy_from_slice(&converted[from + line * w..][..w]);
            }
        };
    let (x, y) = (rect.x as usize, rect.y as usize);
    copy(0, w, 0, x, y, pw, ph);
    for chroma in 0..2 {
        let (to, from) = (w * h + chroma * w * h / 4, pw * ph + chroma * pw * ph / 4);
        copy(to, w / 2, from, x / 2, y / 2, pw / 2, ph / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same_picture() {
        let size = Size {
            width: 32,
            height: 16,
        };
        let rgba: Vec<u8> = (0..32 * 16)
            .flat_map(|i| {
                let (x, y) = ((i % 32) as u8, (i / 32) as u8);
                [60 + x * 4, 90 + y * 5, 120 + x * 2, 255]
            })
            .collect();
        let mut planes = vec![0; PixelFormat::I420.byte_len(size)];
        i420::rgba_to_i420(&rgba, size, Rect::full(size), &mut planes);
        let back = to_rgba(&planes, size);
        for (i, (a, b)) in rgba.iter().zip(&back).enumerate() {
            let x = i / 4 % 32;
            // The last column's chroma has no neighbour.
            assert!(x == 31 || a.abs_diff(*b) <= 4, "at {i}: {a} {b}");
        }
        let before = planes.clone();
        let rect = Rect {
            x: 8,
            y: 4,
            width: 16,
            height: 8,
        };
        let part = part_to_rgba(&planes, size, rect);
        put(&mut planes, size, rect, &part, 16 * 4);
        for (a, b) in before.iter().zip(&planes) {
            assert!(a.abs_diff(*b) <= 3, "{a} {b}");
        }
    }
}
