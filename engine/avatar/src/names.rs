//! Names in other people's files → ARKit shapes and humanoid joints.

use huashen_core::{ArkitShape, Joint};

/// Lower case, letters and digits only.
fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// `mouthSmile_L`, `Mouth_Smile_L`, `mouthSmileL` → `mouthsmileleft`.
fn sided(name: &str) -> String {
    let squeezed = squeezed(name);
    let mut chars = name.chars().rev();
    let (last, before) = (chars.next(), chars.next());
    let marked = before.is_some_and(|b| matches!(b, '_' | '.' | '-' | ' '))
        || (last.is_some_and(char::is_uppercase) && before.is_some_and(char::is_lowercase));
    match last.map(|c| c.to_ascii_lowercase()) {
        Some('l') if marked => format!("{}left", &squeezed[..squeezed.len() - 1]),
        Some('r') if marked => format!("{}right", &squeezed[..squeezed.len() - 1]),
        _ => squeezed,
    }
}

/// The ARKit shape that a morph target's name means, in any common spelling:
/// `jawOpen`, `JawOpen`, `jaw_open`, `mouthSmile_L`, `blendShape1.jawOpen`,
/// `A25_Jaw_Open`, `Wolf3D_Head.mouthSmileLeft`.
pub fn arkit_shape(name: &str) -> Option<ArkitShape> {
    let name = name
        .rsplit(['.', ':', '|'])
        .next()
        .filter(|n| n.len() > 2)
        .unwrap_or(name);
    let wanted = sided(name);
    let exact = ArkitShape::ALL
        .into_iter()
        .find(|s| s.name().to_lowercase() == wanted);
    exact.or_else(|| {
        // A prefix of the maker's: the longest shape that the name ends with.
        ArkitShape::ALL
            .into_iter()
            .filter(|s| s.name().len() > 6 && wanted.ends_with(&s.name().to_lowercase()))
            .max_by_key(|s| s.name().len())
    })
}

/// The joint that a node's name means: VRM, Mixamo, Ready Player Me, MakeHuman
/// and Unreal spellings.
pub fn joint(name: &str) -> Option<Joint> {
    let name = name.rsplit([':', '|']).next().unwrap_or(name);
    let mut key = sided(name);
    for prefix in [
        "mixamorig",
        "bip001",
        "bip01",
        "jbipc",
        "jbipl",
        "jbipr",
        "ccbase",
        "def",
        "org",
    ] {
        if let Some(rest) = key.strip_prefix(prefix).filter(|r| r.len() > 2) {
            let side = match prefix {
                "jbipl" => "left",
                "jbipr" => "right",
                _ => "",
            };
            key = format!("{rest}{side}");
            break;
        }
    }
    // One order: the side in front. `l_upperarm` and `upperarm_l` both.
    for side in ["left", "right"] {
        if let Some(rest) = key.strip_suffix(side).filter(|r| !r.is_empty()) {
            key = format!("{side}{rest}");
        }
    }
    let letter = name.chars().next().zip(name.chars().nth(1));
    if let Some((c @ ('l' | 'r' | 'L' | 'R'), '_')) = letter {
        let side = if c.eq_ignore_ascii_case(&'l') {
            "left"
        } else {
            "right"
        };
        key = format!("{side}{}", squeezed(&name[2..]));
    }
    if let Some(found) = Joint::ALL
        .iter()
        .copied()
        .find(|j| j.name().to_lowercase() == key)
    {
        return Some(found);
    }
    let (left, part) = match (key.strip_prefix("left"), key.strip_prefix("right")) {
        (Some(rest), _) => (Some(true), rest),
        (_, Some(rest)) => (Some(false), rest),
        _ => (None, key.as_str()),
    };
    let pick = |l: Joint, r: Joint| left.map(|left| if left { l } else { r });
    use Joint as J;
    match part {
        "hip" | "pelvis" | "root" if left.is_none() && part != "root" => Some(J::Hips),
        "abdomen" | "spine01" | "spine0" if left.is_none() => Some(J::Spine),
        "spine1" | "spine02" if left.is_none() => Some(J::Chest),
        "spine2" | "spine3" | "spine03" if left.is_none() => Some(J::UpperChest),
        "neck1" | "neck01" | "necktwist01" if left.is_none() => Some(J::Neck),
        "jawroot" | "lowerjaw" | "mandible" | "jawbone" if left.is_none() => Some(J::Jaw),
        "eyeball" | "eyejoint" | "eye01" => pick(J::LeftEye, J::RightEye),
        "clavicle" | "collar" | "shoulder01" => pick(J::LeftShoulder, J::RightShoulder),
        "arm" | "uparm" | "upperarm01" => pick(J::LeftUpperArm, J::RightUpperArm),
        "forearm" | "lowerarm01" => pick(J::LeftLowerArm, J::RightLowerArm),
        "wrist" => pick(J::LeftHand, J::RightHand),
        "upleg" | "thigh" | "upperleg01" => pick(J::LeftUpperLeg, J::RightUpperLeg),
        "leg" | "calf" | "shin" | "lowerleg01" => pick(J::LeftLowerLeg, J::RightLowerLeg),
        "toebase" | "ball" => pick(J::LeftToes, J::RightToes),
        _ => finger(part, left?),
    }
}

