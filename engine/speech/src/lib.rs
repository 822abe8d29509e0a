//! huashen-speech
