//! Whether each entry of a manifest can be rendered: what the text alone does
//! not tell. Whatever many entries share is looked at once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use huashen_avatar::Avatar;
use huashen_core::{FrameRate, Size, paths};
use huashen_media::ClipFormat;
use huashen_overlay::Lettering;
use huashen_pipeline::batch::{
    Decoded, Entry, EntrySound, Field, FieldKind, Given, Problem, Values, decode, expand,
    file_sha256,
};
use huashen_pipeline::scene::Scene;
use huashen_script::{Item, Script};
use huashen_speech::{SpeechError, VoiceInfo, find_voice, voices};
use sha2::{Digest, Sha256};

use super::order::{Order, OrderSound, parse};
use crate::args::SealArgs;
use crate::delivery::{Delivery, Seal};
use crate::{failure, picture, scene, subtitles};

/// A setting that was found right.
#[derive(Clone)]
struct Sound {
    /// For `render`, if it needs to be told.
    flag: Option<String>,
    /// What stands for it in the job's hash: its files' contents, not their place.
    identity: String,
}

/// Looks at entries.
pub struct Checker {
    /// The manifest's folder: paths are told from here.
    base: PathBuf,
    /// The user's voices; why there are none otherwise.
    voices: Result<Vec<VoiceInfo>, SpeechError>,
    settings: HashMap<(&'static str, String), Result<Sound, String>>,
    files: HashMap<PathBuf, Result<String, String>>,
    scripts: HashMap<PathBuf, Result<Decoded, String>>,
    scenes: HashMap<PathBuf, Option<Scene>>,
    /// The font, once something is to be written with it.
    lettering: Option<Result<Lettering, String>>,
    /// By output extension, certificate and key.
    seals: HashMap<String, Result<(), String>>,
    /// What holds for every clip beside its own settings.
    everywhere: String,
    encoding: Option<String>,
}

/// An entry that can be rendered.
pub struct Checked {
    pub order: Order,
    /// Hash of all that the clip comes of.
    pub content: String,
    /// What the worker must have loaded for it.
    pub warm: String,
}

impl Checker {
    /// `everywhere`: what the environment and `huashen.toml` say for all clips.
    pub fn new(base: &Path, everywhere: String, encoding: Option<&str>) -> Self {
        Self {
            base: base.to_owned(),
            voices: voices(&paths::models_dir()),
            settings: HashMap::new(),
            files: HashMap::new(),
            scripts: HashMap::new(),
            scenes: HashMap::new(),
            lettering: None,
            seals: HashMap::new(),
            everywhere,
            encoding: encoding.map(str::to_owned),
        }
    }

    /// Why no script can be spoken on this machine, if so.
    pub fn no_voices(&self) -> Option<&SpeechError> {
        self.voices.as_ref().err()
    }

