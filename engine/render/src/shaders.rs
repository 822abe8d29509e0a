//! The WGSL sources, embedded so that the binary needs no files beside it.

pub(crate) const LEAN: &str = include_str!("../../../shaders/lean.wgsl");
pub(crate) const MOUTH: &str = include_str!("../../../shaders/mouth.wgsl");
pub(crate) const PRESENT: &str = include_str!("../../../shaders/present.wgsl");
pub(crate) const RGBA_TO_I420: &str = include_str!("../../../shaders/rgba_to_i420.wgsl");

#[cfg(test)]
mod tests {
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    #[test]
    fn every_shader_is_valid() {
        for (name, source) in [
            ("lean", super::LEAN),
            ("mouth", super::MOUTH),
            ("present", super::PRESENT),
            ("rgba_to_i420", super::RGBA_TO_I420),
        ] {
            let module = naga::front::wgsl::parse_str(source)
                .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(source)));
            Validator::new(ValidationFlags::all(), Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        }
    }
}
