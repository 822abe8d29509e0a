//! The live window, under a virtual desktop: what it shows, hears and tells.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it skips and fails by panicking"
)]

mod common;

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::window::{FACE, Running, desktop, mouth, report, shot};
use rosc::{OscMessage, OscPacket, OscType};

const NEEDS: [&str; 2] = ["vulkan", "desktop"];

/// In a small window on the face.
fn preview(dir: &Path, display: &str, steps: &str, args: &[&str]) -> Command {
    let args = [&FACE[..], args].concat();
    common::window::preview(dir, display, steps, "320x240", &args)
}

fn messages(packet: OscPacket) -> Vec<OscMessage> {
    match packet {
        OscPacket::Message(message) => vec![message],
        OscPacket::Bundle(bundle) => bundle.content.into_iter().flat_map(messages).collect(),
    }
}

#[test]
fn she_waits_plays_a_recording_and_says_a_line() {
    if !common::has(&["vulkan", "desktop", "speech"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("line.txt"), "你好，大家好！").unwrap();
    common::made(dir, &["speak", "line.txt", "-o", "talk.wav"]);
    let (_desktop, display) = desktop();
    let ear = UdpSocket::bind("127.0.0.1:0").unwrap();
    ear.set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let to = ear.local_addr().unwrap().to_string();
    let steps = "\
until pictures 3
until shut 0.05
until eyes-open
screenshot idle1.png
wait 0.3
screenshot idle2.png
drop talk.wav
until open 0.3
key space
wait 0.5
screenshot played.png
key space
until silence
wait 0.6
screenshot shut.png
drop line.txt
until open 0.3
key space
wait 0.5
screenshot said.png
key space
resize 300x400
until silence
wait 0.5
key b
screenshot tall.png
quit
";
    let child = preview(dir, &display, steps, &["--vmc-out", &to])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let done = AtomicBool::new(false);
    let (output, jaws) = std::thread::scope(|scope| {
        let told = scope.spawn(|| {
            let (mut jaws, mut datagram) = (Vec::new(), vec![0; 65_536]);
            while !done.load(Ordering::Relaxed) {
                let Ok(len) = ear.recv(&mut datagram) else {
                    continue;
                };
                let (_, packet) = rosc::decoder::decode_udp(&datagram[..len]).unwrap();
                for message in messages(packet) {
                    if let [OscType::String(name), OscType::Float(value)] = &message.args[..]
                        && message.addr == "/VMC/Ext/Blend/Val"
                        && name == "JawOpen"
                    {
                        jaws.push(*value);
                    }
                }
            }
            jaws
        });
        let output = child.wait_with_output().unwrap();
        done.store(true, Ordering::Relaxed);
        (output, told.join().unwrap())
    });
    let (report, said) = report(&output);
    // Nobody hears her, and she goes on.
    assert!(
        said.contains("no sound: ") && said.contains("going on in silence"),
        "{said}"
    );

    let idle = shot(dir, "idle1.png");
    assert_eq!(idle.dimensions(), (320, 240));
    let [first, still, played, shut, said] = ["idle1", "idle2", "played", "shut", "said"]
        .map(|name| mouth(&shot(dir, &format!("{name}.png"))));
    println!("waiting {first} {still}, played {played}, shut {shut}, said {said}");
    assert!(first < 10 && still < 10 && shut < 10, "open in silence");
    assert!(played > 40 && said > 40, "shut while speaking");
    // A person and a background are seen.
    assert_eq!(idle.get_pixel(2, 2).0, [0x28, 0x3c, 0x5a, 255]);
    let colours: std::collections::BTreeSet<[u8; 4]> = idle.pixels().map(|p| p.0).collect();
    assert!(colours.len() > 1000, "{} colours", colours.len());
    let tall = shot(dir, "tall.png");
    assert_eq!(tall.dimensions(), (300, 400));
    assert_eq!(tall.get_pixel(2, 2).0, [0, 177, 64, 255]);

    let number = |name: &str| report[name].as_f64().unwrap();
    assert!(number("pictures") > 20.0);
    let mut talk = hound::WavReader::open(dir.join("talk.wav")).unwrap();
    let secs = f64::from(talk.duration()) / f64::from(talk.spec().sample_rate);
    assert!(talk.samples::<i16>().count() > 1000);
    // The recording and the same line, all of it heard and no sample twice.
    let heard = number("heard_secs");
    assert!(
        heard > 1.5 * secs && heard < 2.5 * secs,
        "{heard} of {secs}"
    );
    assert_eq!(number("starved"), 0.0);
    let most = jaws.iter().copied().fold(0.0, f32::max);
    assert!(
        jaws.len() > 60 && most > 0.2,
        "{} faces, jaw {most}",
        jaws.len()
    );
}

#[test]
fn a_face_by_vmc_and_a_track_open_the_mouth() {
    if !common::has(&NEEDS) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (_desktop, display) = desktop();
    // A port that is free now.
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let steps = "\
until pictures 3
screenshot before.png
drop track.csv
until open 0.55
screenshot track.png
until open 0.85
screenshot vmc.png
quit
";
    let csv = |jaw: f32, rows: usize| {
        let row = |n: usize| format!("00:00:{:02}:{:02}.000,1,{jaw}\n", n / 30, n % 30);
        let rows: String = (0..rows).map(row).collect();
        format!("Timecode,BlendshapeCount,JawOpen\n{rows}")
    };
    std::fs::write(dir.join("track.csv"), csv(0.6, 60)).unwrap();
    let mut child = preview(dir, &display, steps, &["--vmc-in", &port.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let face = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |addr: &str, args: Vec<OscType>| {
        let message = OscPacket::Message(OscMessage {
            addr: addr.to_owned(),
            args,
        });
        let bytes = rosc::encoder::encode(&message).unwrap();
        face.send_to(&bytes, ("127.0.0.1", port)).ok();
    };
    let begun = Instant::now();
    // Once the track was seen.
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(120) {
        if dir.join("track.png").exists() {
            let jaw = vec![OscType::String("jawOpen".into()), OscType::Float(0.9)];
            send("/VMC/Ext/Blend/Val", jaw);
            send("/VMC/Ext/Blend/Apply", Vec::new());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let (report, _) = report(&child.wait_with_output().unwrap());
    assert!(report["faces"].as_u64().unwrap() > 0);
    let [before, track, vmc] =
        ["before", "track", "vmc"].map(|name| mouth(&shot(dir, &format!("{name}.png"))));
    println!("before {before}, track {track}, vmc {vmc}");
    assert!(before < 10 && track > 40 && vmc > 40);
}

/// A sound server whose microphone hears what is played to it, and its address.
fn sound_server(dir: &Path) -> (Running, String) {
    let socket = dir.join("server");
    std::fs::write(
        dir.join("pulse.pa"),
        format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name=mouth rate=48000\n\
             set-default-source mouth.monitor\n",
            socket.display()
        ),
    )
    .unwrap();
    std::fs::write(
        dir.join("asound.conf"),
        "pcm.!default { type pulse }\nctl.!default { type pulse }\n",
    )
    .unwrap();
    let running = Running(
        Command::new("pulseaudio")
            .args(["-n", "-F"])
            .arg(dir.join("pulse.pa"))
            .args(["--daemonize=no", "--exit-idle-time=-1", "--disallow-exit"])
            .args(["--use-pid-file=no", "--high-priority=no"])
            .env("XDG_RUNTIME_DIR", dir)
            .env("HOME", dir)
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    (running, format!("unix:{}", socket.display()))
}

/// What makes ALSA play on that server.
fn alsa(dir: &Path) -> String {
    format!("/usr/share/alsa/alsa.conf:{}/asound.conf", dir.display())
}

#[test]
fn a_voice_in_the_microphone_moves_the_mouth() {
    if !common::has(&["vulkan", "desktop", "speech", "pulse"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("line.txt"), "Hello, how are you today?").unwrap();
    common::made(dir, &["speak", "line.txt", "-o", "talk.wav"]);
    let (_desktop, display) = desktop();
    let (_server, server) = sound_server(dir);
    let steps = "until pictures 3\nuntil open 0.2\nscreenshot open.png\nquit\n";
    let mut child = preview(dir, &display, steps, &["--mic"])
        .env("ALSA_CONFIG_PATH", alsa(dir))
        .env("PULSE_SERVER", &server)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        Command::new("paplay")
            .args(["--device=mouth", "talk.wav"])
            .current_dir(dir)
            .env("PULSE_SERVER", &server)
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }
    let (report, said) = report(&child.wait_with_output().unwrap());
    assert!(said.contains("microphone: "), "{said}");
    assert!(report["voice_to_motion_secs"][0].as_f64().unwrap() > 0.0);
    assert!(dir.join("open.png").exists());
}

#[test]
fn the_window_opens_on_wayland_too() {
    if !common::has(&["vulkan", "wayland"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let _desktop = Running(
        Command::new("weston")
            .args(["--backend=headless-backend.so", "--socket=huashen-test"])
            .args(["--width=640", "--height=480", "--idle-time=0"])
            .env("XDG_RUNTIME_DIR", dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let begun = Instant::now();
    while !dir.join("huashen-test").exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let steps = "until pictures 3\nscreenshot seen.png\nquit\n";
    let output = preview(dir, "", steps, &[])
        .env_remove("DISPLAY")
        .env("XDG_RUNTIME_DIR", dir)
        .env("WAYLAND_DISPLAY", "huashen-test")
        .output()
        .unwrap();
    report(&output);
    let seen = shot(dir, "seen.png");
    assert_eq!(seen.dimensions(), (320, 240));
    assert_eq!(seen.get_pixel(2, 2).0, [0x28, 0x3c, 0x5a, 255]);
}

#[test]
fn a_sound_server_that_dies_is_not_the_end() {
    if !common::has(&["vulkan", "desktop", "speech", "pulse"]) {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(
        dir.join("line.txt"),
        "Good morning, and welcome to the show of today.",
    )
    .unwrap();
    common::made(dir, &["speak", "line.txt", "-o", "talk.wav"]);
    let (_desktop, display) = desktop();
    let (server, address) = sound_server(dir);
    let steps = "until sound\nscreenshot heard.png\nuntil silence\nquit\n";
    let mut child = preview(dir, &display, steps, &["--audio", "talk.wav"])
        .env("ALSA_CONFIG_PATH", alsa(dir))
        .env("PULSE_SERVER", &address)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !dir.join("heard.png").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was heard"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(server);
    let (report, said) = report(&child.wait_with_output().unwrap());
    assert!(
        said.contains("sound: ") && said.contains("going on in silence"),
        "{said}"
    );
    let talk = hound::WavReader::open(dir.join("talk.wav")).unwrap();
    let secs = f64::from(talk.duration()) / f64::from(talk.spec().sample_rate);
    let heard = report["heard_secs"].as_f64().unwrap();
    assert!(heard > 0.9 * secs, "{heard} of {secs}");
}
