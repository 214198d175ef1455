//! The usual sequences of expressions, ready-made: matches and statements under the names that nft has for them.
//! Each gives the expressions for [`Rule::with`].
//!
//! In tables that carry both IPv4 and IPv6 a rule must ask for the protocol before it reads a header of it:
//! [`m::nfproto`] in family `inet`, [`m::ethertype`] in family `bridge`. Ports need a [`m::l4proto`] before them, or to be
//! part of a key with one.
//!
//! [`Rule::with`]: crate::nft::Rule::with
//!
//! All of them work in the registers from [`Register::FIRST`] on, and none leaves a value behind for a later one, but for
//! [`map_to`] and [`key_registers`], which say where.

use std::time::Duration;

use ipnetwork::IpNetwork;

use crate::nft::expr::{
    AddressType, CmpOp, CtKey, Dynset, DynsetOp, Expr, Fib, Limit, LimitUnit, Load, MetaKey, Nat,
    NatKind, NfProto, PortRange, Register, Reject,
};
use crate::nft::{Name, Value, Verdict};

/// Bits of `ct state`.
pub mod ct_state_bits {
    /// Part of no connection, and able to start none.
    pub const INVALID: u32 = 1;
    /// Seen in both directions.
    pub const ESTABLISHED: u32 = 1 << 1;
    /// Started by another connection.
    pub const RELATED: u32 = 1 << 2;
    /// The first packet.
    pub const NEW: u32 = 1 << 3;
    /// Kept out of connection tracking.
    pub const UNTRACKED: u32 = 1 << 6;
}

/// Bits of `ct status` (`IPS_*`).
pub mod ct_status_bits {
    /// The source was rewritten.
    pub const SNAT: u32 = 1 << 4;
    /// The destination was rewritten.
    pub const DNAT: u32 = 1 << 5;
}

/// `iifname "name"`
pub fn iifname(name: &str) -> [Expr; 2] {
    eq(Load::IIFNAME, Value::new().ifname(name))
}

/// `oifname "name"`
pub fn oifname(name: &str) -> [Expr; 2] {
    eq(Load::OIFNAME, Value::new().ifname(name))
}

/// `iifname != "name"`
pub fn iifname_not(name: &str) -> [Expr; 2] {
    ne(Load::IIFNAME, Value::new().ifname(name))
}

/// `oifname != "name"`
pub fn oifname_not(name: &str) -> [Expr; 2] {
    ne(Load::OIFNAME, Value::new().ifname(name))
}

/// `iifname "start*"`
pub fn iifname_starts(start: &str) -> [Expr; 2] {
    eq(Load::IIFNAME, Value::from_bytes(start.as_bytes()))
}

/// `oifname "start*"`
pub fn oifname_starts(start: &str) -> [Expr; 2] {
    eq(Load::OIFNAME, Value::from_bytes(start.as_bytes()))
}

/// `meta nfproto ipv4` or `ipv6`
pub fn nfproto(family: NfProto) -> [Expr; 2] {
    eq(Load::Meta(MetaKey::NfProto), Value::new().proto(family.number()))
}

/// `meta protocol`: an EtherType, such as 0x0806 for ARP.
pub fn ethertype(ethertype: u16) -> [Expr; 2] {
    eq(Load::Meta(MetaKey::Protocol), Value::new().port(ethertype))
}

/// `meta l4proto`; see [`proto`](crate::nft::proto).
pub fn l4proto(number: u8) -> [Expr; 2] {
    eq(Load::L4PROTO, Value::new().proto(number))
}

/// `th dport`
pub fn dport(port: u16) -> [Expr; 2] {
    eq(Load::DPORT, Value::new().port(port))
}

/// `th sport`
pub fn sport(port: u16) -> [Expr; 2] {
    eq(Load::SPORT, Value::new().port(port))
}

/// `ip saddr network` or `ip6 saddr network`
pub fn saddr(network: IpNetwork) -> Vec<Expr> {
    in_network(source(network), network, CmpOp::Eq)
}

/// `ip saddr != network` or `ip6 saddr != network`
pub fn saddr_not(network: IpNetwork) -> Vec<Expr> {
    in_network(source(network), network, CmpOp::Ne)
}

/// `ip daddr network` or `ip6 daddr network`
pub fn daddr(network: IpNetwork) -> Vec<Expr> {
    in_network(destination(network), network, CmpOp::Eq)
}

/// `ip daddr != network` or `ip6 daddr != network`
pub fn daddr_not(network: IpNetwork) -> Vec<Expr> {
    in_network(destination(network), network, CmpOp::Ne)
}

/// `fib daddr type`, such as `local`
pub fn daddr_type(kind: AddressType) -> [Expr; 2] {
    eq(Load::Fib(Fib::DADDR_TYPE), kind.value())
}

/// `fib saddr type`, such as `local`
pub fn saddr_type(kind: AddressType) -> [Expr; 2] {
    eq(Load::Fib(Fib::SADDR_TYPE), kind.value())
}

