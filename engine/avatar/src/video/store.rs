//! [`Person`] in a file: tensors by name, in safetensors.

use std::borrow::Cow;
use std::path::Path;

use glam::{Mat4, Vec3};
use safetensors::tensor::{Dtype, SafeTensors, View};

use super::Person;
use super::choose::Take;
use super::film::{Filmed, Square};
use super::graph::Jump;
use super::space::{MODES, MouthSpace, POINTS, mouth_shapes};
use super::style::Style;
use crate::AvatarError;

/// Larger files are refused before they are read.
const MAX_BYTES: u64 = 1 << 30;

struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn floats(columns: usize, values: impl Iterator<Item = f32>) -> Stored {
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    Stored {
        dtype: Dtype::F32,
        shape: vec![bytes.len() / 4 / columns.max(1), columns],
        bytes,
    }
}

fn numbers(columns: usize, values: impl Iterator<Item = u32>) -> Stored {
    let bytes: Vec<u8> = values.flat_map(u32::to_le_bytes).collect();
    Stored {
        dtype: Dtype::U32,
        shape: vec![bytes.len() / 4 / columns.max(1), columns],
        bytes,
    }
}

fn bytes(columns: usize, bytes: Vec<u8>) -> Stored {
    Stored {
        dtype: Dtype::U8,
        shape: vec![bytes.len() / columns.max(1), columns],
        bytes,
    }
}

/// Numbers a picture in `takes.look`.
fn look_len(takes: &[Take]) -> usize {
    takes.first().map_or(1, |t| t.look.len())
}

impl Person {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AvatarError> {
        let space = &self.space;
        let points = |p: &[Vec3]| p.iter().flat_map(|v| v.to_array()).collect::<Vec<f32>>();
        let inputs = mouth_shapes().count() + 1;
        let mut tensors = vec![
            (
                "frames.head",
                floats(
                    16,
                    self.frames
                        .iter()
                        .flat_map(|f| f.camera_from_head.to_cols_array()),
                ),
            ),
            (
                "frames.mouth",
                floats(MODES, self.frames.iter().flat_map(|f| f.mouth)),
            ),
            (
                "frames.flags",
                bytes(
                    2,
                    self.frames
                        .iter()
                        .flat_map(|f| [u8::from(f.usable), u8::from(f.speaks)])
                        .collect(),
                ),
            ),
            ("space.mean", floats(3, points(&space.mean).into_iter())),
            (
                "space.modes",
                floats(3, space.modes.iter().flat_map(|m| points(m))),
            ),
            (
                "space.range",
                floats(2, space.range.iter().flatten().copied()),
            ),
            (
                "space.from_weights",
                floats(inputs, space.from_weights.iter().flatten().copied()),
            ),
            (
                "manner",
                floats(self.manner.len(), self.manner.iter().copied()),
            ),
            (
                "jumps.way",
                numbers(2, self.jumps.iter().flat_map(|j| [j.from, j.to])),
            ),
            ("jumps.cost", floats(1, self.jumps.iter().map(|j| j.cost))),
            (
                "takes.frame",
                numbers(2, self.takes.iter().flat_map(|t| [t.frame, t.picture])),
            ),
            (
                "takes.square",
                floats(6, self.takes.iter().flat_map(|t| t.square.to_array())),
            ),
            (
                "takes.look",
                bytes(
                    look_len(&self.takes),
                    self.takes
                        .iter()
                        .flat_map(|t| t.look.iter().copied())
                        .collect(),
                ),
            ),
        ];
        if let Some(style) = &self.style {
            tensors.push(("style", floats(2, style.0.iter().flatten().copied())));
        }
        safetensors::serialize(tensors, None).map_err(|e| AvatarError::Read {
            path: super::PERSON_FILE.into(),
            reason: e.to_string(),
        })
    }

    /// Reads what [`Self::to_bytes`] wrote, trusting nothing.
    pub fn read(path: &Path) -> Result<Self, AvatarError> {
        let bad = |reason: String| AvatarError::Read {
            path: path.to_owned(),
            reason,
        };
        let len = std::fs::metadata(path)
            .map_err(|e| bad(e.to_string()))?
            .len();
        if len > MAX_BYTES {
            return Err(bad(format!(
                "it has {len} bytes, at most {MAX_BYTES} are read"
            )));
        }
        let data = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
        Self::from_bytes(&data).map_err(|reason| bad(format!("{reason}; build the avatar again")))
    }

