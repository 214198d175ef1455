//! Forwarding over loopback, to toys in place of upstreams.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod health;
mod keeping;
#[path = "../../src/forward/testing.rs"]
mod message;
mod routes;
mod toy;
mod transports;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pontoon_dns::answer::outside::{Cached, Outside};
use pontoon_dns::forward::address::Address;
use pontoon_dns::forward::clock::Clock;
use pontoon_dns::forward::message::records;
use pontoon_dns::forward::{ForwardConfig, Forwarder, Host};
use pontoon_dns::wire::question::Query;
use tokio::runtime::Handle;

use message::asks;

/// Seconds that pass when they are told to.
#[derive(Clone, Default)]
struct Seconds(Arc<AtomicU64>);

impl Seconds {
    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let seconds = self.clone();
        Clock::new(move || Duration::from_secs(seconds.0.load(Ordering::SeqCst)))
    }
}

/// Patience that outlasts a busy machine.
fn config(upstreams: &[&toy::Toy]) -> ForwardConfig {
    ForwardConfig {
        upstreams: upstreams.iter().map(|toy| Address::plain(toy.address)).collect(),
        timeout: Duration::from_secs(20),
        probe_interval: Duration::from_millis(20),
        ..ForwardConfig::default()
    }
}

/// Little patience, for those who are not answered.
fn hasty(upstreams: &[&toy::Toy]) -> ForwardConfig {
    ForwardConfig { timeout: Duration::from_millis(200), ..config(upstreams) }
}

fn forwarder(config: &ForwardConfig) -> Forwarder {
    Forwarder::new(config, Host::default(), Handle::current()).unwrap()
}

/// One that sees time pass as it is told.
fn timed(config: &ForwardConfig) -> (Forwarder, Seconds, Host) {
    let seconds = Seconds::default();
    seconds.pass(1000);
    let host = Host { clock: seconds.clock(), ..Host::default() };
    (Forwarder::new(config, host.clone(), Handle::current()).unwrap(), seconds, host)
}

/// Asks for an address.
async fn ask(forwarder: &Forwarder, name: &str) -> Vec<u8> {
    resolve(forwarder, &asks(name, 1, None)).await
}

async fn resolve(forwarder: &Forwarder, question: &[u8]) -> Vec<u8> {
    forwarder.resolve(&Query::parse(question).unwrap(), 1232).await
}

/// The answer that is there at once.
fn cached(forwarder: &Forwarder, name: &str) -> Option<Vec<u8>> {
    let question = asks(name, 1, None);
    let mut out = Vec::new();
    match forwarder.cached(&Query::parse(&question).unwrap(), 512, &mut out) {
        Cached::Hit => Some(out),
        Cached::Miss => None,
    }
}

fn rcode(message: &[u8]) -> u8 {
    message[3] & 15
}

/// The TTL and last byte of each record, but EDNS.
fn said(message: &[u8]) -> Vec<(u32, u8)> {
    let records = records(message).unwrap().map(Result::unwrap);
    let records = records.filter(|record| record.rtype != 41);
    records.map(|record| (record.ttl, message[record.data.end - 1])).collect()
}

/// Waits until something is so.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come about in ten seconds");
}
