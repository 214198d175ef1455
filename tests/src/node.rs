//! A node of a lab on which container runtimes run.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pontoon_lab::binaries;
use pontoon_lab::host::Host;
use pontoon_model::api::{PodStatus, Request, Response, Status};

use crate::host::{Layout, Process, RuntimeHost};

/// Where Debian's runtimes look for plugins. That of containerd cannot do without the reference
/// plugin `loopback`, so ours is put there too.
pub const PLUGIN_FOLDER: &str = "/usr/lib/cni";
const PLUGIN: &str = "pontoon-cni";
/// Where they look for configurations.
pub const CONF_FOLDER: &str = "/etc/cni/net.d";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The kernel tells of a pod's end at once; less than the half minute between the daemon's sweeps.
const NOTICING: Duration = Duration::from_secs(10);

/// A host of a lab with a root of its own. Its `pontoond` runs inside, where the paths of pods'
/// namespaces mean what runtimes mean by them.
#[derive(Debug)]
pub struct Node {
    daemon: Mutex<Option<Process>>,
    machine: RuntimeHost,
    lab: Host,
}

impl Node {
    /// Makes the host; no daemon runs yet.
    ///
    /// # Errors
    /// As [`RuntimeHost::start`].
    pub fn create(lab: &Host) -> Result<Self> {
        let programs = std::path::absolute(binaries::folder())?;
        let binds = vec![
            (lab.path().to_path_buf(), lab.path().to_path_buf()),
            (lab.cni_conf_dir(), CONF_FOLDER.into()),
            (binaries::find(PLUGIN)?, Path::new(PLUGIN_FOLDER).join(PLUGIN)),
            (programs.clone(), programs),
        ];
        let folder = lab.path().join("machine");
        let layout = Layout { name: lab.name(), netns: lab.netns().path(), folder: &folder, binds };
        let machine = RuntimeHost::start(layout)
            .with_context(|| format!("cannot make the machine {}", lab.name()))?;
        Ok(Self { daemon: Mutex::new(None), machine, lab: lab.clone() })
    }

    /// Makes the host, starts its daemon and waits until it is ready.
    ///
    /// # Errors
    /// When the daemon is not ready in half a minute, with what it said.
    pub fn start(lab: &Host) -> Result<Self> {
        let node = Self::create(lab)?;
        node.start_daemon()?;
        Ok(node)
    }

    /// Starts the daemon and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready in half a minute, with what it said.
    pub fn start_daemon(&self) -> Result<()> {
        let process = self.machine.spawn(&mut self.lab.pontoond()?)?;
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let answer = self.lab.request(&Request::Ready);
            if matches!(answer, Ok(Response::Done)) {
                break;
            }
            if Instant::now() > deadline {
                bail!(
                    "pontoond of {} is not ready: {answer:?}; it logged:\n{}",
                    self.lab.name(),
                    process.log()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        wait_for_network(&self.lab)
    }

    /// Ends the daemon in order (SIGTERM).
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub fn stop_daemon(&self) -> Result<()> {
        let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner).take();
        let status = daemon.context("pontoond does not run")?.stop(TIMEOUT)?;
        if !status.success() {
            bail!("pontoond of {} ended with {status}", self.lab.name());
        }
        Ok(())
    }

    /// The machine, for programs to be started on it.
    #[must_use]
    pub fn machine(&self) -> &RuntimeHost {
        &self.machine
    }

    /// The host in the lab.
    #[must_use]
    pub fn lab(&self) -> &Host {
        &self.lab
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Status> {
        self.lab.status()
    }

    /// The pod whose container id ends with this.
    ///
    /// # Errors
    /// When the daemon knows none, or does not answer.
    pub fn pod(&self, container_id: &str) -> Result<PodStatus> {
        let pods = self.status()?.pods;
        let found =
            pods.iter().find(|pod| pod.id.container_id.as_str().ends_with(container_id)).cloned();
        found.with_context(|| {
            format!("no attachment of {container_id:?} on {}, only {pods:?}", self.lab.name())
        })
    }

    /// Waits until the daemon has given up the attachment, and with it the address, by itself.
    ///
    /// # Errors
    /// When it still has it after ten seconds.
    pub fn wait_without(&self, container_id: &str) -> Result<()> {
        let deadline = Instant::now() + NOTICING;
        while self.pod(container_id).is_ok() {
            if Instant::now() > deadline {
                bail!("{} still has the attachment of {container_id:?}", self.lab.name());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.status().map(drop)
    }

    /// DELs that wait on disk for the daemon.
    #[must_use]
    pub fn pending(&self) -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(self.lab.state_dir().join("pending")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

/// Waits for the network configuration, which a ready daemon writes for runtimes.
///
/// # Errors
/// When it is not there after half a minute.
pub fn wait_for_network(host: &Host) -> Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    let file = host.cni_conf_dir().join("10-pontoon.conflist");
    while !file.is_file() {
        if Instant::now() > deadline {
            bail!("pontoond of {} has not written {file:?}", host.name());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

impl Drop for Node {
    fn drop(&mut self) {
        let daemon = self.daemon.lock().unwrap_or_else(PoisonError::into_inner);
        if let (true, Some(daemon)) = (std::thread::panicking(), daemon.as_ref()) {
            eprintln!("──── pontoond of {}:\n{}", self.lab.name(), daemon.log());
        }
    }
}
