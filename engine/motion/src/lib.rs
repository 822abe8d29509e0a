//! huashen-motion
