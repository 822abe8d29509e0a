//! What the panel shows and asks for: plain data between the window and whoever
//! opened it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use huashen_core::{Pose, Tuning};

use super::Language;

/// Something that can be picked: how it is called, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub name: String,
    pub label: String,
    /// In Chinese, where that is another word.
    pub chinese: Option<String>,
}

impl Choice {
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: name.to_owned(),
            chinese: None,
        }
    }

    pub(super) fn shown(&self, language: Language) -> &str {
        match (language, &self.chinese) {
            (Language::Chinese, Some(chinese)) => chinese,
            _ => language.name(&self.label),
        }
    }
}

/// A list with one entry picked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub all: Vec<Choice>,
    pub picked: usize,
}

impl Choices {
    /// The names in order, the one called `picked` picked, or the first.
    pub fn new(all: Vec<Choice>, picked: &str) -> Self {
        let picked = all.iter().position(|c| c.name == picked).unwrap_or(0);
        Self { all, picked }
    }

    pub fn name(&self) -> &str {
        self.all.get(self.picked).map_or("", |c| &c.name)
    }

    /// Picks by name; adds what is not there yet.
    pub fn pick(&mut self, name: &str) {
        self.picked = match self.all.iter().position(|c| c.name == name) {
            Some(at) => at,
            None => {
                self.all.push(Choice::named(name));
                self.all.len() - 1
            }
        };
    }
}

/// A list of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Avatar,
    Voice,
    Source,
    Style,
    Emotion,
    Background,
}

impl List {
    pub const ALL: [Self; 6] = [
        Self::Avatar,
        Self::Voice,
        Self::Source,
        Self::Style,
        Self::Emotion,
        Self::Background,
    ];
}

/// Something said to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    pub is_error: bool,
}

/// Messages that are kept.
const MESSAGES: usize = 6;

/// Something that needs an answer in words before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub english: String,
    pub chinese: String,
}

/// All that the panel shows.
#[derive(Clone, Debug, Default)]
pub struct PanelState {
    /// By [`List`].
    pub lists: [Choices; 6],
    pub gestures: Vec<Choice>,
    pub tuning: Tuning,
    /// As the person is seen now.
    pub pose: Pose,
    /// How strong the emotion is, 0 to 1.
    pub emotion_strength: f32,
    pub paused: bool,
    /// Seconds recorded so far, while recording.
    pub recording: Option<f64>,
    /// What is being made, while it takes long.
    pub busy: Option<String>,
    /// Peaks of what is heard and of the microphone, 0 to 1.
    pub levels: [f32; 2],
    pub fps: f64,
    /// From a pose to its picture, and from a voice to its motion.
    pub latency_secs: [Option<f64>; 2],
    pub messages: VecDeque<Message>,
    pub question: Option<Question>,
}

impl PanelState {
    pub fn list(&self, list: List) -> &Choices {
        &self.lists[list as usize]
    }

    pub fn list_mut(&mut self, list: List) -> &mut Choices {
        &mut self.lists[list as usize]
    }

    pub fn tell(&mut self, text: &str, is_error: bool) {
        if self.messages.len() == MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(Message {
            text: text.to_owned(),
            is_error,
        });
    }
}

/// Shared by the window and whoever opened it; nobody holds it for long.
pub type Panel = Arc<Mutex<PanelState>>;

/// What the user asks for in the panel. Lists, strengths and tuning are changed
/// in the state already when it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanelAction {
    Picked(List),
    /// To be spoken.
    Say(String),
    EmotionStrength,
    Tuned,
    /// The face that comes in now is one at rest; or as it comes again.
    Rest(bool),
    Gesture(String),
    Record,
    Pause,
    Stop,
    /// The question's answer; none to leave it.
    Answer(Option<String>),
}