/// `ct state`, any of the bits of [`ct_state_bits`]
pub fn ct_state(bits: u32) -> [Expr; 3] {
    any_bit(Load::Ct(CtKey::State), bits)
}

/// `ct status`, any of the bits of [`ct_status_bits`]
pub fn ct_status(bits: u32) -> [Expr; 3] {
    any_bit(Load::Ct(CtKey::Status), bits)
}

/// `meta mark`, as a whole
pub fn mark(mark: u32) -> [Expr; 2] {
    eq(Load::Meta(MetaKey::Mark), Value::new().number(mark))
}

/// `meta mark & bits != 0`
pub fn mark_bits(bits: u32) -> [Expr; 3] {
    any_bit(Load::Meta(MetaKey::Mark), bits)
}

/// `meta mark set meta mark | bits`
pub fn mark_set_bits(bits: u32) -> [Expr; 3] {
    mark_change(!bits, bits)
}

/// `meta mark set meta mark & ~bits`
pub fn mark_clear_bits(bits: u32) -> [Expr; 3] {
    mark_change(!bits, 0)
}

/// `meta mark set value`
pub fn mark_set(mark: u32) -> [Expr; 2] {
    [
        Expr::Immediate(Register::FIRST, Value::new().number(mark)),
        Expr::MetaSet(MetaKey::Mark, Register::FIRST),
    ]
}

/// `ct mark set value`
pub fn ct_mark_set(mark: u32) -> [Expr; 2] {
    [
        Expr::Immediate(Register::FIRST, Value::new().number(mark)),
        Expr::CtSet(CtKey::Mark, Register::FIRST),
    ]
}

/// Equality of anything readable: `load == value`.
pub fn eq(load: Load, value: Value) -> [Expr; 2] {
    compare(load, CmpOp::Eq, value)
}

/// `load != value`
pub fn ne(load: Load, value: Value) -> [Expr; 2] {
    compare(load, CmpOp::Ne, value)
}

/// `load op value`
pub fn compare(load: Load, op: CmpOp, value: Value) -> [Expr; 2] {
    [Expr::Load(load, Register::FIRST), Expr::Cmp(Register::FIRST, op, value)]
}

/// `load from-to`, both included
pub fn between(load: Load, from: Value, to: Value) -> [Expr; 2] {
    [
        Expr::Load(load, Register::FIRST),
        Expr::Range { register: Register::FIRST, inverted: false, from, to },
    ]
}

/// `a . b . c @set`: the key is in the set.
pub fn in_set(key: &[Load], set: impl Into<Name>) -> Vec<Expr> {
    lookup(key, set.into(), None, false)
}

/// `a . b . c != @set`: the key is not in the set.
pub fn not_in_set(key: &[Load], set: impl Into<Name>) -> Vec<Expr> {
    lookup(key, set.into(), None, true)
}

/// `a . b . c vmap @map`: the verdict that the map has for the key, or on to the next rule.
pub fn verdict_map(key: &[Load], map: impl Into<Name>) -> Vec<Expr> {
    lookup(key, map.into(), Some(Register::VERDICT), false)
}

/// `a . b . c map @map`: puts what the map has for the key into `data`, or ends the rule.
pub fn map_to(key: &[Load], map: impl Into<Name>, data: Register) -> Vec<Expr> {
    lookup(key, map.into(), Some(data), false)
}

/// `dnat ip to a . b . c map @map`, where the map's data is an address and a port.
pub fn dnat_map(family: NfProto, key: &[Load], map: impl Into<Name>) -> Vec<Expr> {
    let mut exprs = map_to(key, map, Register::FIRST);
    exprs.push(dnat_registers(family, Register::FIRST));
    exprs
}

/// `dnat ip to` the address in a register and the port that follows it.
pub fn dnat_registers(family: NfProto, address: Register) -> Expr {
    Expr::Nat(Nat {
        kind: NatKind::Destination,
        family,
        address: Some(address),
        port: Some(address.after(address_length(family))),
        flags: 0,
    })
}

/// `dnat ip to address:port`
pub fn dnat(address: std::net::IpAddr, port: Option<u16>) -> Vec<Expr> {
    nat_to(NatKind::Destination, address, port)
}

/// `snat ip to address`
pub fn snat(address: std::net::IpAddr) -> Vec<Expr> {
    nat_to(NatKind::Source, address, None)
}

/// `masquerade fully-random`, or with other [`nat_flags`](crate::nft::nat_flags)
pub fn masquerade(flags: u32) -> Expr {
    Expr::Masquerade { flags, ports: None }
}

/// `redirect to :port`
pub fn redirect(port: u16) -> [Expr; 2] {
    [
        Expr::Immediate(Register::FIRST, Value::new().port(port)),
        Expr::Redirect { flags: 0, ports: Some(PortRange { min: Register::FIRST, max: None }) },
    ]
}

/// `reject with icmpx port-unreachable`: what a closed UDP port answers.
pub const fn reject_port() -> Expr {
    Expr::Reject(Reject::PortUnreachable)
}

