//! YAML manifests: `defaults` and `jobs`, every value with its place.

use crate::batch::manifest::{Given, Shared};
use crate::batch::yaml_tree::{Data, Node, load};
use crate::batch::{Field, Place, Problem, Values, nearest};

/// One job's own words.
pub(crate) struct YamlJob {
    pub place: Place,
    pub fields: Vec<(&'static Field, Given)>,
    pub values: Values,
    pub problems: Vec<Problem>,
}

#[derive(Default)]
pub(crate) struct YamlManifest {
    pub shared: Shared,
    pub jobs: Vec<YamlJob>,
}

/// Reads the whole file; `problems` tells what is wrong outside of jobs.
pub(crate) fn read(text: &str, problems: &mut Vec<Problem>) -> YamlManifest {
    let mut manifest = YamlManifest::default();
    let documents = match load(text) {
        Ok(documents) => documents,
        Err(problem) => {
            problems.push(problem);
            return manifest;
        }
    };
    let mut wrong = |place, field: Option<&str>, text: String| {
        problems.push(Problem::error(place, field, text));
    };
    let Some(root) = documents.first() else {
        wrong(
            Place::START,
            None,
            "it is empty: list the clips under `jobs:`".to_owned(),
        );
        return manifest;
    };
    if let Some(second) = documents.get(1) {
        wrong(
            second.place,
            None,
            "a second document begins here: keep one".to_owned(),
        );
    }
    let Data::Map(top) = &root.data else {
        wrong(
            root.place,
            None,
            "it is not a mapping: write `jobs:` and list the clips under it".to_owned(),
        );
        return manifest;
    };
    let mut jobs = None;
    let mut shared_problems = Vec::new();
    for (key, value) in top {
        match key.scalar().unwrap_or_default() {
            "defaults" => {
                let job = job(value, &mut shared_problems);
                manifest.shared.values = job.values;
                manifest.shared.fields = job
                    .fields
                    .into_iter()
                    .map(|(f, given)| (f.name, given))
                    .collect();
            }
            "jobs" => jobs = Some(value),
            other => {
                let near = nearest(other, ["defaults", "jobs"]);
                let hint = near.first().map_or_else(
                    || "only `defaults` and `jobs` stand here".to_owned(),
                    |n| format!("did you mean `{n}`?"),
                );
                wrong(key.place, Some(other), format!("it is not known; {hint}"));
            }
        }
    }
    match jobs.map(|j| (&j.data, j)) {
        Some((Data::List(list), _)) if !list.is_empty() => {
            for one in list {
                let mut own = Vec::new();
                let mut job = job(one, &mut own);
                job.problems = own;
                manifest.jobs.push(job);
            }
        }
        Some((_, value)) => wrong(
            value.place,
            Some("jobs"),
            "list the clips under it, each beginning with `- `".to_owned(),
        ),
        None => wrong(
            root.place,
            None,
            "`jobs` is missing: list the clips under it".to_owned(),
        ),
    }
    problems.append(&mut shared_problems);
    manifest
}

fn job(node: &Node, problems: &mut Vec<Problem>) -> YamlJob {
    let mut job = YamlJob {
        place: node.place,
        fields: Vec::new(),
        values: Values::default(),
        problems: Vec::new(),
    };
    let Data::Map(map) = &node.data else {
        problems.push(Problem::error(
            job.place,
            None,
            "it is not a mapping: write `script: …` and the like",
        ));
        return job;
    };
    for (key, value) in map {
        let name = key.scalar().unwrap_or_default();
        if matches!(name, "values" | "变量") {
            values(value, &mut job.values, problems);
            continue;
        }
        let Some(field) = Field::by_name(name) else {
            let near = nearest(name, Field::names().chain(["values"]));
            let hint = match near.first() {
                Some(n) => format!("did you mean `{n}`?"),
                None => "values for {{placeholders}} go under `values:`".to_owned(),
            };
            problems.push(Problem::error(
                key.place,
                Some(name),
                format!("it is not known; {hint}"),
            ));
            continue;
        };
        let Some(text) = value.scalar() else {
            problems.push(Problem::error(
                value.place,
                Some(name),
                "it is a list or a mapping where one text is expected",
            ));
            continue;
        };
        if let Some((twin, _)) = job.fields.iter().find(|(f, _)| *f == field) {
            problems.push(Problem::error(
                key.place,
                Some(name),
                format!("`{}` is given already: keep one of the two", twin.name),
            ));
        }
        if !text.trim().is_empty() {
            let given = Given {
                text: text.to_owned(),
                place: value.place,
                field: name.to_owned(),
            };
            job.fields.push((field, given));
        }
    }
    job
}

fn values(node: &Node, values: &mut Values, problems: &mut Vec<Problem>) {
    let Data::Map(map) = &node.data else {
        problems.push(Problem::error(
            node.place,
            Some("values"),
            "it is not a mapping: write `name: value` under it",
        ));
        return;
    };
    for (key, value) in map {
        match (key.scalar(), value.scalar()) {
            (Some(name), Some(text)) => values.set(name, text),
            _ => problems.push(Problem::error(
                value.place,
                key.scalar(),
                "it is a list or a mapping where one text is expected",
            )),
        }
    }
}
