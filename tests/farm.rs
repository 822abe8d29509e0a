//! One clip of a batch at a time, as render farms make them.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use openjd_model::template::parse::document_string_to_object;
use openjd_model::{CallerLimits, DocumentType, decode_job_template};
use serde_json::Value;

/// Three rows, the last one wrong where `wrong`.
fn manifest(dir: &Path, wrong: bool) {
    let size = if wrong { "large" } else { "160x90" };
    let csv = format!(
        "audio,out,size\ntone.wav,一,160x90\ntone.wav,b/two,96x96\ntone.wav,three,{size}\n"
    );
    std::fs::write(dir.join("jobs.csv"), csv).unwrap();
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The task's command, as a farm fills it in.
fn task(template: &Value, clip: usize, folder: &Path, output: &Path) -> Child {
    let run = &template["steps"][0]["script"]["actions"]["onRun"];
    let fill = |text: &Value| {
        let text = text.as_str().unwrap();
        text.replace("{{Param.Huashen}}", env!("CARGO_BIN_EXE_huashen"))
            .replace("{{Param.Folder}}", &folder.display().to_string())
            .replace("{{Param.Output}}", &output.display().to_string())
            .replace("{{Task.Param.Clip}}", &clip.to_string())
    };
    let args = run["args"].as_array().unwrap().iter().map(fill);
    Command::new(fill(&run["command"]))
        .args(args)
        .current_dir("/")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_farm_makes_the_clips_that_a_batch_makes() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    common::tone(dir, "0.6");
    manifest(dir, false);
    let export = [
        "batch",
        "jobs.csv",
        "--set",
        "fps=25",
        "--export-openjd",
        "job.json",
    ];
    common::made(dir, &export);
    let text = std::fs::read_to_string(dir.join("job.json")).unwrap();
    assert_eq!(
        common::huashen(dir, &export).status.code(),
        Some(2),
        "a template is not replaced unasked"
    );

    // As the specification's own library reads it.
    let limits = CallerLimits::default();
    let value = document_string_to_object(&text, DocumentType::Json, &limits).unwrap();
    decode_job_template(value, None, &limits).unwrap();
    let template: Value = serde_json::from_str(&text).unwrap();
    let space = &template["steps"][0]["parameterSpace"];
    assert_eq!(space["taskParameterDefinitions"][0]["range"], "1-3");
    assert_eq!(template["parameterDefinitions"][0]["default"], ".");
    assert_eq!(template["parameterDefinitions"][1]["default"], "jobs");

    // On machines that share a folder, each one's clip at its own time.
    let output = dir.join("farm");
    let mut tasks: Vec<Child> = [3, 1, 2]
        .map(|clip| task(&template, clip, dir, &output))
        .into();
    for task in &mut tasks {
        assert!(task.wait().unwrap().success());
    }
    // A task that is run again has nothing to do.
    assert!(task(&template, 2, dir, &output).wait().unwrap().success());

    common::made(dir, &["batch", "jobs.csv", "--set", "fps=25", "-q"]);
    for out in ["一.mp4", "b/two.mp4", "three.mp4"] {
        let alone = bytes(&output.join(out));
        assert!(alone == bytes(&dir.join("jobs").join(out)), "{out}");
    }
}

#[test]
fn one_clip_is_made_and_a_batch_goes_on_with_the_others() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    common::tone(dir, "0.6");
    manifest(dir, true);
    let only = |which: &str| common::huashen(dir, &["batch", "jobs.csv", "--only", which]);
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();

    let third = only("three.mp4");
    assert_eq!(third.status.code(), Some(2));
    assert!(said(&third).contains("line 4"), "{}", said(&third));
    let none = only("b/twa.mp4");
    assert_eq!(none.status.code(), Some(2));
    assert!(
        said(&none).contains("did you mean `b/two.mp4`"),
        "{}",
        said(&none)
    );

    // What is wrong with the third is no matter of the first's.
    let first = only("1");
    assert!(first.status.success(), "{}", said(&first));
    assert!(dir.join("jobs/一.mp4").is_file());
    assert!(!dir.join("jobs/b/two.mp4").exists());
    assert!(!dir.join("jobs/report.html").exists());

    manifest(dir, false);
    let all = common::made(dir, &["batch", "jobs.csv", "--json"]);
    let told = String::from_utf8_lossy(&all.stdout).into_owned();
    let begin: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&begin["jobs"], &begin["kept"]), (&3.into(), &1.into()));
}
