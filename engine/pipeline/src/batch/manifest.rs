//! From a manifest's text to entries, one clip each, and all that is wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path};

use crate::batch::table::{Cell, Table};
use crate::batch::template::{Values, expand, file_name};
use crate::batch::{FIELDS, Field, FieldKind, Place, Problem, nearest, yaml};

/// A text that the manifest gives, placeholders filled in, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub text: String,
    pub place: Place,
    /// As the manifest names it.
    pub field: String,
}

/// What an entry's clip says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntrySound {
    /// Markup, ready to be parsed.
    Script(Given),
    /// A path; the text in the file still has its placeholders.
    ScriptFile(Given),
    /// A path.
    Audio(Given),
}

/// One clip that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub number: usize,
    /// Where its row or mapping begins.
    pub place: Option<Place>,
    /// None where `problems` says why.
    pub sound: Option<EntrySound>,
    /// Relative, with `/` between folders and an extension; none where
    /// `problems` says why.
    pub out: Option<Given>,
    /// By the name of the [`Field`].
    pub settings: BTreeMap<&'static str, Given>,
    pub values: Values,
    pub problems: Vec<Problem>,
}

/// A manifest, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub entries: Vec<Entry>,
    /// Of the file as a whole; entries have their own.
    pub problems: Vec<Problem>,
}

/// What is given for every entry that does not say its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    pub fields: BTreeMap<&'static str, Given>,
    pub values: Values,
}

/// Longer names leave no room for the temporary file's.
const LONGEST_NAME_BYTES: usize = 200;

impl Manifest {
    /// Reads a CSV mail-merge. `set` holds for every row that has no own value.
    pub fn from_csv(text: &str, set: &BTreeMap<&'static str, String>) -> Self {
        let mut problems = Vec::new();
        let table = Table::read(text, &mut problems);
        let mut shared = Shared::default();
        shared.set(set);
        let mut rows = table.rows.into_iter();
        let Some(header) = rows.next() else {
            problems.push(Problem::error(
                Place::START,
                None,
                "it is empty: the first line names the columns, each further one is a clip",
            ));
            return Self {
                problems,
                ..Self::default()
            };
        };
        let Some(columns) = columns(&header, &shared, &mut problems) else {
            return Self {
                problems,
                ..Self::default()
            };
        };
        let mut entries: Vec<Entry> = Vec::new();
        for row in rows {
            let number = entries.len() + 1;
            entries.push(row_entry(number, row, &columns, &shared));
        }
        if entries.is_empty() {
            problems.push(Problem::error(
                Place::START,
                None,
                "it has a header and no row: each row is a clip",
            ));
        }
        name_outputs(&mut entries);
        Self { entries, problems }
    }

    /// Reads a YAML manifest: `defaults` and `jobs`. `set` comes before its defaults.
    pub fn from_yaml(text: &str, set: &BTreeMap<&'static str, String>) -> Self {
        let mut problems = Vec::new();
        let mut read = yaml::read(text, &mut problems);
        read.shared.set(set);
        let mut entries: Vec<Entry> = read
            .jobs
            .into_iter()
            .zip(1..)
            .map(|(job, number)| {
                let mut entry = entry(number, job.place, job.fields, &read.shared, job.values);
                entry.problems.extend(job.problems);
                entry
            })
            .collect();
        name_outputs(&mut entries);
        Self { entries, problems }
    }

    /// Everything that is wrong, in the order of the file.
    pub fn all_problems(&self) -> Vec<&Problem> {
        let entries = self.entries.iter().flat_map(|e| &e.problems);
        let mut all: Vec<&Problem> = self.problems.iter().chain(entries).collect();
        all.sort();
        all
    }
}

impl Shared {
    fn set(&mut self, set: &BTreeMap<&'static str, String>) {
        for (name, text) in set {
            let given = Given {
                text: text.clone(),
                place: Place::START,
                field: (*name).to_owned(),
            };
            self.fields.insert(name, given);
        }
    }
}

/// A column: its name, and what it means if it is one of ours.
struct Column {
    name: String,
    field: Option<&'static Field>,
}

