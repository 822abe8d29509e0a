//! YAML → [`Scene`], every problem with its place.

use std::path::{Path, PathBuf};

use super::{Aspect, Holds, Layer, Music, Person, Scene, Slides, What};
use crate::batch::yaml_tree::{Data, Node, load};
use crate::batch::{Place, Problem, nearest};

/// Larger files are no scenes.
const MOST_BYTES: u64 = 1 << 20;
const PLACES: [(&str, [f32; 2]); 9] = [
    ("top-left", [0.0, 0.0]),
    ("top", [0.5, 0.0]),
    ("top-right", [1.0, 0.0]),
    ("left", [0.0, 0.5]),
    ("center", [0.5, 0.5]),
    ("right", [1.0, 0.5]),
    ("bottom-left", [0.0, 1.0]),
    ("bottom", [0.5, 1.0]),
    ("bottom-right", [1.0, 1.0]),
];

impl Scene {
    /// Reads `path`; the files it names are looked for from its folder.
    /// `is_color` says what a colour is, `holds` what is in a file.
    ///
    /// # Errors
    /// All that is wrong with it, in the order of the file.
    pub fn read(
        path: &Path,
        is_color: &dyn Fn(&str) -> bool,
        holds: &dyn Fn(&Path) -> Result<Holds, String>,
    ) -> Result<Self, Vec<Problem>> {
        let start = |text: String| vec![Problem::error(Place::START, None, text)];
        if std::fs::metadata(path).map_or(0, |m| m.len()) > MOST_BYTES {
            return Err(start("it is too large to be a scene".to_owned()));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|e| start(format!("it cannot be read as text: {e}")))?;
        let documents = load(&text).map_err(|problem| vec![problem])?;
        let mut reader = Reader {
            base: path.parent().unwrap_or(Path::new(".")),
            is_color,
            holds,
            files: Vec::new(),
            problems: Vec::new(),
        };
        let root = documents.first();
        let mut scene = root.map_or_else(Self::plain, |root| reader.scene(root));
        scene.files = reader.files;
        reader.problems.sort();
        match reader.problems.is_empty() {
            true => Ok(scene),
            false => Err(reader.problems),
        }
    }
}