    fn from_bytes(data: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(data).map_err(|e| e.to_string())?;
        let get = |name: &str, dtype: Dtype, columns: usize| -> Result<Vec<u8>, String> {
            let tensor = file.tensor(name).map_err(|e| e.to_string())?;
            let fits = tensor.dtype() == dtype && tensor.shape().get(1) == Some(&columns);
            match fits {
                true => Ok(tensor.data().to_vec()),
                false => Err(format!("its `{name}` has another shape")),
            }
        };
        let f32s = |name: &str, columns: usize| -> Result<Vec<f32>, String> {
            let values: Vec<f32> = get(name, Dtype::F32, columns)?
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            match values.iter().all(|v| v.is_finite()) {
                true => Ok(values),
                false => Err(format!("its `{name}` holds what is no number")),
            }
        };
        let u32s = |name: &str, columns: usize| -> Result<Vec<u32>, String> {
            Ok(get(name, Dtype::U32, columns)?
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect())
        };
        let inputs = mouth_shapes().count() + 1;
        let heads = f32s("frames.head", 16)?;
        let mouths = f32s("frames.mouth", MODES)?;
        let flags = get("frames.flags", Dtype::U8, 2)?;
        let count = heads.len() / 16;
        if mouths.len() != count * MODES || flags.len() != count * 2 || count == 0 {
            return Err("its frames do not belong together".to_owned());
        }
        let frames = (0..count)
            .map(|i| Filmed {
                camera_from_head: Mat4::from_cols_slice(&heads[i * 16..i * 16 + 16]),
                mouth: std::array::from_fn(|m| mouths[i * MODES + m]),
                usable: flags[i * 2] != 0,
                speaks: flags[i * 2 + 1] != 0,
            })
            .collect::<Vec<_>>();
        let vectors = |values: Vec<f32>| -> Vec<Vec3> {
            values.chunks_exact(3).map(Vec3::from_slice).collect()
        };
        let mean = vectors(f32s("space.mean", 3)?);
        let modes = vectors(f32s("space.modes", 3)?);
        let range = f32s("space.range", 2)?;
        let from_weights = f32s("space.from_weights", inputs)?;
        if mean.len() != POINTS
            || modes.len() != MODES * POINTS
            || range.len() != MODES * 2
            || from_weights.len() != MODES * inputs
        {
            return Err("its mouth is of another version".to_owned());
        }
        let space = MouthSpace {
            mean,
            modes: modes.chunks_exact(POINTS).map(<[Vec3]>::to_vec).collect(),
            range: range.chunks_exact(2).map(|r| [r[0], r[1]]).collect(),
            from_weights: from_weights
                .chunks_exact(inputs)
                .map(<[f32]>::to_vec)
                .collect(),
        };
        let within = |n: &u32| (*n as usize) < count;
        let ways = u32s("jumps.way", 2)?;
        let costs = f32s("jumps.cost", 1)?;
        let taken: Vec<[u32; 2]> = u32s("takes.frame", 2)?
            .chunks_exact(2)
            .map(|t| [t[0], t[1]])
            .collect();
        let sound = |t: &[u32; 2]| within(&t[0]) && t[1] <= t[0];
        if !ways.iter().all(within) || ways.len() != costs.len() * 2 || !taken.iter().all(sound) {
            return Err("it names frames that are not there".to_owned());
        }
        let jumps = ways
            .chunks_exact(2)
            .zip(&costs)
            .map(|(w, cost)| Jump {
                from: w[0],
                to: w[1],
                cost: *cost,
            })
            .collect();
        let squares = f32s("takes.square", 6)?;
        if squares.len() != taken.len() * 6 {
            return Err("its mouths do not belong together".to_owned());
        }
        let look = file.tensor("takes.look").map_err(|e| e.to_string())?;
        let look_len = look.data().len() / taken.len().max(1);
        if taken.is_empty() || look_len == 0 || look.data().len() != look_len * taken.len() {
            return Err("it has no mouths".to_owned());
        }
        let takes = taken
            .iter()
            .zip(look.data().chunks_exact(look_len))
            .zip(squares.chunks_exact(6))
            .map(|(([frame, picture], look), square)| Take {
                frame: *frame,
                picture: *picture,
                square: Square::from_array(std::array::from_fn(|i| square[i])),
                look: look.to_vec(),
            })
            .collect();
        let numbers = file.tensor("manner").map_err(|e| e.to_string())?;
        let manner = match numbers.shape() {
            [1, n] if *n < 256 => f32s("manner", *n)?,
            _ => return Err("its `manner` has another shape".to_owned()),
        };
        let style = match file.tensor("style") {
            Ok(_) => {
                let rows = f32s("style", 2)?;
                if rows.len() != (inputs - 1) * 2 {
                    return Err("its style is of another version".to_owned());
                }
                Some(Style(rows.chunks_exact(2).map(|r| [r[0], r[1]]).collect()))
            }
            Err(_) => None,
        };
        Ok(Self {
            space,
            frames,
            jumps,
            takes,
            style,
            manner,
        })
    }
}
