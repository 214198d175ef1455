//! All checks, by name.

use super::Check;
use super::Group::{Cluster, Host, Kernel, State};
use super::cluster::{daemon, nodes, ranges, store};
use super::host::{cni, devices, firewall, managers, ports};
use super::kernel::{
    checksum, conntrack, features, forwarding, mtu, neighbours, nf_call, rp_filter,
};
use super::state;

/// All checks, in the order in which they are told.
pub const CHECKS: &[Check] = &[
    Check {
        name: "daemon",
        group: Cluster,
        finds: "`pontoond` does not run, may not be asked, does not answer, or is of another version than the command; it says why it does not start",
        judge: daemon::check,
    },
    Check {
        name: "problems",
        group: Cluster,
        finds: "what `pontoond` itself complains of, as `pontoon status` shows it",
        judge: daemon::problems,
    },
    Check {
        name: "kernel-features",
        group: Kernel,
        finds: "the kernel lacks a device kind or a part of nf_tables that Pontoon needs; tried in a network namespace that goes away again, where the daemon does not run",
        judge: features::check,
    },
    Check {
        name: "forwarding",
        group: Kernel,
        finds: "`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding` or the underlay's or our devices' own setting is 0 although pods have that family",
        judge: forwarding::check,
    },
    Check {
        name: "router-advertisements",
        group: Kernel,
        finds: "`accept_ra` is 1 on an underlay that has routes from router advertisements, on a host that forwards IPv6",
        judge: forwarding::router_advertisements,
    },
    Check {
        name: "neighbour-table",
        group: Kernel,
        finds: "neighbours, or nodes to reach, come to 80 % of `gc_thresh3` (fault: all of it); a note when the table was full before",
        judge: neighbours::check,
    },
    Check {
        name: "rp-filter",
        group: Kernel,
        finds: "`rp_filter` is 1 in force on our devices, or on the underlay while the way back to a node leaves by another interface",
        judge: rp_filter::check,
    },
    Check {
        name: "bridge-nf-call",
        group: Kernel,
        finds: "`bridge-nf-call-iptables` or `-ip6tables` is 1 while ports of the pods' bridge are isolated",
        judge: nf_call::check,
    },
    Check {
        name: "mtu",
        group: Kernel,
        finds: "the overlay's MTU (or `node.mtu`) and its overhead exceed the underlay's; the bridge's exceeds what carries it; a pod's link differs; the path to a node carries less",
        judge: mtu::check,
    },
    Check {
        name: "vxlan-checksum",
        group: Kernel,
        finds: "the overlay leaves checksums to the card with a driver (vmxnet3) or a kernel (before 5.7) that is known to get them wrong",
        judge: checksum::check,
    },
    Check {
        name: "conntrack",
        group: Kernel,
        finds: "connection tracking is 80 % full (fault: 95 %); a note when it had no room before",
        judge: conntrack::check,
    },
    Check {
        name: "device-names",
        group: Host,
        finds: "a device of another kind has the name of Pontoon's bridge or overlay",
        judge: devices::check,
    },
    Check {
        name: "firewall",
        group: Host,
        finds: "rules or policies of another program, in nf_tables or iptables-legacy, drop packets between pods, from pods to the outside or to the DNS, answers to those, or encapsulated ones; a warning where rules that cannot be read might accept them",
        judge: firewall::check,
    },
    Check {
        name: "firewalld",
        group: Host,
        finds: "the same, by firewalld's rules",
        judge: firewall::firewalld,
    },
    Check { name: "ufw", group: Host, finds: "the same, by ufw's rules", judge: firewall::ufw },
    Check {
        name: "docker-forward",
        group: Host,
        finds: "the same, by the forward policy that Docker sets",
        judge: firewall::docker,
    },
    Check {
        name: "other-cni",
        group: Host,
        finds: "devices of another container network; a fault when its VXLAN device has our port and network",
        judge: cni::devices,
    },
    Check {
        name: "conflist",
        group: Host,
        finds: "another network configuration comes before Pontoon's, or Pontoon's is missing",
        judge: cni::conflists,
    },
    Check {
        name: "kube-proxy",
        group: Host,
        finds: "tables, chains or devices of kube-proxy",
        judge: cni::kube_proxy,
    },
    Check {
        name: "network-manager",
        group: Host,
        finds: "NetworkManager looks after one of our devices",
        judge: managers::network_manager,
    },
    Check {
        name: "networkd",
        group: Host,
        finds: "systemd-networkd looks after one of our devices, or removes our routes or rules when it starts (`ManageForeignRoutes`, `ManageForeignRoutingPolicyRules`)",
        judge: managers::networkd,
    },
    Check {
        name: "vxlan-port",
        group: Host,
        finds: "a program listens at the overlay's UDP port",
        judge: ports::vxlan,
    },
    Check {
        name: "dns-port",
        group: Host,
        finds: "a program listens where the cluster's DNS is to answer, and the DNS does not",
        judge: ports::dns,
    },
    Check {
        name: "etcd",
        group: Cluster,
        finds: "the store or a member of etcd does not answer, takes more than 100 ms at best (fault: 1 s), or raises an alarm",
        judge: store::check,
    },
    Check {
        name: "clock",
        group: Cluster,
        finds: "the host's clock and the store's differ by 5 s (fault: 60 s)",
        judge: store::clock,
    },
    Check {
        name: "node-names",
        group: Cluster,
        finds: "this node's name belongs to another machine, or several nodes have one machine id",
        judge: nodes::names,
    },
    Check {
        name: "versions",
        group: Cluster,
        finds: "live nodes run different versions; a note when they differ in the last number only",
        judge: nodes::versions,
    },
    Check {
        name: "cidr-overlap",
        group: Cluster,
        finds: "a route or an address of the host, or a node's address, lies in a pod or service CIDR; a warning when a route covers one",
        judge: ranges::check,
    },
    Check {
        name: "kernel-differs",
        group: State,
        finds: "devices, addresses, routes, rules or tables are not as the daemon planned them, for longer than it takes to mend them; our tables are switched off",
        judge: state::kernel_differs,
    },
    Check {
        name: "stale-neighbours",
        group: State,
        finds: "neighbours or forwarding entries of nodes or pods that are not there",
        judge: state::stale_neighbours,
    },
    Check {
        name: "leaked-addresses",
        group: State,
        finds: "addresses of pods whose network namespace is not where the runtime put it",
        judge: state::leaked_addresses,
    },
    Check {
        name: "pods-in-store",
        group: State,
        finds: "the store has pods of this node that it does not know, or lacks some that it has",
        judge: state::pods_in_store,
    },
];