    /// Finds everything that is wrong with `entry`, and what to render if nothing is.
    pub fn check(&mut self, entry: &Entry, problems: &mut Vec<Problem>) -> Option<Checked> {
        let before = problems.iter().filter(|p| !p.warning).count();
        let mut flags = Vec::new();
        let mut identity = BTreeMap::new();
        for (name, given) in &entry.settings {
            match self.setting(name, &given.text) {
                Ok(sound) => {
                    flags.extend(sound.flag);
                    identity.insert(*name, sound.identity);
                }
                Err(why) => problems.push(Problem::error(given.place, Some(&given.field), why)),
            }
        }
        let form = entry.out.as_ref().and_then(|out| {
            let found = self.form(&out.text, &flags);
            found
                .map_err(|why| problems.push(Problem::error(out.place, Some(&out.field), why)))
                .ok()
        });
        let (sound, sound_identity) = self.sound(entry, problems)?;
        if let (OrderSound::Script(text), Some(scene)) = (&sound, entry.settings.get("scene"))
            && let Err(why) = self.pages(text, &scene.text)
        {
            problems.push(Problem::error(scene.place, Some(&scene.field), why));
        }
        let (titles, filled) = self.titles(entry, problems);
        self.letters(entry, &sound, &titles, problems);
        if problems.iter().filter(|p| !p.warning).count() > before || !entry.problems.is_empty() {
            return None;
        }
        let text = |name: &str| entry.settings.get(name).map(|g| g.text.as_str());
        let warm = ["avatar", "size", "background", "scene", "shot", "look"]
            .map(|n| text(n).unwrap_or("-"));
        let mut hash = Sha256::new();
        for part in [
            "huashen job 4",
            env!("CARGO_PKG_VERSION"),
            &self.everywhere,
            form.as_deref().unwrap_or_default(),
            &sound_identity,
            &format!("{identity:?}"),
            &titles,
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Some(Checked {
            order: Order {
                sound,
                flags,
                values: match filled {
                    true => entry.values.clone(),
                    false => Values::default(),
                },
            },
            content: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            warm: warm.join(" | "),
        })
    }

    /// The form that a clip of this name with these flags comes out in.
    fn form(&mut self, out: &str, flags: &[String]) -> Result<String, String> {
        let render = parse(flags).map_err(|e| clap_text(&e))?;
        let background = render.picture.background.as_deref();
        let alpha = background.is_some_and(picture::is_clear);
        let delivery = Delivery::of(Path::new(out), &render.delivery, alpha)
            .map_err(|e| failure::one_line(&e))?;
        crate::label::check(&render.delivery).map_err(|e| failure::one_line(&e))?;
        self.seal(Path::new(out), &render.delivery.seal)?;
        match delivery.encoding.format {
            ClipFormat::Pngs { .. } if !out.ends_with('/') => Err(format!(
                "`{out}` names many files: for PNGs, name a folder, as in `shots/`"
            )),
            format => Ok(format!("{format:?}")),
        }
    }

    /// Whether the clip named `out` can be signed as asked.
    fn seal(&mut self, out: &Path, args: &SealArgs) -> Result<(), String> {
        let extension = out.extension().unwrap_or_default();
        let key = format!("{extension:?} {:?} {:?}", args.c2pa_cert, args.c2pa_key);
        let found = self.seals.entry(key).or_insert_with(|| {
            Seal::of(out, args)
                .map(|_| ())
                .map_err(|e| failure::one_line(&e))
        });
        found.clone()
    }

    fn sound(
        &mut self,
        entry: &Entry,
        problems: &mut Vec<Problem>,
    ) -> Option<(OrderSound, String)> {
        match entry.sound.as_ref()? {
            EntrySound::Script(given) => {
                self.script(given, &given.text, None, problems)?;
                Some((
                    OrderSound::Script(given.text.clone()),
                    format!("script {}", given.text),
                ))
            }
            EntrySound::ScriptFile(given) => {
                let mut wrong = |why: String| {
                    problems.push(Problem::error(given.place, Some(&given.field), why));
                };
                let path = self.base.join(&given.text);
                let encoding = self.encoding.as_deref();
                let read = self.scripts.entry(path.clone()).or_insert_with(|| {
                    let bytes = readable(&path).and_then(|()| {
                        std::fs::read(&path).map_err(|e| format!("it cannot be read: {e}"))
                    })?;
                    decode(&bytes, encoding)
                });
                let text = match read {
                    Ok(decoded) => decoded.text.clone(),
                    Err(why) => {
                        wrong(format!("{}: {why}", given.text));
                        return None;
                    }
                };
                let text = match expand(&text, &entry.values) {
                    Ok(text) => text,
                    Err(all) => {
                        for why in all {
                            wrong(format!("{}: {why}", given.text));
                        }
                        return None;
                    }
                };
                self.script(given, &text, Some(&given.text), problems)?;
                let identity = format!("script {text}");
                Some((OrderSound::Script(text), identity))
            }
            EntrySound::Audio(given) => match self.audio(&given.text) {
                Ok((path, hash)) => Some((OrderSound::Audio(path), format!("audio {hash}"))),
                Err(why) => {
                    let why = format!("{}: {why}", given.text);
                    problems.push(Problem::error(given.place, Some(&given.field), why));
                    None
                }
            },
        }
    }

    /// Whether the markup of `text` is right; its own file is `file`.
    fn script(
        &self,
        given: &Given,
        text: &str,
        file: Option<&str>,
        problems: &mut Vec<Problem>,
    ) -> Option<()> {
        let field = Some(given.field.as_str());
        let place = |line: usize, column: usize| match file {
            Some(file) => format!("{file}, line {line}, column {column}"),
            None => format!("in the script at line {line}, column {column}"),
        };
        let parsed = match huashen_script::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = place(error.position.line, error.position.column);
                let why = format!("{at}: {}", error.kind);
                problems.push(Problem::error(given.place, field, why));
                return None;
            }
        };
        for warning in &parsed.warnings {
            problems.push(Problem::warning(given.place, field, warning.clone()));
        }
        let mut right = Some(());
        for (name, line, column) in voices_in(&parsed.script) {
            if let Err(why) = self.voice(name) {
                let why = format!("{}: {why}", place(line, column));
                problems.push(Problem::error(given.place, field, why));
                right = None;
            }
        }
        right
    }

