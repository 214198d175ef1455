//! The Debian packages, by a real dpkg under a real systemd.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use pontoon_lab::Lab;
use pontoon_lab::netns::Netns;
use pontoon_lab::probe::dns::{DnsLoad, Patience, Question, RecordType};
use pontoon_lab::probe::{PingLoad, Responder, TcpLoad, UdpFlow};
use pontoon_tests::cluster::{SOON, eventually};
use pontoon_tests::installed::{self, UNIT};
use pontoon_tests::systemd::{self, SystemdHost};
use pontoon_tests::{naming, packages, requirements};

const INTERVAL: Duration = Duration::from_millis(10);
const CONFIG: &str = "/etc/pontoon/pontoond.toml";
const SERVICE: &str = r#"{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.80,
    selector: {app: web}, ports: [{name: tcp, port: 80}, {name: udp, port: 80, protocol: UDP}]}}"#;

/// Whether the tests cannot be run here; says why.
fn skipped() -> bool {
    let programs = [systemd::PROGRAMS, packages::PROGRAMS, &["nft"]].concat();
    let why = requirements::missing(&programs).or_else(packages::missing);
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

/// A host with the packages, and a folder for newer ones that it sees.
struct Machine {
    host: SystemdHost,
    newer: PathBuf,
    lab: Lab,
}

impl Machine {
    fn boot() -> Result<Self> {
        let lab = Lab::builder().hosts(1).embedded().build()?;
        let newer = lab.path().join("newer");
        fs::create_dir(&newer)?;
        let seen = [packages::folder(), newer.clone(), installed::packaging()?, bin()?];
        let host = SystemdHost::boot(lab.host(1), &seen)?;
        Ok(Self { host, newer, lab })
    }

    /// One on which the service runs.
    fn running() -> Result<Self> {
        let machine = Self::boot()?;
        packages::install(&machine.host, &packages::folder())?;
        machine.host.exec(&["systemctl", "enable", "--now", UNIT])?;
        Ok(machine)
    }

    fn exec(&self, words: &[&str]) -> String {
        self.host.exec(words).unwrap()
    }

    fn sh(&self, script: &str) -> String {
        self.exec(&["sh", "-c", script])
    }
}

fn bin() -> Result<PathBuf> {
    Ok(std::path::absolute(pontoon_lab::binaries::folder())?)
}

/// Traffic of pods that no packet of may be lost.
struct Load {
    pings: Vec<PingLoad>,
    streams: Vec<TcpLoad>,
    flow: UdpFlow,
    server: Responder,
    _streams_server: Responder,
}

impl Load {
    /// From a pod to another, at its own address and at a service's, and to a host beyond the cluster.
    fn start(machine: &Machine) -> Self {
        let host = &machine.host;
        let (client, server) = (
            installed::add_pod(host, "client").unwrap(),
            installed::add_pod(host, "server").unwrap(),
        );
        // The store hears of a pod when its network is made, a moment behind the runtime.
        let label = ["pontoon", "label", "pod", "server", "app=web"];
        eventually(SOON, || host.exec(&label)).unwrap();
        machine.sh(&format!("pontoon apply -f - <<'END'\n{SERVICE}\nEND"));
        let own = address(host, "server");
        let vip = SocketAddr::from(([10, 96, 0, 80], 80));
        let of_streams = Responder::start(&server, 81).unwrap();
        let responder = Responder::start(&server, 80).unwrap();
        // The service's address leads to the pod once its label has come round.
        let through = eventually(SOON, || TcpLoad::start(&client, vip, INTERVAL)).unwrap();
        let before = responder.served();
        let direct = TcpLoad::start(&client, SocketAddr::new(own, 81), INTERVAL).unwrap();
        let outside = machine.lab.outside().addresses()[0];
        let ping = |to| PingLoad::start(&client, to, INTERVAL).unwrap();
        let pings = vec![ping(own), ping(outside)];
        assert_eq!(before, 1, "one stream");
        let flow = UdpFlow::start(&client, vip, INTERVAL).unwrap();
        Self {
            pings,
            streams: vec![through, direct],
            flow,
            server: responder,
            _streams_server: of_streams,
        }
    }

    fn stop_without_a_loss(self) {
        for ping in self.pings {
            let report = ping.stop().unwrap();
            assert_eq!(report.lost(), 0, "{report:?}");
        }
        for stream in self.streams {
            let report = stream.stop().unwrap();
            assert_eq!(report.lost(), 0, "{report:?}");
        }
        let sent = self.flow.stop().unwrap().sent;
        // And the stream through the service's address.
        let arrived = eventually(SOON, || {
            let arrived = self.server.served() - 1;
            anyhow::ensure!(arrived >= sent, "{arrived} of {sent} datagrams arrived");
            Ok(arrived)
        });
        assert_eq!(arrived.unwrap(), sent);
        assert!(sent > 10, "{sent}");
    }
}

/// Questions of a pod to the host's DNS, each asked once.
fn questions(machine: &Machine) -> DnsLoad {
    let client = installed::add_pod(&machine.host, "curious").unwrap();
    let questions = [
        Question::new("dns-version.cluster.local.", RecordType::TXT),
        Question::new("web.default.svc.cluster.local.", RecordType::A),
    ];
    eventually(SOON, || {
        let answer = naming::asked(&client, "web.default.svc.cluster.local.", RecordType::A)?;
        anyhow::ensure!(!answer.is_denial(), "the service has no name yet");
        Ok(())
    })
    .unwrap();
    DnsLoad::start(&client, naming::servers()[0], &questions, Patience::ONCE, INTERVAL)
}

fn stop_without_a_loss(questions: DnsLoad) {
    let report = questions.stop().unwrap();
    assert_eq!((report.lost, report.wrong), (0, 0), "{report:?}");
}

fn address(host: &SystemdHost, container: &str) -> std::net::IpAddr {
    let pods = installed::status(host).unwrap().pods;
    pods.iter().find(|pod| pod.id.container_id.as_str() == container).unwrap().addresses[0]
}

fn ping_once(from: &Netns, to: std::net::IpAddr) {
    pontoon_lab::probe::ping(from, to, Duration::from_secs(2)).unwrap();
}

#[test]
fn installing_starts_nothing_until_the_service_is_started() {
    if skipped() {
        return;
    }
    let machine = Machine::boot().unwrap();
    let said = packages::install(&machine.host, &packages::folder()).unwrap();
    assert!(said.contains("systemctl enable --now pontoond"), "{said}");
    packages::verify(&machine.host).unwrap();
    assert_eq!(machine.host.property(UNIT, "ActiveState").unwrap(), "inactive");
    assert_eq!(machine.host.property(UNIT, "UnitFileState").unwrap(), "disabled");
    assert!(!machine.exec(&["ip", "-brief", "link"]).contains("pontoon"));
    assert_eq!(machine.exec(&["systemd-analyze", "verify", "pontoond.service"]), "");

    machine.exec(&["systemctl", "enable", "--now", UNIT]);
    assert_eq!(machine.host.property(UNIT, "StatusText").unwrap(), "ready for pods");
    let (client, _server) = (
        installed::add_pod(&machine.host, "client").unwrap(),
        installed::add_pod(&machine.host, "server").unwrap(),
    );
    ping_once(&client, address(&machine.host, "server"));
    let refused = installed::recipe(&machine.host, &["--bin", bin().unwrap().to_str().unwrap()]);
    let refused = format!("{:#}", refused.unwrap_err());
    assert!(refused.contains("apt-get remove pontoond"), "{refused}");
    let refused = installed::recipe(&machine.host, &["--uninstall"]);
    let refused = format!("{:#}", refused.unwrap_err());
    assert!(refused.contains("apt-get purge pontoond"), "{refused}");
    ping_once(&client, address(&machine.host, "server"));
}

#[test]
fn an_upgrade_loses_no_packet_and_no_question_and_keeps_what_the_administrator_wrote() {
    if skipped() {
        return;
    }
    let machine = Machine::running().unwrap();
    let load = Load::start(&machine);
    let names = questions(&machine);
    machine.sh(&format!("echo '# by hand' >> {CONFIG}"));
    let version = packages::make_newer(&machine.newer, |_, _| Ok(())).unwrap();
    let before = machine.host.property(UNIT, "MainPID").unwrap();
    packages::install(&machine.host, &machine.newer).unwrap();
    load.stop_without_a_loss();
    stop_without_a_loss(names);
    let after = machine.host.property(UNIT, "MainPID").unwrap();
    assert_ne!(before, after, "the old daemon still runs");
    assert_eq!(machine.host.property(UNIT, "StatusText").unwrap(), "ready for pods");
    let versions = machine.exec(&["dpkg-query", "--show", "--showformat=${Version} ", "pontoon*"]);
    assert!(versions.split_whitespace().all(|found| found == version), "{versions}");
    assert!(machine.exec(&["cat", CONFIG]).ends_with("# by hand\n"));
    installed::add_pod(&machine.host, "later").unwrap();
}

#[test]
fn an_upgrade_that_refuses_the_configuration_leaves_the_old_daemon_at_work() {
    if skipped() {
        return;
    }
    let machine = Machine::running().unwrap();
    let before = machine.host.property(UNIT, "MainPID").unwrap();
    machine.sh(&format!("echo 'key-of-another-version = 1' >> {CONFIG}"));
    packages::make_newer(&machine.newer, |_, _| Ok(())).unwrap();
    let said = packages::install(&machine.host, &machine.newer).unwrap();
    assert!(said.contains("key-of-another-version"), "{said}");
    assert!(said.contains("systemctl restart pontoond"), "{said}");
    assert_eq!(machine.host.property(UNIT, "MainPID").unwrap(), before);
    installed::add_pod(&machine.host, "served").unwrap();
}

#[test]
fn a_daemon_that_was_stopped_is_not_started_by_an_upgrade() {
    if skipped() {
        return;
    }
    let machine = Machine::running().unwrap();
    machine.exec(&["systemctl", "stop", UNIT]);
    packages::make_newer(&machine.newer, |_, _| Ok(())).unwrap();
    packages::install(&machine.host, &machine.newer).unwrap();
    assert_eq!(machine.host.property(UNIT, "ActiveState").unwrap(), "inactive");
    assert_eq!(machine.host.property(UNIT, "UnitFileState").unwrap(), "enabled");
}

#[test]
fn removing_leaves_pods_their_network_and_purging_leaves_nothing() {
    if skipped() {
        return;
    }
    let machine = Machine::boot().unwrap();
    let before = machine.host.added().unwrap();
    packages::install(&machine.host, &packages::folder()).unwrap();
    machine.exec(&["systemctl", "enable", "--now", UNIT]);
    let load = Load::start(&machine);
    assert!(machine.exec(&["pontoon", "lab", "--help"]).contains("network namespaces"));
    machine.exec(&["dpkg", "--remove", "pontoond", "pontoon", "pontoon-cni"]);
    assert_eq!(machine.host.property(UNIT, "ActiveState").unwrap(), "inactive");
    for gone in
        ["/usr/sbin/pontoond", "/usr/bin/pontoon", "/opt/cni/bin/pontoon-cni", "/run/pontoon"]
    {
        assert!(!machine.host.path(gone).exists(), "{gone}");
    }
    load.stop_without_a_loss();

    // Who thinks better of it finds everything as it was.
    packages::install(&machine.host, &packages::folder()).unwrap();
    machine.exec(&["systemctl", "start", UNIT]);
    assert_eq!(installed::status(&machine.host).unwrap().pods.len(), 2);

    machine.exec(&["dpkg", "--purge", "pontoond", "pontoon", "pontoon-cni"]);
    let links = machine.exec(&["ip", "-brief", "link"]);
    assert!(!links.contains("pontoon") && !links.contains("ptn"), "{links}");
    assert_eq!(machine.exec(&["nft", "list", "tables"]), "");
    for family in ["-4", "-6"] {
        let routes = machine.exec(&["ip", family, "route", "show", "table", "all", "proto", "112"]);
        let rules = machine.exec(&["ip", family, "rule", "list"]);
        assert!(routes.is_empty() && !rules.contains("11200"), "{routes}{rules}");
    }
    assert_eq!(machine.host.added().unwrap(), before);
    assert!(!machine.host.path("/run/pontoon").exists());
    assert_eq!(machine.host.property(UNIT, "LoadState").unwrap(), "not-found");
}

#[test]
fn packages_take_over_from_the_install_script_by_what_they_print() {
    if skipped() {
        return;
    }
    let machine = Machine::boot().unwrap();
    installed::recipe(&machine.host, &["--bin", bin().unwrap().to_str().unwrap()]).unwrap();
    machine.exec(&["systemctl", "enable", "--now", UNIT]);
    let load = Load::start(&machine);
    let names = questions(&machine);
    let said = packages::install(&machine.host, &packages::folder()).unwrap();
    let commands: Vec<_> =
        said.lines().skip_while(|line| !line.contains("install.sh")).skip(1).take(2).collect();
    assert!(commands.iter().all(|line| line.starts_with("  ")), "{said}");
    machine.sh(&commands.join("\n"));
    load.stop_without_a_loss();
    stop_without_a_loss(names);
    let pid = machine.host.property(UNIT, "MainPID").unwrap();
    let program = machine.exec(&["readlink", &format!("/proc/{pid}/exe")]);
    assert_eq!(program.trim(), "/usr/sbin/pontoond");
    packages::verify(&machine.host).unwrap();
}

#[test]
fn a_purge_leaves_alone_what_the_install_script_put_there_since() {
    if skipped() {
        return;
    }
    let machine = Machine::running().unwrap();
    let load = Load::start(&machine);
    machine.exec(&["dpkg", "--remove", "pontoond", "pontoon", "pontoon-cni"]);
    installed::recipe(&machine.host, &["--bin", bin().unwrap().to_str().unwrap()]).unwrap();
    // The script's daemon need not run yet.
    machine.exec(&["dpkg", "--purge", "pontoond", "pontoon", "pontoon-cni"]);
    machine.exec(&["systemctl", "enable", "--now", UNIT]);
    assert_eq!(installed::status(&machine.host).unwrap().pods.len(), 2);
    load.stop_without_a_loss();
}

#[test]
fn what_the_administrator_set_outlives_an_upgrade() {
    if skipped() {
        return;
    }
    let machine = Machine::running().unwrap();
    // The unit that install.sh would have put there, but of the administrator.
    let unit = format!("/etc/systemd/system/{UNIT}.service");
    machine.exec(&["cp", &format!("/lib/systemd/system/{UNIT}.service"), &unit]);
    machine.exec(&["systemctl", "daemon-reload"]);
    packages::make_newer(&machine.newer, |_, _| Ok(())).unwrap();
    let said = packages::install(&machine.host, &machine.newer).unwrap();
    assert!(!said.contains("install.sh"), "{said}");
    assert!(machine.host.path(&unit).exists());
}
