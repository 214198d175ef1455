//! Answers that are easy to foresee: the first label of a name says what becomes of it.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pontoon_dns::exchange::{Answers, AtOnce, Transport};
use pontoon_dns::listen::gate::Gate;
use pontoon_dns::listen::limit::{Acl, Rate};
use pontoon_dns::listen::reception::Reception;
use pontoon_dns::listen::sockets::Sockets;
use pontoon_dns::metrics::Metrics;
use pontoon_dns::wire::code::Rcode;
use pontoon_dns::wire::name::Name;
use pontoon_dns::wire::question::Query;
use pontoon_dns::wire::reply::{Reply, Section, Verdict};

/// How many messages a large answer has: more than sockets hold.
pub(crate) const LARGE: usize = 400;

/// `late-50.…` is answered 50 ms later, `stuck.…` never, `two.…` with two messages, `zone.…` with
/// [`LARGE`] large ones, `drop.…` not at all,
/// `panic.…` breaks; all others at once. The answer is an `A` of 192.0.2.1 with a TTL of 30.
#[derive(Debug, Default)]
pub(crate) struct Toy {
    /// How many questions were asked for later.
    pub(crate) late: AtomicUsize,
}

impl Answers for Toy {
    fn at_once(&self, message: &[u8], _: IpAddr, _: Transport, out: &mut Vec<u8>) -> AtOnce {
        let Ok(query) = Query::parse(message) else { return AtOnce::Dropped };
        match first_label(&query).as_str() {
            "drop" => AtOnce::Dropped,
            "panic" => panic!("as asked"),
            "stuck" | "two" | "zone" => AtOnce::Later,
            label if label.starts_with("late-") => AtOnce::Later,
            _ => {
                answer(&query, out);
                AtOnce::Answered
            }
        }
    }

    async fn later(&self, message: Vec<u8>, _: IpAddr, _: Transport) -> Vec<Vec<u8>> {
        self.late.fetch_add(1, Ordering::SeqCst);
        let label = first_label(&Query::parse(&message).unwrap());
        if label == "stuck" {
            std::future::pending::<()>().await;
        }
        if let Some(milliseconds) = label.strip_prefix("late-") {
            tokio::time::sleep(Duration::from_millis(milliseconds.parse().unwrap())).await;
        }
        let mut out = Vec::new();
        answer(&Query::parse(&message).unwrap(), &mut out);
        if label == "zone" {
            out.resize(60_000, 0);
            return vec![out; LARGE];
        }
        vec![out; if label == "two" { 2 } else { 1 }]
    }
}

fn first_label(query: &Query<'_>) -> String {
    match query.name.count() {
        0 => String::new(),
        _ => String::from_utf8_lossy(query.name.label(0)).into_owned(),
    }
}

fn answer(query: &Query<'_>, out: &mut Vec<u8>) {
    let mut reply = Reply::begin(query, 65_535, out);
    reply.append(Section::Answer, 1, &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 1]);
    reply.finish(Verdict { rcode: Rcode::NoError, authoritative: true, recursion_available: true });
}

/// A question for the address of that name.
pub(crate) fn question(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(Name::parse(name).unwrap().wire());
    message.extend([0, 1, 0, 1]);
    message
}

/// The number of an answer, once it is seen to be one, and its code.
pub(crate) fn answered(message: &[u8]) -> (u16, u8) {
    assert!(message.len() >= 12 && message[2] & 0x80 != 0, "no answer: {message:?}");
    (u16::from_be_bytes([message[0], message[1]]), message[3] & 15)
}

/// Everybody on this host may ask as often as they like.
pub(crate) fn reception() -> Arc<Reception<Toy>> {
    reception_for(&["127.0.0.0/8", "::1/128"], 0)
}

pub(crate) fn reception_for(networks: &[&str], rate: u32) -> Arc<Reception<Toy>> {
    let acl = Acl::new(networks.iter().map(|network| network.parse().unwrap()));
    Arc::new(Reception {
        answers: Toy::default(),
        gate: Gate::new(acl, Rate::per_second(rate)),
        metrics: Arc::new(Metrics::new(&Name::parse("cluster.local").unwrap())),
    })
}

/// Sockets at a free port of that address, and which it is.
pub(crate) fn sockets(address: &str) -> (Sockets, SocketAddr) {
    let sockets = Sockets::bind(&[address.parse().unwrap()], 1).unwrap();
    let address = sockets.udp[0].local_addr().unwrap();
    (sockets, address)
}

/// The thread of that name, in `/proc`.
pub(crate) fn task_of(name: &str) -> PathBuf {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let is_it = |task: &PathBuf| {
        fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
    };
    tasks.into_iter().find(is_it).unwrap()
}
