//! The panel beside the picture: egui, fed by bevy's input, painted by
//! [`Painter`](super::paint::Painter).
//!
//! bevy_egui's own plugin expects bevy's renderer, which a window does not have:
//! its input systems are used, and what egui makes of them goes to the thread
//! that draws.

mod hands;
mod layout;
mod state;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bevy::app::{App, PreUpdate, Update};
use bevy::camera::RenderTarget;
use bevy::ecs::prelude::*;
use bevy::input::InputSystems;
use bevy::time::TimePlugin;
use bevy::window::{CursorIcon, PrimaryWindow, Window, WindowRef, WindowTheme};
use bevy_egui::egui::{self, FontData, FontDefinitions, FontFamily, Rect, Response, Ui};
use bevy_egui::input::{
    EguiFileDragAndDropMessage, EguiInputEvent, ModifierKeysState, WindowToEguiContextMap,
    process_ime_system, write_ime_messages_system, write_keyboard_input_messages_system,
    write_modifiers_keys_state_system, write_mouse_wheel_messages_system,
    write_pointer_moved_and_button_messages_system, write_window_touch_messages_system,
};
use bevy_egui::{EguiContext, EguiGlobalSettings, EguiOutput};
use crossbeam_channel::Sender;

use super::paint::PanelPicture;
use super::{Desk, Tell, WindowEvent, hear_user, obey};

pub use hands::HandMove;
pub(super) use hands::Hands;
pub use state::{Choice, Choices, List, Message, Panel, PanelAction, PanelState, Question};
pub use words::Language;

/// The panel's width in points, and what it leaves of the window at least;
/// narrower windows are covered by it.
const WIDTH: f32 = 330.0;
const LEAVES: f32 = 300.0;
/// Numbers are shown anew this often.
const REFRESH: Duration = Duration::from_millis(100);

/// What a window needs to have a panel.
#[derive(Clone)]
pub struct PanelOptions {
    pub state: Panel,
    /// A font file with the letters of both languages.
    pub font: Arc<Vec<u8>>,
    /// Whether it is seen at first.
    pub open: bool,
    pub language: Language,
}

/// What is typed and chosen in the panel and is nobody else's business.
#[derive(Resource)]
pub(super) struct Sketch {
    state: Panel,
    pub open: bool,
    /// Somebody types, or walks the panel by keys.
    pub has_keyboard: bool,
    language: Language,
    /// As the desktop is, where not chosen.
    dark: Option<bool>,
    line: String,
    answer: String,
    focus_line: bool,
    to_show: Sender<PanelPicture>,
    tell: Tell,
    due: Instant,
    started: Instant,
    shown: bool,
}

impl Sketch {
    /// Takes a key that is the panel's; true if it was.
    pub fn key(&mut self, key: &str) -> bool {
        match key {
            "p" | "P" | "F2" => self.open = !self.open,
            "l" | "L" => {
                self.open = true;
                self.focus_line = true;
            }
            _ => return false,
        }
        self.due = Instant::now();
        true
    }
}

/// Where widgets are, by their names.
#[derive(Default, Resource)]
pub(super) struct Places {
    /// Of the last pass: the widget, and what of its surroundings is seen.
    at: HashMap<String, (Rect, Rect)>,
    /// One that is to be scrolled to.
    wanted: Option<String>,
}

impl Places {
    fn note(&mut self, ui: &Ui, name: &str, response: &Response) {
        let clip = ui.clip_rect();
        if self.wanted.as_deref() == Some(name) && !clip.contains(response.rect.center()) {
            response.scroll_to_me(Some(egui::Align::Center));
        }
        self.at.insert(name.to_owned(), (response.rect, clip));
    }

    /// Where the widget is, if all around its middle is seen.
    fn seen(&self, name: &str) -> Option<Rect> {
        let (rect, clip) = self.at.get(name)?;
        clip.contains(rect.center()).then_some(*rect)
    }
}

