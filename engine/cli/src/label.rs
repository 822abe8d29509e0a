//! The label: every clip says that it is synthetic, in its picture and in its
//! metadata (GB 45438-2025, in force in China since September 2025).

use anyhow::bail;
use huashen_overlay::MarkText;
use huashen_pipeline::Sound;
use huashen_speech::Synthesizer;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::args::{DeliveryArgs, LabelArg};
use crate::settings::Settings;
use crate::sound::Input;

/// The key that the standard names.
pub const KEY: &str = "AIGC";
const PRODUCER: &str = "huashen";

/// How a clip is labelled, for its record.
#[derive(Debug, Serialize)]
pub struct Label {
    /// What stands in the picture; none where nothing does.
    pub visible: Option<String>,
    /// Whether it stands there all the time.
    pub throughout: bool,
    /// What the metadata says; none where the form keeps no metadata.
    pub metadata: Option<Aigc>,
    /// Why nothing stands in the picture, as the user gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// Who signed the clip, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    #[serde(skip)]
    pub text: Option<MarkText>,
}

/// The standard's fields, in its order.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Aigc {
    /// `1`: it is generated.
    label: &'static str,
    content_producer: String,
    #[serde(rename = "ProduceID")]
    produce_id: String,
    reserved_code1: &'static str,
    content_propagator: &'static str,
    #[serde(rename = "PropagateID")]
    propagate_id: &'static str,
    reserved_code2: &'static str,
}

/// Whether the flags agree with one another.
pub fn check(args: &DeliveryArgs) -> anyhow::Result<()> {
    let reason = args.i_label_elsewhere.as_deref().map(str::trim);
    match (args.label, reason) {
        (LabelArg::Off, None | Some("")) => bail!(
            "--label off needs --i-label-elsewhere \"where and how\": in China and elsewhere a \
             synthetic clip must say that it is one"
        ),
        (LabelArg::Opening | LabelArg::Whole, Some(_)) => {
            bail!("--i-label-elsewhere goes with --label off")
        }
        _ => Ok(()),
    }
}

impl Label {
    /// For a clip of `sound`, spoken from `input` by `avatar`. `pictures`: it
    /// has some; `metadata`: it keeps some.
    pub fn new(
        args: &DeliveryArgs,
        settings: &Settings,
        input: &Input,
        sound: &Sound,
        avatar: &str,
        (pictures, metadata): (bool, bool),
    ) -> Self {
        let text = match input {
            // Names of Mandarin voices begin with z.
            Input::Script(script) if Synthesizer::default_voice(script).starts_with('z') => {
                MarkText::Chinese
            }
            Input::Script(_) => MarkText::English,
            Input::Recording(_) => MarkText::Both,
        };
        let shown = (pictures && args.label != LabelArg::Off).then_some(text);
        let producer = args.producer.as_ref().or(settings.producer.as_ref());
        Self {
            visible: shown.map(|text| text.lines().join(" ")),
            throughout: shown.is_some() && args.label == LabelArg::Whole,
            metadata: metadata.then(|| Aigc::new(producer, sound, avatar)),
            elsewhere: args.i_label_elsewhere.clone(),
            signed_by: None,
            text: shown,
        }
    }

    /// The container's metadata.
    pub fn pairs(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.metadata.iter().map(Aigc::pair).collect()
    }
}

impl Aigc {
    /// For `sound`, made by `producer` with `maker`: an avatar, or none.
    pub fn new(producer: Option<&String>, sound: &Sound, maker: &str) -> Self {
        Self {
            label: "1",
            content_producer: producer.map_or(PRODUCER, String::as_str).to_owned(),
            produce_id: produce_id(sound, maker),
            reserved_code1: "",
            content_propagator: "",
            propagate_id: "",
            reserved_code2: "",
        }
    }

    /// For what `maker` says and does live: nobody knows it beforehand, so it is
    /// told apart by when it was.
    pub fn live(producer: Option<&String>, maker: &str) -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let mut digest = Sha256::new();
        digest.update(maker);
        digest.update(now.as_nanos().to_le_bytes());
        Self {
            label: "1",
            content_producer: producer.map_or(PRODUCER, String::as_str).to_owned(),
            produce_id: short(digest),
            reserved_code1: "",
            content_propagator: "",
            propagate_id: "",
            reserved_code2: "",
        }
    }

    /// The container's metadata.
    pub fn pair(&self) -> anyhow::Result<(String, String)> {
        Ok((KEY.to_owned(), serde_json::to_string(self)?))
    }
}

/// The same for the same clip, and another for every other one: a digest of
/// what is said, how it sounds and who says it.
fn produce_id(sound: &Sound, avatar: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(avatar);
    for word in &sound.timing.words {
        digest.update(&word.text);
        digest.update(word.start_secs.to_le_bytes());
    }
    for value in sound.prosody.f0_hz.iter().chain(&sound.prosody.level_db) {
        digest.update(value.to_le_bytes());
    }
    short(digest)
}

fn short(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().take(16).map(|b| format!("{b:02x}")).collect()
}
