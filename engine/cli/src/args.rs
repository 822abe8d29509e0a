//! Every flag, in one place. Values are checked where they are used.

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use huashen_pipeline::batch::Values;

/// Huashen 化身: a photo, a video or a 3D model becomes a presenter who speaks.
#[derive(Debug, Parser)]
#[command(
    name = "huashen",
    version,
    max_term_width = 100,
    after_help = "First time:\n  huashen setup\n  echo 'Hello! 你好!' > hello.txt\n  huashen render hello.txt -o hello.mp4"
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    /// Log more to stderr (-v, -vv, -vvv)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// No progress on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch and verify the models (resumes, verifies checksums, safe to repeat)
    #[command(after_help = "Example:\n  huashen setup speech")]
    Setup(Setup),
    /// Say what works on this machine and what to install
    #[command(after_help = "Example:\n  huashen doctor --json")]
    Doctor(Doctor),
    /// List, show and check avatars
    #[command(subcommand)]
    Avatar(Avatar),
    /// Speak a script into a sound file
    #[command(
        after_help = "Examples:\n  huashen speak hello.txt -o hello.wav\n  huashen speak hello.txt -o hello.wav --voice bf_emma --subtitles hello.srt\n  huashen speak --voices"
    )]
    Speak(Speak),
    /// Make the motion of a script or a recording, without pictures
    #[command(
        after_help = "Examples:\n  huashen motion hello.txt -o hello.csv      Live Link Face columns\n  huashen motion interview.wav -o interview.json"
    )]
    Motion(Motion),
    /// Capture the motion of a face in a video
    #[command(
        after_help = "Examples:\n  huashen track me.mp4 -o me.csv      Live Link Face columns\n  huashen track me.mp4 -o me.json --fps 30"
    )]
    Track(Track),
    /// Render a presenter who speaks a script or a recording
    #[command(
        after_help = "Examples:\n  huashen render hello.txt -o hello.mp4\n  huashen render talk.wav --avatar ./me.vrm --size 1080x1920 --background '#204060' -o talk.mp4\n  huashen render hello.txt --background transparent -o hello.webm\n  huashen render hello.txt --size 1080x1920 --burn-subtitles --highlight-words -o hello.mp4"
    )]
    Render(Box<Render>),
    /// Render many clips from a CSV or YAML manifest; run again, it goes on where it was
    #[command(after_help = BATCH_HELP)]
    Batch(Batch),
    /// Render jobs of a batch for the process that started this one
    #[command(hide = true)]
    BatchWorker(BatchWorker),
    /// Render one picture of an avatar, lossless
    #[command(
        after_help = "Example:\n  huashen still --pose jawOpen=.7,eyeBlinkLeft=1,headYaw=10 -o pose.png"
    )]
    Still(Still),
    /// Show an avatar live in a window: it waits, speaks, or follows a voice
    #[command(
        after_help = "Examples:\n  huashen preview                                     someone who waits\n  huashen preview --avatar alice --audio talk.wav\n  huashen preview --script hello.txt --emotion happy\n  huashen preview --mic --vmc-out localhost:39539     your voice moves her, and a VRM app too\n\nKeys:\n  P, F2   show or hide the panel     L      type a line and hear it\n  Space   hold the sound, go on      X      stop it\n  R       record, end the recording  S      take a screenshot\n  M       follow the microphone      1…9    gestures\n  A V     next avatar, voice         E Y    next emotion, style\n  B       next background            0      let go of all that is held\n  F T     fill the screen, on top    ? Esc  help, quit\n  Tab, arrows, Space and Enter walk and use the panel; Esc leaves it.\n\nDrop a recording, a script, a track, a photo, a video or a model on the window."
    )]
    Preview(Box<Preview>),
    /// Measure accuracy, as tables, beside baselines
    #[command(subcommand)]
    Eval(Eval),
    /// Show what a clip carries: streams, tags, durations
    #[command(after_help = "Example:\n  huashen inspect hello.mp4")]
    Inspect(Inspect),
}

