//! Throughput and round trip across hosts, against the same devices set up by hand with `ip`.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::{Lab, Netns, Pod, probe};
use pontoon_model::api::{Request, Response};
use pontoon_model::cluster::BackendKind;

use crate::flow::{self, Path};
use crate::report::Row;

const WAIT: Duration = Duration::from_secs(10);

pub(crate) fn measure() -> Result<Vec<Row>> {
    let lab = Lab::builder().hosts(4).dual_stack(false).configure("log.level", "warn").build()?;
    for number in [1, 2] {
        lab.host(number).start()?;
        lab.host(number).wait_ready(WAIT)?;
    }
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let mut rows = Vec::new();
    for kind in [BackendKind::Vxlan, BackendKind::HostGw] {
        let ours = ours(&lab, kind, &near, &far)?;
        let hand = ByHand::build(&lab, kind)?;
        let at = (hand.at, 0).into();
        let theirs = Path { from: &hand.near, to: &hand.far, at, through: None };
        rows.extend(flow::compare(&kind.to_string(), &ours, "by hand", &theirs, 0.97)?);
    }
    Ok(rows)
}

fn ours<'a>(lab: &Lab, kind: BackendKind, near: &'a Pod, far: &'a Pod) -> Result<Path<'a>> {
    let answer = lab.host(1).request(&Request::SetBackend { kind })?;
    ensure!(answer == Response::Done, "{answer:?}");
    let began = Instant::now();
    while lab.hosts()[..2].iter().any(|host| !follows(host, kind)) {
        ensure!(began.elapsed() < WAIT, "the nodes do not follow to {kind}");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Pods' MTU follows behind the routes.
    std::thread::sleep(Duration::from_millis(500));
    let at = (far.v4()?, 0).into();
    Ok(Path { from: near.netns(), to: far.netns(), at, through: None })
}

fn follows(host: &Host, kind: BackendKind) -> bool {
    host.status().is_ok_and(|status| {
        status.nodes.iter().filter_map(|node| node.backend).all(|way| way == kind)
    })
}

/// The layout of a textbook: bridge, veth, routes, and a VXLAN device with static entries.
struct ByHand {
    near: Netns,
    far: Netns,
    at: IpAddr,
}

impl ByHand {
    fn build(lab: &Lab, kind: BackendKind) -> Result<Self> {
        let (a, b) = (lab.host(3), lab.host(4));
        let near = half(lab, a, b, 3, kind)?;
        let far = half(lab, b, a, 4, kind)?;
        let at = IpAddr::from([10, 98, 4, 2]);
        probe::ping(&near, at, WAIT).context("the devices set up by hand do not work")?;
        Ok(Self { near, far, at })
    }
}

fn half(lab: &Lab, host: &Host, peer: &Host, number: u8, kind: BackendKind) -> Result<Netns> {
    let other = 7 - number;
    let (own, remote) = (host.addresses()[0], peer.addresses()[0]);
    let overlay = kind == BackendKind::Vxlan;
    let mtu = if overlay { 1450 } else { 1500 };
    let pod = Netns::create(lab.path().join(format!("hand-{kind}-{number}.ns")))?;
    for device in ["veth0", "hand0", "hand1"] {
        // The other backend's, of the round before.
        let _ = host.exec(&["ip", "link", "delete", device]);
    }
    host.set_sysctl("net.ipv4.ip_forward", "1")?;
    let mut commands = format!(
        "link add hand0 mtu {mtu} type bridge\n\
         address add 10.98.{number}.1/24 dev hand0\n\
         link set hand0 up\n\
         link add veth0 mtu {mtu} master hand0 up type veth peer name eth0 mtu {mtu} netns {}\n",
        pod.path().display()
    );
    if overlay {
        commands.push_str(&format!(
            "link add hand1 address 02:00:00:00:98:{number:02x} mtu {mtu} type vxlan id 98 local {own} dev eth0 dstport 8472 nolearning\n\
             link set hand1 up\n\
             address add 10.98.{number}.0/32 dev hand1\n\
             route add 10.98.{other}.0/24 via 10.98.{other}.0 dev hand1 onlink\n\
             neigh add 10.98.{other}.0 lladdr 02:00:00:00:98:{other:02x} dev hand1 nud permanent\n"
        ));
    } else {
        commands.push_str(&format!("route replace 10.98.{other}.0/24 via {remote}\n"));
    }
    host.ip(&commands)?;
    if overlay {
        let mac = format!("02:00:00:00:98:{other:02x}");
        host.exec(&[
            "bridge",
            "fdb",
            "add",
            &mac,
            "dev",
            "hand1",
            "dst",
            &remote.to_string(),
            "self",
            "permanent",
        ])?;
    }
    for arguments in [
        vec!["link", "set", "lo", "up"],
        vec!["address", "add", &format!("10.98.{number}.2/24"), "dev", "eth0"],
        vec!["link", "set", "eth0", "up"],
        vec!["route", "add", "default", "via", &format!("10.98.{number}.1")],
    ] {
        let output = pod.output(std::process::Command::new("ip").args(&arguments))?;
        ensure!(
            output.status.success(),
            "ip {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(pod)
}
