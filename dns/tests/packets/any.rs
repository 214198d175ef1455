//! Any packet.

use std::net::IpAddr;

use pontoon_dns::exchange::Transport;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::asked::Question;

/// A message, from whom it comes and how.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) packet: Vec<u8>,
    pub(crate) client: IpAddr,
    pub(crate) transport: Transport,
}

#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
    /// A part again, elsewhere.
    Repeat(Index, Index, Index),
    /// A record at the end, counted in that section.
    Record(usize, Vec<u8>),
}

fn a_name() -> impl Strategy<Value = String> {
    select(vec![
        "web.default.svc.cluster.local",
        "db.default.svc.cluster.local",
        "_http._tcp.db.default.svc.cluster.local",
        "ext.default.svc.cluster.local",
        "loop.default.svc.cluster.local",
        "www.example.com.default.svc.cluster.local",
        "web.default.default.svc.cluster.local",
        "10-244-0-9.default.pod.cluster.local",
        "cluster.local",
        "dns-version.cluster.local",
        "1.0.96.10.in-addr.arpa",
        "9.9.244.10.in-addr.arpa",
        "registry.lan",
        "www.example.com",
        ".",
    ])
    .prop_map(str::to_owned)
}

fn a_question() -> impl Strategy<Value = Question> {
    let rtype = select(vec![1, 2, 5, 6, 12, 16, 28, 33, 41, 65, 250, 251, 252, 255, 256]);
    let edns = prop::option::of((select(vec![0, 512, 1232, 65_535]), 0..2u8, any::<bool>()));
    let client = select(vec!["10.244.0.9", "192.0.2.77", "fd00:244::9"]);
    let transport = select(vec![
        Transport::Udp,
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Https,
    ]);
    (a_name(), rtype, edns, client, transport, any::<(u16, bool, bool)>()).prop_map(
        |(name, rtype, edns, client, transport, (id, recursion_desired, checking_disabled))| {
            let question = Question::new(&name, rtype).from(client).over(transport);
            Question { id, edns, recursion_desired, checking_disabled, ..question }
        },
    )
}

fn a_damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..24);
    // Bytes that mean something: lengths, pointers, types.
    let byte = || prop_oneof![any::<u8>(), select(vec![0, 1, 41, 63, 64, 0x80, 0xc0, 0xff])];
    prop_oneof![
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        3 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<(Index, Index, Index)>().prop_map(|(a, b, to)| Damage::Repeat(a, b, to)),
        2 => (select(vec![6, 8, 10]), bytes()).prop_map(|(count, data)| Damage::Record(count, data)),
    ]
}

impl Damage {
    fn on(self, packet: &mut Vec<u8>) {
        if packet.is_empty() {
            return;
        }
        let length = packet.len();
        match self {
            Self::Set(at, byte) => packet[at.index(length)] = byte,
            Self::Flip(at, bit) => packet[at.index(length)] ^= bit,
            Self::Cut(at) => packet.truncate(at.index(length)),
            Self::Insert(at, bytes) => {
                let at = at.index(length);
                packet.splice(at..at, bytes);
            }
            Self::Remove(at) => drop(packet.remove(at.index(length))),
            Self::Repeat(a, b, to) => {
                let (a, b, to) = (a.index(length), b.index(length), to.index(length));
                let part = packet[a.min(b)..a.max(b)].to_vec();
                packet.splice(to..to, part);
            }
            Self::Record(count, data) => {
                if let Some(low) = packet.get_mut(count + 1) {
                    *low = low.wrapping_add(1);
                }
                let length = u8::try_from(data.len()).unwrap();
                packet.extend_from_slice(&[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, length]);
                packet.extend_from_slice(&data);
            }
        }
    }
}

pub(crate) fn a_broken_one() -> impl Strategy<Value = Sent> {
    (a_question(), prop::collection::vec(a_damage(), 0..5)).prop_map(|(question, damages)| {
        let mut packet = question.packet();
        damages.into_iter().for_each(|damage| damage.on(&mut packet));
        Sent { packet, client: question.client, transport: question.transport }
    })
}

pub(crate) fn noise() -> impl Strategy<Value = Sent> {
    (prop::collection::vec(any::<u8>(), 0..600), a_question()).prop_map(|(packet, question)| Sent {
        packet,
        client: question.client,
        transport: question.transport,
    })
}
