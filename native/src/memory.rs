//! How much memory there is and was needed.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// Highest resident memory of this process so far, in MB; `None` where the system does not tell.
pub(crate) fn peak_memory_mb() -> Option<f64> {
    kibibytes("/proc/self/status", "VmHWM:").map(|kibibytes| kibibytes / 1024.0)
}

/// Has [`peak_memory_mb`] count from now on, where the system can.
pub(crate) fn reset_peak_memory() {
    // What the kernel's documentation of /proc gives for this purpose.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Memory of the machine or of a card, in units of 10⁹ bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Memory {
    pub(crate) of: String,
    pub(crate) total_gb: f64,
    pub(crate) free_gb: f64,
}

/// That of the machine, where the system tells, and that of NVIDIA cards, where their driver does. burn tells none.
pub(crate) fn memories() -> Vec<Memory> {
    let meminfo = |key| kibibytes("/proc/meminfo", key).map(|kibibytes| kibibytes * 1024.0 / 1e9);
    let host = meminfo("MemTotal:").zip(meminfo("MemAvailable:"));
    let host = host.map(|(total_gb, free_gb)| Memory { of: "the machine".into(), total_gb, free_gb });
    host.into_iter().chain(cards()).collect()
}

/// Bytes.
const MEBIBYTE: f64 = 1_048_576.0;

fn cards() -> Vec<Memory> {
    let asked = ["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"];
    let told = Command::new("nvidia-smi").args(asked).output();
    let told = told.ok().filter(|told| told.status.success());
    told.map_or(Vec::new(), |told| parsed(&String::from_utf8_lossy(&told.stdout)))
}

/// Lines of name, mebibytes in all and free, with commas between.
fn parsed(lines: &str) -> Vec<Memory> {
    let card = |line: &str| {
        let mut cells = line.rsplitn(3, ',').map(str::trim);
        let mut mebibytes = || cells.next()?.parse::<f64>().ok();
        let (free_gb, total_gb) = (mebibytes()? * MEBIBYTE / 1e9, mebibytes()? * MEBIBYTE / 1e9);
        Some(Memory { of: cells.next()?.into(), total_gb, free_gb })
    };
    lines.lines().filter_map(card).collect()
}

/// The value of a line of a file of `/proc`.
fn kibibytes(file: &str, key: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_read_from_what_their_driver_says() {
        let gigabytes = |mebibytes: f64| mebibytes * MEBIBYTE / 1e9;
        let card =
            |of: &str, total, free| Memory { of: of.into(), total_gb: gigabytes(total), free_gb: gigabytes(free) };
        let expected = [card("NVIDIA H200", 143_771.0, 143_101.0), card("NVIDIA A10, old", 23_028.0, 1.0)];
        assert_eq!(parsed("NVIDIA H200, 143771, 143101\nNVIDIA A10, old, 23028, 1\n[N/A]\n"), expected);
    }
}
