//! Live Link Face CSV: one row a frame, 61 curves.
//!
//! Columns as Epic's Live Link Face app writes them: `Timecode`
//! (`HH:MM:SS:FF.mmm`, the last part in thousandths of a frame),
//! `BlendShapeCount` (61), the 52 ARKit blendshapes in `ArkitShape::ALL` order
//! with a capital first letter, then yaw, pitch and roll in radians of head,
//! left eye and right eye. Joints are not part of the format.

use std::io::{self, Read, Write};

use huashen_core::{ArkitShape, Euler, FrameRate, MotionTrack, Pose};

use super::Moves;
use crate::MotionError;

/// Angle columns after the blendshapes.
const ANGLES: [&str; 9] = [
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
];
const CURVES: usize = huashen_core::ARKIT_COUNT + ANGLES.len();

/// A file longer than this is refused.
const MAX_FRAMES: usize = 1_000_000;
const MAX_COLUMNS: usize = 1024;
const MAX_LINE_BYTES: usize = 65_536;
/// No curve is larger: weights are about 1, angles under π.
const MAX_VALUE: f32 = 1000.0;

/// Writes `motion`, sampled at `fps`, as Live Link Face CSV with Unix line ends.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write(mut motion: impl Moves, fps: FrameRate, out: impl Write) -> Result<(), MotionError> {
    let mut csv = csv::WriterBuilder::new().flexible(false).from_writer(out);
    let mut header = vec!["Timecode".to_owned(), "BlendShapeCount".to_owned()];
    header.extend(ArkitShape::ALL.iter().map(|s| s.live_link_name()));
    header.extend(ANGLES.iter().map(|s| (*s).to_owned()));
    csv.write_record(&header).map_err(io_error)?;
    for n in 0..super::frame_count(&motion, fps) {
        let pose = motion.pose_at(fps.frame_time_secs(n));
        csv.write_field(timecode(n, fps)).map_err(io_error)?;
        csv.write_field(CURVES.to_string()).map_err(io_error)?;
        for v in pose.weights.0.into_iter().chain(angles(&pose)) {
            // 8 decimals keep an f32 near 1 to within its own rounding.
            csv.write_field(format!("{v:.8}")).map_err(io_error)?;
        }
        csv.write_record(None::<&[u8]>).map_err(io_error)?;
    }
    csv.flush()?;
    Ok(())
}

fn io_error(e: csv::Error) -> MotionError {
    match e.into_kind() {
        csv::ErrorKind::Io(e) => MotionError::Io(e),
        other => MotionError::Io(io::Error::other(format!("{other:?}"))),
    }
}

fn angles(pose: &Pose) -> impl Iterator<Item = f32> {
    [pose.head, pose.left_eye, pose.right_eye]
        .into_iter()
        .flat_map(|e| [e.yaw, e.pitch, e.roll])
}

/// Frames a second that a timecode counts (30 for 29.97: non-drop).
fn nominal(fps: FrameRate) -> u64 {
    (fps.fps().round() as u64).max(1)
}

fn timecode(n: u64, fps: FrameRate) -> String {
    let per_sec = nominal(fps);
    let (secs, frame) = (n / per_sec, n % per_sec);
    format!(
        "{:02}:{:02}:{:02}:{frame:02}.000",
        secs / 3600 % 24,
        secs / 60 % 60,
        secs % 60
    )
}

/// Reads Live Link Face CSV. Columns are matched by name in any order and
/// case; unknown ones are ignored; a row whose face was lost (no values) holds
/// the pose before it. The track starts at its first row and has the rate
/// `fps`; without one, it is the least usual rate that holds the file's
/// highest frame number.
///
/// # Errors
/// [`MotionError::Csv`] with the line number for anything that is not such a
/// file or is beyond the limits (1 million frames, 1024 columns, 64 KiB a line).
pub fn read(input: impl Read, fps: Option<FrameRate>) -> Result<MotionTrack, MotionError> {
    let mut csv = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(ShortLines::new(input));
    let header = csv.headers().map_err(|e| csv_error(e, 1))?.clone();
    let columns = Columns::of(&header)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let line = csv.position().line();
        if !csv
            .read_record(&mut record)
            .map_err(|e| csv_error(e, line))?
        {
            break;
        }
        let line = record.position().map_or(line, csv::Position::line);
        if rows.len() >= MAX_FRAMES {
            return Err(wrong(
                line,
                format!("more than {MAX_FRAMES} frames: split the file"),
            ));
        }
        let code = Code::parse(record.get(columns.timecode).unwrap_or(""), line)?;
        let pose = columns.pose(&record, line)?;
        let pose =
            pose.unwrap_or_else(|| rows.last().map_or_else(Pose::default, |r| r.pose.clone()));
        rows.push(Row { line, code, pose });
    }
    even(rows, fps)
}

