//! Programs that run in a lab, each with a log, none of which outlives it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::folder::Folder;
use crate::netns::Netns;

/// A running program; killed when dropped, unless its lab is kept.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Mutex<Child>,
    log: PathBuf,
    folder: Arc<Folder>,
}

impl Process {
    /// Starts a program in a namespace; what it prints goes to the end of the log.
    ///
    /// It is in a process group of its own, so that Ctrl-C at a terminal reaches only the program
    /// that owns the lab, which ends the others in order.
    ///
    /// # Errors
    /// When the program or the log cannot be opened.
    pub fn start(
        folder: &Arc<Folder>,
        netns: &Netns,
        command: &mut Command,
        log: PathBuf,
    ) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let out = File::options().create(true).append(true).open(&log);
        let out = out.with_context(|| format!("cannot open the log {log:?}"))?;
        let err = out.try_clone().context("cannot duplicate a file descriptor")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let mut child = netns.run(|| command.spawn())?.with_context(|| {
            format!("cannot start {:?}: is it installed?", command.get_program())
        })?;
        let pid = child.id();
        if let Err(error) = folder.record(pid) {
            // Nobody would find it again.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        Ok(Self { name, pid, child: Mutex::new(child), log, folder: folder.clone() })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All that it and its predecessors with the same log printed.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The log's file.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Whether it still runs; a stopped one does.
    pub fn is_running(&self) -> bool {
        self.ended().is_none()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut child = self.child();
        // Under the lock nobody else reaps it, so the number cannot have gone to another process.
        if let Some(status) = child.try_wait()? {
            bail!("cannot send {signal} to {}: it has ended with {status}", self.name);
        }
        kill(Pid::from_raw(i32::try_from(self.pid)?), signal)
            .with_context(|| format!("cannot send {signal} to {} ({})", self.name, self.pid))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs at the time-out.
    pub fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.ended() {
                self.folder.forget(self.pid);
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!(
                    "{} ({}) still runs after {timeout:?}; its log ends:\n{}",
                    self.name,
                    self.pid,
                    self.log_tail()
                );
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

    /// Ends it at once (SIGKILL); nothing to do when it has ended.
    pub fn kill(&self) {
        let mut child = self.child();
        // Both fail only when it has ended and been waited for.
        let _ = child.kill();
        let _ = child.wait();
        self.folder.forget(self.pid);
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log(), 40)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.folder.is_kept() {
            self.kill();
        }
    }
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
