//! One UDP flow that goes on while something happens, and tells who answered when.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::ask::answer;
use super::is_timeout;
use crate::host::lock;
use crate::netns::Netns;

/// What a flow met with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowReport {
    /// Datagrams sent.
    pub sent: u64,
    /// Times that it was refused (ICMP).
    pub refused: u64,
    /// Answers by the server's name.
    pub by_server: BTreeMap<String, u64>,
    /// When each server answered last.
    pub last: BTreeMap<String, Instant>,
}

/// Datagrams to an [`super::Identity`] at a fixed interval, all from one port, until stopped.
#[derive(Debug)]
pub struct UdpFlow {
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<FlowReport>>,
    thread: Option<JoinHandle<()>>,
}

impl UdpFlow {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no route.
    pub fn start(from: &Netns, to: SocketAddr, interval: Duration) -> Result<Self> {
        let any: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = from.run(|| {
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(to)?;
            socket.set_read_timeout(Some(interval))?;
            Ok::<_, std::io::Error>(socket)
        })?;
        let socket = socket.with_context(|| format!("cannot open a flow to {to}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(FlowReport::default()));
        let (stopped, of_thread) = (stop.clone(), report.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let next = Instant::now() + interval;
                send_and_receive(&socket, &of_thread);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Ok(Self { stop, report, thread: Some(thread) })
    }

    /// What it met with so far.
    #[must_use]
    pub fn report(&self) -> FlowReport {
        lock(&self.report).clone()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it panicked.
    pub fn stop(mut self) -> Result<FlowReport> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("the flow panicked"))?;
        }
        Ok(self.report())
    }
}

impl Drop for UdpFlow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Errors are counted and belong to a flow's life: whoever it goes to may be away for a while.
fn send_and_receive(socket: &UdpSocket, report: &Mutex<FlowReport>) {
    let mut buffer = [0; 256];
    let outcome = socket.send(b"who is there?").and_then(|_| socket.recv(&mut buffer));
    let mut report = lock(report);
    report.sent += 1;
    match outcome {
        Ok(length) => {
            let line = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
            if let Some(answer) = answer(&line) {
                report.last.insert(answer.name.clone(), Instant::now());
                *report.by_server.entry(answer.name).or_default() += 1;
            }
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => report.refused += 1,
        Err(error) if is_timeout(&error) => {}
        Err(_) => report.refused += 1,
    }
}
