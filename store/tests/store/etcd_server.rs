//! A real etcd on the loopback, with its data in a temporary folder, killed when dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pontoon_store::{Error, EtcdConfig, EtcdStore, Store};
use tempfile::TempDir;

/// A running or stopped member of an etcd cluster.
pub(crate) struct EtcdServer {
    folder: TempDir,
    child: Option<Child>,
    client_port: u16,
    name: String,
    peer: String,
    cluster: String,
    scheme: &'static str,
    extra: Vec<String>,
}

impl EtcdServer {
    /// Starts an etcd of one member, or says why not.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("http", |_| Vec::new()).await
    }

    /// Starts an etcd of one member with further flags, which may name files in its folder.
    pub(crate) async fn start_with(
        scheme: &'static str,
        flags: impl FnOnce(&Path) -> Vec<String>,
    ) -> Option<Self> {
        let mut member = Self::prepare(1, scheme)?.pop()?;
        member.extra = flags(member.folder.path());
        member.resume().await;
        Some(member)
    }

    /// Starts a cluster.
    pub(crate) async fn start_cluster(members: usize) -> Option<Vec<Self>> {
        let mut members = Self::prepare(members, "http")?;
        members.iter_mut().for_each(Self::spawn);
        for member in &members {
            member.ready().await;
        }
        Some(members)
    }

    fn prepare(members: usize, scheme: &'static str) -> Option<Vec<Self>> {
        if Command::new("etcd").arg("--version").output().is_err() {
            eprintln!("skipped: needs etcd in PATH (apt install etcd-server)");
            return None;
        }
        let ports: Vec<(u16, u16)> =
            free_ports(2 * members).chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let member =
            |index: usize| (format!("test{index}"), format!("http://127.0.0.1:{}", ports[index].1));
        let cluster: Vec<String> =
            (0..members).map(member).map(|(name, peer)| format!("{name}={peer}")).collect();
        let make = |index: usize| {
            let (name, peer) = member(index);
            Self {
                folder: tempfile::tempdir().unwrap(),
                child: None,
                client_port: ports[index].0,
                name,
                peer,
                cluster: cluster.join(","),
                scheme,
                extra: Vec::new(),
            }
        };
        Some((0..members).map(make).collect())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.client_port)
    }

    pub(crate) fn config(&self) -> EtcdConfig {
        EtcdConfig {
            endpoints: vec![self.endpoint()],
            prefix: "/pontoon-test/v1".to_owned(),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(2),
            ..EtcdConfig::default()
        }
    }

    pub(crate) fn store(&self) -> EtcdStore {
        EtcdStore::new(self.config()).unwrap()
    }

    /// Runs etcdctl against this etcd.
    pub(crate) fn ctl(&self, args: &[&str]) -> String {
        let output = Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .arg("--endpoints")
            .arg(self.endpoint())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "etcdctl {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills etcd as a crash would.
    pub(crate) fn crash(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills etcd and deletes all that it knew.
    pub(crate) fn wipe(&mut self) {
        self.crash();
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }

    /// Stops etcd in its tracks: connections stay open and nothing answers.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a frozen etcd go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("etcd runs");
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    }

    /// Starts etcd again on the same ports and data.
    pub(crate) async fn resume(&mut self) {
        self.spawn();
        self.ready().await;
    }

    fn spawn(&mut self) {
        let child = Command::new("etcd")
            .args(["--name", &self.name, "--unsafe-no-fsync", "--log-level", "error"])
            .args(["--heartbeat-interval", "20", "--election-timeout", "200"])
            .args(["--initial-cluster", &self.cluster, "--initial-advertise-peer-urls", &self.peer])
            .args(["--listen-peer-urls", &self.peer])
            .args([
                "--listen-client-urls",
                &self.endpoint(),
                "--advertise-client-urls",
                &self.endpoint(),
            ])
            .arg("--data-dir")
            .arg(self.folder.path().join("data"))
            .args(&self.extra)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    async fn ready(&self) {
        for _ in 0..300 {
            let listens = std::net::TcpStream::connect(("127.0.0.1", self.client_port)).is_ok();
            // What is behind TLS or a login is for the case itself to find out.
            let serves = || async {
                match self.store().health().await {
                    Ok(_) | Err(Error::Unauthenticated(_)) => true,
                    Err(_) => self.scheme == "https",
                }
            };
            if listens && serves().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("etcd did not become ready:\n{log}");
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.thaw();
        }
        self.crash();
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}
