//! What a packet must be for the rule to go on.

use ipnetwork::IpNetwork;

use crate::nft::expr::{AddressType, CmpOp, CtKey, Expr, Fib, Load, MetaKey, NfProto, Register};
use crate::nft::{Name, Value};

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

/// `fib daddr type !=`, such as `local`
pub fn daddr_type_not(kind: AddressType) -> [Expr; 2] {
    ne(Load::Fib(Fib::DADDR_TYPE), kind.value())
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

/// Loads the fields of a key into registers, as a concatenation has them, from `first` on. Gives
/// the expressions and the first register after the key.
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

pub(super) fn and_xor(mask: u32, xor: u32) -> Expr {
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
