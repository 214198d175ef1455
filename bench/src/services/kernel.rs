//! nf_tables, looked at from beside the program that writes it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use pontoon_lab::Netns;
use pontoon_netlink::nft::{ElementData, ListError, Nft, Set, Table};

/// Between two looks at the whole: long beside what a look takes of the other core.
const LOOK: Duration = Duration::from_millis(1);
/// Between two looks at the generation where its instant is what counts.
const GLANCE: Duration = Duration::from_micros(20);

/// A map of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub table: Table,
    /// Of whatever types: only the bytes of its elements are looked at.
    pub set: Set,
}

impl Map {
    pub(super) const fn new(table: Table, name: &'static str) -> Self {
        Self { table, set: Set::map(name, &[], &[]) }
    }
}

/// The ruleset of a namespace.
#[derive(Debug)]
pub(super) struct Kernel {
    nft: Nft,
}

impl Kernel {
    pub(super) fn open(netns: &Netns) -> Result<Self> {
        let nft = Nft::open_in(netns.handle()).context("cannot open nf_tables")?;
        Ok(Self { nft })
    }

    /// Every transaction makes the next generation.
    pub(super) fn generation(&mut self) -> Result<u32> {
        Ok(self.nft.generation()?.id)
    }

    /// How many elements a map has; none when it is not there, or changes while it is read.
    pub(super) fn count(&mut self, map: &Map) -> Result<usize> {
        let counted = self.nft.fold_elements(&map.table, &map.set, || 0, |count, _| *count += 1);
        match counted {
            Ok(count) => Ok(count),
            Err(ListError::Unstable { .. }) => Ok(0),
            Err(ListError::Refused { error, .. })
                if error.raw_os_error() == Some(Errno::ENOENT as i32) =>
            {
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The addresses that a map gives, each as often as it gives it.
    pub(super) fn addresses(&mut self, map: &Map) -> Result<Vec<Ipv4Addr>> {
        Ok(self.nft.fold_elements(&map.table, &map.set, Vec::new, |found, element| {
            if let Some(ElementData::Value(value)) = element.data
                && let Some(bytes) = value.as_bytes().first_chunk::<4>()
            {
                found.push(Ipv4Addr::from(*bytes));
            }
        })?)
    }

    /// Waits until every map has so many elements. Returns what `read` told right behind the
    /// commit that made it so.
    pub(super) fn wait_for<T>(
        &mut self,
        expected: &[(Map, usize)],
        timeout: Duration,
        mut read: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + timeout;
        let (mut seen, first) = (None, self.generation()?);
        loop {
            let generation = self.generation()?;
            if seen != Some(generation) {
                // Before the elements are counted, which takes its time.
                let told = read()?;
                if self.are_complete(expected)? {
                    return Ok(told);
                }
                // A count that was overtaken by a commit is taken again.
                seen = (self.generation()? == generation).then_some(generation);
            }
            if Instant::now() > deadline {
                let counts = expected.iter().map(|(map, wanted)| {
                    let found = self.count(map).unwrap_or_default();
                    format!("{} has {found} of {wanted} elements", map.set.name)
                });
                let counts = counts.collect::<Vec<_>>().join(", ");
                let commits = generation.wrapping_sub(first);
                bail!(
                    "services are not in the kernel after {timeout:?}: {counts}; commits: {commits}"
                );
            }
            std::thread::sleep(LOOK);
        }
    }

    fn are_complete(&mut self, expected: &[(Map, usize)]) -> Result<bool> {
        for (map, wanted) in expected {
            if self.count(map)? < *wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Notes the instant of every commit, on a thread of its own, until dropped.
#[derive(Debug)]
pub(super) struct Commits {
    stop: Arc<AtomicBool>,
    seen: Receiver<Instant>,
    thread: Option<JoinHandle<()>>,
}

impl Commits {
    pub(super) fn watch(netns: &Netns) -> Result<Self> {
        let mut kernel = Kernel::open(netns)?;
        let mut last = kernel.generation()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, (sender, seen)) = (Arc::clone(&stop), mpsc::channel());
        let thread = std::thread::spawn(move || {
            // The kernel's usual 50 µs would be the larger part of each pause.
            let _as_precise_as_can_be = nix::sys::prctl::set_timerslack(1);
            while !stopped.load(Ordering::Relaxed) {
                let Ok(generation) = kernel.generation() else { return };
                if generation != last {
                    last = generation;
                    if sender.send(Instant::now()).is_err() {
                        return;
                    }
                }
                std::thread::sleep(GLANCE);
            }
        });
        Ok(Self { stop, seen, thread: Some(thread) })
    }

    /// Waits for a commit.
    pub(super) fn first(&self, timeout: Duration) -> Result<Instant> {
        let first = self.seen.recv_timeout(timeout);
        first.with_context(|| format!("no commit within {timeout:?}"))
    }

    /// Waits for the commits that follow one closely, until none came for `quiet`. Returns the
    /// instant of the last.
    pub(super) fn settle(&self, first: Instant, quiet: Duration) -> Result<Instant> {
        let mut last = first;
        loop {
            match self.seen.recv_timeout(quiet) {
                Ok(later) => last = later,
                Err(RecvTimeoutError::Timeout) => return Ok(last),
                Err(RecvTimeoutError::Disconnected) => bail!("nf_tables cannot be watched"),
            }
        }
    }

    /// Waits until there was no commit for so long.
    pub(super) fn calm(&self, quiet: Duration) {
        while self.seen.recv_timeout(quiet).is_ok() {}
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use pontoon_netlink::nft::Family;

    use super::*;

    const MAP: Map = Map::new(Table::new(Family::Inet, "counted"), "m");

    fn load(netns: &Netns, script: &str) {
        let mut nft = std::process::Command::new("nft");
        let output = netns.output(nft.arg(script)).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn elements_are_counted_and_commits_are_timed() {
        if let Some(why) = pontoon_lab::unavailable() {
            println!("skipped: {why}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let netns = Netns::create(folder.path().join("ns")).unwrap();
        let mut kernel = Kernel::open(&netns).unwrap();
        assert_eq!(kernel.count(&MAP).unwrap(), 0, "no table");
        let commits = Commits::watch(&netns).unwrap();
        let before = Instant::now();
        load(
            &netns,
            "add table inet counted; \
             add map inet counted m { type inet_service : ipv4_addr ; }; \
             add element inet counted m { 1 : 10.0.0.1, 2 : 10.0.0.2 }",
        );
        let at = commits.first(Duration::from_secs(2)).unwrap();
        let at = commits.settle(at, Duration::from_millis(20)).unwrap();
        assert!(before < at && at < Instant::now() - Duration::from_millis(10));
        let expected = [(MAP, 2)];
        let generation = kernel.generation().unwrap();
        let told = kernel.wait_for(&expected, Duration::from_secs(1), || Ok(7));
        assert_eq!(told.unwrap(), 7);
        let mut addresses = kernel.addresses(&MAP).unwrap();
        addresses.sort();
        assert_eq!(addresses, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
        assert_eq!(kernel.generation().unwrap(), generation, "looking is no change");
        let missing = kernel.wait_for(&[(MAP, 3)], Duration::from_millis(20), || Ok(()));
        assert!(missing.unwrap_err().to_string().contains("m has 2 of 3 elements"));
        drop(commits);
        netns.remove().unwrap();
    }
}
