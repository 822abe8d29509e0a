//! The Virtual Motion Capture protocol, OSC over UDP: faces in from VSeeFace and
//! its kin, poses out to apps that show a VRM.
//!
//! Blendshapes go by their ARKit names ("perfect sync"), and as VRM's presets.
//! Rotations are Unity's: left-handed, +Y up, +Z forward.
//! Spec: protocol.vmc.info.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use glam::{EulerRot, Quat};
use huashen_core::{ArkitShape as A, ArkitWeights, Euler, Joint, Pose};
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use super::Face;

/// Where performers send to, and where marionettes listen, by convention.
pub const IN_PORT: u16 = 39_540;
pub const OUT_PORT: u16 = 39_539;

/// Messages a packet: below the size that Ethernet carries in one piece.
const PACKET_MESSAGES: usize = 20;

/// A VRM preset by its names in VRM 0 and 1, and what it means in ARKit's shapes.
struct Preset {
    names: [&'static str; 2],
    shapes: &'static [(A, f32)],
}

/// Ways back from presets, for senders that have nothing better.
const PRESETS: [Preset; 12] = [
    Preset {
        names: ["a", "aa"],
        shapes: &[(A::JawOpen, 0.7)],
    },
    Preset {
        names: ["i", "ih"],
        shapes: &[
            (A::JawOpen, 0.15),
            (A::MouthStretchLeft, 0.5),
            (A::MouthStretchRight, 0.5),
        ],
    },
    Preset {
        names: ["u", "ou"],
        shapes: &[(A::JawOpen, 0.2), (A::MouthPucker, 0.8)],
    },
    Preset {
        names: ["e", "ee"],
        shapes: &[
            (A::JawOpen, 0.3),
            (A::MouthSmileLeft, 0.4),
            (A::MouthSmileRight, 0.4),
        ],
    },
    Preset {
        names: ["o", "oh"],
        shapes: &[(A::JawOpen, 0.45), (A::MouthFunnel, 0.7)],
    },
    Preset {
        names: ["blink", "blink"],
        shapes: &[(A::EyeBlinkLeft, 1.0), (A::EyeBlinkRight, 1.0)],
    },
    Preset {
        names: ["blink_l", "blinkleft"],
        shapes: &[(A::EyeBlinkLeft, 1.0)],
    },
    Preset {
        names: ["blink_r", "blinkright"],
        shapes: &[(A::EyeBlinkRight, 1.0)],
    },
    Preset {
        names: ["joy", "happy"],
        shapes: &[(A::MouthSmileLeft, 0.8), (A::MouthSmileRight, 0.8)],
    },
    Preset {
        names: ["angry", "angry"],
        shapes: &[(A::BrowDownLeft, 0.9), (A::BrowDownRight, 0.9)],
    },
    Preset {
        names: ["sorrow", "sad"],
        shapes: &[
            (A::BrowInnerUp, 0.8),
            (A::MouthFrownLeft, 0.6),
            (A::MouthFrownRight, 0.6),
        ],
    },
    Preset {
        names: ["surprised", "surprised"],
        shapes: &[
            (A::BrowInnerUp, 0.8),
            (A::EyeWideLeft, 0.8),
            (A::EyeWideRight, 0.8),
        ],
    },
];

/// Puts what packets say together to a face.
#[derive(Debug, Default)]
pub struct Receiver {
    weights: ArkitWeights,
    /// What presets ask for, where a sender has no ARKit shapes.
    presets: ArkitWeights,
    arkit: bool,
    head: Option<Euler>,
    eyes: [Option<Euler>; 2],
}

impl Receiver {
    /// Takes one datagram; gives the face once it is complete. What is no OSC
    /// or means nothing here is passed over.
    pub fn take(&mut self, datagram: &[u8]) -> Option<Face> {
        let (_, packet) = rosc::decoder::decode_udp(datagram)
            .map_err(|e| tracing::debug!("a datagram that is no OSC: {e}"))
            .ok()?;
        let mut applied = false;
        self.packet(&packet, 0, &mut applied);
        applied.then(|| self.face())
    }

    fn packet(&mut self, packet: &OscPacket, depth: usize, applied: &mut bool) {
        match packet {
            OscPacket::Message(message) => *applied |= self.message(message),
            OscPacket::Bundle(bundle) if depth < 8 => {
                for inner in &bundle.content {
                    self.packet(inner, depth + 1, applied);
                }
            }
            OscPacket::Bundle(_) => {}
        }
    }

    /// True when the face is to be shown.
    fn message(&mut self, message: &OscMessage) -> bool {
        match (message.addr.as_str(), &message.args[..]) {
            ("/VMC/Ext/Blend/Val", [OscType::String(name), OscType::Float(value)]) => {
                self.shape(name, *value);
                false
            }
            ("/VMC/Ext/Blend/Apply", _) => true,
            ("/VMC/Ext/Bone/Pos", [OscType::String(name), rest @ ..]) => {
                let Some([.., x, y, z, w]) = floats::<7>(rest) else {
                    return false;
                };
                let turn = euler(Quat::from_xyzw(x, -y, -z, w));
                match name.to_lowercase().as_str() {
                    "head" => self.head = Some(turn),
                    "lefteye" => self.eyes[0] = Some(turn),
                    "righteye" => self.eyes[1] = Some(turn),
                    _ => {}
                }
                false
            }
            _ => false,
        }
    }

