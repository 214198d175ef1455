//! CNI calls as a runtime makes them: libcni's part of the specification, with real plugins.

mod network;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::process::ExitStatus;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

pub use network::{Network, exec, find};
pub use pontoon_model::cni::call::Verb;

/// One call of a runtime.
#[derive(Debug, Clone, Default)]
pub struct CniCall {
    /// `CNI_CONTAINERID`; unset when `None`.
    pub container_id: Option<String>,
    /// `CNI_NETNS`; set but empty when `Some("")`.
    pub netns: Option<String>,
    /// `CNI_IFNAME`.
    pub ifname: Option<String>,
    /// `CNI_ARGS`, in order.
    pub args: Vec<(String, String)>,
    /// What the runtime offers for capabilities, such as `portMappings`; a plugin is given those
    /// that it declares.
    pub capabilities: Map<String, Value>,
    /// Keys that are set in every plugin's configuration, over what the file says.
    pub overrides: Map<String, Value>,
    /// The result of an earlier ADD, as CHECK and DEL have it.
    pub prev_result: Option<Value>,
    /// Further variables, or other values for those above.
    pub env: Vec<(String, String)>,
}

/// What a plugin did.
#[derive(Debug, Clone)]
pub struct CniOutput {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed to its standard output.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

impl CniOutput {
    /// Its result, of a call that must succeed.
    ///
    /// # Errors
    /// When the plugin failed, with all that it said, or printed no JSON.
    pub fn result(&self) -> Result<Value> {
        if !self.status.success() {
            bail!(
                "the CNI plugin failed with {}: {}{}",
                self.status,
                self.stdout.trim(),
                self.stderr.trim()
            );
        }
        if self.stdout.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("the CNI plugin printed {:?}", self.stdout))
    }

    /// The error code, of a call that must fail.
    ///
    /// # Errors
    /// When the plugin succeeded or printed no CNI error.
    pub fn error_code(&self) -> Result<u64> {
        if self.status.success() {
            bail!(
                "the CNI plugin succeeded and printed {:?}, but was expected to fail",
                self.stdout
            );
        }
        let error: Value = serde_json::from_str(&self.stdout).with_context(|| {
            format!("the CNI plugin failed without a CNI error: {:?}", self.stdout)
        })?;
        error["code"].as_u64().with_context(|| format!("there is no code in the CNI error {error}"))
    }
}

/// The addresses in a CNI result of version 0.3.0 or later.
pub(crate) fn addresses(result: &Value) -> Vec<IpAddr> {
    let ips = result["ips"].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = ips.iter().filter_map(|ip| ip["address"].as_str());
    texts.filter_map(|text| text.split('/').next()?.parse().ok()).collect()
}
