//! Requests at a constant rate while something happens.

use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::message::{Response, exchange};
use crate::host::lock;
use crate::netns::Netns;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// As many failures are told in full.
const EXAMPLES: usize = 5;

/// How a client uses connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// One for all requests, until the server ends it.
    Kept,
    /// One a request.
    PerRequest,
}

/// What a load met with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpReport {
    /// Requests made.
    pub requests: u64,
    /// Requests without a good response.
    pub failed: u64,
    /// The first of the failures, in words.
    pub failures: Vec<String>,
    /// Requests made again on a new connection, since the kept one had ended meanwhile, as
    /// RFC 9112, section 9.3.1, lets clients do.
    pub repeated: u64,
    /// Responses by the name of the server.
    pub by_server: BTreeMap<String, u64>,
    /// When each server's latest response came, where the client notes it.
    pub latest: BTreeMap<String, Instant>,
    /// The longest time that a request took.
    pub longest: Duration,
}

/// Clients in one namespace that ask for a page each interval, until stopped.
#[derive(Debug)]
pub struct HttpLoad {
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<HttpReport>>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl HttpLoad {
    /// Starts as many clients.
    #[must_use]
    pub fn start(
        from: &Netns,
        to: SocketAddr,
        connections: Connections,
        clients: usize,
        interval: Duration,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(HttpReport::default()));
        let mut threads = Vec::new();
        for _ in 0..clients {
            let (from, stopped, report) = (from.clone(), stop.clone(), report.clone());
            threads.push(std::thread::spawn(move || {
                let mut client = Client { to, connections, kept: None };
                from.run(|| client.ask_until(&stopped, &report, interval))?;
                Ok(())
            }));
        }
        Self { stop, report, threads }
    }

    /// What it met with since it was asked last.
    #[must_use]
    pub fn take(&self) -> HttpReport {
        std::mem::take(&mut lock(&self.report))
    }

    /// Ends it; what it met with since it was asked last.
    ///
    /// # Errors
    /// When the namespace could not be entered.
    pub fn stop(mut self) -> Result<HttpReport> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow!("the load panicked"))??;
        }
        Ok(self.take())
    }
}

impl Drop for HttpLoad {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Client {
    to: SocketAddr,
    connections: Connections,
    kept: Option<BufReader<TcpStream>>,
}

impl Client {
    fn ask_until(&mut self, stop: &AtomicBool, report: &Mutex<HttpReport>, interval: Duration) {
        let start = Instant::now();
        let mut next = start;
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            let mut repeated = false;
            let outcome = self.ask(&mut repeated);
            let mut report = lock(report);
            report.requests += 1;
            report.repeated += u64::from(repeated);
            report.longest = report.longest.max(began.elapsed());
            match outcome {
                Ok(Response { status: 200, body, .. }) => {
                    let name = body.trim_end();
                    *report.by_server.entry(name.to_owned()).or_default() += 1;
                    report.latest.insert(name.to_owned(), Instant::now());
                }
                other => {
                    report.failed += 1;
                    if report.failures.len() < EXAMPLES {
                        let said = other.map(|response| response.status);
                        let (at, took) = (began - start, began.elapsed());
                        report.failures.push(format!("{said:?} after {took:?}, begun at {at:?}"));
                    }
                }
            }
            drop(report);
            // A late client does not catch up: the load is never more than was asked for.
            next = (next + interval).max(Instant::now());
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn ask(&mut self, repeated: &mut bool) -> io::Result<Response> {
        if let Some(kept) = self.kept.take() {
            match self.ask_on(kept) {
                Err(error) if ended(&error) => *repeated = true,
                outcome => return outcome,
            }
        }
        let stream = TcpStream::connect_timeout(&self.to, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.ask_on(BufReader::new(stream))
    }

    fn ask_on(&mut self, mut stream: BufReader<TcpStream>) -> io::Result<Response> {
        let keep = self.connections == Connections::Kept;
        let response = exchange(&mut stream, self.to, "/", keep)?;
        self.kept = (keep && !response.closes).then_some(stream);
        Ok(response)
    }
}

/// Whether the server had ended the connection before it saw the request.
fn ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
