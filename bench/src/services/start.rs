//! A daemon that starts: with nothing in the kernel, and with everything there already.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pontoon_lab::Host;

use super::dataset::{Service, Size};
use super::kernel::{Kernel, Map};
use super::{BACKENDS, SERVICES, seed};
use crate::usage;

const WAIT: Duration = Duration::from_secs(60);
/// How long after its start a daemon may still find something to do.
const AFTERMATH: Duration = Duration::from_secs(3);
/// A daemon that did not compute for so long has nothing to do any more.
const IDLE: Duration = Duration::from_millis(200);

/// A host whose store is full of services.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    host: &'a Host,
    kernel: Kernel,
    expected: [(Map, usize); 2],
}

/// What a restart took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restart {
    /// From its start until the daemon is ready and has compared everything.
    pub wall: Duration,
    /// CPU time of all that.
    pub cpu: Duration,
    /// Transactions of nf_tables meanwhile and shortly after.
    pub commits: u32,
}

impl<'a> Subject<'a> {
    /// Lets the daemon found its cluster, and fills its store while it does not run; `more` are
    /// services beside those of the size, one endpoint or several.
    pub(super) fn prepare(host: &'a Host, size: Size, more: &[Service]) -> Result<Self> {
        if !host.is_running() {
            host.start()?;
            host.wait_ready(WAIT)?;
        }
        host.stop()?;
        seed::embedded(host, size.services().chain(more.iter().cloned()))
            .with_context(|| format!("{size} services on {}", host.name()))?;
        let endpoints = more.iter().map(|service| service.endpoints.len()).sum::<usize>();
        let expected = [
            (SERVICES, size.services + more.len()),
            (BACKENDS, size.services * size.endpoints + endpoints),
        ];
        Ok(Self { host, kernel: Kernel::open(host.netns())?, expected })
    }

    /// Starts the daemon on an empty kernel, and returns its CPU time until all services are there.
    pub(super) fn cold_start(&mut self) -> Result<Duration> {
        self.stop()?;
        self.host.nft("flush ruleset")?;
        self.host.start()?;
        let daemon = self.host.daemon().context("the daemon is gone")?;
        let cpu = self
            .kernel
            .wait_for(&self.expected, WAIT, || usage::cpu(daemon.pid()))
            .with_context(|| format!("the daemon's log ends:\n{}", daemon.log_tail()))?;
        self.host.wait_ready(WAIT)?;
        Ok(cpu)
    }

    /// Starts the daemon again where nothing has changed.
    pub(super) fn restart(&mut self) -> Result<Restart> {
        self.stop()?;
        let (generation, began) = (self.kernel.generation()?, Instant::now());
        self.host.start()?;
        self.host.wait_ready(WAIT)?;
        let wall = self.idle_since()?.duration_since(began);
        let cpu = usage::cpu(self.pid()?)?;
        self.calm();
        let commits = self.kernel.generation()?.wrapping_sub(generation);
        Ok(Restart { wall, cpu, commits })
    }

    /// Waits until the daemon computes no more, and returns since when.
    fn idle_since(&self) -> Result<Instant> {
        let pid = self.pid()?;
        let (mut since, mut last) = (Instant::now(), usage::cpu(pid)?);
        while since.elapsed() < IDLE {
            std::thread::sleep(Duration::from_millis(2));
            let now = usage::cpu(pid)?;
            // One that stands ready while others run computes nothing either, but is not idle.
            if now > last || usage::is_busy(pid)? {
                (since, last) = (Instant::now(), now);
            }
        }
        Ok(since)
    }

    /// Lets the daemon finish whatever follows a start.
    pub(super) fn calm(&self) {
        std::thread::sleep(AFTERMATH);
    }

    /// Resident memory of the daemon, MiB.
    pub(super) fn resident(&self) -> Result<f64> {
        usage::resident(self.pid()?)
    }

    /// Ends the daemon, if it runs.
    pub(super) fn stop(&self) -> Result<()> {
        if self.host.is_running() {
            self.host.stop()?;
        }
        Ok(())
    }

    /// Ends the daemon and takes its rules away, so that the host costs nothing any more.
    pub(super) fn retire(&self) -> Result<()> {
        self.stop()?;
        self.host.nft("flush ruleset")
    }

    fn pid(&self) -> Result<u32> {
        Ok(self.host.daemon().context("the daemon is gone")?.pid())
    }
}
