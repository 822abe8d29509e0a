//! The panel's widgets. Each that can be used has a name, by which tests and
//! keys find it.

use bevy_egui::egui::{
    self, Align, Color32, ComboBox, Frame, Layout, Rect, Response, RichText, ScrollArea, Sense, Ui,
    vec2,
};
use huashen_core::{ArkitShape, Part};

use super::state::{Choices, List, PanelAction, PanelState};
use super::{Places, Sketch};

/// The width of a row's label, in points: enough for the longest shape's name.
const LABEL: f32 = 128.0;
/// The height of what is said.
const MESSAGES: f32 = 56.0;
/// And the width of a row's value.
const VALUE: f32 = 46.0;
/// The angles that heads and eyes are turned by hand, in degrees.
const HEAD_DEGREES: [f32; 3] = [40.0, 30.0, 25.0];
const EYE_DEGREES: [f32; 2] = [30.0, 20.0];

/// Lays the panel out; what the user did goes into `actions`.
pub(super) fn show(
    ui: &mut Ui,
    sketch: &mut Sketch,
    state: &mut PanelState,
    places: &mut Places,
    actions: &mut Vec<PanelAction>,
) {
    let mut rows = Rows {
        sketch,
        state,
        places,
        actions,
    };
    rows.head(ui);
    ui.separator();
    if rows.state.question.is_some() {
        rows.question(ui);
        ui.separator();
    }
    // Where they move nothing that somebody is about to click.
    egui::Panel::bottom("messages")
        .resizable(false)
        .exact_size(MESSAGES)
        .frame(Frame::NONE)
        .show(ui, |ui| rows.messages(ui));
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show(ui, |ui| {
            rows.line(ui);
            ui.add_space(4.0);
            for list in List::ALL {
                rows.list(ui, list);
            }
            rows.emotion_strength(ui);
            ui.add_space(4.0);
            rows.section(ui, "gestures", ("Gestures", "动作"), Rows::gestures);
            rows.section(ui, "joints", ("Head and eyes", "头与眼"), Rows::joints);
            rows.section(
                ui,
                "calibration",
                ("Calibration", "校准"),
                Rows::calibration,
            );
            rows.section(
                ui,
                "shapes",
                ("Face, 52 shapes", "面部 52 形"),
                Rows::shapes,
            );
        });
}

struct Rows<'a> {
    sketch: &'a mut Sketch,
    state: &'a mut PanelState,
    places: &'a mut Places,
    actions: &'a mut Vec<PanelAction>,
}