    /// The titles of its scene, and whether anything was filled in.
    fn titles(&mut self, entry: &Entry, problems: &mut Vec<Problem>) -> (String, bool) {
        let given = entry.settings.get("scene");
        // A scene that cannot be read was told already.
        let Some((given, scene)) = given.and_then(|g| Some((g, self.scene(&g.text)?))) else {
            return (String::new(), false);
        };
        let mut filled = scene.clone();
        if let Err(wrong) = filled.fill(&entry.values) {
            for why in wrong {
                let why = format!("{}: {why}", given.text);
                problems.push(Problem::error(given.place, Some(&given.field), why));
            }
        }
        let titles: Vec<&str> = filled.titles().collect();
        (titles.join("\n"), filled != *scene)
    }

    /// Whether the font has every letter that is drawn.
    fn letters(
        &mut self,
        entry: &Entry,
        sound: &OrderSound,
        titles: &str,
        problems: &mut Vec<Problem>,
    ) {
        let burnt = entry.settings.get("burn_subtitles");
        let burnt = burnt.filter(|given| is_on(&given.text) == Ok(true));
        let spoken = match (sound, burnt) {
            (OrderSound::Script(text), Some(_)) => huashen_script::parse(text)
                .map(|parsed| parsed.script.plain_text())
                .unwrap_or_default(),
            _ => String::new(),
        };
        let scene = entry.settings.get("scene");
        for (given, text) in [(burnt, spoken.as_str()), (scene, titles)] {
            let Some(given) = given else { continue };
            let letters = self
                .lettering
                .get_or_insert_with(|| subtitles::letters(None).map_err(|e| failure::one_line(&e)));
            let problem = match letters {
                Ok(letters) => subtitles::lacking(letters, text)
                    .map(|why| Problem::warning(given.place, Some(&given.field), why)),
                Err(_) if text.is_empty() => None,
                Err(why) => Some(Problem::error(given.place, Some(&given.field), why.clone())),
            };
            problems.extend(problem);
        }
    }

    /// The scene that `text` names, read once; none where it is wrong.
    fn scene(&mut self, text: &str) -> Option<&Scene> {
        let path = self.base.join(text);
        let scenes = self.scenes.entry(path);
        scenes
            .or_insert_with_key(|path| scene::read(path).ok())
            .as_ref()
    }

    /// Whether every slide that the script at `text` turns to is in `scene`.
    fn pages(&mut self, text: &str, scene: &str) -> Result<(), String> {
        match (self.scene(scene), huashen_script::parse(text)) {
            (Some(scene), Ok(parsed)) => scene.has_pages_for(&parsed.script),
            // Told already.
            _ => Ok(()),
        }
    }

    fn voice(&self, name: &str) -> Result<(), String> {
        match &self.voices {
            Ok(voices) => find_voice(voices, name)
                .map(|_| ())
                .map_err(|e| e.to_string()),
            // Said once, for all.
            Err(_) => Ok(()),
        }
    }

    fn audio(&mut self, text: &str) -> Result<(PathBuf, String), String> {
        let path = self.base.join(text);
        let hash = self.files.entry(path.clone()).or_insert_with(|| {
            readable(&path)?;
            let info = huashen_media::probe(&path)
                .map_err(|e| scene::without_path(&e.to_string(), &path))?;
            if !info.streams.iter().any(|s| s.kind == "audio") {
                return Err("it holds no sound".to_owned());
            }
            file_sha256(&path).map_err(|e| format!("it cannot be read: {e}"))
        });
        hash.clone().map(|hash| (path, hash))
    }

    fn setting(&mut self, name: &'static str, text: &str) -> Result<Sound, String> {
        let key = (name, text.to_owned());
        if let Some(known) = self.settings.get(&key) {
            return known.clone();
        }
        let found = self.look_at(name, text);
        self.settings.insert(key, found.clone());
        found
    }

