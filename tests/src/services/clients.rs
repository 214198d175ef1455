//! HTTP clients as people use them, under constant load: curl and hyper, with kept connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pontoon_lab::probe::http::HttpReport;
use pontoon_lab::{Netns, Pod, Process, binaries};

/// How long a request may take, seconds.
const PATIENCE: u64 = 3;

/// A curl that asks 50 times a second over one connection.
#[derive(Debug)]
pub struct Curl(Process);

impl Curl {
    /// Starts it in a pod; `None`, and a line that says so, when there is no curl.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(pod: &Pod, to: SocketAddr) -> Result<Option<Self>> {
        if binaries::on_path("curl").is_none() {
            eprintln!("skipped: in part, needs the program curl; `cargo xtask setup` installs it");
            return Ok(None);
        }
        let url = format!("http://{to}/?[1-1000000]");
        let patience = PATIENCE.to_string();
        let format = "%{http_code} %{errormsg}\n";
        let process = pod.spawn(&[
            "curl",
            "--silent",
            "--no-buffer",
            "--rate",
            "50/s",
            "--max-time",
            &patience,
            "--write-out",
            format,
            &url,
        ]);
        Ok(Some(Self(process?)))
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended by itself, or said what cannot be read.
    pub fn stop(self) -> Result<HttpReport> {
        ensure!(self.0.is_running(), "curl has ended: {}", self.0.log_tail());
        self.0.kill();
        let mut report = HttpReport::default();
        let log = self.0.log();
        // Each page is a line, and the status behind it another; the last may be cut short.
        let whole = log.rsplit_once('\n').map(|(whole, _)| whole).unwrap_or_default();
        let mut page = None;
        for line in whole.lines() {
            let (code, problem) = line.split_once(' ').unwrap_or((line, ""));
            if code.parse::<u16>().is_err() {
                page = Some(line.to_owned());
                continue;
            }
            report.requests += 1;
            match page.take().filter(|_| code == "200" && problem.is_empty()) {
                Some(page) => *report.by_server.entry(page).or_default() += 1,
                None => {
                    report.failed += 1;
                    report.failures.push(line.to_owned());
                }
            }
        }
        Ok(report)
    }
}

/// Hyper's client with its pool of connections: four requests at a time, each again after an
/// interval.
#[derive(Debug)]
pub struct Hyper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<HttpReport>>,
}

impl Hyper {
    /// Starts it.
    #[must_use]
    pub fn start(from: &Netns, to: SocketAddr, interval: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, stopped) = (from.clone(), stop.clone());
        // A runtime of one thread opens every socket on that thread, and so in the namespace.
        let thread = std::thread::spawn(move || {
            from.run(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(ask_until(to, interval, &stopped))
            })?
        });
        Self { stop, thread }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn stop(self) -> Result<HttpReport> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("hyper's client panicked"))?
    }
}

async fn ask_until(
    to: SocketAddr,
    interval: Duration,
    stop: &Arc<AtomicBool>,
) -> Result<HttpReport> {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let uri: Uri = format!("http://{to}/").parse()?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (client, uri, stop) = (client.clone(), uri.clone(), stop.clone());
        tasks.spawn(async move {
            let mut report = HttpReport::default();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let patience = Duration::from_secs(PATIENCE);
                let outcome = tokio::time::timeout(patience, ask(&client, uri.clone())).await;
                report.requests += 1;
                report.longest = report.longest.max(began.elapsed());
                match outcome
                    .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
                {
                    Ok(page) => *report.by_server.entry(page).or_default() += 1,
                    Err(error) => {
                        report.failed += 1;
                        report.failures.push(format!("{error:#} after {:?}", began.elapsed()));
                    }
                }
                tokio::time::sleep(interval).await;
            }
            report
        });
    }
    let mut all = HttpReport::default();
    for report in tasks.join_all().await {
        all.requests += report.requests;
        all.failed += report.failed;
        all.failures.extend(report.failures);
        all.longest = all.longest.max(report.longest);
        for (page, count) in report.by_server {
            *all.by_server.entry(page).or_default() += count;
        }
    }
    Ok(all)
}

async fn ask(client: &Client<HttpConnector, Empty<Bytes>>, uri: Uri) -> Result<String> {
    let response = client.get(uri).await.context("no response")?;
    ensure!(response.status() == 200, "status {}", response.status());
    let body = response.into_body().collect().await.context("no whole body")?.to_bytes();
    Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
}
