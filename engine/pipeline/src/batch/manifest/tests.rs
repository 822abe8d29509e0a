use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::batch::json_schema;

fn csv(text: &str) -> Manifest {
    Manifest::from_csv(text, &BTreeMap::new())
}

fn yaml(text: &str) -> Manifest {
    Manifest::from_yaml(text, &BTreeMap::new())
}

fn said(manifest: &Manifest) -> Vec<String> {
    manifest
        .all_problems()
        .iter()
        .map(|p| p.to_string())
        .collect()
}

fn outs(manifest: &Manifest) -> Vec<&str> {
    let outs = manifest.entries.iter().filter_map(|e| e.out.as_ref());
    outs.map(|o| o.text.as_str()).collect()
}

fn script(entry: &Entry) -> &str {
    match &entry.sound {
        Some(EntrySound::Script(given)) => &given.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_merge_fills_in_every_column() {
    let m = csv("脚本,姓名,城市,输出,标题\n\
         \"{{姓名}}，你好！\n欢迎来{{城市}}。\",小明,北京,{{姓名}}-{{n}},给{{姓名}}\n\
         Hello {{姓名}}!,Ann,Rome,,\n");
    assert_eq!(said(&m), [""; 0]);
    assert_eq!(script(&m.entries[0]), "小明，你好！\n欢迎来北京。");
    assert_eq!(m.entries[0].settings["title"].text, "给小明");
    assert_eq!(script(&m.entries[1]), "Hello Ann!");
    assert_eq!(outs(&m), ["小明-1.mp4", "02.mp4"]);
}

#[test]
fn every_problem_of_a_csv_is_told_with_its_place() {
    let m = csv("script,audio,out,who\n\
         Hi {{whoo}},,a.mp4,x\n\
         Hi,b.wav,b,x\n\
         ,,c,x\n\
         Hi, there,,d,x\n\
         Hi,,../e,x\n\
         Hi,,A.MP4,x\n\
         Hi\n\
         Hi,,.hidden,x\n");
    assert_eq!(
        said(&m),
        [
            "line 2, column 1: `script`: there is no `whoo` for {{whoo}}; did you mean who?",
            "line 3, column 4: `audio`: `script` is given as well: keep one of the two",
            "line 4, column 1: nothing is said: give `script`, `script_file` or `audio`",
            "line 5, column 4: `audio`: `script` is given as well: keep one of the two",
            "line 5, column 14: the row has 5 cells, the header 4: put a cell that holds a \
             separator or a line break in double quotes",
            "line 6, column 5: `out`: `../e` leaves the output folder: give a name in it (and the \
             folder itself with --output)",
            "line 7, column 5: `out`: `A.MP4` is made by line 2 already: give each clip its own \
             name, with a {{name}} in it if one name is for all",
            "line 8, column 1: the row has 1 cells, the header 4: put a cell that holds a \
             separator or a line break in double quotes",
            "line 9, column 5: `out`: `.hidden` would be hidden: begin it with another letter",
        ]
    );
}

#[test]
fn a_header_that_says_nothing_is_explained() {
    let one = |text: &str| said(&csv(text)).join("\n");
    assert!(one("scirpt,out\nx,y\n").contains("did you mean `script` by `scirpt`?"));
    assert!(one("脚本，输出\n你好，a\n").contains("full-width commas"));
    assert!(one("").contains("it is empty"));
    assert!(one("script\n").contains("no row"));
    assert!(one("script,脚本\na,b\n").contains("means the same"));
    assert!(one("script,\na,b\n").contains("has no name"));
}

#[test]
fn names_are_given_where_there_are_none() {
    let m = csv("audio\nx/intro.wav\ny/outro.wav\nz/outro.mp3\n");
    assert_eq!(outs(&m), ["intro.mp4", "02-outro.mp4", "03-outro.mp4"]);
    let m = csv("script,out\na,v1.2\nb,x.webm\nc,sub/./d.mov\n");
    assert_eq!(outs(&m), ["v1.2.mp4", "x.webm", "sub/d.mov"]);
}

#[test]
fn what_is_set_for_all_gives_way_to_a_row() {
    let set = BTreeMap::from([
        ("size", "640x360".to_owned()),
        ("script", "{{a}}!".to_owned()),
    ]);
    let m = Manifest::from_csv("a,size\nx,\ny,320x180\n", &set);
    assert_eq!(said(&m), [""; 0]);
    assert_eq!(m.entries[0].settings["size"].text, "640x360");
    assert_eq!(m.entries[1].settings["size"].text, "320x180");
    assert_eq!(script(&m.entries[1]), "y!");
}

const EXAMPLE: &str = "\
defaults:
  size: 640x360
  fps: 29.97
  out: \"{{who}}\"
  values: {code: 007}
jobs:
  - script: |
      你好，{{who}}！
    values: {who: 小明}
    seed: 3
  - 脚本: Hello {{who}} {{code}}.
    values:
      who: Ann
      code: 1.10
  - audio: talk.wav
    out: talk
";

#[test]
fn yaml_has_defaults_and_jobs() {
    let m = yaml(EXAMPLE);
    assert_eq!(said(&m), [""; 0]);
    assert_eq!(script(&m.entries[0]), "你好，小明！\n");
    assert_eq!(m.entries[0].settings["seed"].text, "3");
    assert_eq!(script(&m.entries[1]), "Hello Ann 1.10.");
    assert_eq!(m.entries[1].settings["fps"].text, "29.97");
    assert_eq!(outs(&m), ["小明.mp4", "Ann.mp4", "talk.mp4"]);
}

#[test]
fn every_problem_of_a_yaml_is_told_with_its_place() {
    let m = yaml(
        "default: {}\n\
         defaults: {avatr: x}\n\
         jobs:\n\
         - script: Hi {{nobody}}\n  voise: z\n\
         - audio: a.wav\n  script: b\n\
         - size: [1, 2]\n  script: c\n\
         - just text\n",
    );
    assert_eq!(
        said(&m),
        [
            "line 1, column 1: `default`: it is not known; did you mean `defaults`?",
            "line 2, column 12: `avatr`: it is not known; did you mean `avatar`?",
            "line 4, column 11: `script`: there is no `nobody` for {{nobody}}; these have one: n, script",
            "line 5, column 3: `voise`: it is not known; did you mean `voice`?",
            "line 7, column 11: `script`: `audio` is given as well: keep one of the two",
            "line 8, column 9: `size`: it is a list or a mapping where one text is expected",
            "line 10, column 3: it is not a mapping: write `script: …` and the like",
            "line 10, column 3: nothing is said: give `script`, `script_file` or `audio`",
        ]
    );
    let one = |text: &str| said(&yaml(text)).join("\n");
    assert!(one("jobs:\n- script: \"a\n").contains("not YAML"));
    assert!(one("").contains("it is empty"));
    assert!(one("- a\n").contains("not a mapping"));
    assert!(one("jobs: []\n").contains("list the clips"));
    assert!(one("jobs:\n- script: a\n  script: b\n").contains("line 3"));
}

/// JSON Schema's keywords that ours uses, as its specification defines them; a
/// validator with all of them would cost the tests a minute of compiling.
fn accepts(schema: &Value, value: &Value) -> bool {
    let Value::Object(schema) = schema else {
        return schema != &Value::Bool(false);
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |t: &Value| t == kind || (t == "number" && kind == "integer");
    let any = |all: &Value| all.as_array().unwrap().iter().any(|s| accepts(s, value));
    let object = value.as_object();
    schema.iter().all(|(keyword, rule)| match keyword.as_str() {
        "type" => rule
            .as_array()
            .map_or_else(|| is(rule), |all| all.iter().any(is)),
        "required" => object.is_none_or(|o| {
            rule.as_array()
                .unwrap()
                .iter()
                .all(|n| o.contains_key(n.as_str().unwrap()))
        }),
        "properties" => object.is_none_or(|o| {
            let rules = rule.as_object().unwrap();
            o.iter()
                .all(|(n, v)| rules.get(n).is_none_or(|s| accepts(s, v)))
        }),
        "additionalProperties" => object.is_none_or(|o| {
            let known = schema.get("properties");
            o.iter()
                .filter(|(n, _)| known.is_none_or(|k| k.get(n).is_none()))
                .all(|(_, v)| accepts(rule, v))
        }),
        "items" => value
            .as_array()
            .is_none_or(|a| a.iter().all(|v| accepts(rule, v))),
        "minItems" => value
            .as_array()
            .is_none_or(|a| a.len() as u64 >= rule.as_u64().unwrap()),
        "anyOf" => any(rule),
        "allOf" => rule.as_array().unwrap().iter().all(|s| accepts(s, value)),
        "not" => !accepts(rule, value),
        "if" => accepts(rule, value) || schema.get("else").is_none_or(|s| accepts(s, value)),
        "else" | "title" | "description" | "$schema" => true,
        other => panic!("teach this test the keyword `{other}`"),
    })
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_is_not() {
    let schema = json_schema();
    let is_valid = |value: &Value| accepts(&schema, value);
    let good = json!({
        "defaults": { "size": "640x360", "fps": 29.97, "values": { "code": 7 } },
        "jobs": [{ "script": "a", "seed": 3 }, { "脚本": "b", "形象": "lin" }, { "audio": "a.wav" }],
    });
    assert!(is_valid(&good));
    let merged = json!({
        "defaults": { "script": "Hi {{who}}" },
        "jobs": [{ "values": { "who": "Ann" } }],
    });
    assert!(is_valid(&merged));
    for bad in [
        json!({}),
        json!({ "jobs": [] }),
        json!({ "jobs": [{ "out": "a" }] }),
        json!({ "jobs": [{ "script": "a", "audio": "b" }] }),
        json!({ "jobs": [{ "audio": "a", "脚本": "b" }] }),
        json!({ "jobs": [{ "script": ["a"] }] }),
        json!({ "jobs": [{ "script": "a", "colour": "b" }] }),
        json!({ "job": [{ "script": "a" }] }),
    ] {
        assert!(!is_valid(&bad), "{bad}");
    }
}

#[test]
fn the_schema_in_the_repository_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/batch.schema.json");
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        serde_json::from_str(&kept).ok() == Some(json_schema()),
        "{path} is old: write it anew with `huashen batch --schema`"
    );
}

#[test]
fn a_hundred_thousand_rows_are_read() {
    let mut text = "script,name,out\n".to_owned();
    for n in 0..100_000 {
        text.push_str(&format!(
            "\"你好，{{{{name}}}}！\n再见\",N{n},{{{{name}}}}\n"
        ));
    }
    let m = csv(&text);
    assert_eq!(m.entries.len(), 100_000);
    assert!(m.all_problems().is_empty());
    let last = m.entries.last().unwrap();
    assert_eq!(
        last.place,
        Some(Place {
            line: 200_000,
            column: 1
        })
    );
    assert_eq!(script(last), "你好，N99999！\n再见");
}

proptest! {
    #[test]
    fn any_manifest_is_read(text in "\\PC*") {
        csv(&text);
        yaml(&text);
        yaml(&format!("jobs:\n{text}"));
    }
}
