//! A host of the lab: a network namespace with an address on the underlay, and a `pontoond`.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ipnetwork::IpNetwork;
use pontoon_model::api::{Request, Response, Status};
use toml::Table;

use crate::cni::{CniCall, CniOutput, Network, Verb};
use crate::folder::Folder;
use crate::netns::Netns;
use crate::pod::{Pod, PodBuilder};
use crate::process::Process;
use crate::underlay::{Place, UnderlayOptions};
use crate::{binaries, config, tool, underlay};

/// How long a daemon may take to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

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

    /// Sets a kernel setting of the host's network, such as `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<()> {
        self.0.netns.set_sysctl(name, value)
    }

    /// Gives the host another number on its segment, from 500 to 1000, and so other addresses, as
    /// a DHCP server or an operator may.
    ///
    /// # Errors
    /// When the kernel refuses, such as when another host has the number.
    pub fn renumber(&self, number: u16) -> Result<()> {
        if !(500..=1000).contains(&number) {
            bail!("{number} could be another host's number: use 500 to 1000");
        }
        let place = Place { number, ..self.0.place.clone() };
        let new = place.addresses(&self.0.underlay);
        let mut held = lock(&self.0.addresses);
        let mut lines: String =
            held.iter().map(|old| format!("address del {old} dev eth0\n")).collect();
        lines.push_str(&underlay::address_lines("eth0", &new));
        // The last address of a subnet took the routes through it along.
        lines.push_str(&place.routes(&self.0.underlay).replace("route add", "route replace"));
        self.ip(&lines)?;
        *held = new;
        Ok(())
    }

    /// Takes the host's `eth0` down, all addresses and routes with it, and sets it up again, as
    /// the restart of a network manager does.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn restart_network(&self) -> Result<()> {
        let mut lines =
            String::from("link set eth0 down\naddress flush dev eth0\nlink set eth0 up\n");
        lines.push_str(&underlay::address_lines("eth0", &lock(&self.0.addresses)));
        lines
            .push_str(&self.0.place.routes(&self.0.underlay).replace("route add", "route replace"));
        self.ip(&lines)
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
