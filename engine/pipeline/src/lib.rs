//! The stages in order, and what they run on.
//!
//! `Script ─speech→ Speech ─motion→ MotionTrack ─render(Avatar)→ Frames ─media(+Speech)→ Clip`
//!
//! This crate knows the order and the data between the stages; renderers and
//! encoders come in through the traits of [`offline`].

pub mod models;
