//! What pods are told of the DNS: what the result of ADD says of their resolver's configuration.

use std::net::IpAddr;
use std::path::Path;

use pontoon_model::attachment::Dns;
use pontoon_model::name::Namespace;

/// Of a longer search list resolvers and Kubernetes use no more (`MaxDNSSearchPaths`).
const MOST_DOMAINS: usize = 32;
/// The same, characters with the spaces between (`MaxDNSSearchListChars`).
const MOST_CHARACTERS: usize = 2048;
/// Names with fewer dots are tried along the search list first, as in Kubernetes:
/// `_http._tcp.web.shop.svc` has four.
const NDOTS: &str = "ndots:5";

/// What all pods of a node have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// Where the node answers.
    pub servers: Vec<IpAddr>,
    /// The cluster's domain.
    pub domain: String,
    /// The host's own search list.
    pub host_search: Vec<String>,
}

impl Resolver {
    /// What a pod of that namespace is told, unless its runtime says otherwise.
    #[must_use]
    pub fn of_pod(&self, namespace: &Namespace) -> Dns {
        let domain = &self.domain;
        let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
        let mut search: Vec<String> = Vec::new();
        let mut characters = 0;
        for domain in own.into_iter().chain(self.host_search.iter().cloned()) {
            if search.contains(&domain) {
                continue;
            }
            characters += domain.len() + usize::from(!search.is_empty());
            if search.len() == MOST_DOMAINS || characters > MOST_CHARACTERS {
                break;
            }
            search.push(domain);
        }
        Dns {
            nameservers: self.servers.clone(),
            domain: None,
            search,
            options: vec![NDOTS.to_owned()],
        }
    }
}

/// What a runtime asked for, and of the rest what we would say.
#[must_use]
pub fn unless_asked(ours: Dns, asked: &Dns) -> Dns {
    fn first<T: Clone>(asked: &[T], ours: Vec<T>) -> Vec<T> {
        if asked.is_empty() { ours } else { asked.to_vec() }
    }
    Dns {
        nameservers: first(&asked.nameservers, ours.nameservers),
        domain: asked.domain.clone().or(ours.domain),
        search: first(&asked.search, ours.search),
        options: first(&asked.options, ours.options),
    }
}

/// The host's own search list; none where there is no such file.
#[must_use]
pub fn host_search(resolv_conf: &Path) -> Vec<String> {
    search_list(&std::fs::read_to_string(resolv_conf).unwrap_or_default())
}

/// Of several lines the last counts (resolv.conf(5)). A dot alone is systemd's way to say that there is
/// none.
fn search_list(text: &str) -> Vec<String> {
    let mut lines = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let limit = match words.next()? {
            "search" => usize::MAX,
            "domain" => 1,
            _ => return None,
        };
        let domains = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase());
        Some(domains.filter(|domain| !domain.is_empty()).take(limit).collect())
    });
    lines.next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(namespace: &str, host_search: &[&str]) -> Dns {
        let resolver = Resolver {
            servers: vec!["10.96.0.10".parse().unwrap(), "fd00:96::a".parse().unwrap()],
            domain: "cluster.local".to_owned(),
            host_search: host_search.iter().map(ToString::to_string).collect(),
        };
        resolver.of_pod(&namespace.parse().unwrap())
    }

    #[test]
    fn a_pod_searches_its_namespace_then_the_cluster_then_what_its_host_searches() {
        let said = told("shop", &["lan", "cluster.local", "example.com"]);
        assert_eq!(
            said.search,
            ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan", "example.com"]
        );
        assert_eq!(said.nameservers.len(), 2);
        assert_eq!((said.domain, said.options), (None, vec!["ndots:5".to_owned()]));
    }

    #[test]
    fn a_search_list_is_cut_where_kubernetes_would() {
        let many: Vec<String> = (0..40).map(|n| format!("d{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told("a", &many).search.len(), 32);
        let long: Vec<String> = (0..20).map(|n| format!("{n:02}{}", "x".repeat(198))).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let search = told("a", &long).search.join(" ");
        assert!((1800..=2048).contains(&search.len()), "{}", search.len());
    }

    #[test]
    fn what_a_runtime_asks_for_counts_and_the_rest_is_ours() {
        let ours = told("shop", &[]);
        assert_eq!(unless_asked(ours.clone(), &Dns::default()), ours);
        let servers = vec!["192.0.2.53".parse().unwrap()];
        let asked = Dns { nameservers: servers.clone(), ..Dns::default() };
        assert_eq!(unless_asked(ours.clone(), &asked), Dns { nameservers: servers, ..ours });
    }

    #[test]
    fn of_the_hosts_file_the_last_line_counts() {
        let of = |text: &str| search_list(text).join(" ");
        assert_eq!(
            of("nameserver 10.0.0.1\nsearch Lan. example.com\noptions ndots:2\n"),
            "lan example.com"
        );
        assert_eq!(of("search a b\ndomain c d\n"), "c");
        assert_eq!(of("domain c\nsearch a b"), "a b");
        assert_eq!(of("search .\n"), "");
        assert_eq!(of("#search a\n;search b\nsearching c\n"), "");
        assert_eq!(host_search(Path::new("/nonesuch")), Vec::<String>::new());
    }
}
