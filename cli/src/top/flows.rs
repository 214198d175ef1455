//! Tracked connections to services, where the kernel shows them to who asks.

use std::collections::HashMap;

use serde_json::Value;

use crate::table::{list, text, texts};

/// How many by destination address and port.
pub(super) struct Flows(HashMap<(String, String), u64>);

const FILE: &str = "/proc/self/net/nf_conntrack";

/// `None` when this user may not see them, or this kernel does not show them.
pub(super) fn read() -> Option<Flows> {
    std::fs::read_to_string(FILE).ok().map(|text| parse(&text))
}

/// Lines such as `ipv4 2 tcp 6 300 ESTABLISHED src=… dst=10.96.0.1 sport=5 dport=80 src=…`; the first
/// destination is the one that the client meant.
fn parse(text: &str) -> Flows {
    let mut flows = HashMap::new();
    for line in text.lines() {
        let first = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key));
        if let (Some(address), Some(port)) = (first("dst="), first("dport=")) {
            *flows.entry((plain(address), port.to_owned())).or_default() += 1;
        }
    }
    Flows(flows)
}

/// The kernel writes IPv6 addresses in full.
fn plain(address: &str) -> String {
    address.parse().map_or_else(|_| address.to_owned(), |ip: std::net::IpAddr| ip.to_string())
}

impl Flows {
    /// Those to a service's cluster IPs.
    pub(super) fn to(&self, service: &Value) -> u64 {
        let ports = list(service, "/spec/ports").iter().filter_map(|port| port["port"].as_u64());
        let ports: Vec<String> = ports.map(|port| port.to_string()).collect();
        let mut addresses = texts(service, "/spec/clusterIPs");
        if addresses.is_empty() {
            addresses.push(text(service, "/spec/clusterIP"));
        }
        let to = |address: &&str| {
            let of = |port: &String| self.0.get(&(plain(address), port.clone())).copied();
            ports.iter().filter_map(of).sum::<u64>()
        };
        addresses.iter().map(to).sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flows_count_by_what_the_client_meant() {
        let text = "\
ipv4     2 tcp      6 86399 ESTABLISHED src=10.244.1.2 dst=10.96.0.10 sport=40000 dport=80 src=10.244.2.2 dst=10.244.1.2 sport=8080 dport=40000 [ASSURED] mark=0 use=1
ipv4     2 tcp      6 100 TIME_WAIT src=10.244.1.3 dst=10.96.0.10 sport=40000 dport=443 src=10.244.2.2 dst=10.244.1.3 sport=8443 dport=40000 mark=0 use=1
ipv6     10 udp      17 20 src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=fd00:0096:0000:0000:0000:0000:0000:000a sport=1 dport=80 src=fd00::3 dst=fd00::2 sport=80 dport=1 mark=0 use=1
ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1
";
        let service =
            json!({"spec": {"clusterIPs": ["10.96.0.10", "fd00:96::a"], "ports": [{"port": 80}]}});
        assert_eq!(parse(text).to(&service), 2);
        assert_eq!(
            parse(text).to(&json!({"spec": {"clusterIP": "None", "ports": [{"port": 80}]}})),
            0
        );
    }
}
