//! huashen-avatar
