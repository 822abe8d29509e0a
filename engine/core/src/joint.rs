//! Humanoid joints, named as VRM 1.0 names them.

macro_rules! joints {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A joint of the humanoid skeleton (never "bone").
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Joint { $($variant),* }

        impl Joint {
            /// Every joint, parents before children.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The VRM 1.0 humanoid name: `leftUpperArm`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

joints! {
    Hips "hips", Spine "spine", Chest "chest", UpperChest "upperChest",
    Neck "neck", Head "head", Jaw "jaw", LeftEye "leftEye", RightEye "rightEye",
    LeftShoulder "leftShoulder", LeftUpperArm "leftUpperArm", LeftLowerArm "leftLowerArm", LeftHand "leftHand",
    RightShoulder "rightShoulder", RightUpperArm "rightUpperArm", RightLowerArm "rightLowerArm", RightHand "rightHand",
    LeftUpperLeg "leftUpperLeg", LeftLowerLeg "leftLowerLeg", LeftFoot "leftFoot", LeftToes "leftToes",
    RightUpperLeg "rightUpperLeg", RightLowerLeg "rightLowerLeg", RightFoot "rightFoot", RightToes "rightToes",
    LeftThumbMetacarpal "leftThumbMetacarpal", LeftThumbProximal "leftThumbProximal", LeftThumbDistal "leftThumbDistal",
    LeftIndexProximal "leftIndexProximal", LeftIndexIntermediate "leftIndexIntermediate", LeftIndexDistal "leftIndexDistal",
    LeftMiddleProximal "leftMiddleProximal", LeftMiddleIntermediate "leftMiddleIntermediate", LeftMiddleDistal "leftMiddleDistal",
    LeftRingProximal "leftRingProximal", LeftRingIntermediate "leftRingIntermediate", LeftRingDistal "leftRingDistal",
    LeftLittleProximal "leftLittleProximal", LeftLittleIntermediate "leftLittleIntermediate", LeftLittleDistal "leftLittleDistal",
    RightThumbMetacarpal "rightThumbMetacarpal", RightThumbProximal "rightThumbProximal", RightThumbDistal "rightThumbDistal",
    RightIndexProximal "rightIndexProximal", RightIndexIntermediate "rightIndexIntermediate", RightIndexDistal "rightIndexDistal",
    RightMiddleProximal "rightMiddleProximal", RightMiddleIntermediate "rightMiddleIntermediate", RightMiddleDistal "rightMiddleDistal",
    RightRingProximal "rightRingProximal", RightRingIntermediate "rightRingIntermediate", RightRingDistal "rightRingDistal",
    RightLittleProximal "rightLittleProximal", RightLittleIntermediate "rightLittleIntermediate", RightLittleDistal "rightLittleDistal",
}

impl Joint {
    /// The joint of exactly this VRM 1.0 name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|j| j.name() == name)
    }
}
