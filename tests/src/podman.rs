//! podman on a host, with CNI for its network backend.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::host::RuntimeHost;
use crate::node::{CONF_FOLDER, Node, PLUGIN_FOLDER};

/// The programs that it needs.
pub const PROGRAMS: &[&str] = &["podman", "conmon", "crun"];
/// The name of the network that the daemon's configuration describes.
pub const NETWORK: &str = "pontoon";

/// podman, which has no daemon.
#[derive(Debug)]
pub struct Podman<'a> {
    node: &'a Node,
}

impl<'a> Podman<'a> {
    /// Configures it as an administrator would.
    ///
    /// # Errors
    /// When the configuration cannot be written.
    pub fn configure(node: &'a Node) -> Result<Self> {
        let config = format!(
            "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
             [network]\nnetwork_backend = \"cni\"\ncni_plugin_dirs = [\"{PLUGIN_FOLDER}\"]\n\
             network_config_dir = \"{CONF_FOLDER}\"\n"
        );
        let file = node.machine().path("/etc/containers/containers.conf");
        fs::write(&file, config).with_context(|| format!("cannot write {file:?}"))?;
        Ok(Self { node })
    }

    /// Starts a container in the pod network, with the host's own root under an overlay.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run_detached(&self, name: &str, options: &[&str], command: &[&str]) -> Result<()> {
        let fixed = ["run", "-d", "--name", name, "--network", NETWORK];
        self.podman(&[&fixed, options, &["--rootfs", "/:O"], command].concat()).map(drop)
    }

    /// Runs a container to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn run_once(&self, command: &[&str]) -> Result<String> {
        self.podman(&[&["run", "--rm", "--network", NETWORK, "--rootfs", "/:O"], command].concat())
    }

    /// Runs `podman` and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn podman(&self, args: &[&str]) -> Result<String> {
        self.host().run(Command::new("podman").args(args))
    }

    fn host(&self) -> &RuntimeHost {
        self.node.machine()
    }
}
