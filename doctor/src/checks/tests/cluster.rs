use super::*;
use crate::facts::daemon::{Presence, Reason};
use Severity::{Fault, Note, Warning};
use std::time::Duration;

fn store(change: impl FnOnce(&mut Store)) -> impl FnOnce(&mut Facts) {
    |f| change(f.store.as_mut().unwrap())
}

fn absent(reason: Reason) -> Finding {
    let socket = "/run/pontoon/pontoond.sock".to_owned();
    one("daemon", Fault, |f| f.daemon.presence = Presence::Absent { socket, reason })
}

#[test]
fn why_the_daemon_does_not_run_is_told_with_the_next_step() {
    let missing = absent(Reason { missing: true, ..Reason::default() });
    assert!(missing.mend.contains("install"));
    let configuration = vec!["node.name: invalid".to_owned()];
    let file = "/etc/pontoon/pontoond.toml".to_owned();
    let refused = absent(Reason { configuration, file, ..Reason::default() });
    assert!(
        refused.what.ends_with("/etc/pontoon/pontoond.toml cannot be used: node.name: invalid")
    );
    let failure = Some("another pontoond is running".to_owned());
    assert!(
        absent(Reason { failure, ..Reason::default() })
            .what
            .ends_with("another pontoond is running")
    );
    let locked = absent(Reason { locked: true, ..Reason::default() });
    assert!(locked.what.contains("its socket /run/pontoon/pontoond.sock is gone"));
    let unit = Some("failed (signal)".to_owned());
    assert!(absent(Reason { unit, ..Reason::default() }).what.contains("failed (signal)"));
    assert_eq!(absent(Reason::default()).mend, "systemctl start pontoond");
}

#[test]
fn a_daemon_that_may_not_be_asked_or_does_not_answer_is_told() {
    let socket = || "/run/s".to_owned();
    let denied =
        one("daemon", Warning, |f| f.daemon.presence = Presence::Denied { socket: socket() });
    assert_eq!(denied.mend, "sudo pontoon doctor");
    one("daemon", Fault, |f| {
        f.daemon.presence = Presence::Silent { socket: socket(), what: "no answer".to_owned() };
    });
}

#[test]
fn command_and_daemon_are_of_one_version() {
    let versions = |daemon: &str, command: &str| {
        let (daemon, command) = (Some(daemon.to_owned()), Some(command.to_owned()));
        |f: &mut Facts| (f.daemon.version, f.daemon.command) = (daemon, command)
    };
    one("daemon", Warning, versions("0.1.0", "0.2.0"));
    silent("daemon", versions("0.1.0", "0.1.0"));
}

#[test]
fn what_the_daemon_complains_of_is_told_but_the_store_twice_is_not() {
    let complain = |problem: &str| {
        let problem = problem.to_owned();
        |f: &mut Facts| f.daemon.problems.push(problem)
    };
    one("problems", Fault, complain("node c is not reached"));
    silent("problems", complain(&format!("{}: refused", pontoon_model::api::STORE_AWAY)));
}

#[test]
fn the_store_must_answer_soon_and_without_complaint() {
    let away = one("etcd", Fault, store(|s| s.away = Some("connection refused".to_owned())));
    assert!(away.what.contains("http://192.0.2.9:2379 does not answer: connection refused"));
    one("etcd", Warning, store(|s| s.silent.push(("b".to_owned(), "refused".to_owned()))));
    let full = one("etcd", Fault, store(|s| s.alarms.push("memberID:1 alarm:NOSPACE".to_owned())));
    assert!(full.mend.contains("defrag"));
    let corrupt = one("etcd", Fault, store(|s| s.alarms.push("alarm:CORRUPT".to_owned())));
    assert!(!corrupt.mend.contains("defrag"));
    let takes = |ms| store(move |s| s.latency = Some(Duration::from_millis(ms)));
    silent("etcd", takes(99));
    one("etcd", Warning, takes(100));
    one("etcd", Warning, takes(999));
    one("etcd", Fault, takes(1000));
    silent("etcd", |f| f.store = None);
}

#[test]
fn clocks_may_differ_by_as_much_as_rounding_and_the_network_explain() {
    let ahead = |seconds| store(move |s| s.clock_ahead = Some(seconds));
    silent("clock", ahead(4));
    silent("clock", ahead(-4));
    assert!(one("clock", Warning, ahead(5)).what.contains("5 s ahead of"));
    assert!(one("clock", Warning, ahead(-59)).what.contains("59 s behind"));
    one("clock", Fault, ahead(60));
    one("clock", Fault, ahead(i64::MIN));
    silent("clock", store(|s| s.clock_ahead = None));
}

