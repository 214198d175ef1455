//! The cluster's names as a zone file has them (RFC 1035, section 5).

use std::fmt::Write;

use crate::services::dataset::Size;

/// The zone `cluster.local`.
pub(super) fn forward(size: Size) -> String {
    let mut zone = head("cluster.local");
    for service in size.services() {
        let name = format!("{}.{}.svc", service.name, service.namespace);
        let _ = writeln!(zone, "{name} A {}", service.cluster_ip);
        for owner in [name.clone(), format!("_http._tcp.{name}")] {
            let _ = writeln!(zone, "{owner} SRV 0 100 {} {name}", service.port);
        }
        for endpoint in &service.endpoints {
            let label = endpoint.to_string().replace('.', "-");
            let _ = writeln!(zone, "{label}.{name} A {endpoint}");
        }
    }
    zone
}

/// The zone `in-addr.arpa`.
pub(super) fn reverse(size: Size) -> String {
    let mut zone = head("in-addr.arpa");
    for service in size.services() {
        let name = format!("{}.{}.svc.cluster.local.", service.name, service.namespace);
        let mut point = |address: std::net::Ipv4Addr, name: &str| {
            let [a, b, c, d] = address.octets();
            let _ = writeln!(zone, "{d}.{c}.{b}.{a} PTR {name}");
        };
        point(service.cluster_ip, &name);
        for endpoint in &service.endpoints {
            point(*endpoint, &format!("{}.{name}", endpoint.to_string().replace('.', "-")));
        }
    }
    zone
}

fn head(origin: &str) -> String {
    format!(
        "$ORIGIN {origin}.\n$TTL 5\n@ SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\n\
         @ NS ns.dns.cluster.local.\n"
    )
}
