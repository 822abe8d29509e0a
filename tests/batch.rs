//! Many clips through the binary: what the manifest says is checked and
//! rendered, whatever kills it on the way.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Small and cheap: what is tested is the batch, not the picture.
const CHEAP: [&str; 6] = [
    "--set",
    "size=160x90",
    "--set",
    "background=#283c5a",
    "--set",
    "fps=25",
];

fn tone(dir: &Path, name: &str, hz: u32, secs: f64) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg(format!("sine={hz}:d={secs}"))
        .arg(dir.join(name))
        .status();
    assert!(made.unwrap().success());
}

/// Streams and tags of a clip, every frame decoded.
fn probed(path: &Path) -> Value {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-count_frames",
            "-show_streams",
            "-show_format",
        ])
        .args(["-of", "json"])
        .arg(path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|e| e["event"] == name).collect()
}

/// Files in `dir` that a stopped batch must not leave.
fn scraps(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with('.') && n != ".huashen")
        .collect()
}

#[test]
fn a_mail_merge_becomes_clips_and_one_bad_row_stops_none() {
    if !common::has(&["speech", "vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    tone(dir, "tone.wav", 220, 0.8);
    // A header, and no sound behind it.
    let whole = std::fs::read(dir.join("tone.wav")).unwrap();
    let data = whole.windows(4).position(|w| w == b"data").unwrap();
    let mut silent = whole[..data + 8].to_vec();
    silent[data + 4..].fill(0);
    std::fs::write(dir.join("broken.wav"), silent).unwrap();
    let csv = "文案,音频,姓名,输出,标题\r\n\
        \"{{姓名}}，\n你好！\",,小明,zh/{{姓名}},给{{姓名}}\r\n\
        Hi {{姓名}}.,,Ann,{{姓名}},\r\n\
        ,broken.wav,,,\r\n\
        ,tone.wav,,,\r\n";
    std::fs::write(dir.join("jobs.csv"), csv).unwrap();
    let args = [&["batch", "jobs.csv", "--json"][..], &CHEAP].concat();
    let run = || {
        let output = common::huashen(dir, &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        events(&output)
    };
    let told = run();
    let last = told.last().unwrap();
    assert_eq!((&last["done"], &last["failed"]), (&3.into(), &1.into()));
    let failed = named(&told, "failed");
    assert_eq!(failed.len(), 1, "bad input is not tried twice: {failed:?}");
    assert_eq!(failed[0]["out"], "broken.mp4");

    for job in last["jobs"].as_array().unwrap() {
        let out = job["out"].as_str().unwrap();
        let path = dir.join("jobs").join(out);
        if out == "broken.mp4" {
            assert!(!path.exists());
            continue;
        }
        let found = probed(&path);
        let streams = found["streams"].as_array().unwrap();
        let kinds: Vec<&str> = streams
            .iter()
            .map(|s| s["codec_type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["video", "audio"], "{out}");
        assert_eq!(
            (&streams[0]["width"], &streams[0]["height"]),
            (&160.into(), &90.into())
        );
        let number = |v: &Value| v.as_str().unwrap().parse::<f64>().unwrap();
        let secs = number(&streams[0]["duration"]);
        assert!((secs * 25.0 - number(&streams[0]["nb_read_frames"])).abs() < 1e-6);
        assert!(
            (secs - number(&streams[1]["duration"])).abs() <= 0.04,
            "{out}"
        );
        assert!((secs - job["duration_secs"].as_f64().unwrap()).abs() < 0.05);
        let title = &found["format"]["tags"]["title"];
        assert_eq!(
            title,
            &if out.starts_with("zh/") {
                Value::from("给小明")
            } else {
                Value::Null
            }
        );
    }
    let page = std::fs::read_to_string(dir.join("jobs/report.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), 3);
    assert!(page.contains("zh/小明.mp4") && page.contains("broken"));

    // Again: what is finished is kept, what failed is tried.
    let told = run();
    assert_eq!(told[0]["kept"], 3);
    assert_eq!(named(&told, "start").len(), 1);
    // One text is changed: that clip is made anew, no other.
    std::fs::write(dir.join("jobs.csv"), csv.replace("Hi {{", "Ho {{")).unwrap();
    let before = std::fs::read(dir.join("jobs/Ann.mp4")).unwrap();
    assert_eq!(named(&run(), "done")[0]["out"], "Ann.mp4");
    assert!(before != std::fs::read(dir.join("jobs/Ann.mp4")).unwrap());
    assert_eq!(scraps(&dir.join("jobs")), [""; 0]);
}

/// A batch of recordings; each worker needs a moment for each.
fn recordings(dir: &Path) -> Vec<String> {
    let mut csv = "audio\n".to_owned();
    for n in 0..5 {
        tone(
            dir,
            &format!("t{n}.wav"),
            150 + 50 * n,
            0.6 + 0.3 * f64::from(n),
        );
        csv.push_str(&format!("t{n}.wav\n"));
    }
    std::fs::write(dir.join("jobs.csv"), csv).unwrap();
    (0..5).map(|n| format!("t{n}.mp4")).collect()
}

/// A batch of its own process group, which tells in JSON.
#[cfg(unix)]
fn started(dir: &Path, output: &str) -> Child {
    use std::os::unix::process::CommandExt;
    let args = ["batch", "jobs.csv", "--json", "--jobs", "2", "-o", output];
    common::command(dir, &args)
        .args(CHEAP)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[cfg(unix)]
fn signal(name: &str, target: &str) {
    let sent = Command::new("kill").args([name, "--", target]).status();
    assert!(sent.unwrap().success());
}

/// Reads events until the `count`th frame report or the end.
#[cfg(unix)]
fn events_until(child: &mut Child, count: usize) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::new();
    let mut frames = 0;
    let out = child.stdout.take().unwrap();
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap();
        frames += usize::from(event["stage"] == "render");
        told.push(event);
        if frames == count {
            break;
        }
    }
    told
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_it_goes_on_and_makes_the_same_clips() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let clips = recordings(dir);
    let read = |output: &str| -> BTreeMap<String, Vec<u8>> {
        let files = clips.iter();
        files
            .map(|c| (c.clone(), std::fs::read(dir.join(output).join(c)).unwrap()))
            .collect()
    };
    let finished = started(dir, "calm").wait_with_output().unwrap();
    assert!(finished.status.success());

    let mut told = Vec::new();
    // All at once, as when the power fails; then the parent alone.
    for (moment, alone) in [(4, false), (7, true), (2, false)] {
        let mut child = started(dir, "stormy");
        told.append(&mut events_until(&mut child, moment));
        let id = child.id();
        signal(
            "-KILL",
            &if alone {
                id.to_string()
            } else {
                format!("-{id}")
            },
        );
        child.wait().unwrap();
    }
    let last = started(dir, "stormy").wait_with_output().unwrap();
    assert!(
        last.status.success(),
        "{}",
        String::from_utf8_lossy(&last.stderr)
    );
    told.append(&mut events(&last));
    for clip in &clips {
        let made = named(&told, "done")
            .into_iter()
            .filter(|e| e["out"] == clip.as_str())
            .count();
        assert!(made <= 1, "{clip} was made {made} times");
    }
    assert!(
        read("calm") == read("stormy"),
        "other bytes than undisturbed"
    );
    assert_eq!(scraps(&dir.join("stormy")), [""; 0]);
    let workers = dir.join("stormy/.huashen/workers");
    let left = std::fs::read_dir(workers).unwrap().count();
    println!("{left} locks of killed workers are left");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_and_two_batches_share_the_work() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let clips = recordings(dir);
    let mut child = started(dir, "out");
    let begun = events_until(&mut child, 2);
    signal("-INT", &child.id().to_string());
    let stopped = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped"), "{said}");
    assert_eq!(scraps(&dir.join("out")), [""; 0]);

    let pair = [started(dir, "out"), started(dir, "out")];
    let mut told = begun;
    for child in pair {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let mine = events(&output);
        assert_eq!(mine.last().unwrap()["done"], 5, "each waits for the whole");
        told.extend(mine);
    }
    for clip in &clips {
        let made = named(&told, "done")
            .into_iter()
            .filter(|e| e["out"] == clip.as_str())
            .count();
        assert!(made <= 1, "{clip} was made {made} times");
        probed(&dir.join("out").join(clip));
    }
}

/// `huashen batch --check` on these bytes: its code and what it prints.
#[test]
fn an_input_that_vanishes_stops_no_other() {
    if !common::has(&["vulkan", "ffmpeg"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let outs = recordings(dir);
    let args = [&["batch", "jobs.csv", "--json"][..], &CHEAP].concat();
    let mut batch = common::command(dir, &args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told: Vec<Value> = Vec::new();
    for line in BufReader::new(batch.stdout.take().unwrap()).lines() {
        told.push(serde_json::from_str(&line.unwrap()).unwrap());
        // Everything was checked, and the first one is under way.
        if named(&told, "start").len() == 1 && dir.join("t3.wav").exists() {
            std::fs::rename(dir.join("t3.wav"), dir.join("away.wav")).unwrap();
        }
    }
    assert_eq!(batch.wait().unwrap().code(), Some(1));
    let failed = named(&told, "failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["out"], "t3.mp4");
    let error = failed[0]["error"].as_str().unwrap();
    assert!(
        error.contains("t3.wav") && error.contains("No such file"),
        "{error}"
    );
    assert_eq!(named(&told, "done").len(), 4);

    std::fs::rename(dir.join("away.wav"), dir.join("t3.wav")).unwrap();
    let told = events(&common::made(dir, &args));
    assert_eq!(told[0]["kept"], 4);
    assert_eq!(named(&told, "done").len(), 1);
    for out in outs {
        assert!(dir.join("jobs").join(out).is_file());
    }
}

fn checked(dir: &Path, name: &str, bytes: &[u8], more: &[&str]) -> (Option<i32>, String) {
    std::fs::write(dir.join(name), bytes).unwrap();
    let output = common::huashen(dir, &[&["batch", name, "--check"], more].concat());
    let text = [&output.stdout[..], &output.stderr].concat();
    assert!(!dir.join("jobs").exists(), "--check made something");
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn a_manifest_is_checked_in_whatever_form_it_was_saved() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let text = "脚本,姓名\n你好，{{姓名}}，欢迎来到我们的节目！,小明\n";
    let gbk = encoding_rs::GBK.encode(text).0.into_owned();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let forms: [(&str, Vec<u8>); 6] = [
        ("utf8.csv", text.into()),
        ("bom.csv", ["\u{feff}", text].concat().into()),
        ("gbk.csv", gbk),
        ("utf16.csv", utf16),
        ("semicolons.csv", text.replace(',', ";").into()),
        ("jobs.yaml", "jobs:\n- 脚本: 你好\n".into()),
    ];
    for (name, bytes) in forms {
        let (code, said) = checked(dir, name, &bytes, &[]);
        assert_eq!(code, Some(0), "{name}: {said}");
        assert!(
            said.contains("1 clip can be rendered, 0 errors"),
            "{name}: {said}"
        );
        assert_eq!(
            said.contains("is a guess"),
            name == "gbk.csv",
            "{name}: {said}"
        );
    }
}

#[test]
fn every_error_of_a_manifest_is_told_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("intro.txt"), "Hello {{nmae}}!").unwrap();
    std::fs::write(dir.join("notes.wav"), "no sound at all").unwrap();
    let csv = "script,script_file,audio,avatar,size,fps,style,name,out\n\
        Hi [pasue 1s] there,,,,,,,x,a\n\
        ,intro.txt,,,,,,x,b\n\
        ,intor.txt,,,,,,x,c\n\
        ,,notes.wav,,,,,x,d\n\
        Hi,,,lim,161x90,fast,lovely,x,e\n\
        Hi,,,,,,,x,A\n";
    let (code, said) = checked(dir, "jobs.csv", csv.as_bytes(), &[]);
    assert_eq!(code, Some(2), "{said}");
    for expected in [
        "jobs.csv, line 2, column 1: `script`: in the script at line 1, column 4: `[pasue 1s]` is \
         not a tag (did you mean `pause`?)",
        "jobs.csv, line 3, column 2: `script_file`: intro.txt: there is no `nmae` for {{nmae}}; \
         did you mean name?",
        "jobs.csv, line 4, column 2: `script_file`: intor.txt: there is no such file; did you \
         mean intro.txt?",
        "jobs.csv, line 5, column 3: `audio`: notes.wav: it cannot be opened: it is not a sound \
         or video file",
        "jobs.csv, line 6, column 6: `avatar`: there is no avatar `lim`; did you mean lin?",
        "jobs.csv, line 6, column 10: `size`: 161x90 cannot be encoded",
        "jobs.csv, line 6, column 17: `fps`: `fast` is not a frame rate",
        "jobs.csv, line 6, column 22: `style`: ",
        "jobs.csv, line 7, column 12: `out`: `A.mp4` is made by line 2 already",
        "jobs.csv: 0 clips can be rendered, 9 errors",
    ] {
        assert!(said.contains(expected), "no `{expected}` in\n{said}");
    }
    // Without --check nothing is rendered either.
    let refused = common::huashen(dir, &["batch", "jobs.csv"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!dir.join("jobs").exists());

    // A file that is in the way is not replaced.
    std::fs::create_dir(dir.join("there")).unwrap();
    std::fs::write(dir.join("there/a.mp4"), "precious").unwrap();
    let (code, said) = checked(dir, "one.csv", b"script,out\nHi,a\n", &["-o", "there"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("was not made by this batch"), "{said}");
}

#[test]
fn voices_are_checked_by_name() {
    if !common::has(&["speech"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let csv = "script,voice\nHi,af_hart\n[voice zm_yunx]你好[/voice],\n";
    let (code, said) = checked(temp.path(), "jobs.csv", csv.as_bytes(), &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("line 2, column 4: `voice`: there is no voice `af_hart`; did you mean"));
    assert!(
        said.contains("line 3, column 1: `script`: in the script at line 1, column"),
        "{said}"
    );
}

#[test]
fn scenes_are_checked_with_line_and_column() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let scene = "backgroud: red\nlayers:\n  - text: Hi\n    size: big\n";
    std::fs::write(dir.join("scene.yaml"), scene).unwrap();
    let (code, said) = checked(dir, "jobs.csv", b"script,scene\nHi,scene.yaml\n", &[]);
    assert_eq!(code, Some(2), "{said}");
    for expected in [
        "line 2, column 4",
        "line 1, column 1: `backgroud`: it is not known; did you mean `background`?",
        "line 4, column 11: `size`",
    ] {
        assert!(said.contains(expected), "no `{expected}` in\n{said}");
    }
    std::fs::write(dir.join("scene.yaml"), "background: red\n").unwrap();
    let (code, said) = checked(dir, "jobs.csv", b"script,scene\nHi,scene.yaml\n", &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_the_font_cannot_write_is_told_by_the_check() {
    if !common::has(&["font"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(
        dir.join("scene.yaml"),
        "layers:\n  - {text: \"{{name}}\", place: top}\n",
    )
    .unwrap();
    let csv = "script,name,burn_subtitles,scene\n\
        Hi {{name}} 你好,Ann,yes,\n\
        Hi {{name}},\u{13000},yes,\n\
        Hi {{name}},\u{13000},no,\n\
        Hi there,\u{13001},no,scene.yaml\n";
    let (code, said) = checked(dir, "jobs.csv", csv.as_bytes(), &[]);
    assert_eq!(code, Some(0), "it is a warning: {said}");
    let told: Vec<&str> = said.lines().filter(|l| l.contains("lacks")).collect();
    assert_eq!(told.len(), 2, "{said}");
    assert!(
        told[0].contains("line 3") && told[0].contains('\u{13000}'),
        "{said}"
    );
    assert!(
        told[1].contains("line 5") && told[1].contains('\u{13001}'),
        "{said}"
    );

    let csv = "script,scene\nHi,scene.yaml\n";
    let (code, said) = checked(dir, "other.csv", csv.as_bytes(), &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no `name`"), "{said}");
}

#[test]
fn each_clip_comes_out_as_its_row_asks() {
    if !common::has(&["vulkan", "ffmpeg", "speech", "listen"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    // A recording whose words are known.
    std::fs::write(dir.join("said.txt"), "Good morning, everybody.").unwrap();
    common::made(dir, &["speak", "said.txt", "-o", "said.wav"]);
    let csv = "audio,out,subtitles,burn_subtitles,label,i_label_elsewhere,size\n\
               said.wav,a,srt,yes,,,160x90\n\
               said.wav,shots/,,no,off,on the page,64x64\n\
               said.wav,again,srt,yes,,,160x90\n";
    std::fs::write(dir.join("jobs.csv"), csv).unwrap();
    let run = || {
        let output = common::made(dir, &["batch", "jobs.csv", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let events: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        events
    };
    let summary = run().pop().unwrap();
    assert_eq!(summary["done"], 3, "{summary}");
    assert_eq!(summary["jobs"][1]["label"]["elsewhere"], "on the page");
    assert_eq!(
        summary["jobs"][0]["label"]["visible"],
        "人工智能生成 AI-generated"
    );
    let report = std::fs::read_to_string(dir.join("jobs/report.html")).unwrap();
    assert!(report.contains("labelled elsewhere: on the page"));
    let subtitles = std::fs::read_to_string(dir.join("jobs/a.srt")).unwrap();
    assert!(
        subtitles.to_lowercase().contains("good morning, everybody"),
        "{subtitles}"
    );
    let again = std::fs::read_to_string(dir.join("jobs/again.srt")).unwrap();
    assert_eq!(subtitles, again, "the twin's subtitles");
    let shots = dir.join("jobs/shots");
    let files = std::fs::read_dir(&shots).unwrap().count();
    assert!(files > 20 && shots.join("sound.wav").is_file(), "{files}");

    // Whole folders are kept; one that lacks a picture is somebody's change.
    let started =
        |events: &[serde_json::Value]| events.iter().filter(|e| e["event"] == "start").count();
    assert_eq!(started(&run()), 0);
    std::fs::remove_file(shots.join("00003.png")).unwrap();
    let refused = common::huashen(dir, &["batch", "jobs.csv"]);
    assert_eq!(refused.status.code(), Some(2));
    common::made(dir, &["batch", "jobs.csv", "--force"]);
    assert!(shots.join("00003.png").is_file());

    std::fs::write(
        dir.join("bad.csv"),
        "script,out,subtitles,burn_subtitles,label\nHi,a,doc,perhaps,off\n",
    )
    .unwrap();
    let refused = common::huashen(dir, &["batch", "bad.csv", "--check"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    for expected in [
        "line 2, column 6: `subtitles`: `doc` is not one of srt, vtt, ass",
        "line 2, column 10: `burn_subtitles`: `perhaps` is neither yes nor no",
        "--i-label-elsewhere",
    ] {
        assert!(said.contains(expected), "no `{expected}` in\n{said}");
    }
}

#[test]
fn a_clip_does_not_tell_what_was_made_before_it() {
    if !common::has(&["vulkan", "ffmpeg", "speech"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (first, second) = (
        "\"Second one, a little longer than the first, so that it takes more room.\",b\n",
        "Third,c\n",
    );
    let clip = |name: &str, rows: &[&str]| {
        let csv = format!("script,out\n{}", rows.concat());
        std::fs::write(dir.join(format!("{name}.csv")), csv).unwrap();
        let manifest = format!("{name}.csv");
        common::made(dir, &["batch", &manifest, "--set", "size=1280x720"]);
        std::fs::read(dir.join(name).join("c.mp4")).unwrap()
    };
    let (alone, after) = (clip("alone", &[second]), clip("after", &[first, second]));
    assert!(alone == after, "{} and {} bytes", alone.len(), after.len());
}
