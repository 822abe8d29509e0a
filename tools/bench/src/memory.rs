//! Peak memory of the binary as clips grow longer.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use huashen_core::Size;

/// About six seconds each when spoken.
const SENTENCE: &str =
    "Every morning the river carries small boats past the old bridge and the quiet market square. ";

/// Prints peak memory of a 1-minute and a 10-minute clip.
pub fn table(avatar: &str, size: Size) -> Result<()> {
    // The binary lies beside this one.
    let huashen = std::env::current_exe()?.with_file_name("huashen");
    ensure!(
        huashen.is_file(),
        "{} is missing: cargo build --release -p huashen-cli",
        huashen.display()
    );
    println!("| clip | peak memory | took |\n| --- | --- | --- |");
    let mut peaks = Vec::new();
    for minutes in [1, 10] {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("script.txt");
        std::fs::write(&script, SENTENCE.repeat(minutes * 10))?;
        let begun = Instant::now();
        let (peak_mib, secs) = run(
            &huashen,
            &script,
            avatar,
            size,
            folder.path().join("clip.mp4"),
        )?;
        println!(
            "| {secs:.0} s | {peak_mib:.0} MiB | {:.0} s |",
            begun.elapsed().as_secs_f64()
        );
        peaks.push(peak_mib);
    }
    println!("\nlong ÷ short: {:.2}", peaks[1] / peaks[0]);
    Ok(())
}

/// Peak resident MiB, as the kernel counts it, and the seconds rendered.
fn run(
    huashen: &PathBuf,
    script: &PathBuf,
    avatar: &str,
    size: Size,
    clip: PathBuf,
) -> Result<(f64, f64)> {
    let mut child = Command::new(huashen)
        .args([
            "--quiet",
            "render",
            "--avatar",
            avatar,
            "--size",
            &size.to_string(),
        ])
        .arg(script)
        .arg("-o")
        .arg(&clip)
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0.0_f64;
    let exit = loop {
        if let Some(exit) = child.try_wait()? {
            break exit;
        }
        // The high-water mark only grows: the last look before the end is it.
        if let Some(kib) = std::fs::read_to_string(&status)
            .ok()
            .as_deref()
            .and_then(high_water_kib)
        {
            peak_kib = peak_kib.max(kib);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    ensure!(exit.success(), "huashen failed: {exit}");
    let info = huashen_media::probe(&clip)?;
    Ok((peak_kib / 1024.0, info.duration_secs))
}

fn high_water_kib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
