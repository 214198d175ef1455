//! A real etcd on the underlay, in a namespace of its own.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::BASE64;
use ipnetwork::IpNetwork;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::host::{exec, lock};
use crate::netns::Netns;
use crate::process::Process;
use crate::underlay::{self, Place, UnderlayOptions};
use crate::{binaries, tool};

const PORT: u16 = 2379;
const TIMEOUT: Duration = Duration::from_secs(20);

/// An etcd of one member.
#[derive(Debug)]
pub struct Etcd {
    folder: Arc<Folder>,
    netns: Netns,
    addresses: Vec<IpAddr>,
    process: Mutex<Option<Process>>,
}

impl Etcd {
    /// The port's name on the switch, for faults.
    pub const NAME: &str = "etcd";

    pub(crate) fn place() -> Place {
        Place { name: Self::NAME.into(), segment: 1, number: underlay::SERVER }
    }

    pub(crate) fn create(folder: &Arc<Folder>, options: &UnderlayOptions) -> Result<Self> {
        let netns = Netns::create(folder.path().join(format!("{}.ns", Self::NAME)))?;
        tool::ip(&netns, "link set lo up\n")?;
        let addresses = Self::place().addresses(options).iter().map(IpNetwork::ip).collect();
        Ok(Self { folder: folder.clone(), netns, addresses, process: Mutex::new(None) })
    }

    /// Its network namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Its addresses on the underlay, IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Where clients reach it, over IPv4.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.addresses
            .first()
            .map(|ip| format!("http://{}", SocketAddr::new(*ip, PORT)))
            .unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("etcd-data")
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed, or does not answer within 20 s.
    pub fn start(&self) -> Result<()> {
        let program = binaries::on_path("etcd")
            .context("etcd is not installed: apt-get install etcd-server")?;
        let local = "http://127.0.0.1:2380";
        let mut listen = vec![format!("http://127.0.0.1:{PORT}")];
        listen.extend(
            self.addresses.iter().map(|ip| format!("http://{}", SocketAddr::new(*ip, PORT))),
        );
        let mut command = Command::new(program);
        for (name, _) in
            std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("ETCD_"))
        {
            command.env_remove(name);
        }
        command.args(["--name", "lab", "--data-dir"]).arg(self.data());
        command.args(["--listen-client-urls", &listen.join(",")]);
        command.args(["--advertise-client-urls", &self.endpoint()]);
        command.args(["--listen-peer-urls", local, "--initial-advertise-peer-urls", local]);
        command.args(["--initial-cluster", &format!("lab={local}")]);
        // Single member, so the election is a formality that need not take a second.
        command.args(["--heartbeat-interval", "10", "--election-timeout", "100"]);
        let log = self.folder.path().join("etcd.log");
        let process = Process::start(&self.folder, &self.netns, &mut command, log)?;
        let deadline = Instant::now() + TIMEOUT;
        while !self.is_healthy() {
            if process.ended().is_some() || Instant::now() > deadline {
                bail!("etcd does not answer; its log ends:\n{}", process.log_tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        *lock(&self.process) = Some(process);
        Ok(())
    }

    /// Whether it takes reads and writes now.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let answer = self.http("GET /health HTTP/1.0\r\n\r\n", Duration::from_secs(2));
        answer.is_ok_and(|answer| answer.contains(r#""health":"true""#))
    }

    fn http(&self, request: &str, patience: Duration) -> Result<String> {
        let ask = || -> std::io::Result<String> {
            let address = SocketAddr::from(([127, 0, 0, 1], PORT));
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
            stream.set_read_timeout(Some(patience))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        self.netns.run(ask)?.context("etcd does not answer")
    }

    /// Writes a value by a request of its own, which takes less time than starting etcdctl.
    ///
    /// # Errors
    /// When etcd does not take it.
    pub fn put(&self, key: &str, value: &str) -> Result<()> {
        let [key, value] = [key, value].map(|text| BASE64.encode(text.as_bytes()));
        self.write("put", &json!({"key": key, "value": value}))
    }

    /// Takes a key away, as [`Etcd::put`] writes one.
    ///
    /// # Errors
    /// When etcd does not take that.
    pub fn delete(&self, key: &str) -> Result<()> {
        self.write("deleterange", &json!({"key": BASE64.encode(key.as_bytes())}))
    }

    fn write(&self, what: &str, request: &Value) -> Result<()> {
        let body = request.to_string();
        let length = body.len();
        let request =
            format!("POST /v3/kv/{what} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
        let answer = self.http(&request, TIMEOUT)?;
        ensure!(answer.contains(" 200 OK"), "etcd refuses {body}: {answer}");
        Ok(())
    }

    /// Ends it in order; the data stays.
    ///
    /// # Errors
    /// When it does not run or does not end.
    pub fn stop(&self) -> Result<()> {
        let process = lock(&self.process).take().context("etcd does not run")?;
        process.stop(TIMEOUT).map(drop)
    }

    /// Ends it at once; the data stays.
    pub fn kill(&self) {
        drop(lock(&self.process).take());
    }

    /// Halts it (SIGSTOP): connections stay open and nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        lock(&self.process).as_ref().context("etcd does not run")?.signal(Signal::SIGSTOP)
    }

    /// Lets a paused etcd go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        lock(&self.process).as_ref().context("etcd does not run")?.signal(Signal::SIGCONT)
    }

    /// Ends it, takes away its data, and starts it empty.
    ///
    /// # Errors
    /// As [`Etcd::start`].
    pub fn wipe(&self) -> Result<()> {
        self.kill();
        std::fs::remove_dir_all(self.data()).context("cannot remove etcd's data")?;
        self.start()
    }

    /// Forgets the history up to now: who watches from an older revision must list anew.
    ///
    /// # Errors
    /// When etcdctl fails.
    pub fn compact(&self) -> Result<()> {
        let status = self.ctl(&["endpoint", "status", "--write-out=fields"])?;
        let revision = status.lines().find_map(|line| line.strip_prefix("\"Revision\" : "));
        let revision =
            revision.with_context(|| format!("etcdctl tells no revision: {status:?}"))?;
        self.ctl(&["compaction", revision.trim()]).map(drop)
    }

    /// Runs etcdctl and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn ctl(&self, args: &[&str]) -> Result<String> {
        exec(&self.netns, &[&["env", "ETCDCTL_API=3", "etcdctl"], args].concat())
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("etcd.log")).unwrap_or_default()
    }
}