/// What the header's names mean; none when no clip could come of them.
fn columns(header: &[Cell], shared: &Shared, problems: &mut Vec<Problem>) -> Option<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::new();
    for cell in header {
        let name = cell.text.trim();
        let field = Field::by_name(name);
        let twin = columns.iter().find(|c| {
            !name.is_empty()
                && (c.name.eq_ignore_ascii_case(name) || (field.is_some() && c.field == field))
        });
        if let Some(twin) = twin {
            problems.push(Problem::error(
                cell.place,
                Some(name),
                format!(
                    "the column `{}` means the same: keep one of the two",
                    twin.name
                ),
            ));
        }
        columns.push(Column {
            name: name.to_owned(),
            field,
        });
    }
    let has_sound = |f: &Field| f.kind == FieldKind::Sound;
    let found = columns.iter().filter_map(|c| c.field).any(has_sound);
    if found
        || FIELDS
            .iter()
            .any(|f| has_sound(f) && shared.fields.contains_key(f.name))
    {
        return Some(columns);
    }
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let hint = if names.len() == 1 && names[0].contains('，') {
        "; the columns are separated by full-width commas `，`: use `,`".to_owned()
    } else {
        let near: Vec<String> = names
            .iter()
            .flat_map(|n| nearest(n, Field::names()).into_iter().map(move |m| (n, m)))
            .map(|(n, m)| format!("; did you mean `{m}` by `{n}`?"))
            .collect();
        near.into_iter().next().unwrap_or_default()
    };
    problems.push(Problem::error(
        Place::START,
        None,
        format!(
            "no column says what is spoken: name one `script` (脚本), `script_file` (脚本文件) or \
             `audio` (音频) in the first line, which is `{}`{hint}",
            names.join(", ")
        ),
    ));
    None
}

fn row_entry(number: usize, row: Vec<Cell>, columns: &[Column], shared: &Shared) -> Entry {
    let place = row.first().map_or(Place::START, |c| c.place);
    let mut problems = Vec::new();
    if row.len() != columns.len() {
        let extra = row
            .iter()
            .skip(columns.len())
            .find(|c| !c.text.trim().is_empty());
        if row.len() < columns.len() || extra.is_some() {
            problems.push(Problem::error(
                extra.map_or(place, |c| c.place),
                None,
                format!(
                    "the row has {} cells, the header {}: put a cell that holds a separator or a \
                     line break in double quotes",
                    row.len(),
                    columns.len()
                ),
            ));
        }
    }
    let mut fields = Vec::new();
    let mut values = Values::default();
    for (cell, column) in row.into_iter().zip(columns) {
        if column.name.is_empty() {
            if !cell.text.trim().is_empty() {
                problems.push(Problem::error(
                    cell.place,
                    None,
                    "this column has no name: write one into the first line",
                ));
            }
            continue;
        }
        let Some(field) = column.field else {
            values.set(&column.name, &cell.text);
            continue;
        };
        // An empty cell says nothing; its name is known all the same.
        if cell.text.trim().is_empty() {
            values.set(&column.name, "");
            continue;
        }
        let given = Given {
            text: cell.text,
            place: cell.place,
            field: column.name.clone(),
        };
        fields.push((field, given));
    }
    let mut entry = entry(number, place, fields, shared, values);
    entry.problems.append(&mut problems);
    entry
}

