//! The names that mean something in a manifest. Parser, schema and help all
//! read this one table.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// What is said: one of the three.
    Sound,
    /// Where the clip goes.
    Out,
    /// How `huashen render` makes it: the flag of this name.
    Setting {
        /// The value is a file's or folder's path, or may be one.
        path: bool,
    },
    /// The same, of a flag that is there or not: yes or no.
    Switch,
}

/// A name that a manifest may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// Read as the same, in CSV headers and YAML keys.
    pub aliases: &'static [&'static str],
    pub kind: FieldKind,
    /// For people: what it is and what may be written.
    pub help: &'static str,
}

const SETTING: FieldKind = FieldKind::Setting { path: false };
const PATH_SETTING: FieldKind = FieldKind::Setting { path: true };

/// Every field, in the order that people think of them.
pub const FIELDS: [Field; 30] = [
    Field {
        name: "script",
        aliases: &["脚本", "文案", "台词", "讲稿", "文本"],
        kind: FieldKind::Sound,
        help: "What is said: text with markup.",
    },
    Field {
        name: "script_file",
        aliases: &["脚本文件", "文案文件", "讲稿文件"],
        kind: FieldKind::Sound,
        help: "A text file with what is said, from the manifest's folder.",
    },
    Field {
        name: "audio",
        aliases: &["音频", "音频文件", "录音", "录音文件"],
        kind: FieldKind::Sound,
        help: "A recording of what is said, from the manifest's folder.",
    },
    Field {
        name: "out",
        aliases: &["output", "输出", "输出文件", "文件名"],
        kind: FieldKind::Out,
        help: "The clip's file name in the output folder; .mp4 is added when it has no extension, and \
               a name that ends in / becomes a folder of PNGs. \
               When left out: a number, or the name of the script or recording.",
    },
    Field {
        name: "title",
        aliases: &["标题"],
        kind: SETTING,
        help: "The clip's title, written into the file.",
    },
    Field {
        name: "avatar",
        aliases: &["形象", "数字人", "虚拟人", "主播"],
        kind: PATH_SETTING,
        help: "A name, a folder or a .glb, .gltf or .vrm file; the built-in presenter when left out.",
    },
    Field {
        name: "voice",
        aliases: &["音色", "声音", "嗓音"],
        kind: SETTING,
        help: "A voice of `huashen speak --voices`; chosen by the script's language when left out.",
    },
    Field {
        name: "size",
        aliases: &["尺寸", "分辨率"],
        kind: SETTING,
        help: "Width x height in pixels: 1280x720.",
    },
    Field {
        name: "fps",
        aliases: &["帧率"],
        kind: SETTING,
        help: "Frames a second: 25, 29.97 or 30000/1001.",
    },
    Field {
        name: "background",
        aliases: &["背景"],
        kind: PATH_SETTING,
        help: "A colour (#rrggbb or a name), a picture or a video, from the manifest's folder.",
    },
    Field {
        name: "scene",
        aliases: &["场景"],
        kind: PATH_SETTING,
        help: "A scene (YAML), from the manifest's folder: background, slides, titles, pictures, music, intro, outro.",
    },
    Field {
        name: "shot",
        aliases: &["景别"],
        kind: SETTING,
        help: "How much of the person is seen: face, bust, half or full.",
    },
    Field {
        name: "look",
        aliases: &["画质"],
        kind: SETTING,
        help: "How it is drawn: auto, lean or full.",
    },
    Field {
        name: "style",
        aliases: &["风格"],
        kind: SETTING,
        help: "calm, natural or lively.",
    },
    Field {
        name: "emotion",
        aliases: &["情绪", "情感"],
        kind: SETTING,
        help: "neutral, happy, sad, angry or surprised.",
    },
    Field {
        name: "emotion_strength",
        aliases: &["情绪强度"],
        kind: SETTING,
        help: "How strongly the emotion shows, 0 to 1.",
    },
    Field {
        name: "seed",
        aliases: &["种子", "随机种子"],
        kind: SETTING,
        help: "A whole number: another one gives other blinks, glances and nods.",
    },
    Field {
        name: "subtitles",
        aliases: &["字幕"],
        kind: SETTING,
        help: "Subtitles beside the clip: srt, vtt or ass.",
    },
    Field {
        name: "burn_subtitles",
        aliases: &["烧录字幕", "内嵌字幕"],
        kind: FieldKind::Switch,
        help: "Whether subtitles are drawn into the picture: yes or no.",
    },
    Field {
        name: "highlight_words",
        aliases: &["逐词高亮"],
        kind: FieldKind::Switch,
        help: "Whether the word that is heard stands out in burnt-in and .ass subtitles: yes or no.",
    },
    Field {
        name: "loudness",
        aliases: &["响度"],
        kind: SETTING,
        help: "web, social, broadcast, us-tv, a number of LUFS, or as-is.",
    },
    Field {
        name: "codec",
        aliases: &["编码"],
        kind: SETTING,
        help: "h264, h265, vp9 or prores, where the file's name leaves it open.",
    },
    Field {
        name: "quality",
        aliases: &["质量"],
        kind: SETTING,
        help: "draft, good or best.",
    },
    Field {
        name: "bitrate",
        aliases: &["码率"],
        kind: SETTING,
        help: "Bits a second of the pictures instead of a quality: 8M, 800k.",
    },
    Field {
        name: "encoder",
        aliases: &["编码器"],
        kind: SETTING,
        help: "Who encodes H.264 and H.265: auto (a graphics chip where one works) or software.",
    },
    Field {
        name: "label",
        aliases: &["标识"],
        kind: SETTING,
        help: "How long the corner says that AI made the clip: opening, whole or off.",
    },
    Field {
        name: "i_label_elsewhere",
        aliases: &["另行标识"],
        kind: SETTING,
        help: "Where the clip is labelled instead: needed by label off, kept in the record.",
    },
    Field {
        name: "producer",
        aliases: &["制作者"],
        kind: SETTING,
        help: "Who makes the clip, for its label's metadata.",
    },
    Field {
        name: "c2pa_cert",
        aliases: &["签名证书"],
        kind: PATH_SETTING,
        help: "A certificate (PEM) to sign the clip with as synthetic (C2PA), from the manifest's folder.",
    },
    Field {
        name: "c2pa_key",
        aliases: &["签名私钥"],
        kind: PATH_SETTING,
        help: "The private key (PEM) of c2pa_cert, from the manifest's folder.",
    },
];

impl Field {
    /// The field that `name` means: case, spaces and hyphens do not count.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name: String = name
            .trim()
            .chars()
            .map(|c| match c {
                ' ' | '-' => '_',
                other => other.to_ascii_lowercase(),
            })
            .collect();
        FIELDS
            .iter()
            .find(|f| f.name == name || f.aliases.contains(&name.as_str()))
    }

    /// Every name that [`Self::by_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIELDS
            .iter()
            .flat_map(|f| std::iter::once(f.name).chain(f.aliases.iter().copied()))
    }

    /// The flag of `huashen render` that it sets.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}
