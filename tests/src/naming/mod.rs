//! What is asked of the cluster's names.

pub mod resolver;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe::dns::{Answer, Over, Question, RecordType, ResponseCode, ask, resolve};

/// Where every node answers: the tenth addresses of the lab's service ranges.
pub const SERVERS: [&str; 2] = ["10.96.0.10", "fd00:10:96::a"];
/// The types of addresses, IPv4 first.
pub const FAMILIES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];
/// A single question is answered by then, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where every node answers, IPv4 first.
#[must_use]
#[expect(clippy::unwrap_used, reason = "both are addresses")]
pub fn servers() -> [SocketAddr; 2] {
    SERVERS.map(|ip| SocketAddr::new(ip.parse().unwrap(), 53))
}

/// The whole name of a service in namespace `default`.
#[must_use]
pub fn of_service(name: &str) -> String {
    format!("{name}.default.svc.cluster.local")
}

/// Asks the node once, by a datagram.
///
/// # Errors
/// When there is no answer.
pub fn asked(from: &Netns, name: &str, rtype: RecordType) -> Result<Answer> {
    let question = Question::new(name, rtype);
    ask(from, servers()[0], Over::Udp, &question, PATIENCE)
        .map_err(|silence| anyhow::anyhow!("{name} {rtype}: {silence:?}"))
}

/// The addresses that a name has for whoever asks there, of both families, sorted.
///
/// # Errors
/// When there is no such name, or no answer.
pub fn addresses(from: &Netns, name: &str) -> Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    for (server, rtype) in servers().into_iter().zip(FAMILIES) {
        let answer = resolve(from, server, name, rtype)?;
        ensure!(answer.code() == ResponseCode::NoError, "{name} {rtype}: {}", answer.code());
        found.extend(answer.addresses());
    }
    found.sort();
    Ok(found)
}

/// A name has exactly these addresses.
///
/// # Errors
/// What it has in place of them.
pub fn leads_to(from: &Netns, name: &str, expected: &[IpAddr]) -> Result<()> {
    let mut expected = expected.to_vec();
    expected.sort();
    let found = addresses(from, name)?;
    ensure!(found == expected, "{name} has {found:?} in place of {expected:?}");
    Ok(())
}

/// There is no such name, in either family.
///
/// # Errors
/// What it has.
pub fn is_nothing(from: &Netns, name: &str) -> Result<()> {
    for (server, rtype) in servers().into_iter().zip(FAMILIES) {
        let answer = resolve(from, server, name, rtype)?;
        let (code, records) = (answer.code(), answer.records());
        ensure!(answer.is_denial(), "{name} {rtype}: {code} with {records:?}");
    }
    Ok(())
}
