//! The installed service under a real systemd.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use pontoon_lab::Lab;
use pontoon_lab::binaries;
use pontoon_lab::cni::Verb;
use pontoon_lab::probe::dns::{DnsLoad, Patience, Question, RecordType};
use pontoon_lab::probe::{PingLoad, Responder, TcpLoad};
use pontoon_model::doctor::Report;
use pontoon_model::trace::{Outcome, StepKind, Trace};
use pontoon_tests::cluster::{SOON, eventually};
use pontoon_tests::installed::{self, UNIT};
use pontoon_tests::{naming, requirements, systemd};

/// Shorter than the unit's own, so that the test need not take a minute.
const DROP_IN: &str = "[Service]\\nWatchdogSec=2s\\nTimeoutAbortSec=1s\\n";

/// Whether the test cannot be run here; says why.
fn skipped() -> bool {
    let why = requirements::missing(systemd::PROGRAMS)
        .or_else(|| binaries::find("pontoon").err().map(|error| format!("{error:#}")));
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

#[test]
fn the_service_serves_pods_with_no_configuration_at_all() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    host.exec(&["rm", "/etc/pontoon/pontoond.toml"]).unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    assert_eq!(host.property(UNIT, "StatusText").unwrap(), "ready for pods");
    // Both are made after the daemon's mount namespace was.
    installed::add_pod(&host, "mounted").unwrap();
    let holder = host.spawn(&["unshare", "--net", "sleep", "600"]).unwrap();
    let of_a_process = format!("/proc/{}/ns/net", host.pid_inside(holder.pid()).unwrap());
    installed::cni(&host, Verb::Add, "process", &of_a_process).unwrap();
    let pods = installed::status(&host).unwrap().pods;
    assert_eq!(pods.len(), 2, "{pods:?}");
    for container in ["mounted", "process"] {
        installed::cni(&host, Verb::Del, container, "").unwrap();
    }
    assert_eq!(installed::status(&host).unwrap().pods, []);
}

#[test]
fn pods_keep_their_connections_while_systemd_restarts_the_daemon() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    let drop_in = format!(
        "mkdir /etc/systemd/system/{UNIT}.service.d && printf '{DROP_IN}' > /etc/systemd/system/{UNIT}.service.d/test.conf"
    );
    host.exec(&["sh", "-c", &drop_in]).unwrap();
    host.exec(&["systemctl", "daemon-reload"]).unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    let (client, server) = (
        installed::add_pod(&host, "client").unwrap(),
        installed::add_pod(&host, "server").unwrap(),
    );
    let pods = installed::status(&host).unwrap().pods;
    let address =
        pods.iter().find(|pod| pod.id.container_id.as_str() == "server").unwrap().addresses[0];
    let _server = Responder::start(&server, 80).unwrap();
    let ping = PingLoad::start(&client, address, Duration::from_millis(10)).unwrap();
    let stream =
        TcpLoad::start(&client, SocketAddr::new(address, 80), Duration::from_millis(10)).unwrap();

    host.exec(&["systemctl", "restart", UNIT]).unwrap();
    let first = host.property(UNIT, "MainPID").unwrap();
    host.exec(&["kill", "-KILL", &first]).unwrap();
    let second = host.wait_for_main_pid_after(UNIT, &first).unwrap();
    // Hung, not dead: only the watchdog can tell.
    host.exec(&["kill", "-STOP", &second]).unwrap();
    host.wait_for_main_pid_after(UNIT, &second).unwrap();
    assert_eq!(host.property(UNIT, "NRestarts").unwrap(), "2");
    assert!(host.journal(UNIT).contains("Watchdog timeout"), "{}", host.journal(UNIT));
    host.exec(&["systemctl", "stop", UNIT]).unwrap();

    let (pinged, streamed) = (ping.stop().unwrap(), stream.stop().unwrap());
    assert_eq!((pinged.lost(), streamed.lost()), (0, 0), "{pinged:?} {streamed:?}");
}

