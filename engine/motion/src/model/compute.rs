//! Where the model runs.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device};

use crate::MotionError;

/// A processor or a GPU that the build knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    #[default]
    Cpu,
    Cuda,
    Metal,
}

impl Compute {
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::Metal];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }

    /// The device, and the numbers it counts in: half precision on GPUs.
    ///
    /// # Errors
    /// When the build or the machine lacks it.
    pub fn open(self) -> Result<(Device, DType), MotionError> {
        let missing = |reason: String| MotionError::NoDevice {
            name: self.name(),
            reason,
        };
        match self {
            Self::Cpu => Ok((Device::Cpu, DType::F32)),
            Self::Cuda if candle_core::utils::cuda_is_available() => Device::new_cuda(0)
                .map(|device| (device, DType::F16))
                .map_err(|e| missing(format!("no CUDA device answers ({e})"))),
            Self::Metal if candle_core::utils::metal_is_available() => Device::new_metal(0)
                .map(|device| (device, DType::F16))
                .map_err(|e| missing(format!("no Metal device answers ({e})"))),
            Self::Cuda | Self::Metal => Err(missing(format!(
                "this program was built without it; build it with `--features {}`",
                self.name()
            ))),
        }
    }
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compute {
    type Err = MotionError;

    fn from_str(name: &str) -> Result<Self, MotionError> {
        Self::ALL
            .into_iter()
            .find(|c| c.name() == name)
            .ok_or_else(|| {
                MotionError::Options(format!("no device `{name}`: choose cpu, cuda or metal"))
            })
    }
}