fn wrong(line: u64, what: impl Into<String>) -> MotionError {
    MotionError::Csv {
        line,
        what: what.into(),
    }
}

fn csv_error(e: csv::Error, line: u64) -> MotionError {
    let line = e.position().map_or(line, csv::Position::line);
    match e.into_kind() {
        csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::InvalidData => {
            wrong(line, e.to_string())
        }
        csv::ErrorKind::Io(e) => MotionError::Io(e),
        csv::ErrorKind::Utf8 { .. } => wrong(line, "the text is not UTF-8"),
        other => wrong(line, format!("not CSV: {other:?}")),
    }
}

/// Where the curves are.
struct Columns {
    timecode: usize,
    shapes: Vec<(usize, ArkitShape)>,
    angles: Vec<(usize, usize)>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, MotionError> {
        if header.len() > MAX_COLUMNS {
            return Err(wrong(
                1,
                format!(
                    "{} columns; a Live Link Face file has 63, at most {MAX_COLUMNS} are read",
                    header.len()
                ),
            ));
        }
        let mut timecode = None;
        let mut shapes: Vec<(usize, ArkitShape)> = Vec::new();
        let mut angles: Vec<(usize, usize)> = Vec::new();
        for (i, name) in header.iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}');
            let twice = || wrong(1, format!("column `{name}` is there twice"));
            if name.eq_ignore_ascii_case("timecode") {
                if timecode.replace(i).is_some() {
                    return Err(twice());
                }
            } else if let Some(s) = ArkitShape::ALL
                .into_iter()
                .find(|s| s.name().eq_ignore_ascii_case(name))
            {
                if shapes.iter().any(|(_, other)| *other == s) {
                    return Err(twice());
                }
                shapes.push((i, s));
            } else if let Some(a) = ANGLES.iter().position(|a| a.eq_ignore_ascii_case(name)) {
                if angles.iter().any(|(_, other)| *other == a) {
                    return Err(twice());
                }
                angles.push((i, a));
            }
        }
        let timecode = timecode.ok_or_else(|| {
            wrong(
                1,
                "no `Timecode` column: expected a Live Link Face CSV with its header line",
            )
        })?;
        if shapes.is_empty() {
            return Err(wrong(
                1,
                "no column is named after an ARKit blendshape (`JawOpen` …)",
            ));
        }
        Ok(Self {
            timecode,
            shapes,
            angles,
        })
    }

    /// `None` for a row without values.
    fn pose(&self, record: &csv::StringRecord, line: u64) -> Result<Option<Pose>, MotionError> {
        let filled = |i: &usize| record.get(*i).is_some_and(|f| !f.is_empty());
        if !self.shapes.iter().any(|(i, _)| filled(i)) {
            return Ok(None);
        }
        let value = |i: usize, name: &str| -> Result<f32, MotionError> {
            let Some(field) = record.get(i) else {
                return Err(wrong(line, format!("the row ends before column `{name}`")));
            };
            match field.parse::<f32>() {
                Ok(v) if v.is_finite() && v.abs() <= MAX_VALUE => Ok(v),
                _ => {
                    let short: String = field.chars().take(24).collect();
                    Err(wrong(
                        line,
                        format!("`{short}` in column `{name}` is not a number within ±1000"),
                    ))
                }
            }
        };
        let mut pose = Pose::default();
        for &(i, shape) in &self.shapes {
            pose.weights[shape] = value(i, shape.name())?;
        }
        let mut a = [0.0; ANGLES.len()];
        for &(i, k) in &self.angles {
            a[k] = value(i, ANGLES[k])?;
        }
        pose.head = Euler::new(a[0], a[1], a[2]);
        pose.left_eye = Euler::new(a[3], a[4], a[5]);
        pose.right_eye = Euler::new(a[6], a[7], a[8]);
        Ok(Some(pose))
    }
}

/// A timecode: whole seconds since midnight and the frame within the second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Code {
    secs: u32,
    frame: f64,
}

