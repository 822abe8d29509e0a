//! Whisper's weights out of CTranslate2's `model.bin`, as f32.
//!
//! The layout (binary version 6, little endian): the version (u32), the
//! specification's name, its revision (u32), the number of variables (u32);
//! a variable is its name, its rank (u8), that many sizes (u32), the kind of
//! its values (u8), the number of their bytes (u32) and the bytes. A name is a
//! length (u16) and so many bytes, a NUL the last. Aliases follow, which are
//! not needed: the projection is the embedding.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::SpeechError;

const BINARY_VERSION: u32 = 6;
const SPECIFICATION: &str = "WhisperSpec";
const REVISION: u32 = 3;
/// The kind of values that are read; flags and counts have others.
const FLOAT16: u8 = 4;
/// The base model has 145 MB; what is much larger is something else.
const MOST_BYTES: u64 = 512 << 20;

struct Variable {
    shape: Vec<usize>,
    kind: u8,
    bytes: Range<usize>,
}

/// The file and where its variables lie.
pub(super) struct Weights {
    file: Vec<u8>,
    variables: HashMap<String, Variable>,
}

impl Weights {
    /// Reads `model.bin`.
    pub fn open(path: &Path) -> Result<Self, SpeechError> {
        let missing = |reason: String| SpeechError::MissingRecogniser {
            path: path.to_owned(),
            reason,
        };
        let size = std::fs::metadata(path)
            .map_err(|e| missing(e.to_string()))?
            .len();
        if size > MOST_BYTES {
            return Err(missing(format!("it has {size} bytes")));
        }
        let file = std::fs::read(path).map_err(|e| missing(e.to_string()))?;
        Self::parse(file).map_err(missing)
    }

    /// What is wrong with the file is said in words.
    pub fn parse(file: Vec<u8>) -> Result<Self, String> {
        let mut reader = Reader { file: &file, at: 0 };
        let version = reader.u32()?;
        if version != BINARY_VERSION {
            return Err(format!("binary version {version}, not {BINARY_VERSION}"));
        }
        let specification = reader.name()?;
        let revision = reader.u32()?;
        if specification != SPECIFICATION || revision != REVISION {
            return Err(format!(
                "it holds a {specification:.40} r{revision}, not {SPECIFICATION} r{REVISION}"
            ));
        }
        // The count is only trusted as far as the file goes.
        let count = reader.u32()?;
        let mut variables = HashMap::new();
        for _ in 0..count {
            let name = reader.name()?;
            let variable = reader.variable(&name)?;
            variables.insert(name, variable);
        }
        Ok(Self { file, variables })
    }

    /// The variable `name`, which must have `shape`, as f32.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, String> {
        let variable = self
            .variables
            .get(name)
            .ok_or_else(|| format!("it has no variable `{name}`"))?;
        if variable.kind != FLOAT16 || variable.shape != shape {
            return Err(format!(
                "`{name}` has kind {} and shape {:?}, not {FLOAT16} and {shape:?}",
                variable.kind, variable.shape
            ));
        }
        let bytes = &self.file[variable.bytes.clone()];
        Tensor::from_raw_buffer(bytes, DType::F16, shape, &Device::Cpu)
            .and_then(|t| t.to_dtype(DType::F32))
            .map_err(|e| e.to_string())
    }
}

/// A cursor that ends with the file.
struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let bytes = self
            .at
            .checked_add(n)
            .and_then(|end| self.file.get(self.at..end))
            .ok_or_else(|| format!("it ends within {n} bytes at {}", self.at))?;
        self.at += n;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, String> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn name(&mut self) -> Result<String, String> {
        let b = self.take(2)?;
        let bytes = self.take(usize::from(u16::from_le_bytes([b[0], b[1]])))?;
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        String::from_utf8(text.to_vec()).map_err(|_| format!("no name at {}", self.at))
    }

    fn variable(&mut self, name: &str) -> Result<Variable, String> {
        let rank = self.u8()?;
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(self.u32()? as usize);
        }
        let kind = self.u8()?;
        let len = self.u32()? as usize;
        let start = self.at;
        self.take(len)?;
        let values = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
        let fits = values.and_then(|n| n.checked_mul(2)) == Some(len);
        if kind == FLOAT16 && !fits {
            return Err(format!("`{name}` of shape {shape:?} has {len} bytes"));
        }
        Ok(Variable {
            shape,
            kind,
            bytes: start..self.at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str, to: &mut Vec<u8>) {
        to.extend((text.len() as u16 + 1).to_le_bytes());
        to.extend(text.as_bytes());
        to.push(0);
    }

    /// A file with a 2×3 matrix and a flag.
    fn small() -> Vec<u8> {
        let mut file = BINARY_VERSION.to_le_bytes().to_vec();
        name(SPECIFICATION, &mut file);
        file.extend(REVISION.to_le_bytes());
        file.extend(2_u32.to_le_bytes());
        name("matrix", &mut file);
        file.push(2);
        file.extend(2_u32.to_le_bytes());
        file.extend(3_u32.to_le_bytes());
        file.push(FLOAT16);
        file.extend(12_u32.to_le_bytes());
        // 1, −2, 0.5, 0, 4, 1 as halves.
        for half in [0x3C00_u16, 0xC000, 0x3800, 0, 0x4400, 0x3C00] {
            file.extend(half.to_le_bytes());
        }
        name("flag", &mut file);
        file.extend([0, 1]);
        file.extend(1_u32.to_le_bytes());
        file.push(1);
        file
    }

    #[test]
    fn halves_become_f32_and_only_what_was_asked_for_is_given() {
        let weights = Weights::parse(small()).unwrap();
        let matrix = weights.tensor("matrix", &[2, 3]).unwrap();
        let rows = matrix.to_vec2::<f32>().unwrap();
        assert_eq!(rows, [[1.0, -2.0, 0.5], [0.0, 4.0, 1.0]]);
        for (name, shape) in [("matrix", &[3, 2][..]), ("flag", &[]), ("none", &[1])] {
            assert!(weights.tensor(name, shape).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = small();
        for n in 0..whole.len() {
            assert!(Weights::parse(whole[..n].to_vec()).is_err(), "{n} bytes");
        }
    }

    #[test]
    fn a_changed_byte_never_panics() {
        let whole = small();
        for at in 0..whole.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut file = whole.clone();
                file[at] = value;
                if let Ok(weights) = Weights::parse(file) {
                    let _ = weights.tensor("matrix", &[2, 3]);
                    let _ = weights.tensor("flag", &[]);
                }
            }
        }
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        let mut file = small();
        let at = file.windows(4).position(|w| w == [2, 0, 0, 0]).unwrap();
        let shape = file[at + 4..]
            .windows(4)
            .position(|w| w == [2, 0, 0, 0])
            .unwrap();
        file[at + 4 + shape..at + 12 + shape].fill(0xFF);
        assert!(Weights::parse(file).is_err());
    }
}