    fn shape(&mut self, name: &str, value: f32) {
        if !value.is_finite() {
            return;
        }
        let value = value.clamp(0.0, 1.0);
        if let Some(shape) = A::ALL
            .into_iter()
            .find(|s| s.name().eq_ignore_ascii_case(name))
        {
            self.weights[shape] = value;
            self.arkit |= value > 0.0;
            return;
        }
        let name = name.to_lowercase();
        if let Some(preset) = PRESETS.iter().find(|p| p.names.contains(&name.as_str())) {
            for (shape, share) in preset.shapes {
                self.presets[*shape] = self.presets[*shape].max(value * share);
            }
        }
    }

    /// The face so far; presets count anew from here.
    fn face(&mut self) -> Face {
        let presets = std::mem::take(&mut self.presets);
        Face::Whole {
            weights: if self.arkit { self.weights } else { presets },
            head: self.head,
            eyes: match self.eyes {
                [Some(left), Some(right)] => Some((left, right)),
                _ => None,
            },
        }
    }
}

/// Exactly `N` floats.
fn floats<const N: usize>(args: &[OscType]) -> Option<[f32; N]> {
    let mut out = [0.0; N];
    if args.len() != N {
        return None;
    }
    for (slot, arg) in out.iter_mut().zip(args) {
        match arg {
            OscType::Float(v) if v.is_finite() => *slot = *v,
            _ => return None,
        }
    }
    Some(out)
}

/// Back from [`Euler::quat`].
fn euler(q: Quat) -> Euler {
    let (yaw, down, roll) = q.normalize().to_euler(EulerRot::YXZ);
    let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
    Euler::new(finite(yaw), finite(-down), finite(roll))
}

/// Listens on a UDP port.
pub struct Listener {
    socket: UdpSocket,
    receiver: Receiver,
    datagram: Vec<u8>,
}

impl Listener {
    /// On all of this machine's addresses.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn bind(port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind(("0.0.0.0", port))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(Self {
            socket,
            receiver: Receiver::default(),
            datagram: vec![0; 65_536],
        })
    }

    /// Waits a moment for the next face.
    pub fn next_face(&mut self) -> Option<Face> {
        let len = self.socket.recv(&mut self.datagram).ok()?;
        self.receiver.take(&self.datagram[..len])
    }
}

/// Sends poses to one receiver.
pub struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Sender {
    /// To `HOST:PORT`.
    ///
    /// # Errors
    /// When the host is not known.
    pub fn new(to: &str) -> io::Result<Self> {
        let to = to
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address"))?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        Ok(Self {
            socket: UdpSocket::bind(any)?,
            to,
        })
    }

    /// Sends one pose, `secs` after the start. Nobody may be listening: that is
    /// no error.
    pub fn send(&self, pose: &Pose, secs: f64) {
        for packet in packets(pose, secs) {
            match rosc::encoder::encode(&packet) {
                Ok(bytes) => {
                    self.socket.send_to(&bytes, self.to).ok();
                }
                Err(error) => tracing::debug!("a pose could not be encoded: {error}"),
            }
        }
    }
}

/// A pose as bundles of messages.
pub fn packets(pose: &Pose, secs: f64) -> Vec<OscPacket> {
    let message = |addr: &str, args: Vec<OscType>| {
        OscPacket::Message(OscMessage {
            addr: addr.to_owned(),
            args,
        })
    };
    let mut all = vec![
        message("/VMC/Ext/OK", vec![OscType::Int(1)]),
        message("/VMC/Ext/T", vec![OscType::Float(secs as f32)]),
    ];
    let bone = |name: &str, q: Quat| {
        let mut args = vec![OscType::String(name.to_owned())];
        // Positions stay at rest; the hand of the axes changes.
        args.extend([0.0, 0.0, 0.0, q.x, -q.y, -q.z, q.w].map(OscType::Float));
        message("/VMC/Ext/Bone/Pos", args)
    };
    all.push(bone("Head", pose.head.quat()));
    all.push(bone("LeftEye", pose.left_eye.quat()));
    all.push(bone("RightEye", pose.right_eye.quat()));
    for (joint, rotation) in &pose.joints {
        if let Some(name) = unity_name(*joint) {
            all.push(bone(&name, *rotation));
        }
    }
    let blend = |name: &str, value: f32| {
        message(
            "/VMC/Ext/Blend/Val",
            vec![OscType::String(name.to_owned()), OscType::Float(value)],
        )
    };
    for shape in A::ALL {
        // As perfect-sync models name their clips.
        all.push(blend(&shape.live_link_name(), pose.weights[shape]));
    }
    for (name, value) in presets(&pose.weights) {
        all.push(blend(name, value));
    }
    all.push(message("/VMC/Ext/Blend/Apply", Vec::new()));
    let now = OscTime {
        seconds: 0,
        // "At once", as the OSC specification writes it.
        fractional: 1,
    };
    let mut out = Vec::new();
    let mut rest = all;
    while !rest.is_empty() {
        let later = rest.split_off(rest.len().min(PACKET_MESSAGES));
        out.push(OscPacket::Bundle(OscBundle {
            timetag: now,
            content: std::mem::replace(&mut rest, later),
        }));
    }
    out
}