impl Code {
    fn parse(text: &str, line: u64) -> Result<Self, MotionError> {
        let bad = || {
            let short: String = text.chars().take(24).collect();
            wrong(
                line,
                format!("`{short}` is not a timecode: expected HH:MM:SS:FF.mmm"),
            )
        };
        let mut parts = text.split(':');
        let mut whole = |limit: u32| -> Result<u32, MotionError> {
            let part = parts
                .next()
                .filter(|p| (1..=2).contains(&p.len()))
                .ok_or_else(bad)?;
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad());
            }
            part.parse().ok().filter(|v| *v < limit).ok_or_else(bad)
        };
        let secs = whole(24)? * 3600 + whole(60)? * 60 + whole(60)?;
        let rest = parts.next().ok_or_else(bad)?;
        let plain = rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if parts.next().is_some() || !plain || rest.len() > 16 {
            return Err(bad());
        }
        let frame: f64 = rest.parse().map_err(|_| bad())?;
        if !(0.0..1000.0).contains(&frame) {
            return Err(bad());
        }
        Ok(Self { secs, frame })
    }
}

struct Row {
    line: u64,
    code: Code,
    pose: Pose,
}

/// Rows at their timecodes → poses at an even rate.
fn even(rows: Vec<Row>, fps: Option<FrameRate>) -> Result<MotionTrack, MotionError> {
    let highest = rows.iter().map(|r| r.code.frame).fold(0.0, f64::max);
    let rate = fps.unwrap_or_else(|| {
        let usual = [24, 25, 30, 48, 50, 60, 90, 100, 120, 240, 1000];
        let holds = usual.into_iter().find(|r| highest < f64::from(*r));
        // Frame numbers say little about a file shorter than a second.
        let spans = rows
            .first()
            .zip(rows.last())
            .is_some_and(|(a, b)| a.code.secs != b.code.secs);
        FrameRate::whole(holds.unwrap_or(1000).max(if spans { 24 } else { 60 }))
    });
    let per_sec = nominal(rate) as f64;
    let position = |c: &Code| f64::from(c.secs) * per_sec + c.frame;
    let day = 86_400.0 * per_sec;
    let Some(start) = rows.first().map(|r| position(&r.code)) else {
        return Ok(MotionTrack {
            rate_hz: rate.fps(),
            poses: Vec::new(),
        });
    };
    let mut poses: Vec<Pose> = Vec::with_capacity(rows.len());
    let mut last: Option<(f64, Pose)> = None;
    for Row { line, code, pose } in rows {
        let mut at = position(&code) - start;
        if at < -0.5 * day {
            at += day; // past midnight
        }
        if let Some((before, held)) = &last {
            if at <= *before {
                return Err(wrong(
                    line,
                    "the timecode is not later than the one before it",
                ));
            }
            if at > MAX_FRAMES as f64 {
                return Err(wrong(
                    line,
                    format!("the timecode is more than {MAX_FRAMES} frames after the first"),
                ));
            }
            while (poses.len() as f64) < at - 1e-6 {
                let t = (poses.len() as f64 - before) / (at - before);
                poses.push(held.lerp(&pose, t as f32));
            }
        }
        if (poses.len() as f64 - at).abs() <= 1e-6 {
            poses.push(pose.clone());
        }
        last = Some((at, pose));
    }
    Ok(MotionTrack {
        rate_hz: rate.fps(),
        poses,
    })
}

/// Refuses a line longer than the limit before it fills the memory.
struct ShortLines<R> {
    inner: R,
    line_bytes: usize,
}

