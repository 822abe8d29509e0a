//! Runs the few TensorFlow Lite nets that this crate needs.
//!
//! A `.tflite` file is read by a checked FlatBuffers reader ([`flatbuffer`]),
//! parsed into values and nodes with every shape proved ([`graph`],
//! [`shapes`]), and run on candle tensors ([`net`]).
//!
//! On a processor convolutions run on kernels of this crate ([`kernels`]), on
//! any other device on candle's; the tests run both. Milliseconds of a run on
//! one core of a shared server (AVX2, best of 8), and the largest difference
//! from TensorFlow Lite on a stored input:
//!
//! | net | these kernels | candle's | differs by |
//! | --- | --- | --- | --- |
//! | face_detector | 2.8 | 122 | 2.0e-4 of 128 (pixels) |
//! | face_landmarks_detector | 12.4 | 325 | 2.9e-4 of 256 (pixels) |
//! | face_blendshapes | 1.1 | 4.0 | 1.0e-6 of 1 |
//! | selfie_segmenter | 28 | 248 | 6e-11 of 1 |
//!
//! On a device other than the processor it was not run.

mod flatbuffer;
mod graph;
mod kernels;
mod net;
mod shapes;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use net::Kernels;
pub(crate) use net::Net;
