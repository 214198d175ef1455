//! Traffic that goes on while something happens, and counts what it lost.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::icmp::Pinger;
use crate::netns::Netns;

/// How long a last answer may take.
const GRACE: Duration = Duration::from_secs(2);

/// What a load met with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadReport {
    /// Requests sent.
    pub sent: u64,
    /// Answers received.
    pub received: u64,
    /// The longest time between two answers.
    pub longest_gap: Duration,
}

impl LoadReport {
    /// Requests without an answer.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.received)
    }
}

/// Counts answers and the time between them.
struct Meter {
    report: LoadReport,
    last: Instant,
}

impl Meter {
    fn new() -> Self {
        Self {
            report: LoadReport { sent: 0, received: 0, longest_gap: Duration::ZERO },
            last: Instant::now(),
        }
    }

    fn answered(&mut self) {
        self.report.received += 1;
        self.report.longest_gap = self.report.longest_gap.max(self.last.elapsed());
        self.last = Instant::now();
    }
}

/// Pings at a fixed interval, until stopped.
#[derive(Debug)]
pub struct PingLoad {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<LoadReport>>,
}

impl PingLoad {
    /// Starts one, after a first ping that was answered.
    ///
    /// # Errors
    /// When the first ping is not answered within 5 s.
    pub fn start(from: &Netns, to: IpAddr, interval: Duration) -> Result<Self> {
        super::ping(from, to, Duration::from_secs(5))?;
        let pinger = Pinger::open(from, to)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || ping_until(&pinger, interval, &stopped));
        Ok(Self { stop, thread })
    }

    /// Ends it, and waits 2 s at the most for the last replies.
    ///
    /// # Errors
    /// When a ping could not be sent at all, such as for want of a route.
    pub fn stop(self) -> Result<LoadReport> {
        finish(&self.stop, self.thread)
    }
}

fn ping_until(pinger: &Pinger, interval: Duration, stop: &AtomicBool) -> Result<LoadReport> {
    let mut meter = Meter::new();
    let mut next = Instant::now();
    let mut ended: Option<Instant> = None;
    loop {
        if ended.is_none() && stop.load(Ordering::Relaxed) {
            ended = Some(Instant::now());
        }
        if let Some(end) = ended
            && (meter.report.lost() == 0 || end.elapsed() > GRACE)
        {
            return Ok(meter.report);
        }
        if ended.is_none() && Instant::now() >= next {
            meter.report.sent += 1;
            pinger.send(u16::try_from(meter.report.sent & 0xffff).unwrap_or_default())?;
            next += interval;
        }
        let wait = next
            .saturating_duration_since(Instant::now())
            .clamp(Duration::from_millis(1), interval);
        if pinger.receive(wait)?.is_some() {
            meter.answered();
        }
    }
}

/// One TCP connection to a [`super::Responder`] that carries a number every interval and checks
/// its echo, until stopped.
#[derive(Debug)]
pub struct TcpLoad {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<LoadReport>>,
}

impl TcpLoad {
    /// Connects and starts.
    ///
    /// # Errors
    /// When the connection cannot be made within 5 s.
    pub fn start(from: &Netns, to: SocketAddr, interval: Duration) -> Result<Self> {
        let mut stream = super::connect(from, to, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut byte = [0];
        while byte != [b'\n'] {
            stream.read_exact(&mut byte).with_context(|| format!("{to} did not greet"))?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut meter = Meter::new();
            while !stopped.load(Ordering::Relaxed) {
                let number = meter.report.sent.to_be_bytes();
                meter.report.sent += 1;
                let mut echo = [0; 8];
                stream
                    .write_all(&number)
                    .and_then(|()| stream.read_exact(&mut echo))
                    .with_context(|| {
                        format!("the connection to {to} broke after {:?}", meter.report)
                    })?;
                if echo != number {
                    return Err(anyhow!(
                        "{to} returned {echo:?} for {number:?}: the stream was not kept in order"
                    ));
                }
                meter.answered();
                std::thread::sleep(interval);
            }
            Ok(meter.report)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the connection broke, or stood still for 30 s.
    pub fn stop(self) -> Result<LoadReport> {
        finish(&self.stop, self.thread)
    }
}

fn finish(stop: &AtomicBool, thread: JoinHandle<Result<LoadReport>>) -> Result<LoadReport> {
    stop.store(true, Ordering::Relaxed);
    thread.join().map_err(|_| anyhow!("the load panicked"))?
}
