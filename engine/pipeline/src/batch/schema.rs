//! The JSON Schema of YAML manifests, made from the table of fields.

use serde_json::{Map, Value, json};

use crate::batch::{FIELDS, FieldKind};

/// For editors: what a YAML manifest may hold.
pub fn json_schema() -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    let values = json!({
        "description": "Values of {{name}} in scripts, titles and file names.",
        "type": "object",
        "additionalProperties": scalar,
    });
    let mut shared = Map::new();
    let mut own = Map::new();
    for field in &FIELDS {
        for name in std::iter::once(&field.name).chain(field.aliases) {
            let kinds = match field.name {
                "seed" => json!(["integer", "string"]),
                "fps" | "emotion_strength" | "loudness" => json!(["number", "string"]),
                _ if field.kind == FieldKind::Switch => json!(["boolean", "string"]),
                _ => json!("string"),
            };
            let schema = json!({ "description": field.help, "type": kinds });
            own.insert((*name).to_owned(), schema.clone());
            if field.name != "audio" {
                shared.insert((*name).to_owned(), schema);
            }
        }
    }
    // Each of the three has several names; one of them is said.
    let said: Vec<Value> = FIELDS
        .iter()
        .filter(|f| f.kind == FieldKind::Sound)
        .map(|f| {
            let names = std::iter::once(&f.name).chain(f.aliases);
            let any: Vec<Value> = names.map(|n| json!({ "required": [n] })).collect();
            json!({ "anyOf": any })
        })
        .collect();
    let [script, script_file, audio] = &said[..] else {
        unreachable!("three fields say something");
    };
    shared.insert("values".to_owned(), values.clone());
    own.insert("values".to_owned(), values);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Huashen batch manifest",
        "description": "Many clips: `huashen batch jobs.yaml`.",
        "type": "object",
        "additionalProperties": false,
        "required": ["jobs"],
        // A script for all: the jobs bring their values.
        "if": {
            "required": ["defaults"],
            "properties": { "defaults": { "anyOf": [script, script_file] } },
        },
        "else": { "properties": { "jobs": { "items": { "anyOf": said } } } },
        "properties": {
            "defaults": {
                "description": "What holds for every job that does not say its own.",
                "type": "object",
                "additionalProperties": false,
                "properties": shared,
            },
            "jobs": {
                "description": "One clip each.",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": own,
                    "not": { "anyOf": [
                        { "allOf": [script, script_file] },
                        { "allOf": [script, audio] },
                        { "allOf": [script_file, audio] },
                    ] },
                },
            },
        },
    })
}