/// Mixamo's `HandIndex1` and Unreal's `index_01`.
fn finger(part: &str, left: bool) -> Option<Joint> {
    let part = part.strip_prefix("hand").unwrap_or(part);
    let digit = part.chars().next_back()?.to_digit(10)?;
    let name = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let title = match name {
        "thumb" => "Thumb",
        "index" => "Index",
        "middle" => "Middle",
        "ring" => "Ring",
        "pinky" | "little" => "Little",
        _ => return None,
    };
    let place = match (title, digit) {
        ("Thumb", 1) => "Metacarpal",
        ("Thumb", 2) | (_, 1) => "Proximal",
        ("Thumb", 3) | (_, 3) => "Distal",
        (_, 2) => "Intermediate",
        _ => return None,
    };
    let side = if left { "left" } else { "right" };
    Joint::from_name(&format!("{side}{title}{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_found_in_common_spellings() {
        let cases = [
            ("jawOpen", "jawOpen"),
            ("JawOpen", "jawOpen"),
            ("jaw_open", "jawOpen"),
            ("mouthSmile_L", "mouthSmileLeft"),
            ("MouthSmile_Right", "mouthSmileRight"),
            ("Mouth_Smile_R", "mouthSmileRight"),
            ("blendShape1.eyeBlink_L", "eyeBlinkLeft"),
            ("A25_Jaw_Open", "jawOpen"),
            ("head_mouthPucker", "mouthPucker"),
            ("browInnerUp", "browInnerUp"),
        ];
        for (name, expected) in cases {
            assert_eq!(
                arkit_shape(name).map(ArkitShape::name),
                Some(expected),
                "{name}"
            );
        }
        for other in ["viseme_aa", "smile", "Basis", "eyes", "l"] {
            assert_eq!(arkit_shape(other), None, "{other}");
        }
        for shape in ArkitShape::ALL {
            assert_eq!(arkit_shape(shape.name()), Some(shape));
        }
    }

    #[test]
    fn joints_are_found_in_common_spellings() {
        let cases = [
            ("mixamorig:Head", "head"),
            ("Head", "head"),
            ("LeftEye", "leftEye"),
            ("mixamorig:LeftForeArm", "leftLowerArm"),
            ("mixamorig:LeftHandIndex1", "leftIndexProximal"),
            ("upperarm_l", "leftUpperArm"),
            ("l_shoulder", "leftShoulder"),
            ("clavicle_r", "rightShoulder"),
            ("J_Bip_C_UpperChest", "upperChest"),
            ("J_Bip_L_UpperArm", "leftUpperArm"),
            ("Spine2", "upperChest"),
            ("jaw", "jaw"),
            ("thigh_r", "rightUpperLeg"),
        ];
        for (name, expected) in cases {
            assert_eq!(joint(name).map(Joint::name), Some(expected), "{name}");
        }
        assert_eq!(joint("Hair_01"), None);
    }
}