impl Rows<'_> {
    fn text<'a>(&self, english: &'a str, chinese: &'a str) -> &'a str {
        self.sketch.language.pick(english, chinese)
    }

    fn button(&mut self, ui: &mut Ui, name: &str, label: &str) -> bool {
        let response = ui.button(label);
        self.places.note(ui, name, &response);
        response.clicked()
    }

    /// Record, hold, stop; language and light; meters.
    fn head(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let record = match self.state.recording {
                Some(secs) => format!("■ {}:{:02}", secs as u64 / 60, secs as u64 % 60),
                None => format!("● {}", self.text("Record", "录制")),
            };
            let red = Color32::from_rgb(214, 58, 50);
            let response = ui.button(RichText::new(record).color(red));
            self.places.note(ui, "record", &response);
            if response.clicked() {
                self.actions.push(PanelAction::Record);
            }
            let hold = match self.state.paused {
                true => self.text("Go on", "继续"),
                false => self.text("Hold", "暂停"),
            };
            if self.button(ui, "pause", hold) {
                self.actions.push(PanelAction::Pause);
            }
            let stop = self.text("Stop", "停止");
            if self.button(ui, "stop", stop) {
                self.actions.push(PanelAction::Stop);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let light = match ui.visuals().dark_mode {
                    true => self.text("Light", "浅色"),
                    false => self.text("Dark", "深色"),
                };
                if self.button(ui, "theme", light) {
                    self.sketch.dark = Some(!ui.visuals().dark_mode);
                }
                let other = self.text("中文", "English");
                if self.button(ui, "language", other) {
                    self.sketch.language = self.sketch.language.other();
                }
            });
        });
        let [heard, voice] = self.state.levels;
        let words = [
            self.text("Sound", "声音"),
            self.text("Microphone", "麦克风"),
        ];
        for (label, level) in words.into_iter().zip([heard, voice]) {
            row(ui, label, |ui| meter(ui, level));
        }
        let milliseconds = |secs: Option<f64>| match secs {
            Some(secs) => format!("{:.0} ms", secs * 1000.0),
            None => "–".to_owned(),
        };
        let [picture, voice] = self.state.latency_secs.map(milliseconds);
        let rate = format!(
            "{:.0} {} · {} {picture} · {} {voice}",
            self.state.fps,
            self.text("fps", "帧/秒"),
            self.text("picture", "画面"),
            self.text("voice", "语音"),
        );
        ui.weak(rate);
    }

    fn question(&mut self, ui: &mut Ui) {
        let Some(question) = self.state.question.clone() else {
            return;
        };
        Frame::group(ui.style()).show(ui, |ui| {
            ui.label(self.text(&question.english, &question.chinese));
            let edit =
                egui::TextEdit::singleline(&mut self.sketch.answer).desired_width(f32::INFINITY);
            let response = ui.add(edit);
            self.places.note(ui, "answer", &response);
            ui.horizontal(|ui| {
                let yes = self.text("I confirm", "确认");
                if self.button(ui, "confirm", yes) && !self.sketch.answer.trim().is_empty() {
                    let answer = std::mem::take(&mut self.sketch.answer);
                    self.actions
                        .push(PanelAction::Answer(Some(answer.trim().to_owned())));
                }
                let no = self.text("Leave it", "取消");
                if self.button(ui, "leave", no) {
                    self.sketch.answer.clear();
                    self.actions.push(PanelAction::Answer(None));
                }
            });
        });
    }

    /// A line to be typed and heard.
    fn line(&mut self, ui: &mut Ui) {
        let hint = self.text("Type a line and press Enter", "输入一句话，按回车");
        let edit = egui::TextEdit::multiline(&mut self.sketch.line)
            .id(egui::Id::new("line"))
            .desired_rows(2)
            .desired_width(f32::INFINITY)
            .return_key(egui::KeyboardShortcut::new(
                egui::Modifiers::SHIFT,
                egui::Key::Enter,
            ))
            .hint_text(hint);
        let response = ui.add(edit);
        self.places.note(ui, "line", &response);
        if std::mem::take(&mut self.sketch.focus_line) {
            response.request_focus();
        }
        let entered = response.has_focus()
            && ui.input(|i| i.key_pressed(egui::Key::Enter) && !i.modifiers.shift);
        ui.horizontal(|ui| {
            let say = self.text("Say it", "说出来");
            if (self.button(ui, "say", say) || entered) && !self.sketch.line.trim().is_empty() {
                let line = std::mem::take(&mut self.sketch.line);
                self.actions.push(PanelAction::Say(line.trim().to_owned()));
            }
            if let Some(busy) = &self.state.busy {
                ui.spinner();
                ui.weak(busy);
            }
        });
    }

    fn messages(&mut self, ui: &mut Ui) {
        ui.add_space(4.0);
        for message in self.state.messages.iter().rev().take(3) {
            let text = RichText::new(&message.text).small();
            let text = match message.is_error {
                true => text.color(ui.visuals().error_fg_color),
                false => text.weak(),
            };
            ui.label(text).on_hover_text(&message.text);
        }
    }

    fn list(&mut self, ui: &mut Ui, list: List) {
        let (name, label) = match list {
            List::Avatar => ("avatar", self.text("Avatar", "形象")),
            List::Voice => ("voice", self.text("Voice", "嗓音")),
            List::Source => ("source", self.text("Source", "来源")),
            List::Style => ("style", self.text("Style", "风格")),
            List::Emotion => ("emotion", self.text("Emotion", "情绪")),
            List::Background => ("background", self.text("Background", "背景")),
        };
        let language = self.sketch.language;
        let Choices { all, picked } = self.state.list_mut(list);
        let shown = all
            .get(*picked)
            .map_or("", |c| c.shown(language))
            .to_owned();
        let mut changed = false;
        row(ui, label, |ui| {
            let response = ComboBox::from_id_salt(name)
                .width(ui.available_width())
                .truncate()
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    for (i, choice) in all.iter().enumerate() {
                        let response = ui.selectable_label(*picked == i, choice.shown(language));
                        let place = format!("{name}:{}", choice.name);
                        self.places.note(ui, &place, &response);
                        if response.clicked() {
                            *picked = i;
                            changed = true;
                        }
                    }
                })
                .response;
            self.places.note(ui, name, &response);
        });
        if changed {
            self.actions.push(PanelAction::Picked(list));
        }
    }

    fn emotion_strength(&mut self, ui: &mut Ui) {
        let label = self.text("Strength", "强度");
        let mut value = self.state.emotion_strength;
        if self.slider(ui, "strength", label, &mut value, [0.0, 1.0]) {
            self.state.emotion_strength = value;
            self.actions.push(PanelAction::EmotionStrength);
        }
    }

    fn section(
        &mut self,
        ui: &mut Ui,
        name: &str,
        (english, chinese): (&str, &str),
        content: impl FnOnce(&mut Self, &mut Ui),
    ) {
        let title = self.text(english, chinese);
        let header = egui::CollapsingHeader::new(title)
            .id_salt(name)
            .show_unindented(ui, |ui| content(self, ui));
        self.places.note(ui, name, &header.header_response);
    }

    fn gestures(&mut self, ui: &mut Ui) {
        let language = self.sketch.language;
        let gestures = std::mem::take(&mut self.state.gestures);
        ui.horizontal_wrapped(|ui| {
            for gesture in &gestures {
                if self.button(
                    ui,
                    &format!("gesture:{}", gesture.name),
                    gesture.shown(language),
                ) {
                    self.actions
                        .push(PanelAction::Gesture(gesture.name.clone()));
                }
            }
        });
        self.state.gestures = gestures;
    }

    fn joints(&mut self, ui: &mut Ui) {
        let names = [
            ("head-yaw", self.text("Head: turn", "转头")),
            ("head-pitch", self.text("Head: nod", "抬头")),
            ("head-roll", self.text("Head: tilt", "歪头")),
        ];
        let head = self.state.pose.head;
        for (i, now) in [head.yaw, head.pitch, head.roll].into_iter().enumerate() {
            let mut degrees = self.state.tuning.head[i].unwrap_or(now).to_degrees();
            let most = HEAD_DEGREES[i];
            if self.slider(ui, names[i].0, names[i].1, &mut degrees, [-most, most]) {
                self.state.tuning.head[i] = Some(degrees.to_radians());
                self.actions.push(PanelAction::Tuned);
            }
        }
        let names = [
            ("eyes-yaw", self.text("Eyes: aside", "左右看")),
            ("eyes-pitch", self.text("Eyes: up", "上下看")),
        ];
        let eye = self.state.pose.left_eye;
        for (i, now) in [eye.yaw, eye.pitch].into_iter().enumerate() {
            let mut degrees = self.state.tuning.eyes[i].unwrap_or(now).to_degrees();
            let most = EYE_DEGREES[i];
            if self.slider(ui, names[i].0, names[i].1, &mut degrees, [-most, most]) {
                self.state.tuning.eyes[i] = Some(degrees.to_radians());
                self.actions.push(PanelAction::Tuned);
            }
        }
        self.release(ui, "release-joints");
    }

    fn release(&mut self, ui: &mut Ui, name: &str) {
        let label = self.text("Let go of all", "全部松开");
        if ui
            .add_enabled_ui(self.state.tuning.holds(), |ui| self.button(ui, name, label))
            .inner
        {
            self.state.tuning.release();
            self.actions.push(PanelAction::Tuned);
        }
    }

    fn calibration(&mut self, ui: &mut Ui) {
        let names = [
            ("mouth", self.text("Mouth", "嘴部")),
            ("brows", self.text("Brows", "眉部")),
            ("lids", self.text("Lids", "眼睑")),
            ("head", self.text("Head", "头部")),
        ];
        for part in Part::ALL {
            let (name, label) = names[part as usize];
            let mut strength = self.state.tuning.strength[part as usize];
            if self.slider(ui, name, label, &mut strength, [0.0, 2.0]) {
                self.state.tuning.strength[part as usize] = strength;
                self.actions.push(PanelAction::Tuned);
            }
        }
        let label = self.text("Lips early, ms", "口型提前 ms");
        let mut early = self.state.tuning.early_secs * 1000.0;
        if self.slider(ui, "early", label, &mut early, [-200.0, 200.0]) {
            self.state.tuning.early_secs = early / 1000.0;
            self.actions.push(PanelAction::Tuned);
        }
        ui.horizontal(|ui| {
            let rest = self.text("This is my resting face", "以此为静止表情");
            if self.button(ui, "rest", rest) {
                self.actions.push(PanelAction::Rest(true));
            }
            let forget = self.text("Forget", "取消");
            if self.button(ui, "forget", forget) {
                self.actions.push(PanelAction::Rest(false));
            }
        });
    }

    fn shapes(&mut self, ui: &mut Ui) {
        self.release(ui, "release");
        for shape in ArkitShape::ALL {
            let label = self.sketch.language.shape(shape);
            let held = self.state.tuning.shapes[shape.index()];
            let mut weight = held.unwrap_or(self.state.pose.weights[shape]);
            if self.slider(ui, shape.name(), label, &mut weight, [0.0, 1.0]) {
                self.state.tuning.shapes[shape.index()] = Some(weight);
                self.actions.push(PanelAction::Tuned);
            }
        }
    }

    /// A row with a slider and its number; true when the user moved it.
    fn slider(
        &mut self,
        ui: &mut Ui,
        name: &str,
        label: &str,
        value: &mut f32,
        [least, most]: [f32; 2],
    ) -> bool {
        row(ui, label, |ui| {
            ui.spacing_mut().slider_width = (ui.available_width() - VALUE).max(40.0);
            let slider = egui::Slider::new(value, least..=most).show_value(false);
            let mut response = ui.add(slider);
            self.places.note(ui, name, &response);
            let digits = if most > 2.0 { 0 } else { 2 };
            let speed = f64::from(most - least) / 200.0;
            let number = egui::DragValue::new(value).range(least..=most).speed(speed);
            response |= ui.add(number.fixed_decimals(digits));
            response.changed()
        })
    }
}

/// A label and what belongs to it.
fn row<R>(ui: &mut Ui, label: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        let height = ui.spacing().interact_size.y;
        let layout = Layout::left_to_right(Align::Center);
        ui.allocate_ui_with_layout(vec2(LABEL, height), layout, |ui| {
            ui.set_min_width(LABEL);
            ui.add(egui::Label::new(label).truncate());
        });
        content(ui)
    })
    .inner
}

/// A bar from silence to full scale, over 60 dB.
fn meter(ui: &mut Ui, peak: f32) {
    let size = vec2(ui.available_width(), 8.0);
    let (rect, _): (Rect, Response) = ui.allocate_exact_size(size, Sense::hover());
    let share = (1.0 + peak.max(1e-6).log10() / 3.0).clamp(0.0, 1.0);
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let color = match peak {
        p if p >= 0.99 => Color32::from_rgb(214, 58, 50),
        p if p >= 0.5 => Color32::from_rgb(222, 170, 40),
        _ => Color32::from_rgb(64, 168, 92),
    };
    let mut filled = rect;
    filled.set_width(rect.width() * share);
    painter.rect_filled(filled, 2.0, color);
}
