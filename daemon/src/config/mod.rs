//! The daemon's configuration. Precedence, lowest first: the defaults, the TOML file, environment
//! variables (`PONTOON_NODE__NAME=a` for `node.name`), `--set node.name=a`.

mod listen;
mod load;
mod mesh;
#[cfg(test)]
mod reference;

pub use listen::{ApiSettings, ListenAddress, MetricsSettings};
pub use load::{ConfigError, load};
pub use mesh::MeshSettings;

use std::net::IpAddr;
use std::path::PathBuf;

use ipnetwork::IpNetwork;
use pontoon_dns::config::DnsConfig;
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::name::NodeName;
use pontoon_model::port_range::PortRange;
use pontoon_store::EtcdConfig;
use serde::Deserialize;

/// Everything that a person can set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// This host.
    pub node: NodeSettings,
    /// Where desired state is kept.
    pub store: StoreSettings,
    /// What all nodes share.
    pub cluster: ClusterSettings,
    /// Cluster DNS on this host.
    pub dns: DnsConfig,
    /// Folders.
    pub paths: PathSettings,
    /// Logging.
    pub log: LogSettings,
    /// The API that people use.
    pub api: ApiSettings,
    /// Metrics and health.
    pub metrics: MetricsSettings,
    /// Probes between nodes.
    pub mesh: MeshSettings,
}

/// This host.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NodeSettings {
    /// Name of the node; the host's name when absent.
    pub name: Option<NodeName>,
    /// What tells this host from all others; `/etc/machine-id` when absent.
    pub machine_id: Option<String>,
    /// How the underlay is chosen; the way to the default route when absent.
    pub underlay: Option<UnderlaySelector>,
    /// MTU of pods, bytes; the underlay's less the backend's overhead when absent.
    pub mtu: Option<u32>,
    /// The zone that the node is in, for services that prefer endpoints nearby.
    pub zone: Option<String>,
    /// The node answers on node ports at those of its addresses that lie in these ranges; at the
    /// underlay's when absent.
    pub node_port_addresses: Option<Vec<IpNetwork>>,
}

impl NodeSettings {
    /// The addresses that answer on node ports, given those of the underlay and of the whole host.
    #[must_use]
    pub fn node_port_addresses(&self, underlay: &[IpAddr], host: &[IpAddr]) -> Vec<IpAddr> {
        match &self.node_port_addresses {
            None => underlay.to_vec(),
            Some(ranges) => {
                let answers = |ip: &&IpAddr| ranges.iter().any(|range| range.contains(**ip));
                host.iter().filter(answers).copied().collect()
            }
        }
    }
}

/// How to choose the interface and address that packets to other nodes leave by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum UnderlaySelector {
    /// The interface of this name.
    Interface(String),
    /// The first address in this range.
    Range(IpNetwork),
    /// Exactly this address.
    Address(IpAddr),
    /// The interface and source address that the kernel uses to reach this address.
    Reach(IpAddr),
}

impl TryFrom<String> for UnderlaySelector {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(target) = text.strip_prefix("reach:") {
            return target
                .trim()
                .parse()
                .map(Self::Reach)
                .map_err(|_| format!("{target:?} behind reach: is no IP address"));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if text.contains('/') {
            return text
                .parse()
                .map(Self::Range)
                .map_err(|_| format!("{text:?} is no range such as 192.168.0.0/16"));
        }
        if (1..=15).contains(&text.len()) && !text.contains(char::is_whitespace) {
            return Ok(Self::Interface(text));
        }
        Err(format!(
            "{text:?} is neither an interface such as eth0, nor a range such as 192.168.0.0/16, nor an address, nor reach:ADDRESS"
        ))
    }
}

impl std::fmt::Display for UnderlaySelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interface(name) => f.write_str(name),
            Self::Range(range) => write!(f, "{range}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Reach(target) => write!(f, "reach:{target}"),
        }
    }
}

/// Where desired state is kept.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The engine; `etcd` when there is an `[store.etcd]` section, `embedded` otherwise.
    pub kind: Option<StoreKind>,
    /// How to reach etcd.
    pub etcd: Option<EtcdConfig>,
}

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// A file on this host, for a cluster of one.
    Embedded,
    /// etcd 3.4 or later.
    Etcd,
}

impl std::fmt::Display for StoreKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Etcd => "etcd",
        })
    }
}

impl StoreSettings {
    /// The engine in force.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        self.kind.unwrap_or(if self.etcd.is_some() { StoreKind::Etcd } else { StoreKind::Embedded })
    }
}

