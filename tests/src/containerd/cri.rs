//! The calls of the CRI that make and end pods, as a kubelet makes them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    DnsConfig, LinuxPodSandboxConfig, PodSandboxConfig, PodSandboxMetadata,
    PodSandboxStatusRequest, PodSandboxStatusResponse, PortMapping, RemovePodSandboxRequest,
    RunPodSandboxRequest, StatusRequest, StopPodSandboxRequest,
};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A client that waits for each answer.
#[derive(Debug)]
pub struct Cri {
    runtime: Runtime,
    client: RuntimeServiceClient<Channel>,
}

/// A pod to be run.
#[derive(Debug, Default)]
pub struct Sandbox<'a> {
    /// Its name; its namespace is `default`.
    pub name: &'a str,
    /// TCP ports published on the host: host's, container's.
    pub ports: &'a [(u16, u16)],
    /// Its annotations.
    pub annotations: &'a [(&'a str, &'a str)],
    /// The name servers and the search list that it is to have, as a kubelet says them.
    pub dns: Option<(&'a [&'a str], &'a [&'a str])>,
}

impl Cri {
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        let runtime =
            Builder::new_current_thread().enable_all().build().context("cannot start tokio")?;
        let endpoint =
            Endpoint::from_shared(format!("unix://{}", socket.display()))?.timeout(TIMEOUT);
        let channel = runtime
            .block_on(endpoint.connect())
            .with_context(|| format!("cannot connect to {socket:?}"))?;
        Ok(Self { runtime, client: RuntimeServiceClient::new(channel) })
    }

    /// Waits until containerd has taken the CNI configuration up.
    ///
    /// # Errors
    /// When it has not within a minute, with its reason.
    pub fn wait_for_network(&mut self) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let answer =
                self.runtime.block_on(self.client.status(StatusRequest { verbose: false }))?;
            let conditions = answer.into_inner().status.unwrap_or_default().conditions;
            let network =
                conditions.into_iter().find(|c| c.r#type == "NetworkReady").unwrap_or_default();
            if network.status {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("containerd finds no network: {} {}", network.reason, network.message);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `RunPodSandbox`; returns the sandbox's id.
    ///
    /// # Errors
    /// When containerd refuses, as when CNI ADD failed.
    pub fn run(&mut self, sandbox: &Sandbox<'_>) -> Result<String> {
        let owned = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let port = |(host, container): &(u16, u16)| PortMapping {
            container_port: i32::from(*container),
            host_port: i32::from(*host),
            ..PortMapping::default()
        };
        let config = PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: sandbox.name.into(),
                uid: format!("uid-{}", sandbox.name),
                namespace: "default".into(),
                attempt: 0,
            }),
            hostname: sandbox.name.into(),
            port_mappings: sandbox.ports.iter().map(port).collect(),
            annotations: owned(sandbox.annotations),
            dns_config: sandbox.dns.map(|(servers, searches)| DnsConfig {
                servers: servers.iter().map(ToString::to_string).collect(),
                searches: searches.iter().map(ToString::to_string).collect(),
                options: Vec::new(),
            }),
            linux: Some(LinuxPodSandboxConfig::default()),
            ..PodSandboxConfig::default()
        };
        let request = RunPodSandboxRequest { config: Some(config), runtime_handler: String::new() };
        Ok(self.runtime.block_on(self.client.run_pod_sandbox(request))?.into_inner().pod_sandbox_id)
    }

    /// `StopPodSandbox`.
    ///
    /// # Errors
    /// When containerd refuses, as when CNI DEL failed.
    pub fn stop(&mut self, id: &str) -> Result<()> {
        let request = StopPodSandboxRequest { pod_sandbox_id: id.into() };
        self.runtime.block_on(self.client.stop_pod_sandbox(request))?;
        Ok(())
    }

    /// `RemovePodSandbox`.
    ///
    /// # Errors
    /// When containerd refuses.
    pub fn remove(&mut self, id: &str) -> Result<()> {
        let request = RemovePodSandboxRequest { pod_sandbox_id: id.into() };
        self.runtime.block_on(self.client.remove_pod_sandbox(request))?;
        Ok(())
    }

    /// The addresses that containerd reports, the first first.
    ///
    /// # Errors
    /// When there is no such sandbox.
    pub fn addresses(&mut self, id: &str) -> Result<Vec<String>> {
        let network = self.status(id)?.status.unwrap_or_default().network.unwrap_or_default();
        Ok(std::iter::once(network.ip)
            .chain(network.additional_ips.into_iter().map(|ip| ip.ip))
            .collect())
    }

    /// The path of the sandbox's network namespace on its host.
    ///
    /// # Errors
    /// When there is no such sandbox, or containerd does not tell.
    pub fn netns(&mut self, id: &str) -> Result<PathBuf> {
        let info = self.details(id)?;
        let namespaces = info["runtimeSpec"]["linux"]["namespaces"]
            .as_array()
            .context("a sandbox without namespaces")?;
        let network = namespaces.iter().find(|namespace| namespace["type"] == "network");
        network
            .and_then(|n| n["path"].as_str())
            .map(PathBuf::from)
            .context("a sandbox without a network namespace")
    }

    /// All that containerd tells of a sandbox: the result of ADD is `cniResult`.
    ///
    /// # Errors
    /// When there is no such sandbox, or containerd does not tell.
    pub fn details(&mut self, id: &str) -> Result<serde_json::Value> {
        let info = self.status(id)?.info;
        let text = info.get("info").context("containerd tells no details")?;
        serde_json::from_str(text).with_context(|| format!("containerd told {text:?}"))
    }

    fn status(&mut self, id: &str) -> Result<PodSandboxStatusResponse> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: id.into(), verbose: true };
        Ok(self.runtime.block_on(self.client.pod_sandbox_status(request))?.into_inner())
    }
}
