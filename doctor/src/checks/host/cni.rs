//! What other container networks left, or still do.

use pontoon_model::kernel::is_ours;
use pontoon_netlink::{Link, LinkKind};

use crate::checks::remark::{Remark, fault, some_of, warning};
use crate::facts::Facts;

/// Devices by their names, or the beginnings of them, and whose they are.
const DEVICES: [(&str, bool, &str); 12] = [
    ("cni0", false, "the bridge plugin's (flannel's, usually)"),
    ("flannel.", true, "flannel's"),
    ("flannel-v6.", true, "flannel's"),
    ("cilium_", true, "Cilium's"),
    ("cali", true, "Calico's"),
    ("vxlan.calico", false, "Calico's"),
    ("vxlan-v6.calico", false, "Calico's"),
    ("weave", true, "Weave's"),
    ("antrea-", true, "Antrea's"),
    ("ovn-k8s-", true, "OVN-Kubernetes'"),
    ("kube-bridge", false, "kube-router's"),
    ("genev_sys_", true, "Antrea's or OVN's"),
];

pub(in crate::checks) fn devices(facts: &Facts) -> Vec<Remark> {
    let mut found: Vec<Remark> =
        facts.network.links.iter().filter_map(|link| same_tunnel(facts, link)).collect();
    for (name, is_start, whose) in DEVICES {
        let is = |link: &&Link| {
            let known = link.name.as_str();
            if is_start { known.starts_with(name) } else { known == name }
        };
        let names: Vec<String> =
            facts.network.links.iter().filter(is).map(|link| link.name.to_string()).collect();
        if names.is_empty() {
            continue;
        }
        let mend: Vec<String> =
            names.iter().map(|name| format!("ip link delete dev {name}")).collect();
        found.push(
            warning(format!(
                "there are devices of another container network: {} ({whose})",
                some_of(&names)
            ))
            .because("their routes and rules take packets that are meant for Pontoon's pods")
            .mend(format!("# when that network is no longer in use:\n{}", mend.join("\n"))),
        );
    }
    found
}

/// Two VXLAN devices cannot have the same port and network.
fn same_tunnel(facts: &Facts, link: &Link) -> Option<Remark> {
    let backend = &facts.setup.config.backend;
    let LinkKind::Vxlan(settings) = &link.kind else { return None };
    let same = settings.port == backend.vxlan_port && settings.vni == backend.vxlan_vni;
    if !facts.setup.has_overlay() || is_ours(link.name.as_str()) || !same {
        return None;
    }
    Some(
        fault(format!(
            "{} is a VXLAN device with Pontoon's port {} and network {}",
            link.name, backend.vxlan_port, backend.vxlan_vni
        ))
        .because("the kernel allows one of a kind: Pontoon's cannot be made beside it")
        .mend(format!(
            "ip link delete dev {}\n# or give Pontoon another: cluster.vxlan-vni in /etc/pontoon/pontoond.toml",
            link.name
        )),
    )
}

pub(in crate::checks) fn conflists(facts: &Facts) -> Vec<Remark> {
    let conflists = &facts.host.conflists;
    let folder = facts.setup.paths.cni_conf.display();
    let Some(ours) = conflists.iter().position(|conflist| conflist.is_ours()) else {
        if !facts.setup.networked {
            return Vec::new();
        }
        return vec![
            warning(format!("there is no network configuration of Pontoon's in {folder}"))
                .because("container runtimes do not find the network")
                .mend("systemctl restart pontoond"),
        ];
    };
    conflists
        .iter()
        .take(ours)
        .map(|before| {
            let network = before.network.as_deref().unwrap_or("?");
            let file = &before.file;
            warning(format!(
                "{folder}/{file} (network {network}) comes before Pontoon's {}",
                conflists[ours].file
            ))
            .because("containerd and Kubernetes take the first one: pods get that network, not Pontoon's")
            .mend(format!("mv {folder}/{file} {folder}/{file}.disabled"))
        })
        .collect()
}

pub(in crate::checks) fn kube_proxy(facts: &Facts) -> Vec<Remark> {
    let mut traces: Vec<String> = Vec::new();
    for table in facts.filters.iter().flatten() {
        if table.name.ends_with(" kube-proxy") {
            traces.push(format!("table {}", table.name));
        } else if let Some(chain) =
            table.chains.iter().find(|c| c.name.starts_with("KUBE-SERVICES"))
        {
            traces.push(format!("chain {} in table {}", chain.name, table.name));
        }
    }
    if facts.network.link("kube-ipvs0").is_some() {
        traces.push("the device kube-ipvs0".to_owned());
    }
    if traces.is_empty() {
        return Vec::new();
    }
    vec![
        warning(format!("kube-proxy runs here or did: {}", some_of(&traces)))
            .because("its rules send packets to endpoints that are gone, and refuse what Pontoon would serve")
            .mend("# when kube-proxy is no longer in use:\nkube-proxy --cleanup\n# or, where it worked with nftables:\nnft delete table ip kube-proxy\nnft delete table ip6 kube-proxy"),
    ]
}
