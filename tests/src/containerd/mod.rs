//! containerd on a host, through `ctr` and through the CRI.

pub mod cri;
pub mod image;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host::{Process, RuntimeHost};
use crate::node::{CONF_FOLDER, Node, PLUGIN_FOLDER};
use crate::rootfs::RootFs;

/// The programs that it needs.
pub const PROGRAMS: &[&str] = &["containerd", "ctr", "runc"];
const SOCKET: &str = "/run/containerd/containerd.sock";
const CONFIG: &str = "/etc/containerd/config.toml";
/// Without an image there is nothing that sets it.
const SEARCH_PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running containerd.
#[derive(Debug)]
pub struct Containerd<'a> {
    process: Process,
    node: &'a Node,
}

impl<'a> Containerd<'a> {
    /// Starts it with the sandbox image imported, and waits until it answers.
    ///
    /// # Errors
    /// When it does not answer in a minute, with what it said.
    pub fn start(node: &'a Node) -> Result<Self> {
        let host = node.machine();
        // A machine that is a container itself may not lower its processes' OOM scores.
        let config = format!(
            "version = 2\n\
             [plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox_image = \"{}\"\n  restrict_oom_score_adj = true\n\
             [plugins.\"io.containerd.grpc.v1.cri\".cni]\n  bin_dir = \"{PLUGIN_FOLDER}\"\n  conf_dir = \"{CONF_FOLDER}\"\n",
            image::PAUSE
        );
        fs::write(host.path(CONFIG), config).context("cannot write containerd's configuration")?;
        let process = host.spawn(Command::new("containerd").args(["--config", CONFIG]))?;
        let containerd = Self { process, node };
        let deadline = Instant::now() + TIMEOUT;
        while containerd.ctr(&["version"]).is_err() {
            if Instant::now() > deadline {
                bail!("containerd does not answer; it said:\n{}", containerd.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let archive = image::write_pause(&host.path("/tmp"))?;
        let archive = PathBuf::from("/tmp").join(archive.file_name().unwrap_or_default());
        containerd.ctr(&[
            "--namespace",
            "k8s.io",
            "image",
            "import",
            &archive.display().to_string(),
        ])?;
        Ok(containerd)
    }

    /// Runs `ctr` and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn ctr(&self, args: &[&str]) -> Result<String> {
        self.host().run(Command::new("ctr").args(args))
    }

    /// Starts a container in a pod network of its own (`ctr run -d --cni`).
    ///
    /// # Errors
    /// When it does not start.
    pub fn run_detached(&self, name: &str, command: &[&str]) -> Result<RootFs> {
        let root = RootFs::create(self.host(), name)?;
        self.ctr(
            &[&["run", "-d", "--cni", "--env", SEARCH_PATH, "--rootfs", &root.path, name], command]
                .concat(),
        )?;
        Ok(root)
    }

    /// Runs a container to its end (`ctr run --rm --cni`) and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn run_once(&self, name: &str, command: &[&str]) -> Result<String> {
        let root = RootFs::create(self.host(), name)?;
        self.ctr(
            &[
                &["run", "--rm", "--cni", "--env", SEARCH_PATH, "--rootfs", &root.path, name],
                command,
            ]
            .concat(),
        )
    }

    /// Kills a container's task and removes both, which never calls DEL.
    ///
    /// # Errors
    /// When it does not go.
    pub fn kill(&self, name: &str) -> Result<()> {
        self.ctr(&["task", "kill", "--signal", "SIGKILL", name])?;
        // Until the shim has seen its end, a task cannot be deleted.
        let deadline = Instant::now() + TIMEOUT;
        while let Err(error) = self.ctr(&["task", "rm", name]) {
            if Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.ctr(&["container", "rm", name]).map(drop)
    }

    /// A client of its CRI.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn cri(&self) -> Result<cri::Cri> {
        cri::Cri::connect(&self.host().path(SOCKET))
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn host(&self) -> &RuntimeHost {
        self.node.machine()
    }
}

impl Drop for Containerd<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("──── containerd of {}:\n{}", self.node.lab().name(), self.log());
        }
    }
}