/// Gives the window a panel; its pictures go to `to_show`.
pub(super) fn add(app: &mut App, options: PanelOptions, to_show: Sender<PanelPicture>, tell: Tell) {
    app.add_plugins(TimePlugin);
    app.insert_resource(EguiGlobalSettings {
        auto_create_primary_context: false,
        ..Default::default()
    });
    app.init_resource::<ModifierKeysState>();
    app.init_resource::<WindowToEguiContextMap>();
    app.init_resource::<Places>();
    app.init_resource::<Hands>();
    app.add_message::<EguiInputEvent>();
    app.add_message::<EguiFileDragAndDropMessage>();
    let mut context = EguiContext::default();
    dress(context.get_mut(), &options.font);
    app.world_mut()
        .spawn((context, RenderTarget::Window(WindowRef::Primary)));
    let now = Instant::now();
    app.insert_resource(Sketch {
        state: options.state,
        open: options.open,
        has_keyboard: false,
        language: options.language,
        dark: None,
        line: String::new(),
        answer: String::new(),
        focus_line: false,
        to_show,
        tell,
        due: now,
        started: now,
        shown: false,
    });
    app.add_systems(
        PreUpdate,
        (
            WindowToEguiContextMap::on_egui_context_added_system,
            hands::work,
            write_modifiers_keys_state_system,
            write_pointer_moved_and_button_messages_system,
            write_window_touch_messages_system,
            write_mouse_wheel_messages_system,
            write_keyboard_input_messages_system,
            write_ime_messages_system,
        )
            .chain()
            .after(InputSystems),
    );
    app.add_systems(
        Update,
        (draw, process_ime_system)
            .chain()
            .after(hear_user)
            .before(obey),
    );
}

/// Letters and spacing, in both lights.
fn dress(ctx: &egui::Context, font: &[u8]) {
    let name = "letters".to_owned();
    let mut fonts = FontDefinitions::empty();
    fonts
        .font_data
        .insert(name.clone(), Arc::new(FontData::from_owned(font.to_vec())));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec![name.clone()]);
    }
    ctx.set_fonts(fonts);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(6.0, 4.0);
        style.interaction.selectable_labels = false;
    });
}

/// Runs egui when there is something new, and passes on what it made.
fn draw(
    mut contexts: Query<(&mut EguiContext, &mut EguiOutput)>,
    windows: Query<(Entity, &Window), With<PrimaryWindow>>,
    mut inputs: MessageReader<EguiInputEvent>,
    mut sketch: ResMut<Sketch>,
    mut places: ResMut<Places>,
    desk: Res<Desk>,
    mut commands: Commands,
) {
    let events: Vec<egui::Event> = inputs.read().map(|m| m.event.clone()).collect();
    let (Ok((mut context, mut output)), Ok((window_id, window))) =
        (contexts.single_mut(), windows.single())
    else {
        return;
    };
    if !desk.opened || (!sketch.open && !sketch.shown) {
        return;
    }
    let now = Instant::now();
    if events.is_empty() && now < sketch.due && sketch.open {
        return;
    }
    let ctx = context.get_mut().clone();
    ctx.set_theme(match (sketch.dark, window.window_theme) {
        (Some(false), _) | (None, Some(WindowTheme::Light)) => egui::Theme::Light,
        _ => egui::Theme::Dark,
    });
    let mut raw = egui::RawInput {
        screen_rect: Some(Rect::from_min_size(
            egui::Pos2::ZERO,
            egui::vec2(window.width(), window.height()),
        )),
        time: Some(sketch.started.elapsed().as_secs_f64()),
        events,
        focused: true,
        ..Default::default()
    };
    let scale = window.scale_factor();
    if let Some(viewport) = raw.viewports.get_mut(&raw.viewport_id) {
        viewport.native_pixels_per_point = Some(scale);
    }
    let shared = Arc::clone(&sketch.state);
    let mut actions = Vec::new();
    let full = ctx.run_ui(raw, |ui| {
        places.at.clear();
        if !sketch.open {
            return;
        }
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        egui::Panel::right("panel")
            .resizable(false)
            .exact_size(WIDTH.min(window.width()))
            .show(ui, |ui| {
                layout::show(ui, &mut sketch, &mut state, &mut places, &mut actions);
            });
    });
    for action in actions {
        (sketch.tell)(WindowEvent::Panel(action));
    }
    sketch.shown = sketch.open;
    sketch.has_keyboard = sketch.open && ctx.egui_wants_keyboard_input();
    let wait = full
        .viewport_output
        .values()
        .map(|v| v.repaint_delay)
        .min()
        .unwrap_or(REFRESH);
    sketch.due = now + wait.min(REFRESH);
    let icon = full.platform_output.cursor_icon;
    if output.platform_output.cursor_icon != icon {
        let icon = bevy_egui::helpers::egui_to_winit_cursor_icon(icon).unwrap_or_default();
        commands.entity(window_id).insert(CursorIcon::System(icon));
    }
    output.platform_output = full.platform_output;
    output.pixels_per_point = full.pixels_per_point;
    let beside = sketch.open && window.width() >= WIDTH + LEAVES;
    let picture = PanelPicture {
        primitives: ctx.tessellate(full.shapes, full.pixels_per_point),
        textures: full.textures_delta,
        pixels_per_point: full.pixels_per_point,
        inset: if beside {
            (WIDTH * scale).round() as u32
        } else {
            0
        },
    };
    // The thread may have ended; then `obey` finds out why.
    sketch.to_show.send(picture).ok();
}