/// What all nodes share. Only what is given here is compared with what the cluster has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClusterSettings {
    /// See [`ClusterConfig::pod_cidrs`].
    pub pod_cidrs: Option<Vec<IpNetwork>>,
    /// See [`ClusterConfig::node_prefix_v4`].
    pub node_prefix_v4: Option<u8>,
    /// See [`ClusterConfig::node_prefix_v6`].
    pub node_prefix_v6: Option<u8>,
    /// See [`ClusterConfig::service_cidrs`].
    pub service_cidrs: Option<Vec<IpNetwork>>,
    /// See [`ClusterConfig::node_port_range`].
    pub node_port_range: Option<PortRange>,
    /// See [`pontoon_model::cluster::Backend::kind`].
    pub backend: Option<BackendKind>,
    /// See [`pontoon_model::cluster::Backend::vxlan_port`].
    pub vxlan_port: Option<u16>,
    /// See [`pontoon_model::cluster::Backend::vxlan_vni`].
    pub vxlan_vni: Option<u32>,
    /// See [`ClusterConfig::cluster_domain`].
    pub cluster_domain: Option<String>,
    /// See [`ClusterConfig::dns_addresses`].
    pub dns_addresses: Option<Vec<IpAddr>>,
}

impl ClusterSettings {
    /// `base` with what is given here in its place.
    #[must_use]
    pub fn over(&self, base: ClusterConfig) -> ClusterConfig {
        let mut config = base;
        let own = self.clone();
        set(&mut config.pod_cidrs, own.pod_cidrs);
        set(&mut config.node_prefix_v4, own.node_prefix_v4);
        set(&mut config.node_prefix_v6, own.node_prefix_v6);
        set(&mut config.service_cidrs, own.service_cidrs);
        set(&mut config.node_port_range, own.node_port_range);
        set(&mut config.backend.kind, own.backend);
        set(&mut config.backend.vxlan_port, own.vxlan_port);
        set(&mut config.backend.vxlan_vni, own.vxlan_vni);
        set(&mut config.cluster_domain, own.cluster_domain);
        config.dns_addresses = own.dns_addresses.or(config.dns_addresses);
        config
    }

    /// Where this and the cluster's configuration disagree, a line each.
    #[must_use]
    pub fn disagreements(&self, cluster: &ClusterConfig) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |key: &str, mine: Option<String>, theirs: String| {
            if let Some(mine) = mine.filter(|mine| *mine != theirs) {
                found.push(format!(
                    "cluster.{key}: this node says {mine}, the cluster has {theirs}"
                ));
            }
        };
        fn list<T: ToString>(items: &[T]) -> String {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            if items.is_empty() { "none".to_owned() } else { items.join(", ") }
        }
        compare("pod-cidrs", self.pod_cidrs.as_deref().map(list), list(&cluster.pod_cidrs));
        compare("node-prefix-v4", text(self.node_prefix_v4), cluster.node_prefix_v4.to_string());
        compare("node-prefix-v6", text(self.node_prefix_v6), cluster.node_prefix_v6.to_string());
        compare(
            "service-cidrs",
            self.service_cidrs.as_deref().map(list),
            list(&cluster.service_cidrs),
        );
        compare("node-port-range", text(self.node_port_range), cluster.node_port_range.to_string());
        compare("backend", text(self.backend), cluster.backend.kind.to_string());
        compare("vxlan-port", text(self.vxlan_port), cluster.backend.vxlan_port.to_string());
        compare("vxlan-vni", text(self.vxlan_vni), cluster.backend.vxlan_vni.to_string());
        compare("cluster-domain", self.cluster_domain.clone(), cluster.cluster_domain.clone());
        let theirs = list(&cluster.dns_addresses());
        compare("dns-addresses", self.dns_addresses.as_deref().map(list), theirs);
        found
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|v| v.to_string())
}

/// Folders.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PathSettings {
    /// Sockets and locks; lost at reboot.
    pub run: PathBuf,
    /// Attachments, the last snapshot of the cluster, the embedded store.
    pub state: PathBuf,
    /// Where runtimes look for network configurations.
    pub cni_conf: PathBuf,
}

impl Default for PathSettings {
    fn default() -> Self {
        Self {
            run: "/run/pontoon".into(),
            state: "/var/lib/pontoon".into(),
            cni_conf: "/etc/cni/net.d".into(),
        }
    }
}

impl PathSettings {
    /// The socket that the CNI plugin and the command speak to.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run.join("pontoond.sock")
    }

    /// The socket of the API that people use.
    #[must_use]
    pub fn api_socket(&self) -> PathBuf {
        self.run.join("api.sock")
    }

    /// Where the CNI plugin leaves a DEL that it could not hand over.
    #[must_use]
    pub fn pending(&self) -> PathBuf {
        self.state.join("pending")
    }

    /// The network configuration that runtimes find.
    #[must_use]
    pub fn conflist(&self) -> PathBuf {
        self.cni_conf.join("10-pontoon.conflist")
    }
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LogSettings {
    /// A level, or a filter as `tracing` has them: `info`, `pontoond::attach=debug,info`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Human }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Human,
    /// A JSON object a line.
    Json,
}
