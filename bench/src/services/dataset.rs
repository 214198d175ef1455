//! Services and endpoints by the thousand, as documents of the store.

use std::fmt;
use std::net::Ipv4Addr;

use pontoon_model::key;
use serde_json::{Value, json};

/// The pod CIDR of the labs: room for the endpoints of every size beside the pods that there are.
pub(crate) const POD_CIDR: &str = "10.128.0.0/10";
/// The service CIDR of the labs.
pub(crate) const SERVICE_CIDR: &str = "10.96.0.0/16";

/// Behind the addresses that clusters like to give away by hand.
const FIRST_CLUSTER_IP: u32 = u32::from_be_bytes([10, 96, 1, 0]);
/// Far behind the subnets of the labs' nodes.
const FIRST_ENDPOINT: u32 = u32::from_be_bytes([10, 160, 0, 0]);
/// Behind every endpoint of every size.
const FIRST_SPARE: u32 = u32::from_be_bytes([10, 176, 0, 0]);

/// How many services, and how many endpoints each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub services: usize,
    pub endpoints: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.services {
            few @ 0..1000 => write!(f, "{few}")?,
            many => write!(f, "{},{:03}", many / 1000, many % 1000)?,
        }
        write!(f, " × {}", self.endpoints)
    }
}

impl Size {
    /// All services, each with addresses of its own.
    pub(crate) fn services(self) -> impl Iterator<Item = Service> {
        (0..self.services).map(move |number| self.service(number))
    }

    /// One of them.
    pub(crate) fn service(self, number: usize) -> Service {
        let first = number * self.endpoints;
        Service {
            namespace: format!("team-{}", number % 50),
            name: format!("service-{number}"),
            cluster_ip: address(FIRST_CLUSTER_IP, number),
            port: 80,
            target: 8080,
            endpoints: (first..first + self.endpoints)
                .map(|index| address(FIRST_ENDPOINT, index))
                .collect(),
        }
    }
}

/// An address that no endpoint has at first.
pub(crate) fn spare(number: usize) -> Ipv4Addr {
    address(FIRST_SPARE, number)
}

fn address(first: u32, number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(first + u32::try_from(number).unwrap_or(u32::MAX - first))
}

/// A service with one TCP port and no selector; its endpoints are in a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub namespace: String,
    pub name: String,
    pub cluster_ip: Ipv4Addr,
    /// At the cluster IP.
    pub port: u16,
    /// At the endpoints.
    pub target: u16,
    pub endpoints: Vec<Ipv4Addr>,
}

impl Service {
    /// The `Service` (v1), its address allocated.
    pub(crate) fn document(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": self.namespace, "name": self.name, "labels": {"app": self.name}},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": self.cluster_ip,
                "clusterIPs": [self.cluster_ip],
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None",
                "ports": [{
                    "name": "http", "protocol": "TCP", "port": self.port, "targetPort": self.target,
                }],
            },
        })
    }

    /// The name of its `EndpointSlice`.
    pub(crate) fn slice_name(&self) -> String {
        format!("{}-x7k2p", self.name)
    }

    /// The `EndpointSlice` (discovery.k8s.io/v1), all endpoints on this node and ready.
    pub(crate) fn slice(&self, node: &str) -> Value {
        let endpoint = |address: &Ipv4Addr| {
            json!({
                "addresses": [address],
                "conditions": {"ready": true, "serving": true, "terminating": false},
                "nodeName": node,
            })
        };
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": self.namespace,
                "name": self.slice_name(),
                "labels": {"kubernetes.io/service-name": self.name, "app": self.name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": self.target}],
            "endpoints": self.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        })
    }

    /// The store's key of the slice.
    pub(crate) fn slice_key(&self) -> String {
        format!("{}{}/{}", key::ENDPOINT_SLICES, self.namespace, self.slice_name())
    }

    /// All that the store holds of it.
    pub(crate) fn records(&self, node: &str) -> [(String, Vec<u8>); 3] {
        let Self { namespace, name, cluster_ip, .. } = self;
        let holder = format!("{namespace}/{name}");
        [
            (format!("{}{holder}", key::SERVICES), self.document().to_string().into()),
            (self.slice_key(), self.slice(node).to_string().into()),
            (format!("{}{cluster_ip}", key::CLUSTER_IPS), holder.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use pontoon_model::key::Key;
    use pontoon_model::manifest;

    use super::*;

    #[test]
    fn documents_are_read_without_a_complaint() {
        let service = Size { services: 20, endpoints: 3 }.service(7);
        for document in [service.document(), service.slice("host-1")] {
            let parsed = manifest::parse(document, &Default::default()).unwrap();
            assert_eq!(parsed.warnings, Vec::<String>::new());
        }
        let [stored, slice, _] = service.records("host-1");
        let stored = manifest::stored_service(&stored.1).unwrap();
        assert_eq!(stored.cluster_ips, [std::net::IpAddr::V4(service.cluster_ip)]);
        let slice = manifest::stored_slice(&slice.1).unwrap();
        assert_eq!(slice.service, Some(stored.id));
        assert_eq!(slice.endpoints.len(), 3);
    }

    #[test]
    fn keys_are_the_stores_own() {
        let service = Size { services: 1, endpoints: 1 }.service(0);
        for (key, _) in service.records("host-1") {
            assert_eq!(key.parse::<Key>().map(|key| key.to_string()), Ok(key));
        }
    }

    #[test]
    fn no_two_share_an_address_and_all_lie_in_their_ranges() {
        let size = Size { services: 30_000, endpoints: 3 };
        let (mut all, mut count) = (HashSet::new(), 0);
        let in_range = |range: &str, ip: &Ipv4Addr| {
            range.parse::<ipnetwork::Ipv4Network>().unwrap().contains(*ip)
        };
        for service in size.services() {
            assert!(in_range(SERVICE_CIDR, &service.cluster_ip));
            assert!(service.endpoints.iter().all(|ip| in_range(POD_CIDR, ip)));
            count += 1 + service.endpoints.len();
            all.insert(service.cluster_ip);
            all.extend(service.endpoints);
        }
        assert_eq!((all.len(), count), (120_000, 120_000));
        let many = Size { services: 10_000, endpoints: 10 }.service(9_999);
        assert!(many.endpoints.iter().all(|ip| *ip < spare(0)));
        assert!(in_range(POD_CIDR, &spare(100_000)));
    }

    #[test]
    fn sizes_are_written_as_people_write_them() {
        assert_eq!(Size { services: 10_000, endpoints: 10 }.to_string(), "10,000 × 10");
        assert_eq!(Size { services: 10, endpoints: 3 }.to_string(), "10 × 3");
    }
}