impl<R> ShortLines<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            line_bytes: 0,
        }
    }
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        for &b in &buffer[..n] {
            self.line_bytes = if b == b'\n' { 0 } else { self.line_bytes + 1 };
            if self.line_bytes > MAX_LINE_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "a line is longer than {MAX_LINE_BYTES} bytes: this is no Live Link Face CSV"
                    ),
                ));
            }
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use huashen_core::ARKIT_COUNT;
    use proptest::prelude::*;

    fn track(rate: f64, rows: Vec<[f32; CURVES]>) -> MotionTrack {
        let pose = |r: [f32; CURVES]| {
            let mut p = Pose::default();
            p.weights.0.copy_from_slice(&r[..ARKIT_COUNT]);
            let a = &r[ARKIT_COUNT..];
            p.head = Euler::new(a[0], a[1], a[2]);
            p.left_eye = Euler::new(a[3], a[4], a[5]);
            p.right_eye = Euler::new(a[6], a[7], a[8]);
            p
        };
        MotionTrack {
            rate_hz: rate,
            poses: rows.into_iter().map(pose).collect(),
        }
    }

    fn far(a: &MotionTrack, b: &MotionTrack) -> f32 {
        assert_eq!(a.poses.len(), b.poses.len());
        let mut worst = 0.0f32;
        for (x, y) in a.poses.iter().zip(&b.poses) {
            for (v, w) in x.weights.0.iter().zip(&y.weights.0) {
                worst = worst.max((v - w).abs());
            }
            for (v, w) in angles(x).zip(angles(y)) {
                worst = worst.max((v - w).abs());
            }
        }
        worst
    }

    fn error_of(text: &str) -> String {
        read(text.as_bytes(), None).unwrap_err().to_string()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in proptest::collection::vec(proptest::array::uniform(-1.5f32..1.5), 1..80),
            fps in prop_oneof![Just(24u32), Just(30), Just(60)],
        ) {
            let t = track(f64::from(fps), rows);
            let mut file = Vec::new();
            write(&t, FrameRate::whole(fps), &mut file).unwrap();
            let back = read(file.as_slice(), Some(FrameRate::whole(fps))).unwrap();
            prop_assert_eq!(back.rate_hz, t.rate_hz);
            prop_assert!(far(&t, &back) < 1e-6);
        }

        #[test]
        fn no_text_panics(text in "(Timecode|JawOpen|HeadYaw|[0-9:.,\"\n -]|NaN|é){0,200}") {
            let _ = read(text.as_bytes(), None);
        }

        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut file = b"Timecode,BlendShapeCount,JawOpen\n".to_vec();
            file.extend(body);
            let _ = read(file.as_slice(), None);
        }
    }

    #[test]
    fn the_header_is_the_apps_own() {
        let mut file = Vec::new();
        write(
            &track(60.0, vec![[0.25; CURVES]]),
            FrameRate::whole(60),
            &mut file,
        )
        .unwrap();
        let text = String::from_utf8(file).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        assert!(header.starts_with("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,"));
        assert!(header.ends_with(",TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"));
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("00:00:00:00.000,61,0.25000000,")
        );
        assert_eq!(
            timecode(60 * 3661 + 7, FrameRate::whole(60)),
            "01:01:01:07.000"
        );
        assert_eq!(
            timecode(
                30,
                FrameRate {
                    num: 30000,
                    den: 1001
                }
            ),
            "00:00:01:00.000"
        );
    }

    #[test]
    fn recordings_with_gaps_and_lost_faces_become_even() {
        let file = "Timecode,BlendShapeCount,JawOpen,Strange\n\
                    23:59:59:28.000,61,0.0,x\n\
                    23:59:59:29.500,61,0.3,x\n\
                    00:00:00:01.000,0\n\
                    00:00:00:02.000,61,0.6,x\n";
        let t = read(file.as_bytes(), Some(FrameRate::whole(30))).unwrap();
        let jaw: Vec<f32> = t
            .poses
            .iter()
            .map(|p| p.weights[ArkitShape::JawOpen])
            .collect();
        assert_eq!(jaw.len(), 5);
        for (got, want) in jaw.iter().zip([0.0, 0.2, 0.3, 0.3, 0.6]) {
            assert!((got - want).abs() < 1e-5, "{jaw:?}");
        }
    }

    #[test]
    fn errors_name_the_line_and_the_cure() {
        assert!(error_of("").contains("line 1: no `Timecode` column"));
        assert!(error_of("a,b\n1,2\n").contains("line 1"));
        let head = "Timecode,BlendShapeCount,JawOpen\n";
        assert!(
            error_of(&format!("{head}00:00:00:00.000,61,NaN\n"))
                .contains("line 2: `NaN` in column `jawOpen`")
        );
        assert!(
            error_of(&format!("{head}00:00:00:00,61,0\n00:61:00:00,61,0\n"))
                .contains("line 3: `00:61:00:00`")
        );
        assert!(
            error_of(&format!("{head}00:00:00:05,61,0\n00:00:00:05,61,0\n"))
                .contains("line 3: the timecode is not later")
        );
        assert!(
            error_of(&format!("{head}00:00:00:05,61,0\n23:00:00:05,61,0\n"))
                .contains("line 3: the timecode is more than")
        );
        assert!(error_of(&"x".repeat(70_000)).contains("longer than 65536 bytes"));
        assert!(error_of("Timecode,JawOpen,jawopen\n").contains("twice"));
    }
}
