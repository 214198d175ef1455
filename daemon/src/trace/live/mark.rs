//! The table that has the kernel tell of a packet, and of what answers it. It is owned by its
//! connection, so that it goes with it however the daemon ends; where the kernel has no such tables it is
//! taken away, and [`sweep`] takes away what a crash left.

use std::io;
use std::time::Duration;

use pontoon_model::name::TraceId;
use pontoon_model::trace::Transport;
use pontoon_model::trace::live::{Probe, Sight};
use pontoon_netlink::nft::{
    Batch, Chain, ChainKind, CommitError, Dynset, DynsetOp, Element, Expr, Family, FieldType,
    Header, Hook, HookPoint, Load, MetaKey, NfProto, Nft, Register, Rule, Set, Sighting, Table,
    Traces, Value, m, priority,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{send, sights};

/// What the names of these tables begin with.
pub(super) const PREFIX: &str = "pontoon-trace-";
/// Just behind the reassembly of fragments, before all that drops or rewrites.
const BEFORE_ALL: i32 = priority::RAW - 50;
/// Before our own rules of the bridge, and before the IP layer's chains.
const BEFORE_BRIDGE: i32 = -360;
/// What rules are called that mark the packet itself; others mark what answers.
pub(super) const FORTH: &str = "the packet";
pub(super) const BACK: &str = "what answers it";
/// The chain that only notes what the packet leaves as.
const LEFT: &str = "left";
/// Behind all that rewrites, where a packet leaves.
const BEHIND_ALL: i32 = priority::SRCNAT + 50;
/// Sights that are kept at most: all that is told of them has to fit a value of etcd.
const MOST: usize = 1024;
const MISSED: &str = "the kernel told more than there was room for";
/// When the kernel tells nothing for so long, it has told all.
const QUIET: Duration = Duration::from_millis(20);

const TARGETS4: Set = Set::new("targets4", &[FieldType::Ipv4Addr]);
const TARGETS6: Set = Set::new("targets6", &[FieldType::Ipv6Addr]);
/// The ports that the packet was seen to come from, or the identifiers of a ping: by them what answers
/// it is known from what else an endpoint sends, also where the packet is masked on its way.
const PORTS: Set = Set::new("ports", &[FieldType::InetService]).dynamic().with_size(64);
/// `identifier` of an echo request and its reply.
const IDENTIFIER: Load = Load::payload(Header::Transport, 4, 2);

/// Looks for a packet.
pub(super) struct Capture {
    nft: Nft,
    tables: [Table; 2],
    stop: CancellationToken,
    listening: JoinHandle<Heard>,
}

/// What the kernel told, and why that may not be all.
type Heard = (Vec<Sighting>, Option<String>);

/// What was seen.
pub(super) struct Seen {
    pub(super) sights: Vec<Sight>,
    /// Why that may not be all.
    pub(super) problem: Option<String>,
}

impl Capture {
    /// Opens it: from now on nothing is missed.
    pub(super) async fn open(id: &TraceId, probe: &Probe) -> Result<Self, String> {
        let said = |error: io::Error| format!("cannot follow packets in nf_tables: {error}");
        let traces = Traces::open().map_err(said)?;
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
        let stop = CancellationToken::new();
        let listening = tokio::spawn(listen(traces, stop.clone()));
        Ok(Self { nft, tables, stop, listening })
    }

    /// Closes it, and says what was seen.
    pub(super) async fn close(self) -> Result<Seen, String> {
        self.stop.cancel();
        let (seen, problem) = self.listening.await.map_err(|error| error.to_string())?;
        let (mut nft, tables) = (self.nft, self.tables);
        let read = tokio::task::spawn_blocking(move || {
            let sights = sights::read(&mut nft, &tables[0].name, seen);
            let mut batch = Batch::new();
            tables.iter().for_each(|table| batch.destroy_table(table));
            // What is left goes with the connection, or with the next start.
            let _ = nft.commit(&batch);
            sights
        });
        let sights = read.await.map_err(|error| error.to_string())??;
        Ok(Seen { sights, problem })
    }
}

/// Keeps what the kernel tells, until it is too much or has told all when it is to stop. That something
/// is missing is told as well.
async fn listen(mut traces: Traces, stop: CancellationToken) -> Heard {
    let mut seen = Vec::new();
    loop {
        let told = tokio::select! {
            biased;
            told = traces.next() => told,
            // On a busy host much of what was seen before is still in the socket.
            () = stop.cancelled() => match timeout(QUIET, traces.next()).await {
                Ok(told) => told,
                Err(_) => {
                    let problem = traces.has_missed().then(|| MISSED.to_owned());
                    return (seen, problem);
                }
            },
        };
        let sightings = match told {
            Ok(sightings) => sightings,
            Err(error) => return (seen, Some(format!("the kernel tells no more: {error}"))),
        };
        if traces.has_missed() {
            return (seen, Some(MISSED.to_owned()));
        }
        seen.extend(sightings.into_iter().filter(|seen| !is_note(seen)));
        if seen.len() > MOST {
            seen.truncate(MOST);
            return (seen, Some(format!("only the first {MOST} sights of packets were kept")));
        }
    }
}

/// Of a chain of ours that marks nothing.
fn is_note(sighting: &Sighting) -> bool {
    sighting.table.starts_with(PREFIX) && sighting.chain == LEFT
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
        batch.add_set(table, &PORTS);
        batch.add_elements(table, &PORTS, &[Element::new(Value::new().port(probe.source_port))]);
        for (chain, point) in [
            ("forth", HookPoint::Prerouting),
            ("made", HookPoint::Output),
            (LEFT, HookPoint::Postrouting),
        ] {
            let order = match (table.family, point) {
                (Family::Bridge, HookPoint::Prerouting) => BEFORE_BRIDGE,
                // Frames that this host makes have passed its IP layer before.
                (Family::Bridge, HookPoint::Output) => continue,
                (_, HookPoint::Postrouting) => BEHIND_ALL,
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
    let forth = || rule(protocol).with(m::in_set(&[destination], set.name.clone())).with(class(v4));
    let is_ping = probe.transport == Transport::Icmp;
    let from = if is_ping { IDENTIFIER } else { Load::SPORT };
    let noted = forth().with(note(from));
    if chain == LEFT {
        return vec![noted];
    }
    let answer = |protocol: u8, port: Load| {
        rule(protocol)
            .with(m::in_set(&[source], set.name.clone()))
            .with(m::in_set(&[port], PORTS.name))
            .with(mark())
            .with_comment(BACK)
    };
    let to = if is_ping { IDENTIFIER } else { Load::DPORT };
    let icmp = Transport::Icmp.number(v4);
    vec![
        forth().with(mark()).with_comment(FORTH),
        noted,
        answer(protocol, to),
        answer(icmp, quoted(v4, is_ping)),
    ]
}

/// Notes what the packet is sent from.
fn note(from: Load) -> [Expr; 2] {
    let dynset = Dynset {
        op: DynsetOp::Add,
        set: PORTS.name,
        key: Register::FIRST,
        data: None,
        timeout: None,
        exprs: Vec::new(),
    };
    [Expr::Load(from, Register::FIRST), Expr::Dynset(dynset)]
}

/// Where an ICMP error has what the packet was sent from: behind its own header of 8 bytes it quotes the
/// packet, which had no options.
fn quoted(v4: bool, is_ping: bool) -> Load {
    let header = if v4 { 20 } else { 40 };
    let within = if is_ping { 4 } else { 0 };
    Load::payload(Header::Transport, 8 + header + within, 2)
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
