//! huashen-media