fn cluster(change: impl FnOnce(&mut Cluster)) -> impl FnOnce(&mut Facts) {
    |f| change(f.cluster.as_mut().unwrap())
}

#[test]
fn a_name_belongs_to_one_machine_and_a_machine_has_one_name() {
    let stolen = one("node-names", Fault, cluster(|c| c.nodes[0].machine_id = "other".to_owned()));
    assert!(stolen.what.contains("a belongs to another machine: other"));
    let copied =
        one("node-names", Warning, cluster(|c| c.nodes[2].machine_id = "machine-of-b".to_owned()));
    assert!(copied.what.contains("the nodes b, c have one machine id"), "{}", copied.what);
    // A node is freed while its daemon is away; it can take its name with another id only then.
    let order = |mend: &str| -> Vec<String> {
        mend.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let commands = order(&copied.mend);
    for (command, part) in commands.iter().zip([
        "systemctl stop pontoond",
        "systemd-machine-id-setup",
        "pontoon node remove c",
        "systemctl start pontoond",
    ]) {
        assert!(command.contains(part), "{part:?} is not in {command:?}");
    }
    assert_eq!(commands.len(), 4);
    // The node that looks keeps its own.
    let copied = one(
        "node-names",
        Warning,
        cluster(|c| {
            "c".clone_into(&mut c.me);
            c.machine_id = "machine-of-b".to_owned();
            c.nodes[2].machine_id = "machine-of-b".to_owned();
        }),
    );
    assert!(order(&copied.mend).contains(&"pontoon node remove b".to_owned()), "{}", copied.mend);
    silent("node-names", |f| f.cluster = None);
}

#[test]
fn versions_of_live_nodes_count() {
    let version = |version: &str| {
        let version = version.to_owned();
        cluster(|c| c.nodes[1].version = version)
    };
    one("versions", Warning, version("0.2.0"));
    one("versions", Note, version("0.1.1"));
    silent(
        "versions",
        cluster(|c| {
            c.nodes[1].version = "0.0.9".to_owned();
            c.alive.retain(|name| name != "b");
        }),
    );
}

fn extra(dst: &str, via: &str) -> impl FnOnce(&mut Facts) {
    let route = route(dst, via);
    |f| f.network.routes.push(route)
}

#[test]
fn routes_of_others_must_not_lie_in_the_clusters_ranges() {
    let finding = one("cidr-overlap", Fault, extra("10.244.77.0/24", "eth0"));
    assert!(finding.mend.contains("ip route delete 10.244.77.0/24 dev eth0"), "{}", finding.mend);
    let elsewhere = one("cidr-overlap", Fault, |f| {
        f.network.routes.push(Route { table: 7, ..route("10.244.77.0/24", "eth0") });
    });
    let delete = "\nip route delete 10.244.77.0/24 dev eth0 table 7\n";
    assert!(elsewhere.mend.contains(delete), "{}", elsewhere.mend);
    one("cidr-overlap", Fault, extra("10.96.0.0/12", "eth1"));
    silent("cidr-overlap", extra("10.243.0.0/16", "eth0"));
    silent("cidr-overlap", extra("10.244.1.0/24", BRIDGE));
    silent("cidr-overlap", |f| f.network.routes.push(ours(route("10.244.9.0/24", "eth0"))));
    silent("cidr-overlap", |f| {
        f.network.routes.push(Route { table: 255, ..route("10.244.1.1/32", "eth0") });
    });
}

#[test]
fn a_route_that_covers_a_range_is_a_warning_unless_it_is_as_good_as_a_default_route() {
    let both = found("cidr-overlap", extra("10.0.0.0/8", "tun0"));
    assert_eq!(both.len(), 2, "pods and services: {both:#?}");
    assert!(both.iter().all(|finding| finding.severity == Warning));
    silent("cidr-overlap", extra("0.0.0.0/1", "tun0"));
}

#[test]
fn addresses_of_hosts_must_not_lie_in_the_clusters_ranges() {
    one("cidr-overlap", Fault, |f| {
        f.network.addresses[0].address.net = "10.96.7.7/24".parse().unwrap();
    });
    let peer = one("cidr-overlap", Fault, |f| {
        f.setup.peers[0].record.underlay = "10.244.200.1".parse().unwrap();
    });
    assert!(peer.what.contains("the address of node b"), "{}", peer.what);
}