/// Puts one entry together from what it says itself and what is shared.
fn entry(
    number: usize,
    place: Place,
    fields: Vec<(&'static Field, Given)>,
    shared: &Shared,
    own: Values,
) -> Entry {
    let mut problems = Vec::new();
    let own_sounds: Vec<&(&Field, Given)> = fields
        .iter()
        .filter(|(f, _)| f.kind == FieldKind::Sound)
        .collect();
    if let [first, second, ..] = own_sounds[..] {
        problems.push(Problem::error(
            second.1.place,
            Some(&second.1.field),
            format!("`{}` is given as well: keep one of the two", first.1.field),
        ));
    }
    let says_itself = !own_sounds.is_empty();
    let mut given: BTreeMap<&'static str, Given> = shared
        .fields
        .iter()
        .filter(|(name, _)| {
            !says_itself || Field::by_name(name).is_none_or(|f| f.kind != FieldKind::Sound)
        })
        .map(|(name, given)| (*name, given.clone()))
        .collect();
    let mut values = shared.values.clone();
    for (name, value) in own.iter() {
        values.set(name, value);
    }
    for (field, one) in fields {
        given.insert(field.name, one);
    }
    for (name, one) in &given {
        if values.get(&one.field).is_none_or(str::is_empty) {
            values.set(&one.field, &one.text);
        }
        if values.get(name).is_none() {
            values.set(name, &one.text);
        }
    }
    if values.get("n").is_none() {
        values.set("n", &number.to_string());
    }

    let mut entry = Entry {
        number,
        place: Some(place),
        problems,
        ..Entry::default()
    };
    for (name, one) in given {
        let Some(field) = Field::by_name(name) else {
            continue;
        };
        let filled = match field.kind {
            FieldKind::Out => file_name(&one.text, &values),
            // The file's own text is filled in once it is read.
            _ => expand(&one.text, &values),
        };
        let text = match filled {
            Ok(text) => text,
            Err(wrong) => {
                let wrong = wrong.into_iter();
                entry
                    .problems
                    .extend(wrong.map(|text| Problem::error(one.place, Some(&one.field), text)));
                if field.kind == FieldKind::Sound {
                    // Something is said; only what is not known.
                    entry.sound = Some(EntrySound::Script(one));
                }
                continue;
            }
        };
        let one = Given { text, ..one };
        match (field.kind, field.name) {
            (FieldKind::Sound, "script") => entry.sound = Some(EntrySound::Script(one)),
            (FieldKind::Sound, "script_file") => {
                entry.sound = Some(EntrySound::ScriptFile(one.trimmed()));
            }
            (FieldKind::Sound, _) => entry.sound = Some(EntrySound::Audio(one.trimmed())),
            (FieldKind::Out, _) => entry.out = Some(one),
            (FieldKind::Setting { .. } | FieldKind::Switch, _) => {
                entry.settings.insert(field.name, one.trimmed());
            }
        }
    }
    if entry.sound.is_none() {
        entry.problems.push(Problem::error(
            place,
            None,
            "nothing is said: give `script`, `script_file` or `audio`",
        ));
    }
    entry.values = values;
    entry
}

impl Given {
    fn trimmed(self) -> Self {
        Self {
            text: self.text.trim().to_owned(),
            ..self
        }
    }
}

/// Names what has no name, checks what has one, and finds names given twice.
fn name_outputs(entries: &mut [Entry]) {
    let width = entries.len().to_string().len().max(2);
    let mut stems: HashMap<String, usize> = HashMap::new();
    for entry in entries.iter() {
        if let Some(stem) = sound_stem(entry).filter(|_| entry.out.is_none()) {
            *stems.entry(stem.to_lowercase()).or_default() += 1;
        }
    }
    let mut taken: HashMap<String, Place> = HashMap::new();
    for entry in entries {
        let place = entry.place.unwrap_or(Place::START);
        let failed = entry.problems.iter().any(|p| {
            p.field
                .as_deref()
                .and_then(Field::by_name)
                .is_some_and(|f| f.kind == FieldKind::Out)
        });
        if failed {
            continue;
        }
        if entry.out.is_none() {
            let number = format!("{:0width$}", entry.number);
            let text = match sound_stem(entry) {
                Some(stem) if stems.get(&stem.to_lowercase()) == Some(&1) => stem,
                Some(stem) => format!("{number}-{stem}"),
                None => number,
            };
            entry.out = Some(Given {
                text,
                place,
                field: "out".to_owned(),
            });
        }
        let Some(out) = &mut entry.out else {
            continue;
        };
        if let Err(why) = check_out(&mut out.text) {
            entry
                .problems
                .push(Problem::error(out.place, Some(&out.field), why));
            entry.out = None;
            continue;
        }
        // Some systems do not tell case apart.
        if let Some(first) = taken.insert(out.text.to_lowercase(), out.place) {
            taken.insert(out.text.to_lowercase(), first);
            let why = format!(
                "`{}` is made by line {} already: give each clip its own name, with a \
                 {{{{name}}}} in it if one name is for all",
                out.text, first.line
            );
            entry
                .problems
                .push(Problem::error(out.place, Some(&out.field), why));
            entry.out = None;
        }
    }
}

fn sound_stem(entry: &Entry) -> Option<String> {
    match entry.sound.as_ref()? {
        EntrySound::Script(_) => None,
        EntrySound::ScriptFile(given) | EntrySound::Audio(given) => Path::new(&given.text)
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned()),
    }
}

/// Whether a clip can be written under this name in the output folder; gives it
/// an extension when it has none.
fn check_out(out: &mut String) -> Result<(), String> {
    let shown = out.clone();
    let path = Path::new(&shown);
    if shown.trim_matches('/').is_empty() {
        return Err(format!("`{shown}` names no file"));
    }
    for part in path.components() {
        match part {
            Component::Normal(name) if name.len() > LONGEST_NAME_BYTES => {
                return Err(format!(
                    "`{}` is {} bytes long as a file name: at most {LONGEST_NAME_BYTES} fit",
                    name.to_string_lossy(),
                    name.len()
                ));
            }
            Component::Normal(name) if name.to_string_lossy().starts_with('.') => {
                return Err(format!(
                    "`{shown}` would be hidden: begin it with another letter"
                ));
            }
            Component::Normal(_) | Component::CurDir => {}
            _ => {
                return Err(format!(
                    "`{shown}` leaves the output folder: give a name in it (and the folder \
                     itself with --output)"
                ));
            }
        }
    }
    if shown.contains(':') || shown.chars().any(char::is_control) {
        return Err(format!(
            "`{}` holds a character that file names cannot have",
            shown.escape_debug()
        ));
    }
    let has_extension = path.extension().and_then(|e| e.to_str()).is_some_and(|e| {
        (2..=4).contains(&e.len())
            && e.chars().all(|c| c.is_ascii_alphanumeric())
            && e.chars().any(|c| c.is_ascii_alphabetic())
    });
    let parts: Vec<String> = path
        .components()
        .filter(|c| *c != Component::CurDir)
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    *out = parts.join("/");
    // A folder of pictures.
    if shown.ends_with('/') {
        out.push('/');
    } else if !has_extension {
        out.push_str(".mp4");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