/// The name of a joint among Unity's `HumanBodyBones`; none for head and eyes,
/// which are told apart.
fn unity_name(joint: Joint) -> Option<String> {
    match joint {
        Joint::Head | Joint::LeftEye | Joint::RightEye | Joint::Jaw => None,
        // Unity calls a thumb's joints one later.
        Joint::LeftThumbMetacarpal => Some("LeftThumbProximal".to_owned()),
        Joint::LeftThumbProximal => Some("LeftThumbIntermediate".to_owned()),
        Joint::RightThumbMetacarpal => Some("RightThumbProximal".to_owned()),
        Joint::RightThumbProximal => Some("RightThumbIntermediate".to_owned()),
        other => {
            let name = other.name();
            Some(name[..1].to_ascii_uppercase() + &name[1..])
        }
    }
}

/// VRM 0's presets, for models that have no others.
fn presets(w: &ArkitWeights) -> [(&'static str, f32); 7] {
    let open = w[A::JawOpen];
    let round = w[A::MouthFunnel].max(w[A::MouthPucker]);
    let wide = 0.5 * (w[A::MouthStretchLeft] + w[A::MouthStretchRight])
        + 0.5 * (w[A::MouthSmileLeft] + w[A::MouthSmileRight]);
    let gap = (open - w[A::MouthClose]).clamp(0.0, 1.0);
    [
        (
            "A",
            (gap * 1.4 * (1.0 - round) * (1.0 - 0.5 * wide)).clamp(0.0, 1.0),
        ),
        ("I", (wide * (1.0 - gap)).clamp(0.0, 1.0)),
        ("U", (w[A::MouthPucker] * (1.0 - gap)).clamp(0.0, 1.0)),
        ("E", (wide * gap).clamp(0.0, 1.0)),
        ("O", (round * gap * 1.5).clamp(0.0, 1.0)),
        ("Blink_L", w[A::EyeBlinkLeft]),
        ("Blink_R", w[A::EyeBlinkRight]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_comes_in() {
        let mut pose = Pose::default();
        pose.weights[A::JawOpen] = 0.6;
        pose.weights[A::EyeBlinkLeft] = 0.25;
        pose.head = Euler::new(0.3, -0.1, 0.05);
        pose.left_eye = Euler::new(0.1, 0.05, 0.0);
        pose.right_eye = Euler::new(0.12, 0.05, 0.0);
        let mut receiver = Receiver::default();
        let mut face = None;
        for packet in packets(&pose, 1.5) {
            let bytes = rosc::encoder::encode(&packet).unwrap();
            assert!(bytes.len() < 1472, "{} bytes", bytes.len());
            face = receiver.take(&bytes).or(face);
        }
        let Some(Face::Whole {
            weights,
            head: Some(head),
            eyes: Some((left, right)),
        }) = face
        else {
            panic!("{face:?}");
        };
        assert_eq!(weights, pose.weights);
        let near = |a: Euler, b: Euler| {
            (a.yaw - b.yaw).abs() + (a.pitch - b.pitch).abs() + (a.roll - b.roll).abs() < 1e-5
        };
        assert!(near(head, pose.head), "{head:?}");
        assert!(near(left, pose.left_eye) && near(right, pose.right_eye));
    }

    #[test]
    fn a_sender_with_presets_alone_opens_the_mouth_too() {
        let val = |name: &str, value| {
            OscPacket::Message(OscMessage {
                addr: "/VMC/Ext/Blend/Val".to_owned(),
                args: vec![OscType::String(name.to_owned()), OscType::Float(value)],
            })
        };
        let apply = OscPacket::Message(OscMessage {
            addr: "/VMC/Ext/Blend/Apply".to_owned(),
            args: Vec::new(),
        });
        let mut receiver = Receiver::default();
        let mut send = |packet| receiver.take(&rosc::encoder::encode(&packet).unwrap());
        assert_eq!(send(val("A", 1.0)), None);
        let Some(Face::Whole { weights, head, .. }) = send(apply.clone()) else {
            panic!("no face");
        };
        assert_eq!((weights[A::JawOpen], head), (0.7, None));
        // Shut again with the next one.
        send(val("A", 0.0));
        let Some(Face::Whole { weights, .. }) = send(apply) else {
            panic!("no face");
        };
        assert_eq!(weights[A::JawOpen], 0.0);
    }

    #[test]
    fn noise_and_broken_numbers_are_passed_over() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.take(b"not osc at all"), None);
        assert_eq!(receiver.take(&[]), None);
        receiver.shape("jawOpen", f32::NAN);
        receiver.shape("jawOpen", 7.0);
        assert_eq!(receiver.weights[A::JawOpen], 1.0);
    }
}
