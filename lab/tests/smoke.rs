//! The lab's own promises: the underlay works, faults do what they say, nothing is left behind.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use pontoon_lab::{Lab, LabBuilder, probe};

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(5);
/// For what must not.
const SHORT: Duration = Duration::from_millis(300);

fn build(builder: LabBuilder) -> Option<Lab> {
    if let Some(why) = pontoon_lab::unavailable() {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(builder.build().unwrap())
}

#[test]
fn hosts_reach_each_other_across_segments_and_are_seen_at_their_own_addresses() {
    let Some(lab) = build(Lab::builder().hosts(3).segments(2).embedded()) else { return };
    for to in lab.hosts() {
        let _responder = probe::Responder::start(to.netns(), 7777).unwrap();
        for from in lab.hosts() {
            for (target, own) in to.addresses().into_iter().zip(from.addresses()) {
                let at = SocketAddr::new(target, 7777);
                if from.name() != to.name() {
                    assert_eq!(probe::tcp(from.netns(), at, PATIENCE).unwrap().source.ip(), own);
                    assert_eq!(probe::udp(from.netns(), at, PATIENCE).unwrap().source.ip(), own);
                }
                probe::ping(from.netns(), target, PATIENCE).unwrap();
            }
        }
        let outside = SocketAddr::new(to.addresses()[0], 7777);
        assert_eq!(
            probe::tcp(lab.outside().netns(), outside, PATIENCE).unwrap().source.ip(),
            lab.outside().addresses()[0]
        );
    }
}

#[test]
fn a_cut_stops_one_pair_only_and_heals() {
    let Some(lab) = build(Lab::builder().hosts(4).segments(2).embedded()) else { return };
    // Patience where a reply must come, none where it must not.
    let reaches = |from: usize, to: usize| {
        lab.host(to)
            .addresses()
            .iter()
            .all(|ip| probe::ping(lab.host(from).netns(), *ip, PATIENCE).is_ok())
    };
    let is_cut_off = |from: usize, to: usize| {
        lab.host(to)
            .addresses()
            .iter()
            .all(|ip| probe::ping(lab.host(from).netns(), *ip, SHORT).is_err())
    };
    // 1 and 3 share a segment; 2 is behind the router.
    for peer in [3, 2] {
        assert!(reaches(1, peer) && reaches(peer, 1));
        lab.cut("host-1", &format!("host-{peer}")).unwrap();
        assert!(is_cut_off(1, peer) && is_cut_off(peer, 1), "host-1 still reaches host-{peer}");
        assert!(reaches(1, 4) && reaches(peer, 4), "a cut reaches beyond its pair");
        lab.heal(&format!("host-{peer}"), "host-1").unwrap();
        assert!(reaches(1, peer));
    }
    lab.lose("host-1", 100).unwrap();
    assert!(is_cut_off(1, 3));
    lab.heal_all().unwrap();
    lab.set_plugged("host-1", false).unwrap();
    assert!(is_cut_off(1, 3));
    lab.set_plugged("host-1", true).unwrap();
    assert!(reaches(1, 3));
    assert!(lab.cut("host-1", "host-9").is_err());
}

#[test]
fn a_renumbered_host_is_reached_at_its_new_address_after_a_network_restart_too() {
    let Some(lab) = build(Lab::builder().hosts(2).segments(2).embedded()) else { return };
    let old = lab.host(1).addresses();
    lab.host(1).renumber(500).unwrap();
    let new = lab.host(1).addresses();
    assert_ne!(old, new);
    for _ in 0..2 {
        for (old, new) in old.iter().zip(&new) {
            probe::ping(lab.host(2).netns(), *new, PATIENCE).unwrap();
            probe::ping(lab.host(2).netns(), *old, SHORT).unwrap_err();
        }
        lab.host(1).restart_network().unwrap();
    }
}

#[test]
fn etcd_keeps_its_data_over_a_restart_and_loses_it_when_wiped() {
    let Some(lab) = build(Lab::builder().hosts(1)) else { return };
    let etcd = lab.etcd();
    etcd.ctl(&["put", "a", "1"]).unwrap();
    etcd.compact().unwrap();
    etcd.stop().unwrap();
    assert!(!etcd.is_healthy());
    etcd.start().unwrap();
    assert_eq!(etcd.ctl(&["get", "a", "--print-value-only"]).unwrap(), "1\n");
    etcd.pause().unwrap();
    assert!(!etcd.is_healthy());
    etcd.resume().unwrap();
    assert!(etcd.is_healthy());
    etcd.wipe().unwrap();
    assert_eq!(etcd.ctl(&["get", "a", "--print-value-only"]).unwrap(), "");
}

#[test]
fn loads_notice_a_gap_and_nothing_else() {
    let Some(lab) = build(Lab::builder().hosts(2).embedded()) else { return };
    let (from, to) = (lab.host(1).netns(), lab.host(2));
    let ip = to.addresses()[0];
    let _responder = probe::Responder::start(to.netns(), 7777).unwrap();
    let tick = Duration::from_millis(10);

    let pings = probe::PingLoad::start(from, ip, tick).unwrap();
    let stream = probe::TcpLoad::start(from, (ip, 7777).into(), tick).unwrap();
    std::thread::sleep(SHORT);
    let (pings, stream) = (pings.stop().unwrap(), stream.stop().unwrap());
    assert_eq!((pings.lost(), stream.lost()), (0, 0));
    assert!(pings.sent > 10 && stream.sent > 10, "{pings:?} {stream:?}");

    let pings = probe::PingLoad::start(from, ip, tick).unwrap();
    let stream = probe::TcpLoad::start(from, (ip, 7777).into(), tick).unwrap();
    lab.cut("host-1", "host-2").unwrap();
    std::thread::sleep(SHORT);
    lab.heal_all().unwrap();
    let stream = stream.stop().unwrap();
    let pings = pings.stop().unwrap();
    assert!(pings.lost() > 10 && pings.longest_gap >= SHORT, "{pings:?}");
    assert!(stream.lost() == 0 && stream.longest_gap >= SHORT, "{stream:?}");
}

#[test]
fn two_labs_side_by_side_do_not_meet() {
    let Some(one) = build(Lab::builder().hosts(2).embedded()) else { return };
    let two = build(Lab::builder().hosts(2).embedded()).unwrap();
    assert_ne!(one.path(), two.path());
    assert_ne!(one.host(1).machine_id(), two.host(1).machine_id());
    assert_eq!(one.host(2).addresses(), two.host(2).addresses());
    let of_one = probe::Responder::start(one.host(2).netns(), 7777).unwrap();
    let of_two = probe::Responder::start(two.host(2).netns(), 7777).unwrap();
    let target = SocketAddr::new(one.host(2).addresses()[0], 7777);
    probe::tcp(one.host(1).netns(), target, PATIENCE).unwrap();
    assert_eq!((of_one.served(), of_two.served()), (1, 0));
    drop(one);
    probe::tcp(two.host(1).netns(), target, PATIENCE).unwrap();
}

#[test]
fn the_underlay_is_as_it_was_asked_for() {
    let builder =
        Lab::builder().hosts(2).segments(2).mtu(1400).dual_stack(false).default_route(false);
    let Some(lab) = build(builder.embedded()) else { return };
    let host = lab.host(1);
    assert!(host.addresses().iter().all(std::net::IpAddr::is_ipv4));
    let shown = host.exec(&["ip", "link", "show", "eth0"]).unwrap();
    assert!(shown.contains("mtu 1400"), "{shown}");
    let routes = host.exec(&["ip", "route"]).unwrap();
    assert!(!routes.contains("default"), "{routes}");
    // The other segment is reached all the same.
    probe::ping(host.netns(), lab.host(2).addresses()[0], PATIENCE).unwrap();
    lab.set_mtu("host-1", 1300).unwrap();
    let shown = host.exec(&["ip", "link", "show", "eth0"]).unwrap();
    assert!(shown.contains("mtu 1300"), "{shown}");
}

#[test]
fn nothing_is_left_behind() {
    let Some(lab) = build(Lab::builder().hosts(2)) else { return };
    let folder = lab.path().to_owned();
    let sleeper = lab.host(1).spawn(&["sleep", "1000"]).unwrap();
    let pid = sleeper.pid();
    // A process that nobody recorded, started by one of the host's.
    lab.host(2).exec(&["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"]).unwrap();
    let inode = lab.host(2).netns().inode();
    drop(lab);
    assert!(!folder.exists());
    assert!(!sleeper.is_running(), "{pid} still runs");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(folder.to_str().unwrap()), "{mounts}");
    let inhabitants = processes_in(inode);
    assert!(inhabitants.is_empty(), "{inhabitants:?} are still in the namespace of host-2");
}

fn processes_in(netns: u64) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
    let link = |pid: &str| std::fs::read_link(Path::new("/proc").join(pid).join("ns/net")).ok();
    names
        .filter(|pid| link(pid).is_some_and(|l| l.to_string_lossy() == format!("net:[{netns}]")))
        .collect()
}
