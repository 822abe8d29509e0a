//! The panel's words, in English and Chinese.

use huashen_core::{ARKIT_COUNT, ArkitShape};

/// The languages that the panel speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// The desktop's, as the environment tells it.
    pub fn of_desktop() -> Self {
        let told = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        match told.is_some_and(|value| value.to_lowercase().starts_with("zh")) {
            true => Self::Chinese,
            false => Self::English,
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// One of two wordings.
    pub fn pick<'a>(self, english: &'a str, chinese: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// A shape as users know it.
    pub fn shape(self, shape: ArkitShape) -> &'static str {
        match self {
            Self::English => shape.name(),
            Self::Chinese => SHAPES
                .iter()
                .find(|(name, _)| *name == shape.name())
                .map_or(shape.name(), |(_, chinese)| chinese),
        }
    }

    /// A style, an emotion, a background or a gesture as users know it.
    pub fn name(self, name: &str) -> &str {
        match self {
            Self::English => name,
            Self::Chinese => NAMES
                .iter()
                .find(|(english, _)| *english == name)
                .map_or(name, |(_, chinese)| chinese),
        }
    }
}

const NAMES: [(&str, &str); 14] = [
    ("calm", "沉稳"),
    ("natural", "自然"),
    ("lively", "活泼"),
    ("neutral", "平静"),
    ("happy", "高兴"),
    ("sad", "难过"),
    ("angry", "生气"),
    ("surprised", "惊讶"),
    ("its own", "原有背景"),
    ("green", "绿幕"),
    ("dark", "深色"),
    ("light", "浅色"),
    ("transparent", "透明"),
    ("automatic", "自动"),
];

const SHAPES: [(&str, &str); ARKIT_COUNT] = [
    ("browDownLeft", "左眉压低"),
    ("browDownRight", "右眉压低"),
    ("browInnerUp", "眉心上扬"),
    ("browOuterUpLeft", "左眉外扬"),
    ("browOuterUpRight", "右眉外扬"),
    ("cheekPuff", "鼓腮"),
    ("cheekSquintLeft", "左颊上提"),
    ("cheekSquintRight", "右颊上提"),
    ("eyeBlinkLeft", "左眼闭"),
    ("eyeBlinkRight", "右眼闭"),
    ("eyeLookDownLeft", "左眼下看"),
    ("eyeLookDownRight", "右眼下看"),
    ("eyeLookInLeft", "左眼内看"),
    ("eyeLookInRight", "右眼内看"),
    ("eyeLookOutLeft", "左眼外看"),
    ("eyeLookOutRight", "右眼外看"),
    ("eyeLookUpLeft", "左眼上看"),
    ("eyeLookUpRight", "右眼上看"),
    ("eyeSquintLeft", "左眼眯"),
    ("eyeSquintRight", "右眼眯"),
    ("eyeWideLeft", "左眼睁大"),
    ("eyeWideRight", "右眼睁大"),
    ("jawForward", "下颌前伸"),
    ("jawLeft", "下颌向左"),
    ("jawOpen", "张嘴"),
    ("jawRight", "下颌向右"),
    ("mouthClose", "闭唇"),
    ("mouthDimpleLeft", "左嘴角内收"),
    ("mouthDimpleRight", "右嘴角内收"),
    ("mouthFrownLeft", "左嘴角下垂"),
    ("mouthFrownRight", "右嘴角下垂"),
    ("mouthFunnel", "拢唇"),
    ("mouthLeft", "嘴向左"),
    ("mouthLowerDownLeft", "左下唇下拉"),
    ("mouthLowerDownRight", "右下唇下拉"),
    ("mouthPressLeft", "左唇抿紧"),
    ("mouthPressRight", "右唇抿紧"),
    ("mouthPucker", "撅嘴"),
    ("mouthRight", "嘴向右"),
    ("mouthRollLower", "下唇内卷"),
    ("mouthRollUpper", "上唇内卷"),
    ("mouthShrugLower", "下唇上推"),
    ("mouthShrugUpper", "上唇上推"),
    ("mouthSmileLeft", "左嘴角上扬"),
    ("mouthSmileRight", "右嘴角上扬"),
    ("mouthStretchLeft", "左嘴角外拉"),
    ("mouthStretchRight", "右嘴角外拉"),
    ("mouthUpperUpLeft", "左上唇上提"),
    ("mouthUpperUpRight", "右上唇上提"),
    ("noseSneerLeft", "左鼻翼皱"),
    ("noseSneerRight", "右鼻翼皱"),
    ("tongueOut", "伸舌"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_a_name_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        for shape in ArkitShape::ALL {
            let chinese = Language::Chinese.shape(shape);
            assert!(!chinese.is_ascii(), "{} has no Chinese name", shape.name());
            assert!(seen.insert(chinese), "{chinese} names two shapes");
        }
    }
}
