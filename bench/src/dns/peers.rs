//! The other servers, each with one worker and the same names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pontoon_lab::{Host, Process, binaries};
use serde_json::json;

use super::load::PORT;
use super::zone_file;
use crate::services::dataset::Size;
use crate::services::kube_api::{KubeApi, Resource};

/// Names the binary of CoreDNS to compare with.
const COREDNS: &str = "PONTOON_COREDNS";

/// A server to compare with.
pub(super) struct Peer {
    pub name: &'static str,
    command: Vec<String>,
    /// What feeds it, for as long as it is compared with.
    _api: Option<KubeApi>,
}

impl Peer {
    /// Starts it; it may take a while until it answers.
    pub(super) fn start(&self, host: &Host) -> Result<Process> {
        let command: Vec<&str> = self.command.iter().map(String::as_str).collect();
        host.spawn(&command).with_context(|| format!("cannot start {}", self.name))
    }
}

/// Writes a server's configuration to a folder, and says with which arguments it takes it.
type Configure = fn(&Path, Size) -> Result<Vec<String>>;

/// Those that are here, ready to be started, and the names of those that are not.
pub(super) fn find(host: &Host, size: Size) -> Result<(Vec<Peer>, Vec<&'static str>)> {
    let folder = host.path().join("peers");
    std::fs::create_dir_all(&folder)?;
    write(&folder, "cluster.local.zone", &zone_file::forward(size))?;
    write(&folder, "in-addr.arpa.zone", &zone_file::reverse(size))?;
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    let known: [(&str, &str, Configure); 4] = [
        ("unbound", "unbound", unbound),
        ("nsd", "nsd", nsd),
        ("knot", "knotd", knot),
        ("dnsmasq", "dnsmasq", dnsmasq),
    ];
    for (name, program, configure) in known {
        match binaries::on_path(program) {
            Some(binary) => {
                let mut command = vec![binary.to_string_lossy().into_owned()];
                command.extend(configure(&folder, size)?);
                found.push(Peer { name, command, _api: None });
            }
            None => absent.push(name),
        }
    }
    match std::env::var_os(COREDNS).map(PathBuf::from) {
        Some(binary) => found.push(coredns(host, &folder, &binary, size)?),
        None => absent.push("CoreDNS (PONTOON_COREDNS names its binary)"),
    }
    Ok((found, absent))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {path:?}"))?;
    Ok(path.to_string_lossy().into_owned())
}

fn strings<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn unbound(folder: &Path, _: Size) -> Result<Vec<String>> {
    let mut data = String::new();
    for origin in ["cluster.local", "in-addr.arpa"] {
        data +=
            &format!("auth-zone:\n name: \"{origin}.\"\n zonefile: \"{}\"\n", zone(folder, origin));
        data += " for-downstream: yes\n for-upstream: no\n";
    }
    let config = format!(
        "server:\n num-threads: 1\n interface: 127.0.0.1@{PORT}\n do-daemonize: no\n username: \"\"\n \
         chroot: \"\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n module-config: \"iterator\"\n \
         directory: \"{}\"\n local-zone: \"10.in-addr.arpa.\" nodefault\nremote-control:\n control-enable: no\n{data}",
        folder.display(),
    );
    Ok(strings(["-c", &write(folder, "unbound.conf", &config)?]))
}

fn nsd(folder: &Path, _: Size) -> Result<Vec<String>> {
    let mut config = format!(
        "server:\n server-count: 1\n ip-address: 127.0.0.1@{PORT}\n username: \"\"\n chroot: \"\"\n \
         pidfile: \"\"\n database: \"\"\n zonesdir: \"{0}\"\n xfrdfile: \"{0}/nsd.xfrd\"\n \
         zonelistfile: \"{0}/nsd.zones\"\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\n",
        folder.display(),
    );
    for origin in ["cluster.local", "in-addr.arpa"] {
        config += &format!("zone:\n name: \"{origin}\"\n zonefile: \"{}\"\n", zone(folder, origin));
    }
    Ok(strings(["-d", "-c", &write(folder, "nsd.conf", &config)?]))
}

fn knot(folder: &Path, _: Size) -> Result<Vec<String>> {
    let mut config = format!(
        "server:\n  rundir: \"{0}\"\n  listen: 127.0.0.1@{PORT}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\ndatabase:\n  storage: \"{0}/knot\"\nzone:\n",
        folder.display(),
    );
    for origin in ["cluster.local", "in-addr.arpa"] {
        config += &format!("  - domain: {origin}\n    file: \"{}\"\n", zone(folder, origin));
    }
    Ok(strings(["-c", &write(folder, "knot.conf", &config)?]))
}

fn dnsmasq(folder: &Path, size: Size) -> Result<Vec<String>> {
    let mut config = format!(
        "port={PORT}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nlocal-ttl=5\n\
         dns-forward-max=10000\ncache-size=100000\nlocal=/cluster.local/\nlocal=/in-addr.arpa/\n"
    );
    let mut hosts = String::new();
    for service in size.services() {
        let name = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
        hosts += &format!("{} {name}\n", service.cluster_ip);
        config += &format!("srv-host=_http._tcp.{name},{name},{},0,100\n", service.port);
    }
    config += &format!("addn-hosts={}\n", write(folder, "hosts", &hosts)?);
    let config = write(folder, "dnsmasq.conf", &config)?;
    Ok(vec!["-k".to_owned(), format!("--conf-file={config}")])
}

fn zone(folder: &Path, origin: &str) -> String {
    folder.join(format!("{origin}.zone")).to_string_lossy().into_owned()
}

/// CoreDNS as kubeadm configures it, fed by an API server of ours.
fn coredns(host: &Host, folder: &Path, binary: &Path, size: Size) -> Result<Peer> {
    ensure!(binary.is_file(), "{COREDNS} names {binary:?}, which is no file");
    let api = KubeApi::start(host.netns())?;
    for service in size.services() {
        api.put(Resource::Service, service.document());
        api.put(Resource::EndpointSlice, service.slice(host.name()));
        let namespace = json!({"metadata": {"name": service.namespace}});
        api.put(Resource::Namespace, namespace);
    }
    let config = format!(
        ".:{PORT} {{\n bind 127.0.0.1\n errors\n health 127.0.0.1:0\n kubernetes cluster.local in-addr.arpa ip6.arpa {{\n \
         endpoint {}\n pods insecure\n fallthrough in-addr.arpa ip6.arpa\n ttl 30\n }}\n prometheus 127.0.0.1:0\n \
         cache 30\n loop\n reload\n loadbalance\n}}\n",
        api.url(),
    );
    let config = write(folder, "Corefile", &config)?;
    let binary = std::path::absolute(binary)?.to_string_lossy().into_owned();
    Ok(Peer { name: "CoreDNS", command: vec![binary, "-conf".into(), config], _api: Some(api) })
}
