//! Reads /proc: a process's children, CPU time and peak memory.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::Context;

/// `USER_HZ`, the clock ticks in a second: 100 on all supported architectures.
const TICKS: u32 = 100;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    pub user: Duration,
    /// Kernel time.
    pub system: Duration,
}

/// Returns the CPU time of `parent`'s child processes, summed by the name of the folder of each program. The
/// folder of a function's program is named after the function.
///
/// # Errors
/// /proc cannot be read.
pub fn children_times(parent: u32) -> anyhow::Result<BTreeMap<String, Times>> {
    let mut times: BTreeMap<String, Times> = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("/proc")? {
        let path = entry?.path();
        // The process may have ended.
        let Some(stat) = fs::read_to_string(path.join("stat")).ok().as_deref().and_then(Stat::parse) else { continue };
        if stat.parent != parent {
            continue;
        }
        let Some(name) = program_folder(&path) else { continue };
        let sum = times.entry(name).or_default();
        sum.user += stat.times.user;
        sum.system += stat.times.system;
    }
    Ok(times)
}

/// Returns a process's CPU time.
///
/// # Errors
/// The process does not exist.
pub fn times(process: u32) -> anyhow::Result<Times> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    Ok(Stat::parse(&stat).context("/proc/PID/stat")?.times)
}

/// Returns a process's peak memory (`VmHWM`) in bytes.
///
/// # Errors
/// The process does not exist.
pub fn peak_memory(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmHWM")?;
    Ok(kilobytes * 1024)
}

fn program_folder(process: &Path) -> Option<String> {
    let program = fs::read_link(process.join("exe")).ok()?;
    Some(program.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// /proc/PID/stat; see proc(5).
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    times: Times,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The name in parentheses may hold any character. The fields after it hold no parentheses.
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split(' ').collect();
        let time = |field: usize| Some(Duration::from_secs(1) * fields.get(field)?.parse::<u32>().ok()? / TICKS);
        let times = Times { user: time(11)?, system: time(12)? };
        Some(Self { parent: fields.get(1)?.parse().ok()?, times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_parses_with_a_strange_process_name() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 1 0 5000 0 0";
        let times = Times { user: Duration::from_millis(1500), system: Duration::from_millis(250) };
        assert_eq!(Stat::parse(line), Some(Stat { parent: 7, times }));
    }

    #[test]
    fn peak_memory_of_this_process_is_positive() {
        assert!(peak_memory(std::process::id()).unwrap() > 1_000_000);
    }
}