#[test]
fn pods_find_names_while_systemd_restarts_the_daemon() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    let client = installed::add_pod(&host, "client").unwrap();
    let server = naming::servers()[0];
    let questions = [Question::new("dns-version.cluster.local.", RecordType::TXT)];
    let interval = Duration::from_millis(5);
    let load = DnsLoad::start(&client, server, &questions, Patience::ONCE, interval);
    // One for datagrams and one for connections, which systemd keeps.
    assert_eq!(host.property(UNIT, "NFileDescriptorStore").unwrap(), "2");
    let first = host.property(UNIT, "MainPID").unwrap();
    host.exec(&["systemctl", "restart", UNIT]).unwrap();
    let restarted = load.stop().unwrap();
    assert_ne!(host.property(UNIT, "MainPID").unwrap(), first);
    assert_eq!((restarted.lost, restarted.wrong), (0, 0), "{restarted:?}");

    // What it had taken and not answered is asked again.
    let load = DnsLoad::start(&client, server, &questions, Patience::AGAIN, interval);
    let second = host.property(UNIT, "MainPID").unwrap();
    host.exec(&["kill", "-KILL", &second]).unwrap();
    host.wait_for_main_pid_after(UNIT, &second).unwrap();
    let killed = load.stop().unwrap();
    assert_eq!((killed.lost, killed.wrong), (0, 0), "{killed:?}");
    assert_eq!(host.property(UNIT, "NFileDescriptorStore").unwrap(), "2");
}

#[test]
fn pods_are_served_where_another_server_has_the_port_of_the_dns() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    let any = SocketAddr::from(([0, 0, 0, 0], 53));
    let taken = lab.host(1).netns().run(|| UdpSocket::bind(any)).unwrap().unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    let client = installed::add_pod(&host, "client").unwrap();
    let told = || installed::status(&host).unwrap().problems.join(";");
    eventually(SOON, || {
        let problems = told();
        ensure!(problems.contains("10.96.0.10:53 over UDP"), "{problems:?}");
        Ok(())
    })
    .unwrap();
    drop(taken);
    eventually(SOON, || {
        naming::asked(&client, "dns-version.cluster.local.", RecordType::TXT)?;
        ensure!(told().is_empty(), "{}", told());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_packet_is_sent_and_followed_within_the_units_sandbox() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    let _client = installed::add_pod(&host, "client").unwrap();
    let server = installed::add_pod(&host, "server").unwrap();
    let _server = Responder::start(&server, 80).unwrap();
    for to in ["pod/server:80/tcp", "pod/server:80/udp", "pod/server/icmp"] {
        eventually(SOON, || {
            let words = format!("pontoon trace pod/client {to} --live -o json");
            let trace: Trace = serde_json::from_str(&host.exec(&["sh", "-c", &words])?)?;
            let saw =
                |kind| trace.steps.iter().any(|step| step.kind == kind && !step.rules.is_empty());
            ensure!(
                trace.verdict.outcome == Outcome::Delivered
                    && trace.verdict.text.contains("answered after")
                    && saw(StepKind::Seen)
                    && saw(StepKind::SeenBack),
                "{to}: {trace:#?}"
            );
            Ok(())
        })
        .unwrap();
    }
    let tables = host.exec(&["nft", "list", "tables"]).unwrap();
    assert!(!tables.contains("pontoon-trace"), "{tables}");
}

#[test]
fn the_doctor_works_within_the_units_sandbox_and_knows_the_unit() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    let report = || -> Report {
        let printed = host.exec(&["sh", "-c", "pontoon doctor -o json || true"]).unwrap();
        serde_json::from_str(&printed).unwrap()
    };
    let healthy = || {
        let report = report();
        assert_eq!((report.findings, report.unexamined), (vec![], vec![]));
    };
    let daemon = || {
        let mut found = report().only("daemon").findings;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    let stopped = daemon();
    assert!(stopped.what.contains("its unit is inactive (dead)"), "{stopped:?}");
    host.exec(&["sh", "-ec", &stopped.mend]).unwrap();
    installed::add_pod(&host, "web").unwrap();
    healthy();
    // systemd keeps the sockets of the DNS now.
    host.exec(&["systemctl", "restart", UNIT]).unwrap();
    healthy();
    // And it alone has them while the daemon is away.
    let wait = "mkdir /etc/systemd/system/pontoond.service.d && printf '[Service]\\nRestartSec=10s\\n' > /etc/systemd/system/pontoond.service.d/wait.conf && systemctl daemon-reload && systemctl kill --signal=KILL pontoond";
    host.exec(&["sh", "-ec", wait]).unwrap();
    host.wait_for(UNIT, "SubState", |state| state.starts_with("auto-restart")).unwrap();
    let found = report().findings;
    assert!(matches!(found.as_slice(), [alone] if alone.check == "daemon"), "{found:#?}");
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    healthy();

    let break_it = "printf '[node]\\nmtu = 10\\n' > /etc/pontoon/pontoond.toml; systemctl restart pontoond || true";
    host.exec(&["sh", "-c", break_it]).unwrap();
    let broken = daemon();
    let expected = "/etc/pontoon/pontoond.toml cannot be used: node.mtu: 10 is not in 576..=65535";
    assert!(broken.what.contains(expected), "{broken:?}");
    host.exec(&["rm", "/etc/pontoon/pontoond.toml"]).unwrap();
    host.exec(&["systemctl", "restart", UNIT]).unwrap();
    healthy();
}

#[test]
fn uninstalling_takes_everything_away() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    host.exec(&["systemctl", "enable", "--now", UNIT]).unwrap();
    installed::add_pod(&host, "last").unwrap();
    installed::recipe(&host, &["--uninstall"]).unwrap();
    let links = host.exec(&["ip", "-brief", "link"]).unwrap();
    assert!(!links.contains("pontoon") && !links.contains("ptn"), "{links}");
    assert_eq!(host.exec(&["nft", "list", "tables"]).unwrap(), "");
    let conflist = "/etc/cni/net.d/10-pontoon.conflist";
    for gone in [conflist, "/run/pontoon", "/var/lib/pontoon", "/opt/cni/bin/pontoon-cni"] {
        assert!(!host.path(gone).exists(), "{gone} is still there");
    }
    assert!(host.exec(&["systemctl", "cat", UNIT]).is_err());
}

