//! dnsperf, and what it says.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::{Host, Process};

/// Where every server listens, at 127.0.0.1.
pub(super) const PORT: u16 = 5300;

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Asked {
    /// Questions that were answered.
    pub answered: f64,
    /// Answers a second.
    pub rate: f64,
    /// The share of answers that say that there is no such name.
    pub missing: f64,
    /// The share of answers that are neither that nor a success.
    pub failed: f64,
}

/// Asks what the file lists, over and over.
pub(super) fn run(host: &Host, file: &Path, time: Duration, rate: Option<u32>) -> Result<Asked> {
    let (port, time) = (PORT.to_string(), time.as_secs().to_string());
    let file = file.to_string_lossy();
    let rate = rate.map(|rate| rate.to_string());
    let mut command = vec!["dnsperf", "-s", "127.0.0.1", "-p", &port, "-d", &file, "-l", &time];
    command.extend(["-c", "4", "-q", "100", "-t", "1"]);
    if let Some(rate) = &rate {
        command.extend(["-Q", rate]);
    }
    let said = host.exec(&command)?;
    read(&said).with_context(|| format!("dnsperf is not understood:\n{said}"))
}

/// Waits until the server answers a question with success.
pub(super) fn wait_for(
    host: &Host,
    server: &Process,
    question: &str,
    patience: Duration,
) -> Result<()> {
    let file = host.path().join("question");
    std::fs::write(&file, question)?;
    let until = Instant::now() + patience;
    loop {
        ensure!(server.is_running(), "the server ended; its log ends:\n{}", server.log_tail());
        let (port, path) = (PORT.to_string(), file.to_string_lossy());
        let said = host.exec(&[
            "dnsperf",
            "-s",
            "127.0.0.1",
            "-p",
            &port,
            "-d",
            &path,
            "-n",
            "1",
            "-t",
            "0.2",
        ])?;
        match read(&said) {
            Some(asked) if asked.answered > 0.0 && asked.missing + asked.failed == 0.0 => {
                return Ok(());
            }
            _ if Instant::now() > until => {
                bail!("the server does not answer {question}; its log ends:\n{}", server.log_tail())
            }
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn read(said: &str) -> Option<Asked> {
    let field = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name));
    let number =
        |name: &str| -> Option<f64> { field(name)?.split_whitespace().next()?.parse().ok() };
    let answered = number("Queries completed:")?;
    let codes = field("Response codes:").unwrap_or_default();
    let (mut missing, mut failed) = (0.0, 0.0);
    for code in codes.split(',').map(str::trim).filter(|code| !code.is_empty()) {
        let mut words = code.split_whitespace();
        let (name, count) = (words.next()?, words.next()?.parse::<f64>().ok()?);
        match name {
            "NOERROR" => {}
            "NXDOMAIN" => missing += count,
            _ => failed += count,
        }
    }
    let share = |count: f64| if answered > 0.0 { count / answered } else { 0.0 };
    Some(Asked {
        answered,
        rate: number("Queries per second:").unwrap_or_default(),
        missing: share(missing),
        failed: share(failed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dnsperf_says_is_read() {
        let said = "Statistics:\n\n  Queries sent:         200\n  Queries completed:    200 (100.00%)\n\
                    \x20 Queries lost:         0 (0.00%)\n\n  Response codes:       NOERROR 130 (65.00%), \
                    NXDOMAIN 60 (30.00%), SERVFAIL 10 (5.00%)\n  Queries per second:   1234.5\n";
        let asked = Asked { answered: 200.0, rate: 1234.5, missing: 0.3, failed: 0.05 };
        assert_eq!(read(said), Some(asked));
        assert_eq!(read("nonsense"), None);
    }
}
