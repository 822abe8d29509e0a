//! Just enough of a FlatBuffers reader for `.tflite`: every access is checked
//! against the file's end, so a damaged file is an error and never a panic.
//!
//! Format: <https://flatbuffers.dev/internals/>. All numbers are little-endian.

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub &'static str);

type Result<T> = std::result::Result<T, Malformed>;

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    bytes
        .get(at..at.saturating_add(N))
        .and_then(|b| b.try_into().ok())
        .ok_or(Malformed("an offset leaves the file"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<usize> {
    Ok(u32::from_le_bytes(bytes_at(bytes, at)?) as usize)
}

/// A table: fields are found through its vtable, absent ones have a default.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    vtable: usize,
    vtable_len: usize,
}

/// A vector of elements of `size` bytes.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    bytes: &'a [u8],
    at: usize,
    size: usize,
    len: usize,
}

impl<'a> Table<'a> {
    /// The root table of a file with this four-byte identifier.
    pub fn root(bytes: &'a [u8], identifier: &[u8; 4]) -> Result<Self> {
        if bytes_at::<4>(bytes, 4) != Ok(*identifier) {
            return Err(Malformed("the file identifier is not TFL3"));
        }
        Self::new(bytes, u32_at(bytes, 0)?)
    }

    fn new(bytes: &'a [u8], at: usize) -> Result<Self> {
        let back = i64::from(i32::from_le_bytes(bytes_at(bytes, at)?));
        let vtable =
            usize::try_from(at as i64 - back).map_err(|_| Malformed("a vtable leaves the file"))?;
        let vtable_len = usize::from(u16::from_le_bytes(bytes_at(bytes, vtable)?));
        Ok(Self {
            bytes,
            at,
            vtable,
            vtable_len,
        })
    }

    /// Where field `id` lies in the file.
    fn field(&self, id: usize) -> Result<Option<usize>> {
        let entry = 4 + 2 * id;
        if entry + 2 > self.vtable_len {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(bytes_at(self.bytes, self.vtable + entry)?);
        Ok((offset != 0).then(|| self.at + usize::from(offset)))
    }

    fn scalar<const N: usize>(&self, id: usize) -> Result<Option<[u8; N]>> {
        self.field(id)?
            .map(|at| bytes_at(self.bytes, at))
            .transpose()
    }

    pub fn u8(&self, id: usize) -> Result<u8> {
        Ok(self.scalar::<1>(id)?.map_or(0, |b| b[0]))
    }

    pub fn i32_or(&self, id: usize, default: i32) -> Result<i32> {
        Ok(self.scalar(id)?.map_or(default, i32::from_le_bytes))
    }

    /// Where the reference in field `id` points.
    fn target(&self, id: usize) -> Result<Option<usize>> {
        self.field(id)?
            .map(|at| Ok(at + u32_at(self.bytes, at)?))
            .transpose()
    }

    pub fn table(&self, id: usize) -> Result<Option<Self>> {
        self.target(id)?
            .map(|at| Self::new(self.bytes, at))
            .transpose()
    }

    /// The vector in field `id`; an absent one is empty.
    pub fn vector(&self, id: usize, size: usize) -> Result<Vector<'a>> {
        let Some(at) = self.target(id)? else {
            return Ok(Vector {
                bytes: self.bytes,
                at: 0,
                size,
                len: 0,
            });
        };
        let len = u32_at(self.bytes, at)?;
        let end = len
            .checked_mul(size)
            .and_then(|n| n.checked_add(at + 4))
            .ok_or(Malformed("a vector leaves the file"))?;
        if end > self.bytes.len() {
            return Err(Malformed("a vector leaves the file"));
        }
        Ok(Vector {
            bytes: self.bytes,
            at: at + 4,
            size,
            len,
        })
    }

    /// The vector of 32-bit integers in field `id`.
    pub fn ints(&self, id: usize) -> Result<Vec<i32>> {
        let data = self.vector(id, 4)?.data();
        Ok(data
            .chunks_exact(4)
            .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect())
    }
}

impl<'a> Vector<'a> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// The elements' bytes.
    pub fn data(&self) -> &'a [u8] {
        &self.bytes[self.at..self.at + self.len * self.size]
    }

    /// Element `i` of a vector of tables (`size` 4).
    pub fn table(&self, i: usize) -> Result<Table<'a>> {
        if i >= self.len {
            return Err(Malformed("an index leaves its vector"));
        }
        let at = self.at + 4 * i;
        Table::new(self.bytes, at + u32_at(self.bytes, at)?)
    }
}
