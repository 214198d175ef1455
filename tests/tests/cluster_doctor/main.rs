//! `pontoon doctor` on whole clusters: where all is well it finds nothing; each fault is made for real, is
//! named, and goes away by the commands that the finding gives.
//!
//! What no network namespace has of its own is tried on files below another root, in
//! `doctor/tests/roots.rs`: the fill of connection tracking and of the neighbour tables, NetworkManager,
//! networkd, that firewalld and ufw run, and the kernel's version. What no machine can be brought to is left to
//! the checks' own tests: `kernel-features`, an alarm of etcd's, `pods-in-store` (the daemon mends that within a
//! moment).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail by panicking, as tests do"
)]

mod cluster;
mod daemon;
mod healthy;
mod host;
mod kernel;
mod state;

use anyhow::Result;
use pontoon_lab::Lab;
use pontoon_lab::host::Host;
use pontoon_tests::cluster::cluster;
use pontoon_tests::doctor::{finds, healthy, mended};

/// Two nodes that are well.
fn built() -> Result<Lab> {
    let lab = cluster(Lab::builder().hosts(2))?;
    lab.hosts().iter().try_for_each(healthy)?;
    Ok(lab)
}

/// Types a line on a host, as whoever makes a fault does.
fn typed(host: &Host, line: &str) -> Result<()> {
    host.exec(&["sh", "-ec", line]).map(drop)
}

/// Makes a fault by a command; it is found and mended, and then all is well again.
fn made_and_mended(host: &Host, fault: &str, check: &str, part: &str) -> Result<()> {
    typed(host, fault)?;
    mended(host, &finds(host, check, part)?)?;
    healthy(host)
}
