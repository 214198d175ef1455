//! kube-proxy itself, in nftables mode, fed by an API server of ours.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::{Host, Process, binaries};
use pontoon_netlink::nft::{Family, Table};
use serde_json::{Value, json};

use super::dataset::{POD_CIDR, SERVICE_CIDR, Size, spare};
use super::kernel::{Commits, Kernel, Map};
use super::kube_api::{KubeApi, Resource};
use crate::usage;

/// Names the binary of kube-proxy to compare with.
pub(super) const VARIABLE: &str = "PONTOON_KUBE_PROXY";

const SERVICE_IPS: Map = Map::new(Table::new(Family::Ip, "kube-proxy"), "service-ips");
const WAIT: Duration = Duration::from_secs(180);
/// How long nothing may happen before the next change is made.
const CALM: Duration = Duration::from_secs(2);
const CHANGES: usize = 5;

/// A host that kube-proxy is to serve.
#[derive(Debug)]
pub(super) struct KubeProxy<'a> {
    host: &'a Host,
    binary: PathBuf,
    api: KubeApi,
    size: Size,
    changes: usize,
}

/// What kube-proxy took.
#[derive(Debug, Clone)]
pub(super) struct Cost {
    /// From its start until all services are in the kernel, its children's time too.
    pub cold: Duration,
    /// Milliseconds from telling it of a changed endpoint to its commit.
    pub changes: Vec<f64>,
}

impl<'a> KubeProxy<'a> {
    /// Prepares one, if a binary is named.
    pub(super) fn prepare(host: &'a Host, size: Size) -> Result<Option<Self>> {
        let Some(binary) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(None) };
        ensure!(binary.is_file(), "{VARIABLE} names {binary:?}, which is no file");
        let binary = std::path::absolute(binary)?;
        let api = KubeApi::start(host.netns())?;
        for service in size.services() {
            api.put(Resource::Service, service.document());
            api.put(Resource::EndpointSlice, service.slice(host.name()));
        }
        api.put(Resource::Node, node(host)?);
        let cidr = json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": [SERVICE_CIDR]}});
        api.put(Resource::ServiceCidr, cidr);
        Ok(Some(Self { host, binary, api, size, changes: 0 }))
    }

    /// Starts it on an empty kernel, changes endpoints one by one, and ends it.
    pub(super) fn measure(&mut self) -> Result<Cost> {
        self.host.nft("flush ruleset")?;
        let mut kernel = Kernel::open(self.host.netns())?;
        let process = self.start()?;
        let expected = [(SERVICE_IPS, self.size.services)];
        let cold = kernel
            .wait_for(&expected, WAIT, || usage::cpu(process.pid()))
            .with_context(|| format!("kube-proxy; its log ends:\n{}", process.log_tail()))?;
        let commits = Commits::watch(self.host.netns())?;
        let mut changes = Vec::new();
        for _ in 0..CHANGES {
            commits.calm(CALM);
            changes.push(self.change(&commits)?);
        }
        process.kill();
        self.host.nft("flush ruleset")?;
        Ok(Cost { cold, changes })
    }

    fn change(&mut self, commits: &Commits) -> Result<f64> {
        let mut service = self.size.service(self.changes);
        if let Some(address) = service.endpoints.first_mut() {
            *address = spare(self.changes);
        }
        self.changes += 1;
        let told = Instant::now();
        self.api.put(Resource::EndpointSlice, service.slice(self.host.name()));
        let commit = commits.first(WAIT).context("kube-proxy and a changed endpoint")?;
        Ok(commit.saturating_duration_since(told).as_secs_f64() * 1e3)
    }

    fn start(&self) -> Result<Process> {
        let write = |name: &str, document: Value| -> Result<PathBuf> {
            let path = self.host.path().join(name);
            fs::write(&path, document.to_string())
                .with_context(|| format!("cannot write {path:?}"))?;
            Ok(path)
        };
        let access = write("kubeconfig", access(&self.api.url()))?;
        let config = write("kube-proxy.conf", config(self.host.name(), &access.to_string_lossy()))?;
        // It starts nft, which an ordinary user's PATH lacks on Debian.
        let path = format!("PATH={}", binaries::search_path().to_string_lossy());
        let (binary, config) = (self.binary.to_string_lossy(), config.to_string_lossy());
        self.host.spawn(&["env", &path, &binary, "--config", &config])
    }
}

fn node(host: &Host) -> Result<Value> {
    let address = host.addresses().first().copied().context("the host has no address")?;
    Ok(json!({
        "metadata": {"name": host.name(), "uid": host.machine_id()},
        "spec": {"podCIDR": POD_CIDR, "podCIDRs": [POD_CIDR]},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }))
}

fn access(server: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": {"server": server}}],
        "users": [{"name": "bench", "user": {}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "current-context": "bench",
    })
}

/// As fast as it can: every change at once, and no full sync but the first.
fn config(node: &str, access: &str) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": node,
        "clusterCIDR": POD_CIDR,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {
            "kubeconfig": access,
            "contentType": "application/json",
            "acceptContentTypes": "application/json",
            "qps": 1000,
            "burst": 1000,
        },
        "nftables": {"minSyncPeriod": "1ms", "syncPeriod": "1h"},
        // Limits that belong to the whole machine are left as they are.
        "conntrack": {
            "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
        },
    })
}
