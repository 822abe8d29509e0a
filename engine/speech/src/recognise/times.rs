//! When each token is heard: the decoder, told the whole text, looks at the
//! sound it is about, and the cheapest way through that picture gives times.
//!
//! Follows openai/whisper (`timing.py`).

use candle_core::{Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::decode::Window;
use super::net::{CONTEXT, ENCODED, Past};

/// Length of a frame of the encoder.
pub(super) const FRAME_SECS: f64 = 0.02;
/// Width of the median over frames.
const MEDIAN: usize = 7;

impl Window<'_> {
    /// The frame at which each of the text tokens `text` begins, and that at
    /// which the last ends. `frames` of the window are sound.
    pub fn begins(&self, language: u32, text: &[u32], frames: usize) -> Result<Vec<usize>> {
        let frames = frames.clamp(1, ENCODED);
        let special = &self.vocabulary.special;
        let mut tokens = vec![
            special.start,
            language,
            special.transcribe,
            special.no_timestamps,
        ];
        // A frame is put where the token *after* it is looked for: the last of
        // these stands for the first of the text.
        let first = tokens.len() - 1;
        let text = &text[..text.len().min(CONTEXT - tokens.len() - 1)];
        tokens.extend(text);
        tokens.push(special.end_of_text);
        let mut picture = vec![0.0; (text.len() + 1) * frames];
        let heads = &self.vocabulary.alignment_heads;
        self.decoder
            .run(&tokens, &self.memory, &mut Past::new(), |layer, about| {
                for (_, head) in heads.iter().filter(|(l, _)| *l == layer) {
                    let about = about.get(*head)?.narrow(1, 0, frames)?;
                    let seen = standardised(&softmax_last_dim(&about.contiguous()?)?)?;
                    for (row, out) in seen[first..].iter().zip(picture.chunks_mut(frames)) {
                        for (o, v) in out.iter_mut().zip(median(row)) {
                            *o += v / heads.len() as f32;
                        }
                    }
                }
                Ok(())
            })?;
        Ok(path(&picture, frames))
    }
}

/// Rows of `[tokens, frames]`; each frame has mean 0 and deviation 1.
fn standardised(seen: &Tensor) -> Result<Vec<Vec<f32>>> {
    let mean = seen.mean_keepdim(0)?;
    let apart = seen.broadcast_sub(&mean)?;
    let deviation = apart.sqr()?.mean_keepdim(0)?.sqrt()?;
    // A frame that all tokens see alike says nothing.
    let deviation = deviation.maximum(f64::from(f32::MIN_POSITIVE))?;
    apart.broadcast_div(&deviation)?.to_vec2()
}

/// The median of each value and its neighbours; the row is mirrored at its ends.
fn median(row: &[f32]) -> Vec<f32> {
    let half = MEDIAN / 2;
    let last = row.len() - 1;
    if last < half {
        return row.to_vec();
    }
    let at = |i: usize| {
        // `i` counts from `half` before the row.
        let i = i.abs_diff(half);
        row[if i > last { 2 * last - i } else { i }]
    };
    (0..row.len())
        .map(|i| {
            let mut near: [f32; MEDIAN] = std::array::from_fn(|k| at(i + k));
            near.sort_by(f32::total_cmp);
            near[half]
        })
        .collect()
}

/// The first frame of each row on the dearest way from corner to corner of
/// `picture` (rows of `frames`), which steps a row, a frame, or both.
fn path(picture: &[f32], frames: usize) -> Vec<usize> {
    #[derive(Clone, Copy)]
    enum From {
        Both,
        Row,
        Frame,
    }
    let rows = picture.len() / frames;
    let mut came = vec![From::Both; rows * frames];
    // Costs of the row before, from the frame before the first.
    let mut above = vec![f32::INFINITY; frames + 1];
    above[0] = 0.0;
    for row in 0..rows {
        let mut here = vec![f32::INFINITY; frames + 1];
        for frame in 0..frames {
            let ways = (above[frame], above[frame + 1], here[frame]);
            let (cost, from) = match ways {
                (both, up, left) if both < up && both < left => (both, From::Both),
                (both, up, left) if up < both && up < left => (up, From::Row),
                (_, _, left) => (left, From::Frame),
            };
            here[frame + 1] = cost - picture[row * frames + frame];
            came[row * frames + frame] = from;
        }
        above = here;
    }
    let mut begins = vec![0; rows];
    let (mut row, mut frame) = (rows - 1, frames - 1);
    loop {
        begins[row] = frame;
        match came[row * frames + frame] {
            From::Both if row > 0 && frame > 0 => (row, frame) = (row - 1, frame - 1),
            From::Row if row > 0 => row -= 1,
            From::Frame if frame > 0 => frame -= 1,
            // Along the edge to the corner.
            _ if row > 0 => row -= 1,
            _ if frame > 0 => frame -= 1,
            _ => break,
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_follows_what_is_bright() {
        // Row 0 is seen in frames 0 to 2, row 1 in 3, row 2 in 4 and 5.
        let rows = [
            [1.0, 1.0, 1.0, -1.0, -1.0, -1.0],
            [-1.0, -1.0, -1.0, 1.0, -1.0, -1.0],
            [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0],
        ];
        assert_eq!(path(&rows.concat(), 6), [0, 3, 4]);
        assert_eq!(path(&[0.5], 1), [0]);
        // More tokens than frames: every one has its place.
        assert_eq!(path(&[f32::NAN; 6], 2).len(), 3);
    }

    #[test]
    fn medians_take_single_spikes_away() {
        let mut row = vec![0.0; 20];
        row[9] = 5.0;
        assert_eq!(median(&row), vec![0.0; 20]);
        row[5..15].fill(1.0);
        assert_eq!(median(&row)[5..15], [1.0; 10]);
        assert_eq!(median(&[1.0, 2.0]), [1.0, 2.0]);
    }
}
