//! The table that has the kernel tell of a packet, and of what answers it. It is owned by its
//! connection, so that it goes with it however the daemon ends; where the kernel has no such tables it is
//! taken away, and [`sweep`] takes away what a crash left.

use std::io;

use pontoon_model::name::TraceId;
use pontoon_model::trace::Transport;
use pontoon_model::trace::live::{Probe, Sight};
use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, CommitError, Element, Expr, Family, FieldType, Header, Hook,
    HookPoint, LimitUnit, Load, MetaKey, NfProto, Nft, Register, Rule, Set, Sighting, Table,
    Traces, Value, m, priority,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{send, sights};

/// What the names of these tables begin with.
pub(super) const PREFIX: &str = "pontoon-trace-";
/// Just behind the reassembly of fragments, before all that drops or rewrites.
const BEFORE_ALL: i32 = priority::RAW - 50;
/// Before our own rules of the bridge, and before the IP layer's chains.
const BEFORE_BRIDGE: i32 = -360;
/// What rules are called that mark the packet itself; others mark what answers.
pub(super) const FORTH: &str = "the packet";
const BACK: &str = "what answers it";
/// Answers a second that are told of at most: the endpoint may be busy with the same peer.
const ANSWERS: u64 = 100;
/// Sights that are kept at most: all that is told of them has to fit a value of etcd.
const MOST: usize = 1024;

const TARGETS4: Set = Set::new("targets4", &[FieldType::Ipv4Addr]);
const TARGETS6: Set = Set::new("targets6", &[FieldType::Ipv6Addr]);

/// Looks for a packet.
pub(super) struct Eye {
    nft: Nft,
    tables: [Table; 2],
    seen: mpsc::UnboundedReceiver<Sighting>,
    listening: JoinHandle<()>,
}

