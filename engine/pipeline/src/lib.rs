//! huashen-pipeline
