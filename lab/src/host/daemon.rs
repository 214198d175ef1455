//! The daemon of a host: its configuration, its life, its socket.

use std::fs;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pontoon_model::api::{Request, Response, Status};

use super::{Host, lock};
use crate::process::Process;
use crate::{binaries, config};

/// How long a daemon may take to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

impl Host {
    /// Sets a key of the daemon's configuration, such as `node.mtu`, for its next start.
    ///
    /// # Errors
    /// When the value cannot be written as TOML.
    pub fn configure(&self, key: &str, value: impl serde::Serialize) -> Result<()> {
        config::set(&mut lock(&self.0.config), key, config::value(value)?)
    }

    /// Leaves a key of the daemon's configuration to its default, from its next start.
    pub fn unconfigure(&self, key: &str) {
        config::unset(&mut lock(&self.0.config), key);
    }

    /// The daemon's command line with this host's configuration, to be run in [`Host::netns`].
    ///
    /// # Errors
    /// When the daemon has not been built.
    pub fn pontoond(&self) -> Result<Command> {
        let text = lock(&self.0.config).to_string();
        let file = self.config_file();
        fs::write(&file, text).with_context(|| format!("cannot write {file:?}"))?;
        let mut command = Command::new(binaries::find("pontoond")?);
        for (name, _) in
            std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("PONTOON_"))
        {
            command.env_remove(name);
        }
        command.env_remove("NOTIFY_SOCKET").arg("--config").arg(file);
        Ok(command)
    }

    /// Starts the daemon; see [`Host::wait_ready`].
    ///
    /// # Errors
    /// When it runs already or cannot be started.
    pub fn start(&self) -> Result<()> {
        let mut daemon = lock(&self.0.daemon);
        if daemon.as_ref().is_some_and(|d| d.is_running()) {
            bail!("pontoond of {} runs already", self.name());
        }
        let log = self.0.path.join("pontoond.log");
        *daemon = Some(Arc::new(Process::start(
            &self.0.folder,
            &self.0.netns,
            &mut self.pontoond()?,
            log,
        )?));
        Ok(())
    }

    /// Starts another daemon with the host's configuration, which is told more, such as `--dns-only`;
    /// its log is in the host's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_beside(&self, arguments: &[&str]) -> Result<Process> {
        let log = self.0.path.join("pontoond-beside.log");
        Process::start(&self.0.folder, &self.0.netns, self.pontoond()?.args(arguments), log)
    }

    /// The daemon's process, when it was started.
    #[must_use]
    pub fn daemon(&self) -> Option<Arc<Process>> {
        lock(&self.0.daemon).clone()
    }

    fn started(&self) -> Result<Arc<Process>> {
        self.daemon().with_context(|| format!("pontoond of {} was not started", self.name()))
    }

    /// Waits until the daemon serves ADD.
    ///
    /// # Errors
    /// When it ends or is not ready in time, with what it says stands in the way.
    pub fn wait_ready(&self, timeout: Duration) -> Result<()> {
        let daemon = self.started()?;
        let deadline = Instant::now() + timeout;
        loop {
            let answer = self.request(&Request::Ready);
            if matches!(answer, Ok(Response::Done)) {
                return Ok(());
            }
            if let Some(status) = daemon.ended() {
                bail!(
                    "pontoond of {} ended with {status}; its log ends:\n{}",
                    self.name(),
                    daemon.log_tail()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "pontoond of {} is not ready after {timeout:?}: {answer:?}; its log ends:\n{}",
                    self.name(),
                    daemon.log_tail()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the daemon runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.daemon().is_some_and(|d| d.is_running())
    }

    /// Ends the daemon in order (SIGTERM).
    ///
    /// # Errors
    /// When it does not run, or does not end within 20 s.
    pub fn stop(&self) -> Result<ExitStatus> {
        self.started()?.stop(STOP_TIMEOUT)
    }

    /// Ends the daemon at once (SIGKILL).
    ///
    /// # Errors
    /// When it was never started.
    pub fn kill(&self) -> Result<()> {
        self.started()?.kill();
        Ok(())
    }

    /// Ends the daemon in order and starts it again.
    ///
    /// # Errors
    /// As [`Host::stop`], [`Host::start`] and [`Host::wait_ready`].
    pub fn restart(&self, timeout: Duration) -> Result<()> {
        self.stop()?;
        self.start()?;
        self.wait_ready(timeout)
    }

    /// All that the host's daemons logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon().map(|d| d.log()).unwrap_or_default()
    }

    /// Asks the daemon over its socket.
    ///
    /// # Errors
    /// When it does not answer. [`Response::Failed`] is no error here.
    pub fn request(&self, request: &Request) -> Result<Response> {
        let patience = pontoon_client::deadline::of_request(request);
        Ok(pontoon_client::ask(&self.socket(), request, patience)?)
    }

    /// What the daemon knows.
    ///
    /// # Errors
    /// When it does not answer, or not to the question.
    pub fn status(&self) -> Result<Status> {
        match self.request(&Request::Status)? {
            Response::Status(status) => Ok(*status),
            other => bail!("{} answered {other:?} when asked for its status", self.name()),
        }
    }
}
