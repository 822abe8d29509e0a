//! huashen-render
