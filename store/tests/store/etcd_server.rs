//! A real etcd on the loopback, with its data in a temporary folder, killed when dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pontoon_store::{EtcdConfig, EtcdStore, Store};
use tempfile::TempDir;

/// A running or stopped etcd.
pub(crate) struct EtcdServer {
    folder: TempDir,
    child: Option<Child>,
    client_port: u16,
    peer_port: u16,
    scheme: &'static str,
    extra: Vec<String>,
}

impl EtcdServer {
    /// Starts an etcd, or says why not.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("http", |_| Vec::new()).await
    }

    /// Starts an etcd with further flags, which may name files in its folder.
    pub(crate) async fn start_with(
        scheme: &'static str,
        flags: impl FnOnce(&Path) -> Vec<String>,
    ) -> Option<Self> {
        if Command::new("etcd").arg("--version").output().is_err() {
            eprintln!("skipped: needs etcd in PATH (apt install etcd-server)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let extra = flags(folder.path());
        let (client_port, peer_port) = free_ports();
        let mut server = Self { folder, child: None, client_port, peer_port, scheme, extra };
        server.resume().await;
        Some(server)
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
        let peer = format!("http://127.0.0.1:{}", self.peer_port);
        let child = Command::new("etcd")
            .args(["--name", "test", "--unsafe-no-fsync", "--log-level", "error"])
            .args(["--heartbeat-interval", "20", "--election-timeout", "200"])
            .args([
                "--initial-cluster",
                &format!("test={peer}"),
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--listen-peer-urls", &peer])
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
        for _ in 0..300 {
            if std::net::TcpStream::connect(("127.0.0.1", self.client_port)).is_ok() {
                if self.scheme == "https" || self.store().health().await.is_ok() {
                    return;
                }
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

fn free_ports() -> (u16, u16) {
    let listeners =
        [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()];
    let [client, peer] = listeners.map(|listener| listener.local_addr().unwrap().port());
    (client, peer)
}
