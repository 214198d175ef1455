//! Pontoon as it was installed on a host that systemd boots, and pods made there by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pontoon_lab::binaries;
use pontoon_lab::cni::{Network, Verb};
use pontoon_lab::host::Host;
use pontoon_lab::netns::Netns;
use pontoon_model::api::Status;
use serde_json::Value;

use crate::systemd::SystemdHost;

/// The unit.
pub const UNIT: &str = "pontoond";
const CONFLIST: &str = "/etc/cni/net.d/10-pontoon.conflist";
const PLUGIN: &str = "/opt/cni/bin/pontoon-cni";

/// The folder `packaging/` of this repository.
///
/// # Errors
/// When it is not there.
pub fn packaging() -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    path.canonicalize().with_context(|| format!("{path:?} is not there"))
}

/// A host on which `packaging/install.sh` was run; the service is not started.
///
/// # Errors
/// When the host does not boot, or the recipe fails.
pub fn install(lab: &Host) -> Result<SystemdHost> {
    let programs = std::path::absolute(binaries::folder())?;
    let host = SystemdHost::boot(lab, &[packaging()?, programs.clone()])?;
    recipe(&host, &["--bin", &programs.display().to_string()])?;
    Ok(host)
}

/// Runs `packaging/install.sh` and returns what it said.
///
/// # Errors
/// When it fails.
pub fn recipe(host: &SystemdHost, args: &[&str]) -> Result<String> {
    let script = packaging()?.join("install.sh").display().to_string();
    host.exec(&[&["sh", &script], args].concat())
}

/// What `pontoon status` says.
///
/// # Errors
/// When the daemon does not answer.
pub fn status(host: &SystemdHost) -> Result<Status> {
    let printed = host.exec(&["pontoon", "status", "--json"])?;
    serde_json::from_str(&printed).with_context(|| format!("pontoon status printed {printed:?}"))
}

/// Calls the plugin with the configuration that the daemon wrote, as a runtime does.
///
/// # Errors
/// When it fails, with what it said.
pub fn cni(host: &SystemdHost, verb: Verb, container: &str, netns: &str) -> Result<Value> {
    let network = Network::parse(&host.exec(&["cat", CONFLIST])?)?;
    let mut conf = network.plugins.first().context("a network without plugins")?.clone();
    conf.insert("name".into(), network.name.into());
    conf.insert("cniVersion".into(), network.version.into());
    let conf = Value::from(conf).to_string();
    let script = format!(
        "CNI_COMMAND={} CNI_CONTAINERID={container} CNI_NETNS={netns} CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
         {PLUGIN} <<'END'\n{conf}\nEND",
        verb.as_str()
    );
    let printed = host.exec(&["sh", "-c", &script])?;
    if printed.trim().is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&printed)?) }
}

/// Makes a pod named like its container, in a namespace below `/run/netns`.
///
/// # Errors
/// When the namespace cannot be made, or ADD fails.
pub fn add_pod(host: &SystemdHost, container: &str) -> Result<Netns> {
    host.exec(&["ip", "netns", "add", container])?;
    let path = format!("/run/netns/{container}");
    cni(host, Verb::Add, container, &path)?;
    Netns::open(host.path(&path))
}
