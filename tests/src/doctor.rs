//! What `pontoon doctor` says on hosts of a lab, and the commands that it gives.

use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::binaries;
use pontoon_lab::host::Host;
use pontoon_model::doctor::{Finding, Report, Severity};

use crate::cluster::eventually;

/// Long enough for what the daemon notices and mends, and for several examinations: one looks for
/// up to 3 s whether a difference lasts.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a person types to have the daemon read everything anew.
const RESTART: &str = "systemctl restart pontoond";

/// Types `pontoon doctor` on a host.
///
/// # Errors
/// When it cannot be started.
pub fn typed(host: &Host, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binaries::find("pontoon")?);
    command
        .arg("doctor")
        .args(arguments)
        .env("PONTOON_SOCKET", host.run_dir().join("api.sock"))
        .env("PONTOON_CONFIG", host.config_file());
    host.netns().output(&mut command)
}

/// What is found on a host; the exit code goes with it.
///
/// # Errors
/// When it says nothing, or ends otherwise than its findings mean.
pub fn examined(host: &Host) -> Result<Report> {
    let output = typed(host, &["-o", "json"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Report = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("{} is no report; {said}", String::from_utf8_lossy(&output.stdout))
    })?;
    let code = match report.worst() {
        None | Some(Severity::Note) => 0,
        Some(Severity::Warning) => 8,
        Some(Severity::Fault) => 1,
    };
    ensure!(output.status.code() == Some(code), "{} for {report:#?}; {said}", output.status);
    Ok(report)
}

/// Waits until nothing at all is found on a host, and nothing was left out.
///
/// # Errors
/// What is found.
pub fn healthy(host: &Host) -> Result<()> {
    eventually(PATIENCE, || {
        let report = examined(host)?;
        ensure!(report.findings.is_empty(), "{}: {:#?}", host.name(), report.findings);
        ensure!(report.unexamined.is_empty(), "{}: {:#?}", host.name(), report.unexamined);
        Ok(())
    })
}

/// Waits until a check finds something that says this.
///
/// # Errors
/// What is found instead.
pub fn finds(host: &Host, check: &str, part: &str) -> Result<Finding> {
    eventually(PATIENCE, || {
        let report = examined(host)?;
        let meant = |finding: &&Finding| finding.check == check && finding.what.contains(part);
        let found = report.findings.iter().find(meant).cloned();
        let found = found
            .with_context(|| format!("{check} does not say {part:?}: {:#?}", report.findings))?;
        ensure!(!found.why.is_empty() && !found.mend.is_empty(), "{found:?}");
        Ok(found)
    })
}

/// Waits until a check finds nothing any more.
///
/// # Errors
/// What it finds.
pub fn finds_nothing(host: &Host, check: &str) -> Result<()> {
    eventually(PATIENCE, || {
        let found = examined(host)?.only(check).findings;
        ensure!(found.is_empty(), "{found:#?}");
        Ok(())
    })
}

/// Types what the finding gives, to the letter, and waits until its check finds nothing.
///
/// # Errors
/// When a command fails or does not help.
pub fn mended(host: &Host, finding: &Finding) -> Result<()> {
    // There is no systemd in a lab.
    let (commands, restarts): (Vec<&str>, Vec<&str>) =
        finding.mend.lines().partition(|line| !line.starts_with(RESTART));
    let mut shell = Command::new("sh");
    shell.args(["-ec", &commands.join("\n")]);
    let output = host.netns().output(&mut shell)?;
    if !output.status.success() {
        bail!("{finding:#?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    if !restarts.is_empty() {
        host.restart(PATIENCE)?;
    }
    finds_nothing(host, &finding.check)
        .with_context(|| format!("its mend does not help: {finding:#?}"))
}
