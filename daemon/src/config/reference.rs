//! The table of settings in the book, `docs/configuration.md`, held against the settings themselves.
//! `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Toml};
use pontoon_model::cluster::ClusterConfig;

use super::{Settings, load};

/// What holds when a setting is left out.
enum Default {
    /// This, as it would be written.
    Is(&'static str),
    /// Something that cannot be written down.
    Words(&'static str),
}
use Default::{Is, Words};

const NONE: Default = Words("–");

/// Every setting, in the order of the book.
const SETTINGS: &[(&str, Default, &str)] = &[
    ("node.name", Words("the host's name"), "unique in the cluster; letters a–z, digits, `-`, `.`"),
    ("node.machine-id", Words("`/etc/machine-id`"), "tells two hosts of one name apart"),
    (
        "node.underlay",
        Words("the way to the store, or else to the default route"),
        "`eth0`, `192.168.0.0/16`, `192.168.0.7` or `reach:192.168.0.1`",
    ),
    ("node.mtu", Words("the underlay's less the overhead"), "MTU of pods, bytes: 576 to 65535"),
    ("node.zone", NONE, "the zone that the node is in, for services that prefer endpoints nearby"),
    (
        "node.node-port-addresses",
        Words("the underlay's addresses"),
        "ranges: the node answers on node ports at all its addresses that lie in them",
    ),
    (
        "store.kind",
        Words("`etcd` if there is a `[store.etcd]`, or else `embedded`"),
        "`embedded` is for one host",
    ),
    (
        "store.etcd.endpoints",
        Is("[\"http://127.0.0.1:2379\"]"),
        "all members; one is used at a time",
    ),
    ("store.etcd.prefix", Is("\"/pontoon/v1\""), "before every key"),
    ("store.etcd.ca", Words("whom the system trusts"), "PEM file of who signed etcd's certificate"),
    ("store.etcd.cert", NONE, "PEM file of a client certificate; with `key`"),
    ("store.etcd.key", NONE, "PEM file of its key"),
    ("store.etcd.server-name", Words("the endpoint's host"), "the name in etcd's certificate"),
    ("store.etcd.username", NONE, "a user of etcd's own; with a password"),
    ("store.etcd.password", NONE, "its password; better in a file"),
    ("store.etcd.password-file", NONE, "the file that holds it"),
    ("store.etcd.connect-timeout", Is("\"3s\""), "how long connecting to one member may take"),
    ("store.etcd.request-timeout", Is("\"5s\""), "how long one request may take"),
    (
        "cluster.pod-cidrs",
        Is("[\"10.244.0.0/16\"]"),
        "one range a family; two ranges make a dual-stack cluster",
    ),
    ("cluster.node-prefix-v4", Is("24"), "size of a node subnet: 16 to 30"),
    ("cluster.node-prefix-v6", Is("64"), "the same for IPv6: 64 to 126"),
    ("cluster.service-cidrs", Is("[\"10.96.0.0/12\"]"), "where services get their addresses from"),
    ("cluster.node-port-range", Is("\"30000-32767\""), "ports of every node that services get"),
    ("cluster.backend", Is("\"vxlan\""), "`vxlan`, `host-gw` or `auto`"),
    ("cluster.vxlan-port", Is("8472"), "UDP port"),
    ("cluster.vxlan-vni", Is("1"), "network identifier: 1 to 16777215"),
    ("cluster.cluster-domain", Is("\"cluster.local\""), "the domain below which cluster names are"),
    (
        "cluster.dns-addresses",
        Words("the tenth of each service CIDR: `[\"10.96.0.10\"]`"),
        "where pods find DNS: one a family, inside a service CIDR; `[]` for no DNS",
    ),
    ("dns.enabled", Is("true"), "whether this node answers cluster DNS"),
    (
        "dns.ttl",
        Is("5"),
        "how long clients may keep an answer about the cluster, seconds: 0 to 3600",
    ),
    (
        "dns.pods",
        Is("\"verified\""),
        "names of pods such as `10-244-1-7.shop.pod.cluster.local`: `verified` if there is such a pod, `insecure` whatever there is, `disabled`",
    ),
    (
        "dns.endpoint-pod-names",
        Is("false"),
        "endpoints without a hostname are called by their pod's name, not by their address",
    ),
    ("dns.autopath", Is("true"), "answer a pod's walk along its search path at the first step"),
    (
        "dns.listen",
        Is("[]"),
        "where to answer beside the cluster's DNS addresses: `[\"192.0.2.1:53\"]`",
    ),
    ("dns.allow", Is("[]"), "ranges that may ask beside pods and this host"),
    ("dns.rate-limit", Is("20000"), "answers a second for one client; 0 for no limit"),
    ("dns.workers", Is("1"), "threads that answer datagrams: 1 to 64"),
    ("dns.transfer-to", Is("[]"), "ranges that may copy the zone (AXFR)"),
    (
        "dns.hosts",
        Is("{}"),
        "names with addresses of their own: `{ \"registry.example\" = [\"192.0.2.7\"] }`",
    ),
    ("dns.tls.cert", NONE, "DNS over TLS: PEM file of the certificate"),
    ("dns.tls.key", NONE, "PEM file of its key"),
    ("dns.tls.listen", Words("port 853 of the DNS addresses"), "where"),
    (
        "dns.https.listen",
        Words("port 443 of the DNS addresses, if there is a `[dns.https]`"),
        "DNS over HTTPS, with the certificate of `dns.tls`",
    ),
    (
        "dns.forward.upstreams",
        Words("the name servers of `resolv-conf`"),
        "who is asked for names outside: `[\"192.0.2.53\", \"tls://9.9.9.9#dns.quad9.net\"]`",
    ),
    (
        "dns.forward.resolv-conf",
        Is("\"/etc/resolv.conf\""),
        "followed as it changes; where it names systemd-resolved, the file behind that",
    ),
    (
        "dns.forward.stubs",
        Is("{}"),
        "domains that others are asked about: `{ \"corp.example\" = [\"10.1.0.53\"] }`",
    ),
    (
        "dns.forward.policy",
        Is("\"random\""),
        "who is asked first: `random`, `round-robin`, `ordered`",
    ),
    (
        "dns.forward.max-concurrent",
        Is("1000"),
        "questions with upstreams at once; more are refused. 0: any number",
    ),
    ("dns.forward.timeout", Is("\"2s\""), "how long one upstream has before another is asked"),
    ("dns.forward.idle-timeout", Is("\"10s\""), "how long a silent connection to one is kept"),
    ("dns.forward.probe-interval", Is("\"500ms\""), "how often one that does not answer is tried"),
    (
        "dns.forward.cache.size",
        Is("10000"),
        "answers that are kept; a long one counts once a KiB. 0: none",
    ),
    (
        "dns.forward.cache.success-ttl",
        Is("\"1h\""),
        "the longest that an answer with records is kept",
    ),
    ("dns.forward.cache.denial-ttl", Is("\"30m\""), "the longest that a denial is kept"),
    (
        "dns.forward.cache.prefetch",
        Is("3"),
        "asked for this often, an answer is fetched anew before its end. 0: never",
    ),
    (
        "dns.forward.cache.serve-stale",
        Is("\"1h\""),
        "how long behind its end an answer is given when upstreams fail. `0s`: never",
    ),
    (
        "dns.forward.cache.stale-after",
        Is("\"1800ms\""),
        "how long upstreams have before such an answer is given",
    ),
    ("api.group", NONE, "the group that may use `api.sock` beside root"),
    (
        "api.listen",
        Is("\"\""),
        "where the API is served over TCP with mutual TLS: `0.0.0.0:9554`; empty for nowhere",
    ),
    ("api.cert", NONE, "PEM file of the server's certificate"),
    ("api.key", NONE, "PEM file of its key"),
    ("api.client-ca", NONE, "PEM file of who signs clients' certificates"),
    (
        "metrics.listen",
        Is("\"127.0.0.1:9553\""),
        "where `/metrics`, `/healthz` and `/readyz` are served over plain HTTP ([metrics.md](metrics.md)); empty for nowhere",
    ),
    (
        "mesh.enabled",
        Is("true"),
        "whether this node probes its peers and answers them ([mesh.md](mesh.md))",
    ),
    ("mesh.interval", Is("\"10s\""), "how often it probes each: `100ms` to `600s`"),
    ("paths.run", Is("\"/run/pontoon\""), "`pontoond.sock`, `api.sock` and a lock"),
    (
        "paths.state",
        Is("\"/var/lib/pontoon\""),
        "attachments, the last snapshot, the embedded store",
    ),
    (
        "paths.cni-conf",
        Is("\"/etc/cni/net.d\""),
        "`10-pontoon.conflist` is written there once the node is ready",
    ),
    ("log.level", Is("\"info\""), "a level, or a filter such as `pontoond::attach=debug,info`"),
    ("log.format", Is("\"human\""), "or `json`"),
];

fn table() -> String {
    let mut table = String::from("| key | default | meaning |\n| --- | --- | --- |\n");
    for (key, default, meaning) in SETTINGS {
        let default = match default {
            Is(value) => format!("`{value}`"),
            Words(words) => (*words).to_owned(),
        };
        writeln!(table, "| `{key}` | {default} | {meaning} |").unwrap();
    }
    table
}

/// Adds every setting below a path to `found`: those of a section are told by its error about a key
/// that is none.
fn settings_below(path: &str, found: &mut BTreeSet<String>) {
    let head = if path.is_empty() { String::new() } else { format!("[{path}]\n") };
    let figment = Figment::new().merge(Toml::string(&format!("{head}'none such' = 1\n")));
    match figment.extract::<Settings>().unwrap_err().kind {
        Kind::UnknownField(_, known) => {
            for key in known {
                let dot = if path.is_empty() { "" } else { "." };
                settings_below(&format!("{path}{dot}{key}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// What a configuration comes to, whether it says so or leaves it out.
fn in_force(mut settings: Settings) -> (Settings, ClusterConfig, pontoon_store::EtcdConfig) {
    let cluster = std::mem::take(&mut settings.cluster).over(ClusterConfig::default());
    let etcd = settings.store.etcd.take().unwrap_or_default();
    (settings, cluster, etcd)
}

#[test]
fn every_setting_is_in_the_table_and_no_other() {
    let mut known = BTreeSet::new();
    settings_below("", &mut known);
    let told: BTreeSet<String> = SETTINGS.iter().map(|(key, ..)| (*key).to_owned()).collect();
    assert_eq!(told, known);
    assert_eq!(told.len(), SETTINGS.len(), "one is there twice");
}

#[test]
fn every_setting_is_in_the_example() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/pontoond.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in text.lines().map(|line| line.strip_prefix('#').unwrap_or(line)) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(' ')) {
            found.insert(format!("{section}.{key}"));
        }
        // Where keys are names of people's own, the section is the setting.
        found.insert(section.clone());
    }
    // It shows the file instead; both would be a mistake.
    found.insert("store.etcd.password".to_owned());
    let keys = SETTINGS.iter().map(|(key, ..)| *key);
    let missing: Vec<_> = keys.filter(|key| !found.contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_defaults_are_as_the_table_says() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let load = |set: &[String]| load(Some(empty.path()), set).unwrap();
    let default = in_force(load(&[]));
    for (key, value, _) in SETTINGS {
        if let Is(value) = value {
            let told = in_force(load(&[format!("{key}={value}")]));
            assert!(told == default, "{key} = {value} is not the default: {told:?}");
        }
    }
}

#[test]
fn the_table_in_the_book_is_this_one() {
    const BEGIN: &str = "<!-- The settings, made by `cargo xtask docs`. -->\n\n";
    const END: &str = "\n<!-- End of the settings. -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let wanted = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page == wanted, "{path:?} is another: `cargo xtask docs`");
}
