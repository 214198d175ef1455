//! What processes use: CPU time and memory.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::{SysconfVar, sysconf};

/// CPU time of a process so far, with that of its children that have ended; in ticks of 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} is not understood: {stat:?}"))?;
    let second = sysconf(SysconfVar::CLK_TCK)?.context("the kernel tells no length of a tick")?;
    Ok(Duration::from_secs_f64(ticks as f64 / second as f64))
}

/// CPU time of the threads that a process and its children have now, exactly.
pub(crate) fn threads(pid: u32) -> Result<Duration> {
    with_children(pid)?.into_iter().map(threads_alone).sum()
}

/// Resident memory of a process and its children, MiB; what they share counts for each.
pub(crate) fn resident_in_all(pid: u32) -> Result<f64> {
    with_children(pid)?.into_iter().map(resident).sum()
}

/// A process, its children, and theirs.
fn with_children(pid: u32) -> Result<Vec<u32>> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        next += 1;
        let folder = format!("/proc/{parent}/task");
        for task in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
            let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    Ok(all)
}

fn threads_alone(pid: u32) -> Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
        // A thread that has just ended does nothing more.
        let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let ran = stat.split_whitespace().next().and_then(|field| field.parse().ok());
        let ran = ran.with_context(|| format!("schedstat is not understood: {stat:?}"))?;
        sum += Duration::from_nanos(ran);
    }
    Ok(sum)
}

/// utime, stime, cutime and cstime. What stands before them is in brackets, and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    (0..4).map(|_| times.next()?.ok()).sum()
}

/// Whether a thread of a process runs, stands ready for a processor, or waits for a disk.
pub(crate) fn is_busy(pid: u32) -> Result<bool> {
    let folder = format!("/proc/{pid}/task");
    for task in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
        // A thread that has just ended does nothing more.
        let Ok(stat) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let state = stat.rsplit_once(')').map(|(_, fields)| fields.trim_start());
        if state.is_some_and(|state| state.starts_with(['R', 'D'])) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// CPU time of all children of this program that have ended.
pub(crate) fn children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let time = usage.user_time() + usage.system_time();
    Ok(Duration::from_micros(u64::try_from(time.num_microseconds())?))
}

/// Resident memory of a process, MiB.
pub(crate) fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    Ok(kib.context("no VmRSS in the status of the process")? / 1024.0)
}

/// How long each thread of a process has stood ready while others had the processors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waits(HashMap<String, Duration>);

impl Waits {
    /// Those up to now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let folder = format!("/proc/{pid}/task");
        let mut waits = HashMap::new();
        for task in fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))? {
            let task = task?;
            // A thread that has just ended waits no more.
            let Ok(stat) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let waited = stat.split_whitespace().nth(1).and_then(|field| field.parse().ok());
            let waited =
                waited.with_context(|| format!("schedstat is not understood: {stat:?}"))?;
            waits.insert(task.file_name().to_string_lossy().into(), Duration::from_nanos(waited));
        }
        Ok(Self(waits))
    }

    /// The longest that one thread waited since an earlier look.
    pub(crate) fn longest_since(&self, earlier: &Self) -> Duration {
        let before = |thread| earlier.0.get(thread).copied().unwrap_or_default();
        self.0
            .iter()
            .map(|(thread, waited)| waited.saturating_sub(before(thread)))
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) 1 b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5";
        assert_eq!(ticks(stat), Some(4330));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn the_thread_that_waited_longest_counts() {
        let waits = |list: &[(&str, u64)]| {
            Waits(list.iter().map(|(id, ms)| ((*id).into(), Duration::from_millis(*ms))).collect())
        };
        let (before, after) =
            (waits(&[("1", 50), ("2", 7)]), waits(&[("1", 51), ("2", 9), ("3", 1)]));
        assert_eq!(after.longest_since(&before), Duration::from_millis(2));
        assert!(!Waits::of(std::process::id()).unwrap().0.is_empty());
    }

    #[test]
    fn work_takes_time_and_memory() {
        let own = std::process::id();
        let began = cpu(own).unwrap();
        let mut sum = 0u64;
        while cpu(own).unwrap() < began + Duration::from_millis(30) {
            sum = (0..1_000_000u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(is_busy(own).unwrap(), "the thread that asks runs");
        assert!(resident(own).unwrap() > 0.5);
        let before = children().unwrap();
        let loop_of_shell = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        std::process::Command::new("sh").args(["-c", loop_of_shell]).status().unwrap();
        assert!(children().unwrap() > before + Duration::from_millis(5));
    }
}
