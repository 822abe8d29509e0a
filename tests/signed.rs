//! Clips that are signed as synthetic, and what becomes of them when they are changed.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn openssl(dir: &Path, args: &str) {
    let output = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {args}: {said}");
}

/// A certificate authority of our own, and a signer whom it vouches for:
/// `chain.pem` and `key.pem`; `other.pem` is somebody else's key.
fn credentials(dir: &Path, key: &str) {
    let extensions = "keyUsage = critical, digitalSignature\n\
                      extendedKeyUsage = critical, emailProtection\n\
                      basicConstraints = critical, CA:false\n\
                      subjectKeyIdentifier = hash\n\
                      authorityKeyIdentifier = keyid\n";
    std::fs::write(dir.join("signer.ext"), extensions).unwrap();
    openssl(
        dir,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
         -subj /O=Test/CN=TestRoot -keyout root.key -out root.pem",
    );
    openssl(dir, &format!("genpkey {key} -out key.pem"));
    openssl(dir, &format!("genpkey {key} -out other.pem"));
    openssl(
        dir,
        "req -new -key key.pem -subj /O=Studio/CN=Presenter -out signer.csr",
    );
    openssl(
        dir,
        "x509 -req -in signer.csr -CA root.pem -CAkey root.key -CAcreateserial -days 1 \
         -extfile signer.ext -out signer.pem",
    );
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let chain = read("signer.pem") + &read("root.pem");
    std::fs::write(dir.join("chain.pem"), chain).unwrap();
}

/// A folder with a recording and a signer's files; none where tests cannot be run.
fn studio() -> Option<tempfile::TempDir> {
    if !common::has(&["vulkan", "ffmpeg", "openssl"]) {
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    common::tone(temp.path(), "0.6");
    credentials(temp.path(), P256);
    Some(temp)
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const SIGN: [&str; 4] = ["--c2pa-cert", "chain.pem", "--c2pa-key", "key.pem"];

fn render<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["render", "tone.wav", "--size", "160x90", "-o", out];
    [&args, more].concat()
}

fn inspected(dir: &Path, clip: &str) -> Value {
    let output = common::made(dir, &["inspect", clip, "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_signed_clip_says_who_and_shows_when_it_was_changed() {
    let Some(temp) = studio() else { return };
    let dir = temp.path();
    for clip in [
        "a.mp4", "a.mov", "a.gif", "a.webp", "a.m4a", "a.mp3", "a.wav",
    ] {
        common::made(dir, &render(clip, &SIGN));
        let found = inspected(dir, clip);
        let signed = &found["c2pa"];
        assert_eq!(signed["intact"], true, "{clip}: {signed}");
        assert_eq!(signed["signer"], "Presenter", "{clip}");
        assert_eq!(signed["organisation"], "Studio", "{clip}");
        assert_eq!(
            signed["source_type"], "compositeWithTrainedAlgorithmicMedia",
            "{clip}"
        );
        let with = signed["made_with"].as_str().unwrap();
        assert!(with.starts_with("Huashen "), "{clip}: {with}");
        if clip != "a.webp" {
            // It plays as before, in a player that knows nothing of signatures.
            let decoded = Command::new("ffmpeg")
                .args(["-v", "error", "-i", clip, "-f", "null", "-"])
                .current_dir(dir)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&decoded.stderr);
            assert!(
                decoded.status.success() && said.is_empty(),
                "{clip}: {said}"
            );
        }
    }
    let found = inspected(dir, "a.mp4");
    assert_eq!(
        found["label"]["Label"], "1",
        "the other label is there, too"
    );
    let frames = &found["streams"][0]["frames"];
    assert_eq!(frames, &15, "the index fits the pictures");

    // One byte of a picture.
    let path = dir.join("a.mp4");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 2000;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let changed = &inspected(dir, "a.mp4")["c2pa"];
    assert_eq!(changed["intact"], false, "{changed}");
    let line = common::made(dir, &["inspect", "a.mp4"]);
    let line = String::from_utf8_lossy(&line.stdout).into_owned();
    assert!(line.contains("C2PA: NOT VALID"), "{line}");

    common::made(dir, &render("plain.mp4", &[]));
    assert_eq!(inspected(dir, "plain.mp4")["c2pa"], Value::Null);
}

#[test]
fn rsa_and_ed25519_keys_sign_too() {
    if !common::has(&["openssl"]) {
        return;
    }
    for key in [
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "-algorithm ED25519",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    ] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        credentials(dir, key);
        let signer = huashen_pipeline::provenance::ClipSigner::open(
            &dir.join("chain.pem"),
            &dir.join("key.pem"),
        );
        match signer {
            Ok(signer) => assert_eq!(signer.name(), "Presenter", "{key}"),
            Err(error) => panic!("{key}: {error}"),
        }
    }
}

#[test]
fn what_cannot_be_signed_is_told_before_the_work() {
    let Some(temp) = studio() else { return };
    let dir = temp.path();
    std::fs::write(dir.join("no.pem"), "this is no key").unwrap();
    let cert = ["--c2pa-cert", "chain.pem"];
    for (out, more, why) in [
        ("a.webm", &SIGN[..], "cannot be signed"),
        ("shots/", &SIGN, "cannot be signed"),
        ("a.mp4", &cert, "--c2pa-key"),
        (
            "a.mp4",
            &[cert[0], cert[1], "--c2pa-key", "other.pem"],
            "not the certificate's",
        ),
        (
            "a.mp4",
            &[cert[0], cert[1], "--c2pa-key", "no.pem"],
            "private key",
        ),
        (
            "a.mp4",
            &[cert[0], cert[1], "--c2pa-key", "absent.pem"],
            "absent.pem",
        ),
        (
            "a.mp4",
            &[cert[0], "no.pem", "--c2pa-key", "key.pem"],
            "certificate",
        ),
        (
            "a.mp4",
            &[cert[0], "root.pem", "--c2pa-key", "root.key"],
            "certificate",
        ),
    ] {
        let output = common::huashen(dir, &render(out, more));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{out} {more:?}: {said}");
        assert!(said.contains(why), "{out} {more:?}: {said}");
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        assert!(!dir.join(out).exists());
    }
}

#[test]
fn a_batch_signs_what_its_rows_ask_for() {
    let Some(temp) = studio() else { return };
    let dir = temp.path();
    std::fs::write(
        dir.join("jobs.csv"),
        "audio,out,签名证书,签名私钥\ntone.wav,a,chain.pem,key.pem\ntone.wav,b,,\n",
    )
    .unwrap();
    let output = common::made(
        dir,
        &["batch", "jobs.csv", "--set", "size=160x90", "--json"],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["jobs"][0]["label"]["signed_by"], "Presenter");
    assert_eq!(inspected(dir, "jobs/a.mp4")["c2pa"]["intact"], true);
    assert_eq!(inspected(dir, "jobs/b.mp4")["c2pa"], Value::Null);

    std::fs::write(
        dir.join("wrong.csv"),
        "audio,out,c2pa_cert,c2pa_key\ntone.wav,a.webm,chain.pem,key.pem\ntone.wav,b,chain.pem,other.pem\n",
    )
    .unwrap();
    let output = common::huashen(dir, &["batch", "wrong.csv", "--check"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("line 2") && told.contains("line 3"), "{told}");
}
