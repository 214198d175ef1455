//! The plugins of a network, and how libcni calls them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{CniCall, CniOutput, Verb};
use crate::binaries;
use crate::netns::Netns;

/// The plugins of a network, from the first `*.conflist` of a folder, as runtimes choose it.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// `cniVersion`.
    pub version: String,
    /// Each plugin's configuration, as the file has it.
    pub plugins: Vec<Map<String, Value>>,
}

impl Network {
    /// Reads the first configuration of a folder by name.
    ///
    /// # Errors
    /// When there is none, or it is not a list of plugins.
    pub fn load(folder: &Path) -> Result<Self> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot list {folder:?}"))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "conflist"));
        files.sort();
        let file = files.first().with_context(|| {
            format!(
                "there is no CNI configuration in {folder:?}: the daemon writes it once it is ready"
            )
        })?;
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {file:?}"))?;
        Self::parse(&text).with_context(|| format!("{file:?} cannot be used"))
    }

    /// Reads a configuration list.
    ///
    /// # Errors
    /// When it is not a list of plugins.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Value = serde_json::from_str(text).context("not JSON")?;
        let text = |key: &str| {
            list[key].as_str().map(str::to_owned).with_context(|| format!("no {key:?}"))
        };
        let plugins = list["plugins"].as_array().context("no \"plugins\"")?;
        let plugins =
            plugins.iter().map(|p| p.as_object().cloned().context("a plugin that is no object"));
        Ok(Self {
            name: text("name")?,
            version: text("cniVersion")?,
            plugins: plugins.collect::<Result<_>>()?,
        })
    }

    /// Calls the plugins in the order of the verb, each with the result of the one before, and
    /// ends at the first that fails.
    ///
    /// # Errors
    /// When a plugin is not found or cannot be started. A plugin that fails is no error here.
    pub fn call(&self, host: &Netns, verb: Verb, call: &CniCall) -> Result<CniOutput> {
        let mut prev_result = call.prev_result.clone();
        let mut last = None;
        let order: Box<dyn Iterator<Item = _>> = match verb {
            Verb::Del => Box::new(self.plugins.iter().rev()),
            _ => Box::new(self.plugins.iter()),
        };
        for plugin in order {
            let conf = self.conf(plugin, call, prev_result.as_ref());
            let name =
                plugin.get("type").and_then(Value::as_str).context("a plugin without \"type\"")?;
            let output = exec(host, &find(name)?, verb, call, &conf.to_string())?;
            if !output.status.success() {
                return Ok(output);
            }
            if verb == Verb::Add {
                prev_result = Some(output.result()?);
            }
            last = Some(output);
        }
        last.context("a CNI configuration with no plugins")
    }

    /// What one plugin reads (CNI spec 1.1.0, section 4, "Deriving request configuration").
    pub(super) fn conf(
        &self,
        plugin: &Map<String, Value>,
        call: &CniCall,
        prev_result: Option<&Value>,
    ) -> Value {
        let mut conf = plugin.clone();
        conf.insert("name".into(), self.name.clone().into());
        conf.insert("cniVersion".into(), self.version.clone().into());
        let declared =
            |name: &str| plugin.get("capabilities").is_some_and(|c| c[name] == json!(true));
        let runtime: Map<_, _> = call
            .capabilities
            .iter()
            .filter(|(n, _)| declared(n))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        if !runtime.is_empty() {
            conf.insert("runtimeConfig".into(), runtime.into());
        }
        if let Some(result) = prev_result {
            conf.insert("prevResult".into(), result.clone());
        }
        conf.extend(call.overrides.clone());
        conf.into()
    }
}

/// Runs one plugin with a configuration as it is.
///
/// # Errors
/// When it cannot be started. A plugin that fails is no error here.
pub fn exec(
    host: &Netns,
    plugin: &Path,
    verb: Verb,
    call: &CniCall,
    conf: &str,
) -> Result<CniOutput> {
    let mut command = Command::new(plugin);
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("CNI_")) {
        command.env_remove(name);
    }
    command.env("CNI_COMMAND", verb.as_str()).env("CNI_PATH", plugin_path());
    let optional = [
        ("CNI_CONTAINERID", &call.container_id),
        ("CNI_NETNS", &call.netns),
        ("CNI_IFNAME", &call.ifname),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if !call.args.is_empty() {
        let args: Vec<_> = call.args.iter().map(|(k, v)| format!("{k}={v}")).collect();
        command.env("CNI_ARGS", args.join(";"));
    }
    command.envs(call.env.iter().map(|(k, v)| (k, v)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = host
        .run(|| command.spawn())?
        .with_context(|| format!("cannot start the CNI plugin {plugin:?}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A plugin that refuses its environment need not read its configuration.
        let _refused_early = std::io::Write::write_all(&mut stdin, conf.as_bytes());
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot wait for the CNI plugin {plugin:?}"))?;
    Ok(CniOutput {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Where plugins are looked for: ours, then the reference plugins of Debian and of their authors.
fn plugin_folders() -> [PathBuf; 3] {
    [binaries::folder(), "/usr/lib/cni".into(), "/opt/cni/bin".into()]
}

fn plugin_path() -> String {
    plugin_folders().map(|f| f.display().to_string()).join(":")
}

/// Finds a plugin by its type.
///
/// # Errors
/// When it is in none of the folders.
pub fn find(name: &str) -> Result<PathBuf> {
    if name == "pontoon-cni" {
        return binaries::find(name);
    }
    plugin_folders()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("the CNI plugin {name:?} is in none of {}", plugin_path()))
}
