//! Time as integers: frame n of a clip is at `n * den / num` seconds.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Frames a second as a fraction: 25/1, 30000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRate {
    pub num: u32,
    pub den: u32,
}

/// What was wrong with a frame rate that a user typed.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a frame rate between 1 and 240: write 25, 29.97 or 30000/1001")]
pub struct FrameRateError(pub String);

impl FrameRate {
    /// A whole number of frames a second.
    pub const fn whole(fps: u32) -> Self {
        Self { num: fps, den: 1 }
    }

    /// Frames a second as a float.
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// When frame `n` is shown, in seconds.
    pub fn frame_time_secs(self, n: u64) -> f64 {
        n as f64 * f64::from(self.den) / f64::from(self.num)
    }

    /// How many frames a clip of `secs` has: the nearest whole number, at least 1.
    pub fn frame_count(self, secs: f64) -> u64 {
        ((secs * self.fps()).round() as u64).max(1)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.den {
            1 => write!(f, "{}", self.num),
            _ => write!(f, "{}/{}", self.num, self.den),
        }
    }
}

impl FromStr for FrameRate {
    type Err = FrameRateError;

    fn from_str(text: &str) -> Result<Self, FrameRateError> {
        let bad = || FrameRateError(text.to_owned());
        let rate = if let Some((num, den)) = text.split_once('/') {
            Self {
                num: num.trim().parse().map_err(|_| bad())?,
                den: den.trim().parse().map_err(|_| bad())?,
            }
        } else if let Ok(fps) = text.parse::<u32>() {
            Self::whole(fps)
        } else {
            // The NTSC rates as people write them.
            match text {
                "23.976" | "23.98" => Self {
                    num: 24000,
                    den: 1001,
                },
                "29.97" => Self {
                    num: 30000,
                    den: 1001,
                },
                "59.94" => Self {
                    num: 60000,
                    den: 1001,
                },
                _ => return Err(bad()),
            }
        };
        if rate.den == 0 || !(1.0..=240.0).contains(&rate.fps()) {
            return Err(bad());
        }
        Ok(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_parse_as_people_write_them() {
        assert_eq!("25".parse(), Ok(FrameRate::whole(25)));
        assert_eq!(
            "29.97".parse(),
            Ok(FrameRate {
                num: 30000,
                den: 1001
            })
        );
        for bad in ["0", "1000", "abc", "25/0", "-3", ""] {
            assert!(bad.parse::<FrameRate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_round_to_the_nearest_frame() {
        assert_eq!(FrameRate::whole(25).frame_count(10.03), 251);
        assert_eq!(FrameRate::whole(25).frame_count(0.0), 1);
    }
}
