//! Programs run in the namespaces of a host.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespaces::Namespaces;
use super::process::{Process, SharedChild, end};

/// Longer than anything takes that a test starts, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts programs, and ends all of them when dropped.
#[derive(Debug)]
pub(crate) struct Runner {
    namespaces: Namespaces,
    logs: PathBuf,
    started: Mutex<Vec<SharedChild>>,
}

impl Runner {
    /// One for the namespaces of a process, with a folder for logs, made when missing.
    pub(crate) fn new(pid: u32, logs: PathBuf) -> Result<Self> {
        fs::create_dir_all(&logs).with_context(|| format!("cannot make {logs:?}"))?;
        Ok(Self { namespaces: Namespaces::of(pid)?, logs, started: Mutex::default() })
    }

    /// Starts a program; what it prints goes to a log.
    pub(crate) fn spawn(&self, command: &mut Command) -> Result<Process> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let program = Path::new(command.get_program()).file_name().unwrap_or_default();
        let name = program.to_string_lossy().into_owned();
        let log = self.logs.join(format!("{}-{name}.log", started.len()));
        let out = File::create(&log).with_context(|| format!("cannot make {log:?}"))?;
        command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
        let process = Process::new(name, self.namespaces.spawn(command)?, log);
        started.push(process.share());
        Ok(process)
    }

    /// Waits for the end of a program and returns what it printed.
    pub(crate) fn finish(process: &Process, shown: &str) -> Result<String> {
        let status = process.wait(PATIENCE)?;
        // From a file, not a pipe: a program in the background may hold on to its output.
        let printed = process.log();
        if !status.success() {
            bail!("{shown} failed on the host with {status}: {}", printed.trim());
        }
        Ok(printed)
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.iter().for_each(end);
    }
}