impl Eye {
    /// Opens it: from now on nothing is missed.
    pub(super) async fn open(id: &TraceId, probe: &Probe) -> Result<Self, String> {
        let said = |error: io::Error| format!("cannot follow packets in nf_tables: {error}");
        let mut traces = Traces::open().map_err(said)?;
        let (sender, seen) = mpsc::unbounded_channel();
        let tables = [Family::Inet, Family::Bridge].map(|family| table(family, id));
        let (marked, probe) = (tables.clone(), probe.clone());
        let nft = tokio::task::spawn_blocking(move || {
            let mut nft = Nft::open().map_err(said)?;
            let refused =
                |error: CommitError| format!("nf_tables refused to follow a packet: {error}");
            if nft.commit(&batch(&marked, &probe, true)).is_err() {
                // Before Linux 5.12 no table had an owner.
                nft.commit(&batch(&marked, &probe, false)).map_err(refused)?;
            }
            Ok::<_, String>(nft)
        });
        let nft = nft.await.map_err(|error| error.to_string())??;
        let listening = tokio::spawn(async move {
            let mut count = 0;
            while let Ok(sightings) = traces.next().await {
                for sighting in sightings {
                    count += 1;
                    if count > MOST || sender.send(sighting).is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Self { nft, tables, seen, listening })
    }

    /// Closes it, and says what was seen.
    pub(super) async fn close(mut self, probe: &Probe) -> Result<Vec<Sight>, String> {
        self.listening.abort();
        let mut seen = Vec::new();
        while let Ok(sighting) = self.seen.try_recv() {
            seen.push(sighting);
        }
        let (mut nft, tables, probe) = (self.nft, self.tables, probe.clone());
        let read = tokio::task::spawn_blocking(move || {
            let sights = sights::read(&mut nft, &probe, seen);
            let mut batch = Batch::new();
            tables.iter().for_each(|table| batch.destroy_table(table));
            // What is left goes with the connection, or with the next start.
            let _ = nft.commit(&batch);
            sights
        });
        read.await.map_err(|error| error.to_string())?
    }
}

/// Takes away what earlier runs left.
///
/// # Errors
/// When the kernel does not tell, or refuses.
pub fn sweep() -> Result<(), String> {
    let mut nft = Nft::open().map_err(|error| error.to_string())?;
    let tables = nft.list_tables().map_err(|error| error.to_string())?;
    for table in tables.iter().filter(|table| table.name.starts_with(PREFIX)) {
        let mut batch = Batch::new();
        batch.destroy_table(table);
        nft.commit(&batch).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn table(family: Family, id: &TraceId) -> Table {
    Table { name: format!("{PREFIX}{id}").into(), ..Table::new(family, "") }
}

fn batch(tables: &[Table; 2], probe: &Probe, owned: bool) -> Batch {
    let mut batch = Batch::new();
    for table in tables {
        if owned {
            batch.add_owned_table(table);
        } else {
            batch.add_table(table);
        }
        for (set, v4) in [(TARGETS4, true), (TARGETS6, false)] {
            batch.add_set(table, &set);
            let of_family = probe.targets.iter().filter(|ip| ip.is_ipv4() == v4);
            let elements: Vec<Element> =
                of_family.map(|ip| Element::new(Value::new().ip(*ip))).collect();
            batch.add_elements(table, &set, &elements);
        }
        for (chain, point) in [("forth", HookPoint::Prerouting), ("made", HookPoint::Output)] {
            let order = match (table.family, point) {
                (Family::Bridge, HookPoint::Prerouting) => BEFORE_BRIDGE,
                // Frames that this host makes have passed its IP layer before.
                (Family::Bridge, _) => continue,
                _ => BEFORE_ALL,
            };
            batch.add_chain(table, &Chain::base(chain, Hook::new(ChainKind::Filter, point, order)));
            for rule in rules(chain, table.family, probe) {
                batch.add_rule(table, &rule);
            }
        }
    }
    batch
}

fn rules(chain: &'static str, family: Family, probe: &Probe) -> Vec<Rule> {
    let v4 = probe.destination.is_ipv4();
    let (proto, set) = if v4 { (NfProto::Ipv4, &TARGETS4) } else { (NfProto::Ipv6, &TARGETS6) };
    let (source, destination) =
        if v4 { (Load::IP_SADDR, Load::IP_DADDR) } else { (Load::IP6_SADDR, Load::IP6_DADDR) };
    let rule = |protocol: u8| {
        let rule = Rule::new(chain);
        let rule = match family {
            Family::Bridge => rule.with(m::ethertype(proto.ethertype())),
            _ => rule.with(m::nfproto(proto)),
        };
        rule.with(m::l4proto(protocol))
    };
    let protocol = probe.transport.number(v4);
    let mark = || {
        [
            Expr::Immediate(Register::FIRST, Value::from_bytes(&[1])),
            Expr::MetaSet(MetaKey::NfTrace, Register::FIRST),
        ]
    };
    let answer = |protocol: u8| {
        rule(protocol)
            .with(m::in_set(&[source], set.name.clone()))
            .with([m::limit(ANSWERS, LimitUnit::Second, 5)])
            .with(mark())
            .with_comment(BACK)
    };
    let mut rules = vec![
        rule(protocol)
            .with(m::in_set(&[destination], set.name.clone()))
            .with(class(v4))
            .with(mark())
            .with_comment(FORTH),
        answer(protocol),
    ];
    if probe.transport != Transport::Icmp {
        rules.push(answer(Transport::Icmp.number(v4)));
    }
    rules
}

/// What the packet is known by, whatever is rewritten: its class of traffic.
fn class(v4: bool) -> [Expr; 3] {
    let class = send::CLASS;
    let (load, mask, value) = if v4 {
        (Load::payload(Header::Network, 1, 1), vec![0xfc], vec![class])
    } else {
        let value = u16::from(class) << 4;
        (Load::payload(Header::Network, 0, 2), vec![0x0f, 0xc0], value.to_be_bytes().to_vec())
    };
    let zero = vec![0; mask.len()];
    [
        Expr::Load(load, Register::FIRST),
        Expr::Bitwise {
            from: Register::FIRST,
            to: Register::FIRST,
            mask: Value::from_bytes(&mask),
            xor: Value::from_bytes(&zero),
        },
        Expr::Cmp(Register::FIRST, pontoon_netlink::nft::CmpOp::Eq, Value::from_bytes(&value)),
    ]
}
