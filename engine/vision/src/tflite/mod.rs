//! Runs the few TensorFlow Lite nets that this crate needs.
//!
//! A `.tflite` file is read by a checked FlatBuffers reader ([`flatbuffer`]),
//! parsed into values and nodes with every shape proved ([`graph`],
//! [`shapes`]), and run on candle tensors ([`net`]).

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
