//! Ports that Pontoon needs and another program has.

use std::net::{IpAddr, SocketAddr};

use pontoon_model::files::DAEMON;

use crate::checks::remark::{Remark, fault};
use crate::facts::Facts;
use crate::facts::daemon::Presence;
use crate::facts::sockets::{INIT, Owner, Socket, Transport};

pub(in crate::checks) fn vxlan(facts: &Facts) -> Vec<Remark> {
    let port = facts.setup.config.backend.vxlan_port;
    if !facts.setup.has_overlay() {
        return Vec::new();
    }
    let taken = facts.sockets.iter().filter(|socket| {
        socket.transport == Transport::Udp
            && socket.address.port() == port
            && socket.owner != Owner::Kernel
    });
    taken
        .map(|socket| {
            fault(format!("{} listens at UDP {}, the overlay's port", socket.owner, socket.address))
                .because("the kernel gives a port to one: the overlay gets no packets, or cannot be made")
                .mend(format!(
                    "stop that program, or give the overlay another port on every node: cluster.vxlan-port in /etc/pontoon/pontoond.toml (now {port})"
                ))
        })
        .collect()
}

pub(in crate::checks) fn dns(facts: &Facts) -> Vec<Remark> {
    let mut found: Vec<Remark> = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        for at in &facts.setup.dns {
            let same = |socket: &&Socket| {
                socket.transport == transport && socket.address.port() == at.port()
            };
            let sockets = || facts.sockets.iter().filter(same);
            if sockets().any(|socket| socket.address == *at && is_ours(facts, socket)) {
                continue;
            }
            let blocks = |socket: &&Socket| covers(socket.address, *at) && !is_ours(facts, socket);
            let Some(socket) = sockets().find(blocks) else { continue };
            let remark = in_the_way(socket, *at);
            if !found.contains(&remark) {
                found.push(remark);
            }
        }
    }
    found
}

fn in_the_way(socket: &Socket, wanted: SocketAddr) -> Remark {
    fault(format!(
        "{} listens at {} {}, where the cluster's DNS is to answer at {wanted}",
        socket.owner, socket.transport, socket.address
    ))
    .because("pods' questions go there, or the DNS cannot listen")
    .mend(
        "let that program listen at addresses of its own and not at all of them (dnsmasq: bind-interfaces; named: listen-on; unbound: interface), or switch Pontoon's DNS off on this node: dns.enabled = false",
    )
}

/// Whoever listens at all addresses does so at this one.
fn covers(socket: SocketAddr, at: SocketAddr) -> bool {
    let any = socket.ip().is_unspecified();
    socket.ip() == at.ip() || any && (socket.is_ipv4() == at.is_ipv4() || is_any_v6(socket.ip()))
}

fn is_any_v6(ip: IpAddr) -> bool {
    ip.is_ipv6() && ip.is_unspecified()
}

/// A program that hides is taken for the daemon where that listens. systemd keeps the daemon's sockets
/// while it is away, and opens none of its own at the cluster's addresses.
fn is_ours(facts: &Facts, socket: &Socket) -> bool {
    match &socket.owner {
        Owner::Program { name, .. } if name == DAEMON => true,
        Owner::Program { pid, .. } => *pid == INIT && facts.setup.dns.contains(&socket.address),
        Owner::User(_) => {
            let denied = matches!(facts.daemon.presence, Presence::Denied { .. });
            (facts.setup.networked || denied) && facts.setup.dns.contains(&socket.address)
        }
        Owner::Kernel => false,
    }
}
