//! Mattes of a photo, by what is surely person and surely not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use candle_core::Device;
use glam::Vec2;
use huashen_core::paths::models_dir;
use huashen_vision::Segmenter;
use image::RgbaImage;
use image::imageops::{self, FilterType};

#[test]
fn a_photo_is_parted_into_person_and_ground() {
    if !common::has_models() {
        return;
    }
    let segmenter = Segmenter::open(&models_dir(), &Device::Cpu).unwrap();
    let photo = common::astronaut();
    let wide = imageops::resize(&photo, 1500, 900, FilterType::Triangle);
    for picture in [&photo, &wide] {
        let matte = segmenter.matte(picture).unwrap();
        assert_eq!((matte.width, matte.height), picture.dimensions());
        let size = Vec2::new(matte.width as f32, matte.height as f32) / 512.0;
        let at = |x: f32, y: f32| matte.at(Vec2::new(x, y) * size);
        // Forehead, chest, sleeve; flag, ceiling, shuttle.
        for (x, y) in [(222.0, 80.0), (220.0, 330.0), (90.0, 450.0)] {
            assert!(at(x, y) > 0.95, "({x}, {y}) is {}", at(x, y));
        }
        for (x, y) in [(40.0, 100.0), (330.0, 20.0), (440.0, 90.0)] {
            assert!(at(x, y) < 0.05, "({x}, {y}) is {}", at(x, y));
        }
    }
}

#[test]
fn a_picture_of_nothing_has_an_empty_matte() {
    if !common::has_models() {
        return;
    }
    let segmenter = Segmenter::open(&models_dir(), &Device::Cpu).unwrap();
    for (w, h) in [(0, 0), (1, 1), (300, 20)] {
        let matte = segmenter.matte(&RgbaImage::new(w, h)).unwrap();
        assert_eq!(matte.alpha.len(), (w * h) as usize);
        assert!(matte.alpha.iter().all(|a| *a == 0.0));
    }
}