    fn look_at(&self, name: &'static str, text: &str) -> Result<Sound, String> {
        let field = Field::by_name(name).ok_or("it is no setting")?;
        let here = self.base.join(text);
        let as_path = matches!(field.kind, FieldKind::Setting { path: true })
            && (here.is_file() || here.join("avatar.toml").is_file());
        let value = match as_path {
            true => here.display().to_string(),
            false => text.to_owned(),
        };
        let flag = match field.kind {
            FieldKind::Switch => match is_on(text)? {
                true => field.flag(),
                false => {
                    return Ok(Sound {
                        flag: None,
                        identity: String::new(),
                    });
                }
            },
            _ => format!("{}={value}", field.flag()),
        };
        let render = parse(std::slice::from_ref(&flag)).map_err(|e| clap_text(&e))?;
        let mut identity = text.to_owned();
        match name {
            "avatar" => {
                let avatar =
                    Avatar::find(&value, &paths::avatars_dir()).map_err(|e| e.to_string())?;
                huashen_avatar::require_speech(&avatar).map_err(|e| e.to_string())?;
                identity = folder_hash(&avatar, as_path.then_some(here.as_path()));
            }
            "background" => {
                scene::check_background(&value).map_err(|e| failure::one_line(&e))?;
                if as_path {
                    identity = file_sha256(&here).map_err(|e| e.to_string())?;
                }
            }
            "scene" => identity = scene::identity(&here)?,
            "voice" => self.voice(text)?,
            "subtitles" => {
                let file = format!("x.{text}");
                subtitles::format_of(Path::new(&file))
                    .map_err(|_| format!("`{text}` is not one of srt, vtt, ass"))?;
            }
            "size" => {
                text.parse::<Size>().map_err(|e| e.to_string())?;
            }
            "fps" => {
                text.parse::<FrameRate>().map_err(|e| e.to_string())?;
            }
            "style" | "emotion" | "emotion_strength" => {
                crate::manner::options(&render.manner, &render.voice)
                    .map_err(|e| failure::one_line(&e))?;
            }
            _ => {}
        }
        Ok(Sound {
            flag: Some(flag),
            identity,
        })
    }

    /// The hash of the avatar that clips without one show.
    pub fn default_avatar(&self, name: &str) -> anyhow::Result<String> {
        let avatar = Avatar::find(name, &paths::avatars_dir())?;
        huashen_avatar::require_speech(&avatar)?;
        let file = Path::new(name);
        Ok(folder_hash(&avatar, file.is_file().then_some(file)))
    }
}

/// What people write for yes and for no.
fn is_on(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" | "是" | "y" => Ok(true),
        "no" | "false" | "off" | "0" | "否" | "n" | "" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

/// The contents of an avatar: its one file, or all in its folder.
fn folder_hash(avatar: &Avatar, file: Option<&Path>) -> String {
    if let Some(file) = file.filter(|f| f.is_file()) {
        return file_sha256(file).unwrap_or_default();
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(&avatar.dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_file())
        .collect();
    files.sort();
    let hashes = files.iter().map(|p| {
        let name = p.file_name().unwrap_or_default().to_string_lossy();
        format!("{name} {}", file_sha256(p).unwrap_or_default())
    });
    hashes.collect::<Vec<_>>().join("\n")
}

/// The voices that a script asks for, and where.
fn voices_in(script: &Script) -> Vec<(&str, usize, usize)> {
    let mut found: Vec<(&str, usize, usize)> = Vec::new();
    for item in &script.items {
        if let Item::Text(span) = item
            && let Some(voice) = &span.style.voice
            && found.last().is_none_or(|(last, ..)| last != voice)
        {
            found.push((voice, span.position.line, span.position.column));
        }
    }
    found
}

fn readable(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err("it is a folder where a file is expected".to_owned());
    }
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(not_there(path)),
        Err(e) => Err(format!("it cannot be read: {e}")),
    }
}

/// Says that a file is missing, and what lies there with nearly its name.
fn not_there(path: &Path) -> String {
    let Some((dir, name)) = path.parent().zip(path.file_name()) else {
        return "it is not there".to_owned();
    };
    let names: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    let near =
        huashen_pipeline::batch::nearest(&name.to_string_lossy(), names.iter().map(String::as_str));
    match near.is_empty() {
        true => format!("there is no such file in {}", dir.display()),
        false => format!("there is no such file; did you mean {}?", near.join(", ")),
    }
}

/// What is wrong with a value, without clap's lines around it.
fn clap_text(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.trim_start_matches("error: ");
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|l| !l.starts_with("For more information") && !l.starts_with("Usage"))
        .filter(|l| !l.is_empty())
        .collect();
    lines.join(" ")
}
