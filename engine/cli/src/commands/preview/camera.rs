//! What is seen as a camera for other programs: Linux's loopback device.
//!
//! Spec: the kernel's userspace API, "Video for Linux API", chapters on
//! `VIDIOC_QUERYCAP`, `VIDIOC_S_FMT` and output by `write()`.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use huashen_core::{Frame, Size};
use huashen_render::FrameTap;

use super::{Shared, spawn};
use crate::failure::Missing;

/// Pictures that may wait for the device.
const WAITING: usize = 2;
/// `V4L2_CAP_VIDEO_OUTPUT`: programs may write pictures into it.
const VIDEO_OUTPUT: u32 = 0x2;
/// `V4L2_BUF_TYPE_VIDEO_OUTPUT`, `V4L2_FIELD_NONE`, `V4L2_COLORSPACE_SRGB`.
const BUFFERS_OUT: u32 = 2;
const FIELD_NONE: u32 = 1;
const COLORSPACE_SRGB: u32 = 8;
const YUYV: u32 = u32::from_le_bytes(*b"YUYV");

/// `struct v4l2_capability`.
#[repr(C)]
struct Capability {
    names: [u8; 80],
    version: u32,
    capabilities: u32,
    device_caps: u32,
    reserved: [u32; 3],
}

/// `struct v4l2_format` with its `pix` member: 200 bytes on a boundary of eight.
#[repr(C, align(8))]
struct Format {
    buffers: u32,
    pad: u32,
    width: u32,
    height: u32,
    pixels: u32,
    field: u32,
    bytes_per_line: u32,
    size_image: u32,
    colorspace: u32,
    rest: [u32; 43],
}

/// `_IOR('V', 0, struct v4l2_capability)` and `_IOWR('V', 5, struct v4l2_format)`.
const QUERY_CAPABILITIES: libc::c_ulong = request(2, 0, size_of::<Capability>());
const SET_FORMAT: libc::c_ulong = request(3, 5, size_of::<Format>());

const fn request(way: libc::c_ulong, number: libc::c_ulong, size: usize) -> libc::c_ulong {
    way << 30 | (size as libc::c_ulong) << 16 | (b'V' as libc::c_ulong) << 8 | number
}

/// A device that other programs see as a camera.
pub struct Camera {
    device: File,
    path: PathBuf,
    size: Option<Size>,
    yuyv: Vec<u8>,
}

impl Camera {
    /// # Errors
    /// [`Missing`], with what to do, where there is no such device.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let how = "load the loopback driver, as in `sudo modprobe v4l2loopback \
                   exclusive_caps=1`, and name its device";
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| match e.kind() {
                ErrorKind::NotFound => Missing(format!("there is no camera {shown}: {how}")),
                ErrorKind::PermissionDenied => Missing(format!(
                    "the camera {shown} may not be written by you: join the group `video`"
                )),
                _ => Missing(format!("the camera {shown} does not open: {e}")),
            })?;
        let mut can = Capability {
            names: [0; 80],
            version: 0,
            capabilities: 0,
            device_caps: 0,
            reserved: [0; 3],
        };
        // SAFETY: the request was made for this structure, which lives on.
        let asked = unsafe { libc::ioctl(device.as_raw_fd(), QUERY_CAPABILITIES, &raw mut can) };
        if asked < 0 || (can.capabilities | can.device_caps) & VIDEO_OUTPUT == 0 {
            let text = format!("{shown} is no camera that pictures can be written into: {how}");
            return Err(Missing(text).into());
        }
        Ok(Self {
            device,
            path: path.to_owned(),
            size: None,
            yuyv: Vec::new(),
        })
    }

    fn set_size(&mut self, size: Size) -> Result<(), Error> {
        let mut format = Format {
            buffers: BUFFERS_OUT,
            pad: 0,
            width: size.width,
            height: size.height,
            pixels: YUYV,
            field: FIELD_NONE,
            bytes_per_line: size.width * 2,
            size_image: size.width * size.height * 2,
            colorspace: COLORSPACE_SRGB,
            rest: [0; 43],
        };
        // SAFETY: the request was made for this structure, which lives on.
        let set = unsafe { libc::ioctl(self.device.as_raw_fd(), SET_FORMAT, &raw mut format) };
        if set < 0 {
            return Err(Error::last_os_error());
        }
        if (format.width, format.height, format.pixels) != (size.width, size.height, YUYV) {
            return Err(Error::other(format!("it does not take pictures of {size}")));
        }
        self.size = Some(size);
        Ok(())
    }

    fn show(&mut self, frame: &Frame) -> Result<(), Error> {
        if self.size != Some(frame.size) {
            self.set_size(frame.size)?;
        }
        yuyv(&frame.data, &mut self.yuyv);
        self.device.write_all(&self.yuyv)
    }

    /// Shows what is seen from now on; the tap is to be given to the window.
    pub fn start(self, shared: &Arc<Shared>) -> anyhow::Result<FrameTap> {
        let (to, pictures) = crossbeam_channel::bounded(WAITING);
        shared.note(&format!("camera: {}", self.path.display()));
        let told = Arc::clone(shared);
        spawn("huashen-camera", move || self.follow(&pictures, &told))?;
        Ok(Box::new(move |frame, _| {
            // Who watches sees the newest that came through.
            to.try_send(frame).ok();
        }))
    }

    fn follow(mut self, pictures: &Receiver<Arc<Frame>>, shared: &Shared) {
        while let Ok(frame) = pictures.recv() {
            if let Err(error) = self.show(&frame) {
                let path = self.path.display();
                shared.complain(&format!("the camera {path} shows nothing more: {error}"));
                return;
            }
        }
    }
}

/// RGBA (even width) as Y'CbCr 4:2:2 by BT.601, limited range: what cameras give.
fn yuyv(rgba: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.reserve(rgba.len() / 2);
    let luma = |p: &[u8]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(i32::from);
        ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16
    };
    for pair in rgba.chunks_exact(8) {
        let (left, right) = pair.split_at(4);
        let [r, g, b] = [0, 1, 2].map(|i| (i32::from(left[i]) + i32::from(right[i])) / 2);
        let blue = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
        let red = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
        out.extend([luma(left), blue, luma(right), red].map(|v| v as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_the_kernel_s() {
        assert_eq!(QUERY_CAPABILITIES, 0x8068_5600);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(SET_FORMAT, 0xc0d0_5605);
    }

    #[test]
    fn colours_are_those_of_cameras() {
        let mut out = Vec::new();
        let white = [255, 255, 255, 255];
        let (black, red) = ([0, 0, 0, 255], [255, 0, 0, 255]);
        yuyv(&[white, black].concat(), &mut out);
        assert_eq!(out, [235, 128, 16, 128]);
        yuyv(&[red, red].concat(), &mut out);
        assert_eq!(out, [82, 90, 82, 240]);
    }

    #[test]
    fn what_is_no_camera_is_told_with_what_to_do() {
        let missing = Camera::open(Path::new("/dev/video-none")).map(|_| ());
        let text = missing.unwrap_err().to_string();
        assert!(
            text.contains("there is no camera") && text.contains("v4l2loopback"),
            "{text}"
        );
        let null = Camera::open(Path::new("/dev/null")).map(|_| ());
        assert!(null.unwrap_err().to_string().contains("is no camera"));
    }
}