#[derive(Debug, ClapArgs)]
pub struct Setup {
    /// What to fetch (`speech`, `face`, `text`, `listen`, or a model's name); everything when left out
    pub groups: Vec<String>,
    /// Only verify, fetch nothing
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Doctor {
    /// For machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Avatar {
    /// Make an avatar from one photo, or from footage of a person who speaks
    #[command(
        after_help = "Examples:\n  huashen avatar new --photo alice.jpg\n  huashen avatar new --photo team.jpg --face 2 --name bob\n  huashen avatar new --photo alice.jpg --force --debug stages\n  huashen avatar new --video me.mp4 --consent \"I am in it and agree\""
    )]
    New(NewAvatar),
    /// The avatars that `--avatar` finds by name
    List {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// What an avatar is and what it can do
    #[command(after_help = "Example:\n  huashen avatar show ./me.vrm")]
    Show {
        /// A name, a folder or a .glb/.gltf/.vrm file
        avatar: String,
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Whether an avatar can speak, and what it lacks
    #[command(after_help = "Example:\n  huashen avatar check ./me.glb")]
    Check {
        /// A name, a folder or a .glb/.gltf/.vrm file
        avatar: String,
        /// For machines
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub struct NewAvatar {
    /// A photo, painting or drawing of one person (PNG, JPEG, WebP)
    #[arg(
        long,
        value_name = "PICTURE",
        required_unless_present = "video",
        conflicts_with = "video"
    )]
    pub photo: Option<PathBuf>,
    /// Footage of one person who speaks to the camera: ten seconds will do, five minutes are best
    #[arg(long, value_name = "VIDEO")]
    pub video: Option<PathBuf>,
    /// Who is in the video and who agreed, kept in the avatar; asked for when left out
    #[arg(long, value_name = "TEXT", conflicts_with = "photo")]
    pub consent: Option<String>,
    /// Its name; the file's name when left out
    #[arg(long)]
    pub name: Option<String>,
    /// Which face, where there are several: 1 is the largest
    #[arg(long, default_value_t = 1)]
    pub face: usize,
    /// Build in spite of doubts, and replace an avatar of this name
    #[arg(long)]
    pub force: bool,
    /// What was found, for machines, on stdout
    #[arg(long)]
    pub json: bool,
    /// Write a picture of every stage into this folder: landmarks, net, depth, matte, background,
    /// and a sheet of all 52 expressions
    #[arg(long, value_name = "DIR")]
    pub debug: Option<PathBuf>,
}

/// How a script is spoken.
#[derive(Clone, Debug, ClapArgs)]
pub struct VoiceArgs {
    /// The voice (see `huashen speak --voices`); chosen by the script's language when left out
    #[arg(long, env = "HUASHEN_VOICE")]
    pub voice: Option<String>,
    /// Seed of everything random: blinks, glances, nods
    #[arg(long, env = "HUASHEN_SEED", default_value_t = 0)]
    pub seed: u64,
}

/// How a person moves.
#[derive(Clone, Debug, ClapArgs)]
pub struct MannerArgs {
    /// calm (a newsreader), natural or lively (a host)
    #[arg(long, env = "HUASHEN_STYLE", default_value = "natural")]
    pub style: String,
    /// neutral, happy, sad, angry or surprised
    #[arg(long, env = "HUASHEN_EMOTION", default_value = "neutral")]
    pub emotion: String,
    /// How strongly the emotion shows, 0 to 1
    #[arg(long, default_value_t = 0.6)]
    pub emotion_strength: f32,
    /// Where recordings are heard: cpu, cuda or metal (those two in builds with that feature)
    #[arg(long, env = "HUASHEN_DEVICE", default_value = "cpu")]
    pub device: String,
}

#[derive(Debug, ClapArgs)]
pub struct Speak {
    /// The script: a text file with markup, or `-` for stdin
    #[arg(required_unless_present = "voices")]
    pub script: Option<PathBuf>,
    /// The sound file to write (.wav, .m4a or .mp3)
    #[arg(short, long, required_unless_present = "voices")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// Subtitles to write beside it (.srt, .vtt or .ass)
    #[arg(long)]
    pub subtitles: Option<PathBuf>,
    #[command(flatten)]
    pub level: LoudnessArgs,
    #[command(flatten)]
    pub seal: SealArgs,
    /// List the voices
    #[arg(long)]
    pub voices: bool,
    /// Timed words and phonemes on stdout, for machines
    #[arg(long)]
    pub json: bool,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Motion {
    /// A script (text) or a recording (sound or video)
    pub input: PathBuf,
    /// Where to: .csv (Live Link Face), .json, .bvh or .vrma
    #[arg(short, long)]
    pub output: PathBuf,
    #[command(flatten)]
    pub voice: VoiceArgs,
    #[command(flatten)]
    pub manner: MannerArgs,
    /// Frames a second of the track
    #[arg(long, default_value = "60")]
    pub fps: String,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Track {
    /// A video of one person's face
    pub video: PathBuf,
    /// The motion file: .csv (Live Link Face), .json, .bvh or .vrma
    #[arg(short, long)]
    pub output: PathBuf,
    /// Frames a second of the track
    #[arg(long, default_value = "60")]
    pub fps: String,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// Who is shown and how.
#[derive(Clone, Debug, ClapArgs)]
pub struct PictureArgs {
    /// A name, a folder or a .glb/.gltf/.vrm file; the built-in presenter when left out
    #[arg(long, env = "HUASHEN_AVATAR")]
    pub avatar: Option<String>,
    /// Width x height in pixels
    #[arg(long, env = "HUASHEN_SIZE")]
    pub size: Option<String>,
    /// A colour (#rrggbb or a name), a picture, a video (in clips), or `transparent` (.webm, .mov,
    /// PNGs, stills)
    #[arg(long, env = "HUASHEN_BACKGROUND")]
    pub background: Option<String>,
    /// How much of the person is in the picture; a bust, or a photo as it was taken, when left out
    #[arg(long, value_enum)]
    pub shot: Option<Shot>,
    /// How it is drawn: `auto` takes the full look on a GPU, the lean one on a software adapter
    #[arg(long, value_enum, default_value_t = LookArg::Auto)]
    pub look: LookArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shot {
    Face,
    Bust,
    Half,
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LookArg {
    Auto,
    Lean,
    Full,
}

/// In what form a clip comes out.
#[derive(Clone, Debug, ClapArgs)]
pub struct DeliveryArgs {
    /// How pictures are encoded, where the name leaves it open; h264, vp9 in .webm, prores in a
    /// transparent .mov when left out
    #[arg(long, value_enum)]
    pub codec: Option<CodecArg>,
    /// How well pictures are kept, against size and time
    #[arg(long, value_enum, default_value_t = QualityArg::Good)]
    pub quality: QualityArg,
    /// Bits a second of the pictures instead of a quality: 8M, 800k
    #[arg(long, value_name = "BITS")]
    pub bitrate: Option<String>,
    /// Who encodes H.264 and H.265: `auto` takes a graphics chip (NVENC, VideoToolbox, VA-API) where
    /// one proves to work, `software` always the processor
    #[arg(long, value_enum, env = "HUASHEN_ENCODER", default_value_t = EncoderArg::Auto)]
    pub encoder: EncoderArg,
    #[command(flatten)]
    pub level: LoudnessArgs,
    /// Draw the subtitles into the picture; those of a recording are recognised
    #[arg(long)]
    pub burn_subtitles: bool,
    /// Let the word that is heard stand out, in burnt-in and .ass subtitles
    #[arg(long)]
    pub highlight_words: bool,
    /// The font of burnt-in subtitles (.otf, .ttf); Noto Sans SC when left out
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
    /// How long the corner says that the clip is made by AI: its first seconds, all the time, or
    /// not at all (metadata says it always)
    #[arg(long, value_enum, default_value_t = LabelArg::Opening)]
    pub label: LabelArg,
    /// Where the clip is labelled instead: needed by `--label off`, kept in the record (--json)
    #[arg(long, value_name = "REASON")]
    pub i_label_elsewhere: Option<String>,
    /// Who makes the clip, for its label's metadata
    #[arg(long, env = "HUASHEN_PRODUCER", value_name = "NAME")]
    pub producer: Option<String>,
    #[command(flatten)]
    pub seal: SealArgs,
}

/// How loud it is.
#[derive(Clone, Debug, ClapArgs)]
pub struct LoudnessArgs {
    /// How loud it comes out: `web` (-16 LUFS, podcasts too), `social` (-14), `broadcast` (-23, EBU
    /// R 128), `us-tv` (-24, ATSC A/85), a number of LUFS, or `as-is`
    #[arg(
        long,
        value_name = "WHERE",
        default_value = "web",
        allow_hyphen_values = true
    )]
    pub loudness: String,
}

/// Who signs what was made.
#[derive(Clone, Debug, ClapArgs)]
pub struct SealArgs {
    /// Sign it as synthetic (C2PA: .mp4, .mov, .m4a, .mp3, .wav, .gif, .webp) with this certificate:
    /// a PEM, its chain behind it
    #[arg(long, value_name = "FILE")]
    pub c2pa_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    pub c2pa_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelArg {
    Opening,
    Whole,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CodecArg {
    H264,
    H265,
    Vp9,
    Prores,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EncoderArg {
    Auto,
    Software,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum QualityArg {
    Draft,
    Good,
    Best,
}

#[derive(Clone, Debug, ClapArgs)]
pub struct Render {
    /// A script (text) or a recording (sound or video); with `--avatar same`, a video of somebody
    pub input: PathBuf,
    /// With `--avatar same`: what the person in the video says instead, a script or a recording
    #[arg(long, value_name = "FILE")]
    pub say: Option<PathBuf>,
    /// With `--avatar same`: who is in the video, and who agreed that they say other words
    #[arg(long, value_name = "TEXT")]
    pub consent: Option<String>,
    /// The clip to write: .mp4, .mov, .mkv or .webm; a folder for PNGs (`shots/`); .gif or .webp
    /// for a small preview; .wav, .m4a or .mp3 for the sound alone
    #[arg(short, long)]
    pub output: PathBuf,
    #[command(flatten)]
    pub delivery: DeliveryArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub voice: VoiceArgs,
    #[command(flatten)]
    pub manner: MannerArgs,
    /// What is around the person (YAML): background, slides, titles, pictures; see README
    #[arg(long, value_name = "FILE")]
    pub scene: Option<PathBuf>,
    /// What a batch puts into the scene's titles.
    #[arg(skip)]
    pub values: Values,
    /// Frames a second
    #[arg(long, env = "HUASHEN_FPS")]
    pub fps: Option<String>,
    /// Subtitles to write beside it (.srt, .vtt or .ass)
    #[arg(long)]
    pub subtitles: Option<PathBuf>,
    /// The clip's title, written into the file
    #[arg(long)]
    pub title: Option<String>,
    /// What was made, for machines, on stdout
    #[arg(long)]
    pub json: bool,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
}

const BATCH_HELP: &str = "\
A CSV file is a mail-merge: its first line names the columns, each further row is a clip.
  script,name,out
  \"Hello, {{name}}! [gesture wave]\",Ann,hello-{{name}}
  你好，{{name}}！,小明,hello-{{name}}
Columns: script (脚本), script_file or audio; avatar, voice, out, title, size, fps, background, scene,
shot, look, style, emotion, emotion_strength, seed. Every other column is a {{name}}, too.
A YAML file has the same names under `defaults:` and `jobs:`; --schema helps editors with it.

Examples:
  huashen batch jobs.csv --check              every error of the file, with line and column
  huashen batch jobs.csv                      the clips in the folder jobs/, with report.html
  huashen batch jobs.yaml -o clips --set size=640x360 --jobs 2
  huashen batch jobs.csv --only 3             the third clip alone
  huashen batch jobs.csv --export-openjd job.json   for a farm: openjd run job.json";

#[derive(Debug, ClapArgs)]
pub struct Batch {
    /// The manifest: .csv (one row a clip) or .yaml
    #[arg(required_unless_present = "schema")]
    pub manifest: Option<PathBuf>,
    /// Folder for the clips; named like the manifest and beside it when left out
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only report what is wrong, with line and column; render nothing
    #[arg(long)]
    pub check: bool,
    /// Worker processes; each keeps its own models and avatar loaded
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// A setting for every job that does not say its own, such as size=640x360; repeat it for more
    #[arg(long, value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Make this clip and no other: its number in the manifest, or its file's name
    #[arg(long, value_name = "CLIP", conflicts_with = "export_openjd")]
    pub only: Option<String>,
    /// Write a job template for render farms (Open Job Description, .json or .yaml) instead of
    /// rendering; it belongs beside the manifest
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub export_openjd: Option<PathBuf>,
    /// Render the jobs that are right although others are wrong
    #[arg(long)]
    pub keep_going: bool,
    /// How the manifest is encoded, where it is guessed wrong: gb18030, big5, windows-1252 …
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Where the batch notes what is finished; .huashen in the output folder when left out
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// What happens, for machines: one JSON object a line on stdout
    #[arg(long)]
    pub json: bool,
    /// Replace files that this batch did not make
    #[arg(long)]
    pub force: bool,
    /// Print the JSON Schema of YAML manifests
    #[arg(long)]
    pub schema: bool,
}

#[derive(Debug, ClapArgs)]
pub struct BatchWorker {
    #[arg(long)]
    pub state: PathBuf,
    #[arg(long)]
    pub output: PathBuf,
    #[arg(long)]
    pub manifest: String,
    #[arg(long)]
    pub only: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub struct Still {
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Blendshapes (0 to 1) and degrees: jawOpen=.7,headYaw=10,leftEyePitch=-5; at rest when left out
    #[arg(long)]
    pub pose: Option<String>,
    /// A gesture at its stroke: wave, point-up, thumbs-up …; --pose comes on top of it
    #[arg(long)]
    pub gesture: Option<String>,
    /// The picture to write (.png)
    #[arg(short, long)]
    pub output: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Preview {
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub voice: VoiceArgs,
    #[command(flatten)]
    pub manner: MannerArgs,
    /// Play a recording (sound or video)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["script", "mic"])]
    pub audio: Option<PathBuf>,
    /// Speak a script, while it is synthesised
    #[arg(long, value_name = "FILE", conflicts_with = "mic")]
    pub script: Option<PathBuf>,
    /// Follow the microphone
    #[arg(long)]
    pub mic: bool,
    /// Play a motion track (Live Link Face .csv); beside --audio, in step with it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["script", "mic"])]
    pub track: Option<PathBuf>,
    /// Follow a face that comes by VMC (OSC over UDP), at this port: 39540 when left out
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "39540")]
    pub vmc_in: Option<u16>,
    /// Send the motion by VMC, 60 times a second: localhost:39539 when left out
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "localhost:39539")]
    pub vmc_out: Option<String>,
    /// Play on this device: a part of its name (see `huashen doctor`)
    #[arg(long, value_name = "NAME", env = "HUASHEN_SPEAKER")]
    pub speaker: Option<String>,
    /// Listen to this device: a part of its name
    #[arg(long, value_name = "NAME", env = "HUASHEN_MICROPHONE")]
    pub microphone: Option<String>,
    /// Open with the panel shown (the key P shows and hides it)
    #[arg(long)]
    pub panel: bool,
    /// Record what is seen and heard into this file, from the first picture on (the key R records
    /// too)
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "record")]
    pub force: bool,
    /// Be a camera for other programs: a v4l2 loopback device (Linux)
    #[arg(long, value_name = "DEVICE")]
    pub camera: Option<PathBuf>,
    /// Fill the screen
    #[arg(long)]
    pub fullscreen: bool,
    /// Stay above other windows
    #[arg(long)]
    pub on_top: bool,
    /// How it went, for machines, on stdout at the end
    #[arg(long)]
    pub json: bool,
    /// Do what this file says, step by step, in place of a user (for tests)
    #[arg(long, value_name = "FILE", hide = true)]
    pub script_ui: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Eval {
    /// How well sound becomes motion, on voices and recordings that no training heard
    #[command(
        after_help = "Examples:\n  huashen eval motion\n  huashen eval motion --capture facegood --plot curves.png"
    )]
    Motion(EvalMotion),
    /// How near a video avatar comes to the person, in footage it was not built from
    #[command(
        after_help = "Example:\n  huashen eval clone me.mp4\n\nThe avatar is built from the first four fifths and driven with the sound of the last, then with the curves tracked there."
    )]
    Clone(EvalClone),
}

#[derive(Debug, ClapArgs)]
pub struct EvalClone {
    /// Footage of one person who speaks to the camera
    pub video: PathBuf,
    /// Keep the pictures that were made, as PNGs in this folder
    #[arg(long, value_name = "DIR")]
    pub frames: Option<PathBuf>,
    /// For machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct EvalMotion {
    /// Facial-capture recordings too: a folder of N.npy + N.wav and channels.json
    #[arg(long, value_name = "DIR")]
    pub capture: Option<PathBuf>,
    /// Recorded English with aligned phonemes too: a folder of N.phone.json (as PocketSphinx prints it) + N.wav
    #[arg(long, value_name = "DIR")]
    pub phones: Option<PathBuf>,
    /// Where the model runs: cpu, cuda or metal
    #[arg(long, env = "HUASHEN_DEVICE", default_value = "cpu")]
    pub device: String,
    /// Leave out the synthesised speech (which needs the speech models)
    #[arg(long)]
    pub no_speech: bool,
    /// Draw the curves of the first recording into this picture (.png)
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// For machines
    #[arg(long)]
    pub json: bool,
    /// Replace an existing picture
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Inspect {
    /// A video or sound file
    pub clip: PathBuf,
    /// For machines
    #[arg(long)]
    pub json: bool,
}
