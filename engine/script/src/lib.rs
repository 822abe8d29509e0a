//! huashen-script
