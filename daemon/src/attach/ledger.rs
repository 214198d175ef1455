//! Who has which address, port and MAC on this node: pure bookkeeping, no kernel, no disk.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use pontoon_model::api::{Code, Failure};
use pontoon_model::attachment::{
    Attached, AttachedAddress, AttachmentId, AttachmentSpec, Interface, PortMapping, PortProtocol,
};
use pontoon_model::cidr::{self, Family};
use pontoon_model::mac::MacAddr;
use pontoon_model::name::{Namespace, PodId};

use super::record::{NetnsIdentity, Record};
use crate::dns::told::{self, Resolver};
use crate::identity::stable_hash;
use crate::ipam::{Ipam, IpamError};
use crate::names;

/// What all attachments of the node share at the moment of an ADD.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The families in which a pod gets an address, the preferred one first.
    pub families: Vec<Family>,
    /// MTU of pods, bytes.
    pub mtu: u32,
    /// MAC of the bridge.
    pub bridge_mac: MacAddr,
    /// What pods are told of the DNS, where there is one.
    pub resolver: Option<Resolver>,
}

/// What becomes of an ADD.
#[derive(Debug)]
pub enum Grant {
    /// It is new.
    New(Record),
    /// The same was granted before.
    Again(Record),
    /// The attachment was granted for a namespace that is gone: that one must be taken down first.
    Superseded(Record),
}

/// Why an ADD cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// A family's addresses are all in use; leasing a further subnet may help.
    #[error(transparent)]
    Exhausted(IpamError),
    /// It cannot be granted as it was asked for.
    #[error(transparent)]
    Refused(#[from] Failure),
}

/// Who has a host port: on one address of the host, or on all.
type PortHolder = (Option<IpAddr>, AttachmentId);

/// The bookkeeping.
#[derive(Debug, Default)]
pub struct Ledger {
    records: HashMap<AttachmentId, Record>,
    ports: HashMap<(PortProtocol, u16), Vec<PortHolder>>,
    macs: HashMap<MacAddr, AttachmentId>,
    ipam: Ipam,
}

impl Ledger {
    /// The addresses.
    pub fn ipam(&mut self) -> &mut Ipam {
        &mut self.ipam
    }

    /// The addresses, to look at.
    #[must_use]
    pub fn addresses(&self) -> &Ipam {
        &self.ipam
    }

    /// All attachments.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// One attachment.
    #[must_use]
    pub fn get(&self, id: &AttachmentId) -> Option<&Record> {
        self.records.get(id)
    }

    /// Takes in a record of an earlier run.
    ///
    /// # Errors
    /// When another record has one of its addresses.
    pub fn adopt(&mut self, record: Record) -> Result<(), IpamError> {
        for ip in record.addresses() {
            self.ipam.adopt(ip, record.id())?;
        }
        self.enter(record);
        Ok(())
    }

    /// Puts a changed record in the place of the one with its id.
    pub fn update(&mut self, record: Record) {
        self.records.insert(record.id().clone(), record);
    }

