//! The result of ADD, and prevResult (CNI spec, section 5, "Result Types"; 0.3.1 and 0.4.0,
//! "Result").
//!
//! One type holds what any version can say; what a version cannot say is left out when it is
//! written, and what it wants besides is added.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::Serialize;

use super::field::{Field, FieldError};
use super::version::SpecVersion;
use crate::attachment::{Attached, IfName};

/// A result of ADD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CniResult {
    /// Interfaces, on the host and in sandboxes.
    pub interfaces: Vec<ResultInterface>,
    /// Addresses.
    pub ips: Vec<ResultIp>,
    /// Routes in the sandbox.
    pub routes: Vec<ResultRoute>,
    /// What goes into the pod's resolv.conf.
    pub dns: ResultDns,
}

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultInterface {
    /// Its name.
    pub name: String,
    /// Its MAC; empty where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Path of its network namespace; empty on the host.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// Its MTU, bytes (since 1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// Path of a vhost-user socket (since 1.1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_path: Option<String>,
    /// Address on the PCI bus (since 1.1.0).
    #[serde(rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultIp {
    /// Index of its interface.
    pub interface: Option<usize>,
    /// The address with its prefix length.
    pub address: IpNetwork,
    /// The gateway of its subnet.
    pub gateway: Option<IpAddr>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResultRoute {
    /// Where to.
    pub dst: IpNetwork,
    /// Next hop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    /// Path MTU, bytes (since 1.1.0, as all that follow).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<i64>,
    /// Maximal segment size to advertise, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advmss: Option<i64>,
    /// Metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Routing table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<i64>,
    /// Scope, as rtnetlink numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<i64>,
}

impl ResultRoute {
    /// A route that every version can write.
    #[must_use]
    pub fn plain(dst: IpNetwork, gw: Option<IpAddr>) -> Self {
        Self { dst, gw, mtu: None, advmss: None, priority: None, table: None, scope: None }
    }
}

/// What goes into the pod's resolv.conf, as other plugins wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ResultDns {
    /// Name servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Search list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl CniResult {
    /// What the daemon attached, as a result: bridge and host end first, as the reference `bridge`
    /// has them.
    #[must_use]
    pub fn of(attached: &Attached, netns: &Path) -> Self {
        let on_host = |interface: &crate::attachment::Interface| ResultInterface {
            name: interface.name.to_string(),
            mac: interface.mac.to_string(),
            ..ResultInterface::default()
        };
        let in_pod = ResultInterface {
            sandbox: netns.to_string_lossy().into_owned(),
            mtu: Some(attached.mtu.into()),
            ..on_host(&attached.pod_interface)
        };
        let interfaces = vec![on_host(&attached.bridge), on_host(&attached.host_interface), in_pod];
        let ips = attached.addresses.iter().map(|given| ResultIp {
            interface: Some(interfaces.len() - 1),
            address: given.address,
            gateway: Some(given.gateway),
        });
        let routes = attached.addresses.iter().map(|given| default_route(given.gateway));
        Self {
            ips: ips.collect(),
            routes: routes.collect(),
            dns: ResultDns {
                nameservers: attached.dns.nameservers.iter().map(ToString::to_string).collect(),
                domain: attached.dns.domain.clone().unwrap_or_default(),
                search: attached.dns.search.clone(),
                options: attached.dns.options.clone(),
            },
            interfaces,
        }
    }

    /// Puts the result of the next plugin of a chain behind this one.
    #[must_use]
    pub fn followed_by(mut self, next: Self) -> Self {
        let shift = self.interfaces.len();
        self.interfaces.extend(next.interfaces);
        self.ips.extend(
            next.ips
                .into_iter()
                .map(|ip| ResultIp { interface: ip.interface.map(|index| index + shift), ..ip }),
        );
        self.routes.extend(next.routes);
        let add = |list: &mut Vec<String>, more: Vec<String>| {
            for text in more {
                if !list.contains(&text) {
                    list.push(text);
                }
            }
        };
        add(&mut self.dns.nameservers, next.dns.nameservers);
        add(&mut self.dns.search, next.dns.search);
        add(&mut self.dns.options, next.dns.options);
        if self.dns.domain.is_empty() {
            self.dns.domain = next.dns.domain;
        }
        self
    }

    /// The addresses of an interface in a sandbox; all there are when the result names no
    /// interface.
    #[must_use]
    pub fn addresses_of(&self, ifname: &IfName) -> Vec<IpNetwork> {
        let is_of = |ip: &&ResultIp| {
            self.interfaces.is_empty()
                || ip.interface.and_then(|index| self.interfaces.get(index)).is_some_and(
                    |interface| interface.name == ifname.as_str() && !interface.sandbox.is_empty(),
                )
        };
        self.ips.iter().filter(is_of).map(|ip| ip.address).collect()
    }

    /// The document in a version.
    #[must_use]
    pub fn in_version(self, version: SpecVersion) -> ResultDocument {
        let Self { mut interfaces, ips, mut routes, dns } = self;
        if version < SpecVersion::V1_1_0 {
            for interface in &mut interfaces {
                interface.mtu = None;
                interface.socket_path = None;
                interface.pci_id = None;
            }
            for route in &mut routes {
                *route = ResultRoute::plain(route.dst, route.gw);
            }
        }
        let family = |ip: &ResultIp| match ip.address {
            _ if version >= SpecVersion::V1_0_0 => None,
            IpNetwork::V4(_) => Some("4"),
            IpNetwork::V6(_) => Some("6"),
        };
        let ips = ips.into_iter().map(|ip| IpDocument {
            version: family(&ip),
            interface: ip.interface,
            address: ip.address,
            gateway: ip.gateway,
        });
        ResultDocument { cni_version: version, interfaces, ips: ips.collect(), routes, dns }
    }
}

const DEFAULT_V4: Ipv4Network = match Ipv4Network::new_checked(Ipv4Addr::UNSPECIFIED, 0) {
    Some(network) => network,
    None => unreachable!(),
};
const DEFAULT_V6: Ipv6Network = match Ipv6Network::new_checked(Ipv6Addr::UNSPECIFIED, 0) {
    Some(network) => network,
    None => unreachable!(),
};

fn default_route(gateway: IpAddr) -> ResultRoute {
    let destination = match gateway {
        IpAddr::V4(_) => DEFAULT_V4.into(),
        IpAddr::V6(_) => DEFAULT_V6.into(),
    };
    ResultRoute::plain(destination, Some(gateway))
}

/// A result as one version writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultDocument {
    cni_version: SpecVersion,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<ResultInterface>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<IpDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<ResultRoute>,
    dns: ResultDns,
}

#[derive(Debug, Serialize)]
struct IpDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<usize>,
    address: IpNetwork,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
}

mod read;

#[cfg(test)]
mod tests;