#[test]
fn a_group_that_the_configuration_names_uses_the_api_and_nobody_else() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    host.exec(&["groupadd", "netops"]).unwrap();
    let set = r#"s/^#group = .*/group = "netops"/"#;
    host.exec(&["sed", "-i", set, "/etc/pontoon/pontoond.toml"]).unwrap();
    host.exec(&["systemctl", "start", UNIT]).unwrap();
    eventually(SOON, || {
        let found = host.exec(&["stat", "--format=%G %a", "/run/pontoon/api.sock"])?;
        ensure!(found.trim() == "netops 660", "{found}");
        Ok(())
    })
    .unwrap();
    assert_eq!(installed::status(&host).unwrap().problems, Vec::<String>::new());
    let nobody = ["setpriv", "--reuid=nobody", "--clear-groups"];
    let ask = ["pontoon", "get", "nodes"];
    host.exec(&[&nobody[..], &["--regid=netops"], &ask].concat()).unwrap();
    let refused = host.exec(&[&nobody[..], &["--regid=nogroup"], &ask].concat()).unwrap_err();
    assert!(format!("{refused:#}").contains("api.group"), "{refused:#}");
}

#[test]
fn systemd_finds_no_fault_with_the_unit_and_little_exposure() {
    if skipped() {
        return;
    }
    let lab = Lab::builder().hosts(1).embedded().build().unwrap();
    let host = installed::install(lab.host(1)).unwrap();
    // Exits 0 whatever it finds.
    assert_eq!(host.exec(&["systemd-analyze", "verify", "pontoond.service"]).unwrap(), "");
    let score = "systemd-analyze security --offline=true --threshold=40 /etc/systemd/system/pontoond.service";
    host.exec(&["sh", "-c", score]).unwrap();
}

/// Every key that is commented out in the example exists, and its value is a good one.
#[test]
fn the_example_configuration_is_good_with_and_without_its_comments() {
    let Ok(daemon) = binaries::find("pontoond") else {
        return eprintln!("skipped: needs pontoond: `cargo xtask build`");
    };
    let text =
        std::fs::read_to_string(installed::packaging().unwrap().join("pontoond.toml")).unwrap();
    let all: String = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
                .unwrap_or(line)
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_ne!(text, all);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("as-it-is.toml", text), ("all-keys.toml", all)] {
        let file = folder.path().join(name);
        std::fs::write(&file, &text).unwrap();
        let output = Command::new(&daemon)
            .arg("--check-config")
            .arg("--config")
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{name}: {}\n{text}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