    /// Grants an ADD, or finds that it was granted before.
    ///
    /// # Errors
    /// When there is no address, or what was asked for is taken.
    pub fn grant(
        &mut self,
        spec: AttachmentSpec,
        netns: NetnsIdentity,
        terms: &Terms,
    ) -> Result<Grant, GrantError> {
        if let Some(known) = self.records.get(&spec.id) {
            return Ok(if known.netns == netns {
                Grant::Again(known.clone())
            } else {
                Grant::Superseded(known.clone())
            });
        }
        self.check_ports(&spec)?;
        let mac = spec.mac.unwrap_or_else(|| names::pod_mac(&spec.id));
        if let Some(holder) = self.macs.get(&mac) {
            return Err(GrantError::Refused(Failure::new(
                Code::AddressUnavailable,
                format!("MAC {mac} is in use"),
                format!("by attachment {holder}"),
            )));
        }
        let pod = spec.pod.clone().map_or_else(|| anonymous(&spec.id), Ok)?;
        let addresses = self.addresses_for(&spec, terms)?;
        let interface = |name: &str, mac| {
            let name = name
                .parse()
                .map_err(|e| Failure::new(Code::Internal, "no interface name", format!("{e}")))?;
            Ok::<_, Failure>(Interface { name, mac })
        };
        let host_mac = MacAddr::locally_administered(stable_hash(&format!("host {}", spec.id)));
        let ours = terms.resolver.as_ref().map(|resolver| resolver.of_pod(&pod.namespace));
        let dns = told::unless_asked(ours.unwrap_or_default(), &spec.dns);
        let attached = Attached {
            pod_interface: Interface { name: spec.id.ifname.clone(), mac },
            host_interface: interface(&names::veth(&spec.id), host_mac)?,
            bridge: interface(names::BRIDGE, terms.bridge_mac)?,
            mtu: terms.mtu,
            addresses,
            dns,
        };
        let record = Record { spec, attached, netns, pod, generation: 0 };
        self.enter(record.clone());
        Ok(Grant::New(record))
    }

    /// Strikes an attachment out and returns the addresses that it had. They stay in use until they
    /// are released.
    pub fn strike(&mut self, id: &AttachmentId) -> Vec<IpAddr> {
        let Some(record) = self.records.remove(id) else { return Vec::new() };
        for mapping in &record.spec.port_mappings {
            let key = (mapping.protocol, mapping.host_port);
            if let Some(holders) = self.ports.get_mut(&key) {
                holders.retain(|(_, holder)| holder != id);
                if holders.is_empty() {
                    self.ports.remove(&key);
                }
            }
        }
        self.macs.remove(&record.attached.pod_interface.mac);
        record.addresses().collect()
    }

    fn enter(&mut self, record: Record) {
        let id = record.id().clone();
        for mapping in &record.spec.port_mappings {
            self.ports
                .entry((mapping.protocol, mapping.host_port))
                .or_default()
                .push((mapping.host_ip, id.clone()));
        }
        self.macs.insert(record.attached.pod_interface.mac, id.clone());
        self.records.insert(id, record);
    }

    fn check_ports(&self, spec: &AttachmentSpec) -> Result<(), Failure> {
        for mapping in &spec.port_mappings {
            let holders = self.ports.get(&(mapping.protocol, mapping.host_port));
            if let Some((_, holder)) =
                holders.into_iter().flatten().find(|(ip, _)| meet(*ip, mapping))
            {
                return Err(Failure::new(
                    Code::HostPortTaken,
                    format!("host port {}/{} is in use", mapping.host_port, mapping.protocol),
                    format!("by attachment {holder}; choose another host port, or remove that pod"),
                ));
            }
        }
        Ok(())
    }

    /// One address a family, all or none.
    fn addresses_for(
        &mut self,
        spec: &AttachmentSpec,
        terms: &Terms,
    ) -> Result<Vec<AttachedAddress>, GrantError> {
        let mut given: Vec<IpAddr> = Vec::new();
        for family in &terms.families {
            let asked = spec.addresses.iter().find(|ip| Family::of(**ip) == *family);
            let outcome = match asked {
                Some(ip) => self.ipam.allocate_exact(*ip, &spec.id).map(|()| *ip),
                None => self.ipam.allocate(*family, &spec.id),
            };
            match outcome {
                Ok(ip) => given.push(ip),
                Err(error) => {
                    for ip in given {
                        self.ipam.release(ip, &spec.id);
                    }
                    return Err(match error {
                        IpamError::Exhausted { .. } | IpamError::NoSubnet(_) => {
                            GrantError::Exhausted(error)
                        }
                        other => Failure::new(
                            Code::AddressUnavailable,
                            "the address cannot be given",
                            other.to_string(),
                        )
                        .into(),
                    });
                }
            }
        }
        if let Some(ip) = spec.addresses.iter().find(|ip| !given.contains(ip)) {
            for ip in given {
                self.ipam.release(ip, &spec.id);
            }
            let why = format!("{ip}: the cluster has no {} pod CIDR", Family::of(*ip));
            return Err(
                Failure::new(Code::AddressUnavailable, "the address cannot be given", why).into()
            );
        }
        Ok(given.into_iter().map(|ip| self.attached_address(ip)).collect())
    }

