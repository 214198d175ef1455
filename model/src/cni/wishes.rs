//! What a runtime asks of one attachment (CNI conventions: capabilities under `runtimeConfig`,
//! `args.cni`, `CNI_ARGS`).
//!
//! Addresses and MAC come from the first of these that names any: `runtimeConfig`, `args.cni`,
//! `CNI_ARGS`, from the most particular to the oldest, as in the reference plugins.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::args::Args;
use super::field::{Field, FieldError};
use crate::attachment::{Dns, NetworkName, PortMapping, PortProtocol};
use crate::mac::MacAddr;
use crate::name::PodId;

/// The capability under which containerd hands over the annotations of a pod.
const POD_ANNOTATIONS: &str = "io.kubernetes.cri.pod-annotations";

/// What a runtime asks of one attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The pod, when it was named.
    pub pod: Option<PodId>,
    /// `args.cni.labels`.
    pub labels: BTreeMap<String, String>,
    /// The annotations of the pod.
    pub annotations: BTreeMap<String, String>,
    /// `portMappings`, those of host port 0 left out.
    pub port_mappings: Vec<PortMapping>,
    /// `aliases`, those in this network or else all; or else the hostname of `CNI_ARGS`.
    pub aliases: Vec<String>,
    /// `dns`
    pub dns: Dns,
    /// The addresses that the pod must get, one a family at the most.
    pub addresses: Vec<IpAddr>,
    /// The MAC that the pod's interface must get.
    pub mac: Option<MacAddr>,
}

impl Wishes {
    /// Reads them out of a network configuration and `CNI_ARGS`.
    ///
    /// # Errors
    /// When a field is wrong.
    pub fn read(
        conf: &Field<'_>,
        network: &NetworkName,
        from_args: Args,
    ) -> Result<Self, FieldError> {
        let runtime = conf.member("runtimeConfig")?;
        let convention = match conf.member("args")? {
            Some(args) => args.member("cni")?,
            None => None,
        };
        let in_runtime = |key| member_of(runtime.as_ref(), key);
        let in_convention = |key| member_of(convention.as_ref(), key);

        let mut wishes = Self {
            pod: from_args.pod,
            addresses: from_args.addresses,
            mac: from_args.mac,
            aliases: from_args.hostname.into_iter().collect(),
            ..Self::default()
        };
        if let Some(labels) = in_convention("labels")? {
            wishes.labels = read_labels(&labels)?;
        }
        if let Some(annotations) = in_runtime(POD_ANNOTATIONS)? {
            wishes.annotations = read_map(&annotations)?;
        }
        if let Some(mappings) = in_runtime("portMappings")? {
            wishes.port_mappings = read_port_mappings(&mappings)?;
        }
        if let Some(aliases) = in_runtime("aliases")? {
            wishes.aliases = read_aliases(&aliases, network)?;
        }
        if let Some(dns) = in_runtime("dns")? {
            wishes.dns = read_dns(&dns)?;
        }
        for source in [in_convention("ips")?, in_runtime("ips")?].into_iter().flatten() {
            let addresses = read_addresses(&source)?;
            if !addresses.is_empty() {
                wishes.addresses = addresses;
            }
        }
        for source in [in_convention("mac")?, in_runtime("mac")?].into_iter().flatten() {
            if !source.text()?.is_empty() {
                let mac = MacAddr::parse_unicast(source.text()?);
                wishes.mac = Some(mac.map_err(|error| source.wrong(error.to_string()))?);
            }
        }
        Ok(wishes)
    }
}

fn member_of<'a>(object: Option<&Field<'a>>, key: &str) -> Result<Option<Field<'a>>, FieldError> {
    object.map_or(Ok(None), |object| object.member(key))
}

/// `[{"key": …, "value": …}]` as the conventions have it, or a plain object.
fn read_labels(field: &Field<'_>) -> Result<BTreeMap<String, String>, FieldError> {
    if !field.is_list() {
        return read_map(field);
    }
    let mut labels = BTreeMap::new();
    for label in field.items()? {
        let key = label
            .member("key")?
            .filter(|key| key.text() != Ok(""))
            .ok_or_else(|| label.wrong("give key and value of a label"))?;
        let value = match label.member("value")? {
            Some(value) => value.text()?,
            None => "",
        };
        if labels.insert(key.text()?.to_owned(), value.to_owned()).is_some() {
            return Err(key.wrong("give each label once"));
        }
    }
    Ok(labels)
}

fn read_map(field: &Field<'_>) -> Result<BTreeMap<String, String>, FieldError> {
    field
        .members()?
        .into_iter()
        .map(|(key, value)| Ok((key.to_owned(), value.text()?.to_owned())))
        .collect()
}

