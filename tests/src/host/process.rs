//! A program that runs on a host beside the test.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A child that its host ends too, should the test hold on to it for longer than to the host.
pub(super) type SharedChild = Arc<Mutex<Child>>;

/// Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: SharedChild,
    log: PathBuf,
}

impl Process {
    pub(super) fn new(name: String, child: Child, log: PathBuf) -> Self {
        Self { name, pid: child.id(), child: Arc::new(Mutex::new(child)), log }
    }

    pub(super) fn share(&self) -> SharedChild {
        self.child.clone()
    }

    /// Its id on the machine; on the host it has another.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All that it printed.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut child = lock(&self.child);
        // Under the lock nobody reaps it, so its id cannot have gone to another process.
        if let Some(status) = child.try_wait()? {
            bail!("cannot send {signal} to {}: it has ended with {status}", self.name);
        }
        let pid = Pid::from_raw(i32::try_from(self.pid)?);
        kill(pid, signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs at the time-out.
    pub fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = lock(&self.child).try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} still runs after {timeout:?}; it printed:\n{}", self.name, self.log());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it has ended already or does not end in time.
    pub fn stop(&self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait(timeout)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(lock(&self.child).try_wait(), Ok(Some(_)))
    }

    /// Ends it at once (SIGKILL); nothing to do when it has ended.
    pub fn kill(&self) {
        end(&self.child);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A child that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Owned(SharedChild);

impl Owned {
    pub(crate) fn new(child: Child) -> Self {
        Self(Arc::new(Mutex::new(child)))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        end(&self.0);
    }
}

/// Kills and reaps a child; nothing to do when it has ended.
pub(super) fn end(child: &SharedChild) {
    let mut child = lock(child);
    // Both fail only when it has ended and been waited for.
    let _ = child.kill();
    let _ = child.wait();
}

fn lock(child: &SharedChild) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
