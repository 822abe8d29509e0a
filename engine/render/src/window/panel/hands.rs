//! Hands that use the panel in place of a user's: through the same messages,
//! by the names of widgets.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bevy::ecs::prelude::*;
use bevy::input::ButtonState;
use bevy::input::keyboard::{Key, KeyCode, KeyboardInput, NativeKeyCode};
use bevy::input::mouse::{MouseButton, MouseButtonInput};
use bevy::math::Vec2;
use bevy::window::{CursorMoved, PrimaryWindow, WindowEvent as BevyEvent};
use bevy_egui::egui::{Pos2, Rect};

use super::{Places, Sketch};
use crate::window::WindowEvent;

/// Something that hands do.
#[derive(Clone, Debug, PartialEq)]
pub enum HandMove {
    /// Strikes a key: a character, or a name as `Escape` or `F2`.
    Key(String),
    Type(String),
    /// Clicks the widget of this name.
    Click(String),
    /// Takes the widget at one share of its width and lets go at another.
    Drag(String, f32, f32),
}

/// How long a widget may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// A widget that did not move for so many passes is not being scrolled.
const RESTS: usize = 4;

/// What hands have yet to do.
#[derive(Default, Resource)]
pub(in crate::window) struct Hands {
    todo: VecDeque<HandMove>,
    /// Since when the first of them is under way, and how far it is.
    under_way: Option<(Instant, usize)>,
    /// Where the widget was last, and for how many passes it has rested there.
    rests: Option<(Rect, usize)>,
    /// Where the pointer takes hold and lets go.
    path: Option<[Pos2; 2]>,
}

impl Hands {
    pub fn add(&mut self, hand_move: HandMove) {
        self.todo.push_back(hand_move);
    }
}

/// Does the next bit of what is to be done: one message a pass, as egui sees
/// no press and release in the same one.
pub(super) fn work(
    mut hands: ResMut<Hands>,
    mut places: ResMut<Places>,
    mut sketch: ResMut<Sketch>,
    windows: Query<Entity, With<PrimaryWindow>>,
    mut keys: MessageWriter<KeyboardInput>,
    mut pointer: MessageWriter<BevyEvent>,
) {
    let Ok(window) = windows.single() else {
        return;
    };
    let Some(todo) = hands.todo.front().cloned() else {
        return;
    };
    let (since, step) = *hands.under_way.get_or_insert((Instant::now(), 0));
    sketch.due = Instant::now();
    let mut done = false;
    match &todo {
        HandMove::Key(name) => {
            for state in [ButtonState::Pressed, ButtonState::Released] {
                keys.write(struck(key(name), state, window));
            }
            done = true;
        }
        HandMove::Type(text) => {
            for c in text.chars() {
                let key = match c {
                    ' ' => Key::Space,
                    c => Key::Character(c.to_string().into()),
                };
                for state in [ButtonState::Pressed, ButtonState::Released] {
                    keys.write(struck(key.clone(), state, window));
                }
            }
            done = true;
        }
        HandMove::Click(name) | HandMove::Drag(name, ..) => {
            let shares = match todo {
                HandMove::Drag(_, from, to) => [from, to],
                _ => [0.5; 2],
            };
            if hands.path.is_none() {
                match places.seen(name) {
                    Some(rect) => {
                        places.wanted = None;
                        let rested = match hands.rests {
                            Some((before, passes)) if before == rect => passes + 1,
                            _ => 0,
                        };
                        hands.rests = Some((rect, rested));
                        if rested < RESTS {
                            return;
                        }
                        hands.path = Some(shares.map(|share| {
                            Pos2::new(rect.left() + share * rect.width(), rect.center().y)
                        }));
                    }
                    None if since.elapsed() > PATIENCE => {
                        places.wanted = None;
                        (sketch.tell)(WindowEvent::Failed(format!(
                            "the panel shows nothing called `{name}`"
                        )));
                        hands.todo.clear();
                        hands.under_way = None;
                    }
                    None => places.wanted = Some(name.clone()),
                }
                return;
            }
            let Some([from, to]) = hands.path else {
                return;
            };
            let button = |state| {
                BevyEvent::MouseButtonInput(MouseButtonInput {
                    button: MouseButton::Left,
                    state,
                    window,
                })
            };
            let moved = |at: Pos2| {
                BevyEvent::CursorMoved(CursorMoved {
                    window,
                    position: Vec2::new(at.x, at.y),
                    delta: None,
                })
            };
            match step {
                0 => {
                    pointer.write(moved(from));
                }
                1 => {
                    pointer.write(button(ButtonState::Pressed));
                }
                2 => {
                    pointer.write(moved(to));
                }
                _ => {
                    pointer.write(button(ButtonState::Released));
                    done = true;
                }
            }
            hands.under_way = Some((since, step + 1));
        }
    }
    if done {
        hands.todo.pop_front();
        hands.under_way = None;
        hands.rests = None;
        hands.path = None;
        (sketch.tell)(WindowEvent::HandDone);
    }
}

fn struck(key: Key, state: ButtonState, window: Entity) -> KeyboardInput {
    let text = match &key {
        Key::Character(text) => Some(text.clone()),
        Key::Space => Some(" ".into()),
        _ => None,
    };
    KeyboardInput {
        key_code: KeyCode::Unidentified(NativeKeyCode::Unidentified),
        logical_key: key,
        state,
        text,
        repeat: false,
        window,
    }
}

/// A key by its name.
fn key(name: &str) -> Key {
    match name.to_lowercase().as_str() {
        "space" => Key::Space,
        "escape" => Key::Escape,
        "enter" => Key::Enter,
        "tab" => Key::Tab,
        "backspace" => Key::Backspace,
        "left" => Key::ArrowLeft,
        "right" => Key::ArrowRight,
        "up" => Key::ArrowUp,
        "down" => Key::ArrowDown,
        "f1" => Key::F1,
        "f2" => Key::F2,
        "f11" => Key::F11,
        _ => Key::Character(name.into()),
    }
}