    fn attached_address(&self, ip: IpAddr) -> AttachedAddress {
        let subnet = self.ipam.subnet_of(ip).unwrap_or_else(|| cidr::host(ip));
        AttachedAddress { address: cidr::host(ip), gateway: cidr::gateway(subnet) }
    }

    /// The subnets that addresses of a record come from.
    #[must_use]
    pub fn subnets_of(&self, record: &Record) -> Vec<IpNetwork> {
        record.addresses().filter_map(|ip| self.ipam.subnet_of(ip)).collect()
    }
}

/// Whether a mapping wants a port that is held for this address, or for all.
fn meet(held: Option<IpAddr>, wanted: &PortMapping) -> bool {
    let (Some(held), Some(wanted)) = (held, wanted.host_ip) else { return true };
    let all = held.is_unspecified() || wanted.is_unspecified();
    held == wanted || (all && held.is_ipv4() == wanted.is_ipv4())
}

/// A name for a pod that the runtime did not name: its container id, where that is a name.
fn anonymous(id: &AttachmentId) -> Result<PodId, Failure> {
    let lower = id.container_id.as_str().to_ascii_lowercase().replace('_', "-");
    let hex: String = stable_hash(&id.to_string()).iter().map(|b| format!("{b:02x}")).collect();
    let name = lower
        .parse()
        .or_else(|_| format!("pod-{hex}").parse())
        .map_err(|e| Failure::new(Code::Internal, "no name for the pod", format!("{e}")))?;
    Ok(PodId { namespace: Namespace::default(), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETNS: NetnsIdentity = NetnsIdentity { dev: 4, ino: 1 };

    fn terms() -> Terms {
        Terms {
            families: vec![Family::V4, Family::V6],
            mtu: 1450,
            bridge_mac: MacAddr([2, 0, 0, 0, 0, 9]),
            resolver: None,
        }
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.ipam().add_subnet("10.244.1.0/29".parse().unwrap());
        ledger.ipam().add_subnet("fd00:1::/64".parse().unwrap());
        ledger
    }

    fn spec(container: &str, extra: serde_json::Value) -> AttachmentSpec {
        let mut base = serde_json::json!({
            "id": {"containerId": container, "ifname": "eth0"}, "netns": "/run/netns/x", "network": "pontoon",
        });
        base.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(base).unwrap()
    }

    fn none() -> serde_json::Value {
        serde_json::json!({})
    }

    fn new(grant: Result<Grant, GrantError>) -> Record {
        match grant {
            Ok(Grant::New(record)) => record,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(grant: Result<Grant, GrantError>) -> Failure {
        match grant {
            Err(GrantError::Refused(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pod_gets_an_address_of_each_family_with_its_gateway() {
        let record = new(ledger().grant(spec("a", none()), NETNS, &terms()));
        let said: Vec<_> = record
            .attached
            .addresses
            .iter()
            .map(|a| format!("{} via {}", a.address, a.gateway))
            .collect();
        assert_eq!(said, ["10.244.1.2/32 via 10.244.1.1", "fd00:1::2/128 via fd00:1::1"]);
        assert_eq!(record.pod.to_string(), "default/a");
    }

    #[test]
    fn a_pod_is_told_of_the_dns_in_its_namespace_unless_its_runtime_says_otherwise() {
        let resolver = Resolver {
            servers: vec!["10.96.0.10".parse().unwrap()],
            domain: "cluster.local".to_owned(),
            host_search: Vec::new(),
        };
        let terms = Terms { resolver: Some(resolver), ..terms() };
        let mut ledger = ledger();
        let mut told = |container: &str, extra| {
            new(ledger.grant(spec(container, extra), NETNS, &terms)).attached.dns
        };
        assert_eq!(told("a", none()).search[0], "default.svc.cluster.local");
        let shop = serde_json::json!({"pod": {"namespace": "shop", "name": "web"}});
        assert_eq!(told("b", shop).search[0], "shop.svc.cluster.local");
        let asked = told("c", serde_json::json!({"dns": {"search": ["example.com"]}}));
        assert_eq!((asked.search.len(), asked.nameservers.len()), (1, 1));
        let without = self::ledger().grant(spec("d", none()), NETNS, &self::terms());
        assert!(new(without).attached.dns.is_empty());
    }

    #[test]
    fn the_same_attachment_gets_the_same_again() {
        let mut ledger = ledger();
        let first = new(ledger.grant(spec("a", none()), NETNS, &terms()));
        assert!(
            matches!(ledger.grant(spec("a", none()), NETNS, &terms()), Ok(Grant::Again(r)) if r == first)
        );
        let other = NetnsIdentity { ino: 2, ..NETNS };
        assert!(
            matches!(ledger.grant(spec("a", none()), other, &terms()), Ok(Grant::Superseded(r)) if r == first)
        );
    }

    #[test]
    fn a_host_port_has_one_holder() {
        let port = |ip: Option<&str>| {
            serde_json::json!({"portMappings": [
                {"hostPort": 80, "containerPort": 8080, "protocol": "tcp", "hostIp": ip}
            ]})
        };
        let mut ledger = ledger();
        new(ledger.grant(spec("a", port(Some("192.0.2.1"))), NETNS, &terms()));
        new(ledger.grant(spec("b", port(Some("192.0.2.2"))), NETNS, &terms()));
        let all_of_v4 = spec("c", port(Some("0.0.0.0")));
        assert_eq!(refusal(ledger.grant(all_of_v4, NETNS, &terms())).code, Code::HostPortTaken);
        let said = refusal(ledger.grant(spec("c", port(None)), NETNS, &terms()));
        assert_eq!(said.code, Code::HostPortTaken);
        assert!(said.to_string().contains("80/tcp"), "{said}");
        ledger.strike(&spec("a", none()).id);
        ledger.strike(&spec("b", none()).id);
        new(ledger.grant(spec("c", port(None)), NETNS, &terms()));
    }

    #[test]
    fn a_refused_grant_keeps_nothing() {
        let mut ledger = ledger();
        let asked = serde_json::json!({"addresses": ["10.244.1.3", "fd00:9::1"]});
        assert_eq!(
            refusal(ledger.grant(spec("a", asked), NETNS, &terms())).code,
            Code::AddressUnavailable
        );
        assert_eq!(ledger.addresses().used(), 0);
        let mac = serde_json::json!({"mac": "02:00:00:00:00:07"});
        new(ledger.grant(spec("b", mac.clone()), NETNS, &terms()));
        assert_eq!(
            refusal(ledger.grant(spec("c", mac), NETNS, &terms())).code,
            Code::AddressUnavailable
        );
        assert_eq!(ledger.addresses().used(), 2);
    }

    #[test]
    fn exhaustion_is_told_apart_so_that_a_subnet_can_be_leased() {
        let mut ledger = ledger();
        for n in 0..5 {
            new(ledger.grant(spec(&format!("p{n}"), none()), NETNS, &terms()));
        }
        let full = ledger.grant(spec("p5", none()), NETNS, &terms());
        assert!(matches!(
            full,
            Err(GrantError::Exhausted(IpamError::Exhausted { family: Family::V4, .. }))
        ));
        assert_eq!(ledger.addresses().used(), 10, "the IPv6 address was given back");
    }

    #[test]
    fn any_container_id_makes_a_pod_name() {
        for id in ["My_Container", "a..b", "x.", &"y".repeat(200)] {
            let id =
                AttachmentId { container_id: id.parse().unwrap(), ifname: "eth0".parse().unwrap() };
            anonymous(&id).unwrap();
        }
    }
}
