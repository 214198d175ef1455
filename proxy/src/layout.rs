//! The table `inet pontoon-services`: maps and sets that change, chains that do not but for those that
//! choose among n slots, of which there is one for each n in use.

use std::time::Duration;

use pontoon_model::cidr::Family;
use pontoon_netlink::nft::{
    self, Chain as NftChain, ChainKind, CtKey, DynsetOp, Expr, FieldType, Hook, HookPoint, Load,
    MetaKey, NfProto, Register, Reject, Rule, Set, Table, Tuple, m, nat_flags, priority, proto,
};
use pontoon_netlink::nft::{AddressType, Dynset};

use crate::entry::{Balance, Chain, Map, MapKind, RangeSet, Scope, Stage};

/// The table.
pub const TABLE: Table = Table::new(nft::Family::Inet, "pontoon-services");

/// The chain that refuses.
pub const REJECT: &str = "reject";
/// The chain that tells outsiders from insiders.
pub const BY_SIDE: &str = "by_side";
/// The chain that lets in who comes from a range that may.
pub const BY_SOURCE: &str = "by_source";
const SERVICES: &str = "services";

/// Clients that are remembered at most, in each family.
const REMEMBERED: u32 = 1 << 18;
/// Just before the chains of other tables at the same hooks, so that the order is known: a node port
/// goes before a host port.
const DSTNAT: i32 = priority::DSTNAT - 1;
const SRCNAT: i32 = priority::SRCNAT - 1;

/// A map or set as it is declared.
#[must_use]
pub fn set(map: Map) -> Set {
    use FieldType::{InetProto, InetService, Ipv4Addr, Ipv6Addr, Number};
    let v4 = map.family == Family::V4;
    let name = map.name();
    let frontend: &'static [FieldType] =
        if v4 { &[Ipv4Addr, InetProto, InetService] } else { &[Ipv6Addr, InetProto, InetService] };
    let endpoint: &'static [FieldType] =
        if v4 { &[Ipv4Addr, InetService] } else { &[Ipv6Addr, InetService] };
    let address: &'static [FieldType] = if v4 { &[Ipv4Addr] } else { &[Ipv6Addr] };
    let client: &'static [FieldType] = if v4 {
        &[Ipv4Addr, Ipv4Addr, InetProto, InetService]
    } else {
        &[Ipv6Addr, Ipv6Addr, InetProto, InetService]
    };
    let source: &'static [FieldType] = if v4 {
        &[Ipv4Addr, InetProto, InetService, Ipv4Addr]
    } else {
        &[Ipv6Addr, InetProto, InetService, Ipv6Addr]
    };
    let (set, comment) = match map.kind {
        MapKind::Way(Stage::First) => {
            (Set::verdict_map(name, frontend), "services: where a new connection goes")
        }
        MapKind::Way(Stage::Allowed) => {
            (Set::verdict_map(name, frontend), "once the source may: where it goes")
        }
        MapKind::Way(Stage::Inside) => {
            (Set::verdict_map(name, frontend), "Local policy, from pods and this node")
        }
        MapKind::Way(Stage::Outside) => {
            (Set::verdict_map(name, frontend), "Local policy, from elsewhere")
        }
        MapKind::Endpoints(Scope::Usual) => {
            (Set::map(name, frontend, &[Number]), "services: the number of their endpoints' set")
        }
        MapKind::Endpoints(Scope::Outside) => {
            (Set::map(name, frontend, &[Number]), "Local policy, from elsewhere: the same")
        }
        MapKind::Slots => (Set::map(name, &[Number, Number], endpoint), "set, slot: an endpoint"),
        MapKind::Sticky => {
            (Set::verdict_map(name, frontend), "services that remember their clients")
        }
        MapKind::Sources => {
            (Set::new(name, source).with_intervals(), "who may use a load balancer's address")
        }
        MapKind::Ranges(RangeSet::Services) => {
            (Set::new(name, address).with_intervals(), "service CIDRs")
        }
        MapKind::Ranges(RangeSet::Pods) => (Set::new(name, address).with_intervals(), "pod CIDRs"),
        MapKind::Ranges(RangeSet::Away) => (
            Set::new(name, address).with_intervals(),
            "pod CIDRs and endpoints elsewhere: what goes there must come back here",
        ),
        MapKind::Affinity => (
            Set::map(name, client, endpoint).dynamic().expiring().with_size(REMEMBERED),
            "clients and the endpoints that they stay with",
        ),
    };
    set.with_comment(comment)
}

