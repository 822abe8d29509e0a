//! What is wrong with a manifest, and where.

use std::fmt;

/// A place in the manifest: both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong, or that may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    /// The column or key it is about.
    pub field: Option<String>,
    /// What was found and what to do.
    pub text: String,
    /// Worth a look; nothing is refused for it.
    pub warning: bool,
}

impl Problem {
    /// Something that must be set right.
    pub fn error(place: Place, field: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            place,
            field: field.map(str::to_owned),
            text: text.into(),
            warning: false,
        }
    }

    /// Something that may be meant.
    pub fn warning(place: Place, field: Option<&str>, text: impl Into<String>) -> Self {
        Self {
            warning: true,
            ..Self::error(place, field, text)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "line {line}, column {column}: ")?;
        if self.warning {
            write!(f, "warning: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "`{field}`: ")?;
        }
        write!(f, "{}", self.text)
    }
}

/// The up to three `names` that `wanted` may have been meant for.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .map(|n| (strsim::damerau_levenshtein(&wanted, &n.to_lowercase()), n))
        .filter(|(d, n)| *d <= 1 + n.chars().count() / 4 && *d < n.chars().count())
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, n)| n).collect()
}
