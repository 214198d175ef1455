//! All records, written down.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pontoon_dns::zone::shape::PodNames;
use pontoon_model::service::{Protocol, Service, ServiceKind};

use super::behind::{self, Endpoint, dashed};
use super::objects::Objects;
use crate::asked::kind::{A, AAAA, CNAME, NS, PTR, SOA, SRV, TXT};
use crate::given::world::reverse;

pub(crate) const ZONE: &str = "cluster.local";
const SERVER: &str = "ns.dns.cluster.local";
const DNS_ADDRESSES: [&str; 2] = ["10.96.0.10", "fd00:96::a"];

/// A record: its owner, its type, its data as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Plain {
    pub(crate) owner: String,
    pub(crate) rtype: u16,
    pub(crate) data: String,
}

/// What differs between clusters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) pods: PodNames,
    pub(crate) pod_names: bool,
    pub(crate) autopath: bool,
}

/// All records, and names that exist without any.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) all: BTreeSet<Plain>,
    pub(crate) empty: BTreeSet<String>,
}

/// Our zones: the cluster's, and those of its ranges, cut at octets and nibbles.
pub(crate) fn zones() -> Vec<String> {
    let mut zones = vec![ZONE.to_owned()];
    zones.extend((96..112).map(|octet| format!("{octet}.10.in-addr.arpa")));
    zones.push("244.10.in-addr.arpa".to_owned());
    // fd00:96::/112 says 28 nibbles, fd00:244::/56 says 14.
    zones.push(reverse("fd00:96::").split_off(2 * (32 - 28)));
    zones.push(reverse("fd00:244::").split_off(2 * (32 - 14)));
    zones
}

impl Records {
    pub(crate) fn of(objects: &Objects, manner: Manner) -> Self {
        let mut records = Self { all: BTreeSet::new(), empty: BTreeSet::new() };
        for zone in zones() {
            let data = format!("{SERVER} hostmaster.{ZONE} * 7200 1800 86400 5");
            records.add(&zone, SOA, data);
            records.add(&zone, NS, SERVER.to_owned());
        }
        for address in DNS_ADDRESSES {
            let address = address.parse().unwrap();
            records.add_address(SERVER, address);
            records.add_name(address, SERVER);
        }
        records.add(&format!("dns-version.{ZONE}"), TXT, "1.1.0".to_owned());
        records.empty.extend(["svc", "pod"].map(|tree| format!("{tree}.{ZONE}")));
        for namespace in objects.all_namespaces() {
            let trees = ["svc", "pod"].map(|tree| format!("{namespace}.{tree}.{ZONE}"));
            records.empty.extend(trees);
        }
        for service in objects.services.values() {
            records.add_service(objects, service, manner);
        }
        for ((namespace, alias), addresses) in objects.aliases() {
            let mut ids = objects.services.keys();
            if ids.any(|id| id.name.as_str() == alias && id.namespace.as_str() == namespace) {
                continue;
            }
            for address in addresses {
                records.add_address(&format!("{alias}.{namespace}.svc.{ZONE}"), address);
            }
        }
        for address in objects.pod_addresses() {
            let namespace = objects.namespace_at(address).unwrap();
            if manner.pods == PodNames::Verified {
                let name = format!("{}.{namespace}.pod.{ZONE}", dashed(address));
                records.add_address(&name, address);
            }
        }
        records
    }

    fn add(&mut self, owner: &str, rtype: u16, data: String) {
        self.all.insert(Plain { owner: owner.to_owned(), rtype, data });
    }

    fn add_address(&mut self, owner: &str, address: IpAddr) {
        let rtype = if address.is_ipv4() { A } else { AAAA };
        self.add(owner, rtype, address.to_string());
    }

    fn add_name(&mut self, address: IpAddr, name: &str) {
        self.add(&reverse(&address.to_string()), PTR, name.to_owned());
    }

    fn add_service(&mut self, objects: &Objects, service: &Service, manner: Manner) {
        let bare = format!("{}.{}.svc.{ZONE}", service.id.name, service.id.namespace);
        if service.kind == ServiceKind::ExternalName {
            let target = service.external_name.as_ref().unwrap();
            return self.add(&bare, CNAME, target.to_string());
        }
        let endpoints = behind::endpoints(objects, service, manner.pod_names);
        if service.headless {
            endpoints.iter().for_each(|one| self.add_address(&bare, one.address));
        } else {
            self.empty.insert(bare.clone());
            for &address in &service.cluster_ips {
                self.add_address(&bare, address);
                self.add_name(address, &bare);
            }
        }
        for one in &endpoints {
            let name = format!("{}.{bare}", one.label);
            self.add_address(&name, one.address);
            self.add_name(one.address, &name);
        }
        self.add_ports(service, &bare, &endpoints);
    }

    fn add_ports(&mut self, service: &Service, bare: &str, endpoints: &[Endpoint]) {
        let mut everything = BTreeSet::new();
        for (index, port) in service.ports.iter().enumerate() {
            // Each name of an address with each of its numbers, wherever they come from.
            let at = |one: &Endpoint| {
                let same = endpoints.iter().filter(|other| other.address == one.address);
                let target = format!("{}.{bare}", one.label);
                let numbers = same.filter_map(|other| other.ports[index]);
                numbers.map(|number| (number, target.clone())).collect::<Vec<_>>()
            };
            let targets: BTreeSet<(u16, String)> = if service.headless {
                endpoints.iter().flat_map(at).collect()
            } else {
                [(port.port, bare.to_owned())].into()
            };
            everything.extend(targets.iter().cloned());
            let protocol = match port.protocol {
                Protocol::Tcp => "_tcp",
                Protocol::Udp => "_udp",
                Protocol::Sctp => "_sctp",
            };
            if !port.name.is_empty() {
                self.add_targets(&format!("_{}.{protocol}.{bare}", port.name), &targets);
            }
        }
        self.add_targets(bare, &everything);
    }

    fn add_targets(&mut self, owner: &str, targets: &BTreeSet<(u16, String)>) {
        for (number, target) in targets {
            let weight = (100 / targets.len()).max(1);
            self.add(owner, SRV, format!("0 {weight} {number} {target}"));
        }
    }
}