/// `reject with tcp reset`: what a closed TCP port answers.
pub const fn reject_tcp() -> Expr {
    Expr::Reject(Reject::TcpReset)
}

/// `accept`
pub const fn accept() -> Expr {
    Expr::Verdict(Verdict::Accept)
}

/// `drop`
pub const fn drop() -> Expr {
    Expr::Verdict(Verdict::Drop)
}

/// `return`
pub const fn ret() -> Expr {
    Expr::Verdict(Verdict::Return)
}

/// `jump chain`
pub fn jump(chain: impl Into<Name>) -> Expr {
    Expr::Verdict(Verdict::Jump(chain.into()))
}

/// `goto chain`
pub fn goto(chain: impl Into<Name>) -> Expr {
    Expr::Verdict(Verdict::Goto(chain.into()))
}

/// `counter`
pub const fn counter() -> Expr {
    Expr::Counter
}

/// `limit rate N/second burst N packets`
pub const fn limit(rate: u64, per: LimitUnit, burst: u32) -> Expr {
    Expr::Limit(Limit { rate, per, burst, bytes: false, over: false })
}

/// `update @set { a . b . c timeout T }`
pub fn update_set(key: &[Load], set: impl Into<Name>, timeout: Option<Duration>) -> Vec<Expr> {
    let (mut exprs, _) = key_registers(key, Register::FIRST);
    exprs.push(Expr::Dynset(Dynset {
        op: DynsetOp::Update,
        set: set.into(),
        key: Register::FIRST,
        data: None,
        timeout,
        exprs: Vec::new(),
    }));
    exprs
}

/// Loads the fields of a key into registers, as a concatenation has them, from `first` on. Gives the expressions and
/// the first register after the key.
pub fn key_registers(key: &[Load], first: Register) -> (Vec<Expr>, Register) {
    let mut next = first;
    let mut exprs = Vec::with_capacity(key.len() + 2);
    for load in key {
        exprs.push(Expr::Load(*load, next));
        next = next.after(load.width());
    }
    (exprs, next)
}

fn lookup(key: &[Load], set: Name, data: Option<Register>, inverted: bool) -> Vec<Expr> {
    let (mut exprs, _) = key_registers(key, Register::FIRST);
    exprs.push(Expr::Lookup { set, key: Register::FIRST, data, inverted });
    exprs
}

fn nat_to(kind: NatKind, address: std::net::IpAddr, port: Option<u16>) -> Vec<Expr> {
    let family = if address.is_ipv4() { NfProto::Ipv4 } else { NfProto::Ipv6 };
    let port_register = Register::FIRST.after(address_length(family));
    let mut exprs = vec![Expr::Immediate(Register::FIRST, Value::new().ip(address))];
    exprs.extend(port.map(|port| Expr::Immediate(port_register, Value::new().port(port))));
    exprs.push(Expr::Nat(Nat {
        kind,
        family,
        address: Some(Register::FIRST),
        port: port.map(|_| port_register),
        flags: 0,
    }));
    exprs
}

fn in_network(load: Load, network: IpNetwork, op: CmpOp) -> Vec<Expr> {
    let mask = Value::new().ip(network.mask());
    let mut exprs = vec![Expr::Load(load, Register::FIRST)];
    let is_one_address = mask.as_bytes().iter().all(|byte| *byte == u8::MAX);
    if !is_one_address {
        exprs.push(Expr::Bitwise {
            from: Register::FIRST,
            to: Register::FIRST,
            mask,
            xor: zero(mask.as_bytes().len()),
        });
    }
    exprs.push(Expr::Cmp(Register::FIRST, op, Value::new().ip(network.network())));
    exprs
}

fn any_bit(load: Load, bits: u32) -> [Expr; 3] {
    [
        Expr::Load(load, Register::FIRST),
        and_xor(bits, 0),
        Expr::Cmp(Register::FIRST, CmpOp::Ne, Value::new().number(0)),
    ]
}

fn mark_change(mask: u32, xor: u32) -> [Expr; 3] {
    [
        Expr::Load(Load::Meta(MetaKey::Mark), Register::FIRST),
        and_xor(mask, xor),
        Expr::MetaSet(MetaKey::Mark, Register::FIRST),
    ]
}

fn and_xor(mask: u32, xor: u32) -> Expr {
    Expr::Bitwise {
        from: Register::FIRST,
        to: Register::FIRST,
        mask: Value::new().number(mask),
        xor: Value::new().number(xor),
    }
}

fn zero(length: usize) -> Value {
    Value::from_bytes([0; 16].get(..length).unwrap_or_default())
}

fn source(network: IpNetwork) -> Load {
    if network.is_ipv4() { Load::IP_SADDR } else { Load::IP6_SADDR }
}

fn destination(network: IpNetwork) -> Load {
    if network.is_ipv4() { Load::IP_DADDR } else { Load::IP6_DADDR }
}

const fn address_length(family: NfProto) -> usize {
    match family {
        NfProto::Ipv4 => 4,
        NfProto::Ipv6 => 16,
    }
}