struct Reader<'a> {
    base: &'a Path,
    is_color: &'a dyn Fn(&str) -> bool,
    holds: &'a dyn Fn(&Path) -> Result<Holds, String>,
    files: Vec<PathBuf>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong(&mut self, node: &Node, field: &str, text: impl Into<String>) {
        let problem = Problem::error(node.place, Some(field), text);
        self.problems.push(problem);
    }

    fn scene(&mut self, root: &Node) -> Scene {
        let mut scene = Scene::plain();
        let known = [
            "aspect",
            "background",
            "avatar",
            "slides",
            "layers",
            "music",
            "intro",
            "outro",
        ];
        for (name, value) in self.map(root, "scene", &known) {
            match name.as_str() {
                "aspect" => scene.aspect = self.one_of(&value, &name, &Aspect::NAMES),
                "background" => {
                    let text = self.text(&value, &name);
                    scene.background = match (self.is_color)(&text) {
                        true => text,
                        false => self.shown(&value, &name).display().to_string(),
                    };
                }
                "avatar" => scene.person = self.person(&value),
                "slides" => scene.slides = Some(self.slides(&value)),
                "music" => scene.music = self.music(&value),
                "intro" => scene.intro = Some(self.shown(&value, &name)),
                "outro" => scene.outro = Some(self.shown(&value, &name)),
                _ => match &value.data {
                    Data::List(list) => {
                        scene.layers = list.iter().filter_map(|one| self.layer(one)).collect();
                    }
                    _ => self.wrong(&value, &name, "list them, each beginning with `- `"),
                },
            }
        }
        scene
    }

    fn person(&mut self, node: &Node) -> Person {
        let mut person = Scene::plain().person;
        for (name, value) in self.map(node, "avatar", &["place", "height"]) {
            if name == "place" {
                let places = [
                    ("left", Some(0.0)),
                    ("center", Some(0.5)),
                    ("right", Some(1.0)),
                ];
                person.across = self.one_of(&value, &name, &places).flatten();
            } else {
                person.height = self.share(&value, &name, 0.2);
            }
        }
        person
    }

    fn slides(&mut self, node: &Node) -> Slides {
        let file = self.file(node, "slides");
        let mut pages = 0;
        if file.is_file() {
            match super::slides::count(&file) {
                Ok(count) => pages = count,
                Err(text) => self.wrong(node, "slides", text),
            }
        }
        Slides { file, pages }
    }

    /// A picture or a video.
    fn shown(&mut self, node: &Node, field: &str) -> PathBuf {
        let seen = |holds: Holds| holds.picture || holds.video;
        self.holding(node, field, seen, "no picture and no video")
    }

    fn music(&mut self, node: &Node) -> Option<Music> {
        let heard = |holds: Holds| holds.sound;
        let (mut file, mut volume) = (None, 1.0);
        if node.scalar().is_some() {
            file = Some(self.holding(node, "music", heard, "no sound"));
        } else {
            for (name, value) in self.map(node, "music", &["file", "volume"]) {
                match name.as_str() {
                    "file" => file = Some(self.holding(&value, &name, heard, "no sound")),
                    _ => volume = self.share(&value, &name, 0.01),
                }
            }
            if file.is_none() {
                self.wrong(node, "music", "name its `file`");
            }
        }
        file.map(|file| Music { file, volume })
    }

    /// A file that holds what is wanted; else it has `lack`.
    fn holding(
        &mut self,
        node: &Node,
        field: &str,
        wanted: fn(Holds) -> bool,
        lack: &str,
    ) -> PathBuf {
        let path = self.file(node, field);
        if path.is_file() {
            match (self.holds)(&path) {
                Ok(holds) if wanted(holds) => {}
                Ok(_) => self.wrong(node, field, format!("there is {lack} in it")),
                Err(why) => self.wrong(node, field, why),
            }
        }
        path
    }

    fn layer(&mut self, node: &Node) -> Option<Layer> {
        let known = ["text", "picture", "place", "size", "color", "from", "to"];
        let (mut text, mut picture, mut place, mut size) = (None, None, None, None);
        let (mut color, mut from, mut to) = ("white".to_owned(), 0.0, f64::INFINITY);
        for (name, value) in self.map(node, "layers", &known) {
            match name.as_str() {
                "text" => text = Some(self.text(&value, &name)),
                "picture" => {
                    let still = |holds: Holds| holds.picture;
                    picture = Some(self.holding(&value, &name, still, "no picture"));
                }
                "place" => place = self.one_of(&value, &name, &PLACES),
                "size" => size = Some(self.share(&value, &name, 0.01)),
                "from" => from = self.seconds(&value, &name),
                "to" => to = self.seconds(&value, &name),
                _ => {
                    color = self.text(&value, &name);
                    if !(self.is_color)(&color) {
                        self.wrong(&value, &name, "it is no colour: write #rrggbb or a name");
                    }
                }
            }
        }
        if to <= from {
            self.wrong(node, "to", "it is no later than `from`");
        }
        let (what, usual) = match (text, picture) {
            (Some(text), None) => (What::Text { text, color }, (0.07, [0.5, 0.0])),
            (None, Some(picture)) => (What::Picture(picture), (0.12, [1.0, 0.0])),
            _ => {
                self.wrong(node, "layers", "give each either `text` or `picture`");
                return None;
            }
        };
        Some(Layer {
            what,
            align: place.unwrap_or(usual.1),
            size: size.unwrap_or(usual.0),
            from_secs: from,
            until_secs: to,
        })
    }

    /// The entries of a mapping whose names are `known`.
    fn map(&mut self, node: &Node, field: &str, known: &[&str]) -> Vec<(String, Node)> {
        let Data::Map(map) = &node.data else {
            let hint = format!("it is not a mapping: here stand {}", known.join(", "));
            self.wrong(node, field, hint);
            return Vec::new();
        };
        let mut found: Vec<(String, Node)> = Vec::new();
        for (key, value) in map {
            let name = key.scalar().unwrap_or_default();
            if !known.contains(&name) {
                let hint = match nearest(name, known.iter().copied()).first() {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("here stand {}", known.join(", ")),
                };
                self.wrong(key, name, format!("it is not known; {hint}"));
            } else if found.iter().any(|(have, _)| have == name) {
                self.wrong(key, name, "it is given already: keep one of the two");
            } else {
                found.push((name.to_owned(), value.clone()));
            }
        }
        found
    }

    fn text(&mut self, node: &Node, field: &str) -> String {
        let text = node.scalar().unwrap_or_default();
        if text.trim().is_empty() {
            self.wrong(node, field, "a text is expected");
        }
        text.to_owned()
    }

    fn one_of<T: Copy>(&mut self, node: &Node, field: &str, all: &[(&str, T)]) -> Option<T> {
        let text = node.scalar().unwrap_or_default();
        let found = all.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let text = format!("`{text}` is not one of {}", names.join(", "));
            self.wrong(node, field, text);
        }
        found.map(|(_, value)| *value)
    }

    fn share(&mut self, node: &Node, field: &str, least: f32) -> f32 {
        let text = node.scalar().unwrap_or_default();
        let number = text.strip_suffix('%').map(|t| t.trim().parse::<f32>());
        match number {
            Some(Ok(n)) if (least * 100.0..=100.0).contains(&n) => n / 100.0,
            _ => {
                let least = least * 100.0;
                let text = format!("`{text}` is no share from {least:.0}% to 100%: write 80%");
                self.wrong(node, field, text);
                1.0
            }
        }
    }

    fn seconds(&mut self, node: &Node, field: &str) -> f64 {
        let text = node.scalar().unwrap_or_default();
        match text.trim_end_matches('s').trim().parse::<f64>() {
            Ok(secs) if (0.0..=86_400.0).contains(&secs) => secs,
            _ => {
                let text = format!("`{text}` is no time: write seconds, as in 2.5");
                self.wrong(node, field, text);
                0.0
            }
        }
    }

    fn file(&mut self, node: &Node, field: &str) -> PathBuf {
        let text = self.text(node, field);
        let path = self.base.join(&text);
        if path.is_file() {
            self.files.push(path.clone());
        } else {
            let what = match field {
                "background" => "neither a colour nor a file that is there",
                _ => "no file that is there",
            };
            let text = format!("`{text}` is {what}; paths start at the scene's folder");
            self.wrong(node, field, text);
        }
        path
    }
}