/// The chains that are always there.
#[must_use]
pub fn chains() -> Vec<NftChain> {
    let nat = |name, point, order| NftChain::base(name, Hook::new(ChainKind::Nat, point, order));
    vec![
        nat("prerouting", HookPoint::Prerouting, DSTNAT),
        nat("output", HookPoint::Output, DSTNAT),
        nat("input", HookPoint::Input, SRCNAT),
        nat("postrouting", HookPoint::Postrouting, SRCNAT),
        NftChain::new(SERVICES),
        NftChain::new(BY_SOURCE),
        NftChain::new(BY_SIDE),
        NftChain::new(REJECT),
        NftChain::new("learn"),
    ]
}

/// The rules of those chains, in order. `bridge` is the device behind which this node's pods are.
#[must_use]
pub fn rules(bridge: &str) -> Vec<Rule> {
    let mut rules = vec![
        Rule::new("prerouting").with([m::jump(SERVICES)]),
        Rule::new("output").with([m::jump(SERVICES)]),
        Rule::new("input").with(m::ct_status(m::ct_status_bits::DNAT)).with([m::jump("learn")]),
        Rule::new("postrouting")
            .with(m::ct_status(m::ct_status_bits::DNAT))
            .with([m::jump("learn")]),
    ];
    for family in [Family::V4, Family::V6] {
        rules.extend(of_family(family, bridge));
    }
    rules.extend([
        Rule::new(BY_SOURCE).with([m::drop()]).with_comment("not from a range that may"),
        Rule::new(BY_SIDE).with([m::drop()]),
        Rule::new(REJECT).with(m::l4proto(proto::TCP)).with([Expr::Reject(Reject::TcpReset)]),
        Rule::new(REJECT).with([m::reject_port()]),
    ]);
    rules
}

fn of_family(family: Family, bridge: &str) -> Vec<Rule> {
    let is_family = || m::nfproto(nf(family));
    let name = |kind| Map { kind, family }.name();
    let rule = |chain: &'static str| Rule::new(chain).with(is_family());
    let key = frontend_key(family);
    let [source, destination] = addresses(family);
    let [address, protocol, port] = key;
    let original = original_key(family);
    vec![
        rule(SERVICES).with(m::verdict_map(&key, name(MapKind::Way(Stage::First)))),
        rule(SERVICES)
            .with(m::in_set(&[destination], name(MapKind::Ranges(RangeSet::Services))))
            .with(m::daddr_type_not(AddressType::Local))
            .with([m::goto(REJECT)])
            .with_comment("no such address or port; the DNS's is this host's own"),
        rule(BY_SOURCE)
            .with(m::in_set(&[address, protocol, port, source], name(MapKind::Sources)))
            .with(m::verdict_map(&key, name(MapKind::Way(Stage::Allowed)))),
        rule(BY_SIDE)
            .with(m::in_set(&[source], name(MapKind::Ranges(RangeSet::Pods))))
            .with(m::verdict_map(&key, name(MapKind::Way(Stage::Inside)))),
        rule(BY_SIDE)
            .with(m::saddr_type(AddressType::Local))
            .with(m::verdict_map(&key, name(MapKind::Way(Stage::Inside)))),
        rule(BY_SIDE).with(m::verdict_map(&key, name(MapKind::Way(Stage::Outside)))),
        rule("learn").with(m::verdict_map(&original, name(MapKind::Sticky))),
        rule("postrouting")
            .with(m::ct_status(m::ct_status_bits::DNAT))
            .with(m::iifname_not(bridge))
            .with(m::oifname_not(bridge))
            .with(m::in_set(&[destination], name(MapKind::Ranges(RangeSet::Away))))
            .with([m::masquerade(nat_flags::FULLY_RANDOM)])
            .with_comment("from outside through a service, so that the answer comes back here"),
    ]
}

/// The rules of a chain that is made when it is needed.
#[must_use]
pub fn rules_of(chain: Chain) -> Vec<Rule> {
    let families = [Family::V4, Family::V6];
    match chain {
        Chain::Balance(balance) => {
            let mut rules = Vec::new();
            if balance.sticky {
                rules.extend(families.map(|family| remembered(chain, family)));
            }
            rules.extend(families.map(|family| balanced(chain, balance, family)));
            if balance.slots > 1 {
                // A packet that met the old count of slots and the new slots, while a change was
                // committed under it, may find none; slot 0 is there as long as there is any.
                rules.extend(families.map(|family| first_slot(chain, family)));
            }
            rules.push(Rule::new(chain.to_string()).with([m::goto(REJECT)]));
            rules
        }
        Chain::Remember(seconds) => {
            families.map(|family| remembering(chain, seconds, family)).to_vec()
        }
    }
}

