//! A host of the lab: a network namespace with an address on the underlay, and a `pontoond`.

mod daemon;
mod network;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use ipnetwork::IpNetwork;
use toml::Table;

use crate::cni::{CniCall, CniOutput, Network, Verb};
use crate::folder::Folder;
use crate::netns::Netns;
use crate::pod::{Pod, PodBuilder};
use crate::process::Process;
use crate::tool;
use crate::underlay::{Place, UnderlayOptions};

/// A host; clones are the same host.
#[derive(Debug, Clone)]
pub struct Host(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: Place,
    underlay: UnderlayOptions,
    folder: Arc<Folder>,
    path: PathBuf,
    netns: Netns,
    addresses: Mutex<Vec<IpNetwork>>,
    config: Mutex<Table>,
    daemon: Mutex<Option<Arc<Process>>>,
}

impl Host {
    pub(crate) fn create(
        folder: &Arc<Folder>,
        place: Place,
        underlay: UnderlayOptions,
        config: Table,
    ) -> Result<Self> {
        let path = folder.path().join(&place.name);
        // Not the lab's folder too: when that is gone, the lab is being taken away.
        let folders = ["", "run", "state", "net.d", "pods"].map(|sub| path.join(sub));
        folders
            .iter()
            .try_for_each(fs::create_dir)
            .with_context(|| format!("cannot make {path:?}"))?;
        let netns = Netns::create(folder.path().join(format!("{}.ns", place.name)))?;
        let addresses = Mutex::new(place.addresses(&underlay));
        let (config, daemon) = (Mutex::new(config), Mutex::new(None));
        let host = Self(Arc::new(Inner {
            place,
            underlay,
            folder: folder.clone(),
            path,
            netns,
            addresses,
            config,
            daemon,
        }));
        host.configure("node.name", host.name())?;
        host.configure("node.machine-id", host.machine_id())?;
        host.configure("paths.run", host.run_dir())?;
        host.configure("paths.state", host.state_dir())?;
        host.configure("paths.cni-conf", host.cni_conf_dir())?;
        host.configure("dns.forward.resolv-conf", host.resolv_conf())?;
        Ok(host)
    }

    /// Its name, which is the node's name too, such as `host-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.place.name
    }

    /// Its network namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.0.netns
    }

    /// The segment of the underlay that it is on, from 1.
    #[must_use]
    pub fn segment(&self) -> u16 {
        self.0.place.segment
    }

    /// Its addresses on the underlay, IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        lock(&self.0.addresses).iter().map(IpNetwork::ip).collect()
    }

    /// Every address that the host has now, on whatever interface.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn all_addresses(&self) -> Result<Vec<IpAddr>> {
        let shown = self.exec(&["ip", "-oneline", "address", "show"])?;
        let mut found = Vec::new();
        for line in shown.lines() {
            // `2: eth0    inet 172.30.4.11/22 scope global eth0 ...`
            let address =
                line.split_whitespace().nth(3).and_then(|a| a.split('/').next()?.parse().ok());
            found.push(address.with_context(|| format!("there is no address in {line:?}"))?);
        }
        Ok(found)
    }

    /// 32 hexadecimal digits that no other host of the machine's labs has.
    #[must_use]
    pub fn machine_id(&self) -> String {
        format!("{:016x}{:016x}", self.0.netns.inode(), self.0.place.number)
    }

    /// The folder with everything of the host's.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// In place of `/run/pontoon`.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.0.path.join("run")
    }

    /// In place of `/var/lib/pontoon`.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.0.path.join("state")
    }

    /// In place of `/etc/cni/net.d`.
    #[must_use]
    pub fn cni_conf_dir(&self) -> PathBuf {
        self.0.path.join("net.d")
    }

    /// In place of `/etc/resolv.conf`: the machine's own is not the lab's.
    #[must_use]
    pub fn resolv_conf(&self) -> PathBuf {
        self.0.path.join("resolv.conf")
    }

    /// Writes [`Host::resolv_conf`], which says at first that the host beyond the cluster is to be asked.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set_resolv_conf(&self, text: &str) -> Result<()> {
        let path = self.resolv_conf();
        fs::write(&path, text).with_context(|| format!("cannot write {path:?}"))
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run_dir().join("pontoond.sock")
    }

    /// The daemon's configuration file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.0.path.join("pontoond.toml")
    }

    /// Makes a CNI call as a runtime of this host would, with the configuration that the daemon wrote.
    ///
    /// # Errors
    /// When there is no configuration, or a plugin cannot be started. A plugin that fails is none.
    pub fn cni(&self, verb: Verb, call: &CniCall) -> Result<CniOutput> {
        Network::load(&self.cni_conf_dir())?.call(&self.0.netns, verb, call)
    }

    /// A pod to be made on this host, in namespace `default`.
    pub fn pod(&self, name: &str) -> PodBuilder {
        PodBuilder::new(self.clone(), name)
    }

    /// Makes a pod with all defaults.
    ///
    /// # Errors
    /// When ADD fails.
    pub fn add_pod(&self, name: &str) -> Result<Pod> {
        self.pod(name).add()
    }

    /// Runs a program on the host to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn exec(&self, command: &[&str]) -> Result<String> {
        exec(&self.0.netns, command)
    }

    /// Starts a program on the host; its log is in the host's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &[&str]) -> Result<Process> {
        spawn(&self.0.folder, &self.0.netns, command, &self.0.path)
    }

    /// Runs `ip` commands on the host, a line each, without the leading `ip`.
    ///
    /// # Errors
    /// When one is refused.
    pub fn ip(&self, commands: &str) -> Result<()> {
        tool::ip(&self.0.netns, commands)
    }

    /// Loads an nft script on the host.
    ///
    /// # Errors
    /// When it is refused.
    pub fn nft(&self, script: &str) -> Result<()> {
        tool::nft(&self.0.netns, script)
    }

    pub(crate) fn folder(&self) -> &Arc<Folder> {
        &self.0.folder
    }
}

/// Runs a program in a namespace to its end and returns what it printed.
pub(crate) fn exec(netns: &Netns, command: &[&str]) -> Result<String> {
    let (program, args) = command.split_first().context("a command without a program")?;
    let output = netns.output(Command::new(program).args(args))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed in {} with {}: {}{}",
            netns.path().display(),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a program in a namespace with a log of its own in a folder.
pub(crate) fn spawn(
    folder: &Arc<Folder>,
    netns: &Netns,
    command: &[&str],
    logs: &Path,
) -> Result<Process> {
    let (program, args) = command.split_first().context("a command without a program")?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let mut log = logs.join(format!("{name}.log"));
    for n in 2.. {
        if !log.exists() {
            break;
        }
        log = logs.join(format!("{name}-{n}.log"));
    }
    Process::start(folder, netns, Command::new(program).args(args), log)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
