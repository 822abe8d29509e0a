//! huashen-speech
pub mod kokoro;
