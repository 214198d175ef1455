//! Who answers how often.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe;
use pontoon_model::service::Protocol;

use crate::cluster::eventually;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often each server answered so many new connections or flows, all of which must be answered.
///
/// # Errors
/// When one is not.
pub fn spread(
    from: &Netns,
    protocol: Protocol,
    to: SocketAddr,
    times: u64,
) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    let (mut asked, mut broken) = (0, None);
    probe::ask_while(from, protocol, to, PATIENCE, |outcome| {
        match outcome.reply.name() {
            Some(name) => *counts.entry(name.to_owned()).or_default() += 1,
            None => broken = Some(outcome.clone()),
        }
        asked += 1;
        asked < times && broken.is_none()
    })?;
    match broken {
        Some(broken) => bail!("{to}/{protocol}, after {counts:?}: {broken:?}"),
        None => Ok(counts),
    }
}

/// Waits until exactly these answer.
///
/// # Errors
/// Who answers in place of them.
pub fn only(
    patience: Duration,
    from: &Netns,
    protocol: Protocol,
    to: SocketAddr,
    names: &[&str],
) -> Result<()> {
    // Of three that are chosen evenly none is missing then, but for one case in 10⁷.
    eventually(patience, || {
        let counts = spread(from, protocol, to, 40)?;
        let seen: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
        ensure!(seen == names.iter().copied().collect(), "{counts:?} in place of {names:?}");
        Ok(())
    })
}

/// Whether a count of so many trials lies within five standard deviations of a share: a test that
/// asks a million times is wrong once.
///
/// # Errors
/// When it does not.
pub fn is_share(count: u64, of: u64, share: f64) -> Result<()> {
    let (count, of) = (count as f64, of as f64);
    let (mean, deviation) = (of * share, (of * share * (1.0 - share)).sqrt());
    ensure!(
        (count - mean).abs() <= 5.0 * deviation,
        "{count} of {of} in place of {mean} ± {:.0}",
        5.0 * deviation
    );
    Ok(())
}