/// `{"network": ["alias", …], …}`.
fn read_aliases(field: &Field<'_>, network: &NetworkName) -> Result<Vec<String>, FieldError> {
    let lists = match field.member(network.as_str())? {
        Some(own) => vec![own],
        None => field.members()?.into_iter().map(|(_, list)| list).collect(),
    };
    let mut aliases = Vec::new();
    for list in lists.iter().filter(|list| !list.is_null()) {
        for alias in list.items()? {
            aliases.push(alias.text()?.to_owned());
        }
    }
    Ok(aliases)
}

/// `{"servers": […], "searches": […], "options": […]}`; containerd writes the keys capitalised.
fn read_dns(field: &Field<'_>) -> Result<Dns, FieldError> {
    let list = |key| match field.member_in_any_case(key)? {
        Some(list) => list.items(),
        None => Ok(Vec::new()),
    };
    let texts = |key| -> Result<Vec<String>, FieldError> {
        list(key)?.iter().map(|item| item.text().map(str::to_owned)).collect()
    };
    let servers = list("servers")?;
    let servers = servers.iter().map(|item| {
        let text = item.text()?;
        text.parse()
            .map_err(|_| item.wrong("write the address of a name server, such as 10.96.0.10"))
    });
    Ok(Dns {
        nameservers: servers.collect::<Result<_, _>>()?,
        domain: None,
        search: texts("searches")?,
        options: texts("options")?,
    })
}

fn read_addresses(field: &Field<'_>) -> Result<Vec<IpAddr>, FieldError> {
    let mut addresses = Vec::new();
    for item in field.items()? {
        address_of(item.text()?)
            .and_then(|address| pod_address(address, &mut addresses))
            .map_err(|expected| item.wrong(expected))?;
    }
    Ok(addresses)
}

/// The address in `10.1.2.3` or `10.1.2.3/24`: a pod's prefix is never the one asked for, it is its
/// address alone.
pub(super) fn address_of(text: &str) -> Result<IpAddr, &'static str> {
    text.parse::<IpNetwork>()
        .map(|network| network.ip())
        .map_err(|_| "write an address such as 10.1.2.3, fd00::3 or 10.1.2.3/24")
}

/// Adds an address that a pod may have to those that it gets.
pub(super) fn pod_address(
    address: IpAddr,
    addresses: &mut Vec<IpAddr>,
) -> Result<(), &'static str> {
    let address = address.to_canonical();
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        return Err("a pod's address is not unspecified, loopback or multicast");
    }
    if addresses.iter().any(|other| other.is_ipv4() == address.is_ipv4()) {
        return Err("give one address of a family at the most");
    }
    addresses.push(address);
    Ok(())
}

fn read_port_mappings(field: &Field<'_>) -> Result<Vec<PortMapping>, FieldError> {
    let mut mappings: Vec<PortMapping> = Vec::new();
    for item in field.items()? {
        let Some(mapping) = read_port_mapping(&item)? else {
            continue;
        };
        if mappings.iter().any(|other| overlap(other, &mapping)) {
            return Err(item.wrong(format!(
                "host port {}/{} is mapped by an entry before it: map each port of an address once",
                mapping.host_port, mapping.protocol
            )));
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// `None` for host port 0, with which containerd passes the ports that a pod merely declares.
fn read_port_mapping(item: &Field<'_>) -> Result<Option<PortMapping>, FieldError> {
    let port = |key| match item.member_in_any_case(key)? {
        Some(port) => {
            let number = port.integer::<u16>("use a port from 0 to 65535")?;
            Ok((number, Some(port)))
        }
        None => Ok((0, None)),
    };
    let (host_port, _) = port("hostPort")?;
    let (container_port, field) = port("containerPort")?;
    if host_port == 0 {
        return Ok(None);
    }
    if container_port == 0 {
        return Err(field.as_ref().unwrap_or(item).wrong("give containerPort, from 1 to 65535"));
    }
    let protocol = match item.member_in_any_case("protocol")? {
        Some(protocol) => protocol.parsed_unless_empty()?.unwrap_or(PortProtocol::Tcp),
        None => PortProtocol::Tcp,
    };
    let host_ip = match item.member_in_any_case("hostIP")? {
        Some(address) => address
            .parsed_unless_empty::<IpAddr>()
            .map_err(|_| address.wrong("write an address of the host, or nothing for all"))?
            .map(|address| address.to_canonical()),
        None => None,
    };
    Ok(Some(PortMapping { host_port, container_port, protocol, host_ip }))
}

/// Whether one packet could meet both.
fn overlap(one: &PortMapping, other: &PortMapping) -> bool {
    let addresses = match (one.host_ip, other.host_ip) {
        (None, _) | (_, None) => true,
        (Some(a), Some(b)) if a.is_unspecified() || b.is_unspecified() => {
            a.is_ipv4() == b.is_ipv4()
        }
        (a, b) => a == b,
    };
    addresses && (one.host_port, one.protocol) == (other.host_port, other.protocol)
}

#[cfg(test)]
mod tests;
