//! What the cluster and the pods put into the sets.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::attachment::PortMapping;
use pontoon_model::mac::MacAddr;
use pontoon_netlink::nft::{Element, Value};

use super::{ElementList, SetId};
use crate::attach::record::Record;

/// The cluster's ranges and its nodes' addresses, which are what pods reach without NAT, and where this
/// node answers DNS.
#[must_use]
pub fn of_cluster(
    pod_cidrs: &[IpNetwork],
    nodes: impl IntoIterator<Item = IpAddr>,
    dns: &[IpAddr],
    gateway: MacAddr,
) -> ElementList {
    let mut list: ElementList = pod_cidrs
        .iter()
        .map(|range| {
            (
                either(range.is_ipv4(), SetId::PodRanges4, SetId::PodRanges6),
                Element::network(*range),
            )
        })
        .collect();
    list.extend(nodes.into_iter().map(|ip| {
        (either(ip.is_ipv4(), SetId::Nodes4, SetId::Nodes6), Element::new(Value::new().ip(ip)))
    }));
    list.extend(dns.iter().map(|ip| {
        (either(ip.is_ipv4(), SetId::Dns4, SetId::Dns6), Element::new(Value::new().ip(*ip)))
    }));
    list.push((SetId::Gateways, Element::new(Value::new().mac(gateway.0))));
    list
}

/// A pod's.
#[must_use]
pub fn of_pod(record: &Record) -> ElementList {
    let port = record.attached.host_interface.name.as_str();
    let mac = record.attached.pod_interface.mac.0;
    let sender = || Value::new().ifname(port).mac(mac);
    let mut list = vec![(SetId::Senders, Element::new(sender()))];
    for ip in record.addresses() {
        let v4 = ip.is_ipv4();
        list.push((either(v4, SetId::Senders4, SetId::Senders6), Element::new(sender().ip(ip))));
        list.push((
            either(v4, SetId::Hairpin4, SetId::Hairpin6),
            Element::new(Value::new().ip(ip).ip(ip)),
        ));
        list.extend(record.spec.port_mappings.iter().filter_map(|mapping| of_port(mapping, ip)));
    }
    list
}

/// A port of the host that leads to an address of a pod; `None` when the mapping is for an address
/// of the other family.
fn of_port(mapping: &PortMapping, pod: IpAddr) -> Option<(SetId, Element)> {
    let (proto, port) = (mapping.protocol.number(), mapping.host_port);
    let to = Value::new().ip(pod).port(mapping.container_port);
    let v4 = pod.is_ipv4();
    let host_ip = mapping.host_ip;
    if host_ip.is_some_and(|host| host.is_ipv4() != v4) {
        return None;
    }
    Some(match host_ip.filter(|host| !host.is_unspecified()) {
        None => {
            let key = Value::new().proto(proto).port(port);
            (either(v4, SetId::HostPorts4, SetId::HostPorts6), Element::new(key).to_value(to))
        }
        Some(host) => {
            let key = Value::new().ip(host).proto(proto).port(port);
            (either(v4, SetId::HostPortsAt4, SetId::HostPortsAt6), Element::new(key).to_value(to))
        }
    })
}

fn either(v4: bool, first: SetId, second: SetId) -> SetId {
    if v4 { first } else { second }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::record::tests::sample;

    #[test]
    fn a_port_of_one_address_leads_to_the_same_family_only() {
        let mapping = |host_ip: Option<&str>| PortMapping {
            host_port: 8080,
            container_port: 80,
            protocol: pontoon_model::attachment::PortProtocol::Tcp,
            host_ip: host_ip.map(|ip| ip.parse().unwrap()),
        };
        let pod: IpAddr = "10.244.1.2".parse().unwrap();
        assert!(of_port(&mapping(Some("::1")), pod).is_none());
        assert_eq!(of_port(&mapping(Some("192.0.2.1")), pod).unwrap().0, SetId::HostPortsAt4);
        assert_eq!(of_port(&mapping(None), pod).unwrap().0, SetId::HostPorts4);
        assert_eq!(of_port(&mapping(Some("0.0.0.0")), pod).unwrap().0, SetId::HostPorts4);
        assert!(of_port(&mapping(Some("::")), pod).is_none());
    }

    #[test]
    fn a_pod_may_send_from_its_port_mac_and_address() {
        let list = of_pod(&sample("a", "10.244.1.2/32"));
        let sets: Vec<_> = list.iter().map(|(set, _)| *set).collect();
        assert_eq!(sets, [SetId::Senders, SetId::Senders4, SetId::Hairpin4]);
    }
}