/// To the endpoint that the client is remembered to be with.
fn remembered(chain: Chain, family: Family) -> Rule {
    let [source, _] = addresses(family);
    let [address, protocol, port] = frontend_key(family);
    let map = Map { kind: MapKind::Affinity, family };
    Rule::new(chain.to_string()).with(m::nfproto(nf(family))).with(m::dnat_map(
        nf(family),
        &[source, address, protocol, port],
        map.name(),
    ))
}

/// To a random slot. The set's number passes from one map to the other in the packet's priority: nft
/// 1.0 cannot list a rule that has one map's result in another's key, and nobody else reads the
/// priority before the kernel sets it anew from the TOS.
fn balanced(chain: Chain, balance: Balance, family: Family) -> Rule {
    let ids = Map { kind: MapKind::Endpoints(balance.scope), family };
    let slots = Map { kind: MapKind::Slots, family };
    Rule::new(chain.to_string())
        .with(m::nfproto(nf(family)))
        .with(m::map_to(&frontend_key(family), ids.name(), Register::FIRST))
        .with([Expr::MetaSet(MetaKey::Priority, Register::FIRST)])
        .with(m::dnat_map(
            nf(family),
            &[Load::Meta(MetaKey::Priority), Load::random(balance.slots)],
            slots.name(),
        ))
}

/// To the first slot of the set whose number is in the packet's priority.
fn first_slot(chain: Chain, family: Family) -> Rule {
    let slots = Map { kind: MapKind::Slots, family };
    Rule::new(chain.to_string()).with(m::nfproto(nf(family))).with(m::dnat_map(
        nf(family),
        &[Load::Meta(MetaKey::Priority), Load::random(1)],
        slots.name(),
    ))
}

/// Remembers the endpoint that a new connection was led to. This is done where the rewritten packet
/// leaves, since nft 1.0 cannot list a rule that puts one map's result into another.
fn remembering(chain: Chain, seconds: u32, family: Family) -> Rule {
    let client = match family {
        Family::V4 => CtKey::SrcIp(Tuple::Original),
        Family::V6 => CtKey::SrcIp6(Tuple::Original),
    };
    let [address, protocol, port] = original_key(family);
    let [_, endpoint] = addresses(family);
    let (load_key, after) =
        m::key_registers(&[Load::Ct(client), address, protocol, port], Register::FIRST);
    let (load_endpoint, _) = m::key_registers(&[endpoint, Load::DPORT], after);
    Rule::new(chain.to_string())
        .with(m::nfproto(nf(family)))
        .with(load_key)
        .with(load_endpoint)
        .with([Expr::Dynset(Dynset {
            op: DynsetOp::Update,
            set: Map { kind: MapKind::Affinity, family }.name().into(),
            key: Register::FIRST,
            data: Some(after),
            timeout: Some(Duration::from_secs(u64::from(seconds))),
            exprs: Vec::new(),
        })])
}

const fn nf(family: Family) -> NfProto {
    match family {
        Family::V4 => NfProto::Ipv4,
        Family::V6 => NfProto::Ipv6,
    }
}

/// Source and destination.
const fn addresses(family: Family) -> [Load; 2] {
    match family {
        Family::V4 => [Load::IP_SADDR, Load::IP_DADDR],
        Family::V6 => [Load::IP6_SADDR, Load::IP6_DADDR],
    }
}

/// What a frontend is looked up by.
const fn frontend_key(family: Family) -> [Load; 3] {
    let [_, destination] = addresses(family);
    [destination, Load::L4PROTO, Load::DPORT]
}

/// The same of the packet before it was rewritten.
const fn original_key(family: Family) -> [Load; 3] {
    let destination = match family {
        Family::V4 => CtKey::DstIp(Tuple::Original),
        Family::V6 => CtKey::DstIp6(Tuple::Original),
    };
    [Load::Ct(destination), Load::L4PROTO, Load::Ct(CtKey::DstPort(Tuple::Original))]
}
