//! The speaking mouth: phonemes → visemes → blended targets → ARKit weights.

pub mod articulation;
pub mod closure;
pub mod lips;
pub mod phone;
pub mod viseme;

pub use articulation::Articulation;
pub use lips::{LIP_GAP, Mouth, lip_gap, seal};
