//! What stands between a daemon and its etcd, makes it slow, and tells another time.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use pontoon_lab::host::Host;
use pontoon_lab::{Etcd, Netns};

/// How a member that is spoken to without TLS is asked for the time.
const WHAT_TIME: &[u8] = b"HEAD /version";

/// A relay on a host, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    netns: Netns,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Milliseconds by which each answer is late.
    delay: AtomicU64,
    /// Seconds by which the clock is ahead.
    ahead: AtomicI64,
    ended: AtomicBool,
}

impl Relay {
    /// Passes on what reaches it on the host to the lab's etcd.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(host: &Host, etcd: &Etcd) -> Result<Self> {
        let netns = host.netns().clone();
        let listener = netns.run(|| TcpListener::bind("127.0.0.1:0"))??;
        let address = listener.local_addr()?;
        let ip = etcd.addresses().first().copied().context("etcd has no address")?;
        let (shared, inside) = (Arc::new(Shared::default()), netns.clone());
        let known = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if known.ended.load(Ordering::Relaxed) {
                    break;
                }
                let (shared, netns) = (Arc::clone(&known), inside.clone());
                // Who hangs up is no fault here.
                thread::spawn(move || shared.pass(stream, &netns, SocketAddr::new(ip, 2379)).ok());
            }
        });
        Ok(Self { address, netns, shared })
    }

    /// For `store.etcd.endpoints`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes each answer as late as this.
    pub fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay.store(delay, Ordering::Relaxed);
    }

    /// Tells a time that is ahead by so many seconds.
    pub fn shift_clock(&self, seconds: i64) {
        self.shared.ahead.store(seconds, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // One more connection has the listener look.
        let _ = self.netns.run(|| TcpStream::connect(self.address));
    }
}

impl Shared {
    fn pass(&self, mut client: TcpStream, netns: &Netns, etcd: SocketAddr) -> Result<()> {
        let mut first = [0; WHAT_TIME.len()];
        client.read_exact(&mut first)?;
        if first == WHAT_TIME {
            // What is not read when it is closed would take the answer along.
            let mut rest = Vec::new();
            while !rest.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte)?;
                rest.extend(byte);
            }
            return self.tell_time(&mut client);
        }
        let mut server = netns.run(|| TcpStream::connect(etcd))??;
        server.write_all(&first)?;
        let (mut asking, mut asked) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut asking, &mut asked);
            let _ = asked.shutdown(Shutdown::Write);
        });
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = server.read(&mut buffer)?;
            if read == 0 {
                return Ok(client.shutdown(Shutdown::Both)?);
            }
            thread::sleep(Duration::from_millis(self.delay.load(Ordering::Relaxed)));
            client.write_all(buffer.get(..read).unwrap_or_default())?;
        }
    }

    fn tell_time(&self, client: &mut TcpStream) -> Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let told = i64::try_from(now)? + self.ahead.load(Ordering::Relaxed);
        let mut command = Command::new("date");
        command.env("LC_ALL", "C").args(["-u", "-d", &format!("@{told}")]);
        let date = command.arg("+%a, %d %b %Y %H:%M:%S GMT").output()?.stdout;
        let date = String::from_utf8(date)?;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            date.trim()
        );
        Ok(client.write_all(answer.as_bytes())?)
    }
}
