//! What is done with a packet.

use std::time::Duration;

use super::matches::{and_xor, key_registers, map_to};
use crate::nft::expr::{
    CtKey, Dynset, DynsetOp, Expr, Limit, LimitUnit, Load, MetaKey, Nat, NatKind, NfProto,
    PortRange, Register, Reject,
};
use crate::nft::{Name, Value, Verdict};

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

/// `notrack`: no connection is made of the packet. In chains before connection tracking.
pub const fn notrack() -> Expr {
    Expr::Notrack
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

fn mark_change(mask: u32, xor: u32) -> [Expr; 3] {
    [
        Expr::Load(Load::Meta(MetaKey::Mark), Register::FIRST),
        and_xor(mask, xor),
        Expr::MetaSet(MetaKey::Mark, Register::FIRST),
    ]
}

const fn address_length(family: NfProto) -> usize {
    match family {
        NfProto::Ipv4 => 4,
        NfProto::Ipv6 => 16,
    }
}
