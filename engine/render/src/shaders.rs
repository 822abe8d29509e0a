//! The WGSL sources, embedded so that the binary needs no files beside it; who
//! works on them can have them read from a folder while a window is open.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::RenderError;

/// A pass of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shader {
    Lean,
    Mouth,
    Panel,
    Present,
    RgbaToI420,
}

impl Shader {
    const ALL: [Self; 5] = [
        Self::Lean,
        Self::Mouth,
        Self::Panel,
        Self::Present,
        Self::RgbaToI420,
    ];

    const fn file(self) -> &'static str {
        match self {
            Self::Lean => "lean.wgsl",
            Self::Mouth => "mouth.wgsl",
            Self::Panel => "panel.wgsl",
            Self::Present => "present.wgsl",
            Self::RgbaToI420 => "rgba_to_i420.wgsl",
        }
    }

    const fn built_in(self) -> &'static str {
        match self {
            Self::Lean => include_str!("../../../shaders/lean.wgsl"),
            Self::Mouth => include_str!("../../../shaders/mouth.wgsl"),
            Self::Panel => include_str!("../../../shaders/panel.wgsl"),
            Self::Present => include_str!("../../../shaders/present.wgsl"),
            Self::RgbaToI420 => include_str!("../../../shaders/rgba_to_i420.wgsl"),
        }
    }

    /// As a module is made of it.
    pub fn source(self) -> wgpu::ShaderSource<'static> {
        let read = READ.read().unwrap_or_else(PoisonError::into_inner);
        wgpu::ShaderSource::Wgsl(match read.get(&self) {
            Some(source) => Cow::Owned(source.clone()),
            None => Cow::Borrowed(self.built_in()),
        })
    }
}

/// Sources in place of the built-in ones.
static READ: RwLock<BTreeMap<Shader, String>> = RwLock::new(BTreeMap::new());

/// Takes the shaders that lie in `folder` in place of the built-in ones, for
/// renderers that are built from now on; all of them or, where one is wrong, none.
///
/// # Errors
/// [`RenderError::Shader`], with the place of what is wrong.
pub fn read_shaders(folder: &Path) -> Result<(), RenderError> {
    let mut found = BTreeMap::new();
    for shader in Shader::ALL {
        let path = folder.join(shader.file());
        let wrong = |reason: String| RenderError::Shader {
            path: path.clone(),
            reason,
        };
        if !path.is_file() {
            continue;
        }
        let source = std::fs::read_to_string(&path).map_err(|e| wrong(e.to_string()))?;
        check(&source).map_err(wrong)?;
        found.insert(shader, source);
    }
    *READ.write().unwrap_or_else(PoisonError::into_inner) = found;
    Ok(())
}

/// What is wrong with a source: a wrong one would end the device.
fn check(source: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|e| match e.location(source) {
        Some(at) => format!("line {}: {}", at.line_number, e.message()),
        None => e.message().to_owned(),
    })?;
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map(|_| ())
        .map_err(|e| e.emit_to_string(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shader_is_valid() {
        for shader in Shader::ALL {
            check(shader.built_in()).unwrap_or_else(|e| panic!("{}: {e}", shader.file()));
        }
    }

    #[test]
    fn a_wrong_shader_is_told_with_its_line_and_changes_nothing() {
        let dir = std::env::temp_dir().join(format!("huashen-shaders-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap_or_default();
        let file = dir.join("present.wgsl");
        std::fs::write(&file, "\n\nfn wrong( {}").unwrap_or_default();
        let told = read_shaders(&dir).err().map(|e| e.to_string());
        let none = READ.read().is_ok_and(|read| read.is_empty());
        std::fs::remove_dir_all(&dir).ok();
        assert!(told.is_some_and(|t| t.contains("present.wgsl") && t.contains("line 3")));
        assert!(none);
    }
}
