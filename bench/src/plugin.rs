//! CNI plugins, started as a runtime starts them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Where Debian has the reference plugins.
pub(crate) const REFERENCE: &str = "/usr/lib/cni";

/// A plugin, or a chain of them.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// Each with its configuration.
    pub plugins: Vec<(PathBuf, Value)>,
}

/// A pod as the runtime names it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub id: String,
    pub netns: PathBuf,
    /// The host port that leads to its port 80, if the chain maps ports.
    pub port: u16,
}

impl Chain {
    /// Ours, as the daemon wrote it.
    pub(crate) fn ours(conf_dir: &Path) -> Result<Self> {
        let text = std::fs::read(conf_dir.join("10-pontoon.conflist"))?;
        let list: Value = serde_json::from_slice(&text)?;
        let mut conf = list["plugins"][0].clone();
        conf["name"] = list["name"].clone();
        conf["cniVersion"] = list["cniVersion"].clone();
        Ok(Self { plugins: vec![(pontoon_lab::binaries::find("pontoon-cni")?, conf)] })
    }

    /// The reference bridge with host-local, and portmap behind it for what masquerades.
    pub(crate) fn reference(data: &Path, masquerade: bool) -> Self {
        let bridge = json!({
            "cniVersion": "1.0.0", "name": "reference", "type": "bridge", "bridge": "refbr0",
            "isGateway": true, "ipMasq": masquerade,
            "ipam": {"type": "host-local", "subnet": "10.99.0.0/16", "dataDir": data},
        });
        let portmap =
            json!({"cniVersion": "1.0.0", "name": "reference", "type": "portmap", "snat": true});
        let mut plugins = vec![(Path::new(REFERENCE).join("bridge"), bridge)];
        if masquerade {
            plugins.push((Path::new(REFERENCE).join("portmap"), portmap));
        }
        Self { plugins }
    }

    /// The same with a mapped port for every pod.
    pub(crate) fn with_ports(mut self) -> Self {
        for (_, conf) in &mut self.plugins {
            conf["mapsPorts"] = true.into();
        }
        self
    }

    /// ADD, in the calling thread's namespace.
    pub(crate) fn add(&self, target: &Target) -> Result<Duration> {
        let began = Instant::now();
        let mut previous = None;
        for (binary, conf) in &self.plugins {
            let out = call(binary, "ADD", conf, target, previous.as_ref())?;
            previous = Some(serde_json::from_slice(&out).context("the result is no JSON")?);
        }
        Ok(began.elapsed())
    }

    /// DEL, in the calling thread's namespace.
    pub(crate) fn del(&self, target: &Target) -> Result<Duration> {
        let began = Instant::now();
        for (binary, conf) in self.plugins.iter().rev() {
            call(binary, "DEL", conf, target, None)?;
        }
        Ok(began.elapsed())
    }
}

fn call(
    binary: &Path,
    verb: &str,
    conf: &Value,
    target: &Target,
    previous: Option<&Value>,
) -> Result<Vec<u8>> {
    let mut conf = conf.clone();
    if conf.as_object_mut().and_then(|conf| conf.remove("mapsPorts")).is_some() {
        let port = json!({"hostPort": target.port, "containerPort": 80, "protocol": "tcp"});
        conf["runtimeConfig"] = json!({"portMappings": [port]});
    }
    if let Some(previous) = previous {
        conf["prevResult"] = previous.clone();
    }
    let mut child = Command::new(binary)
        .env_clear()
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("CNI_COMMAND", verb)
        .env("CNI_CONTAINERID", &target.id)
        .env("CNI_NETNS", &target.netns)
        .env("CNI_IFNAME", "eth0")
        .env("CNI_PATH", REFERENCE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(&serde_json::to_vec(&conf)?)?;
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{verb} of {} failed: {said}", binary.display());
    Ok(output.stdout)
}
