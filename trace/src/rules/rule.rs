//! One rule: its expressions, and the registers between them.

use std::net::IpAddr;

use pontoon_netlink::nft::{
    CmpOp, Element, ElementData, Expr, Load, MetaKey, NatKind, Register, Reject, Rule, Verdict,
};

use super::table::Ruleset;
use crate::packet::Packet;

/// What a rule does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is not one that the rule is for.
    None,
    /// It decides.
    Verdict(Verdict),
    /// It drops the packet and tells its sender.
    Reject(Reject),
    /// It has rewritten an end of the packet.
    Rewritten(NatKind),
    /// The source is to be that of the device that it leaves by.
    Masquerade,
    /// It does something and lets the packet go on.
    Done,
}

/// A rule that was run.
pub(super) struct Ran {
    pub(super) effect: Effect,
    /// Elements that were found on the way.
    pub(super) found: Vec<Element>,
    /// Of how many slots one was drawn, where one was.
    pub(super) slots: Option<u32>,
}

/// The sixteen registers.
struct Registers([u8; 64]);

impl Registers {
    fn write(&mut self, register: Register, value: &[u8]) -> Option<()> {
        let from = usize::from(register.index()?) * 4;
        // What a register had before does not shine through.
        self.0.get_mut(from..from + value.len().next_multiple_of(4))?.fill(0);
        self.0.get_mut(from..from + value.len())?.copy_from_slice(value);
        Some(())
    }

    fn read(&self, register: Register, length: usize) -> Option<&[u8]> {
        let from = usize::from(register.index()?) * 4;
        self.0.get(from..from + length)
    }
}

/// Runs a rule. `slot` is what is drawn where something is drawn, as far as there are as many.
pub(super) fn run(
    rule: &Rule,
    table: &Ruleset,
    packet: &mut Packet,
    is_local: &dyn Fn(IpAddr) -> bool,
    slot: u32,
) -> Ran {
    let mut run = Run {
        table,
        packet,
        is_local,
        slot,
        registers: Registers([0; 64]),
        did: false,
        ran: Ran { effect: Effect::None, found: Vec::new(), slots: None },
    };
    for expr in &rule.exprs {
        match run.expression(expr) {
            Some(Effect::None) => {}
            Some(effect) => {
                run.ran.effect = effect;
                return run.ran;
            }
            None => return run.ran,
        }
    }
    if run.did {
        run.ran.effect = Effect::Done;
    }
    run.ran
}

struct Run<'a> {
    table: &'a Ruleset,
    packet: &'a mut Packet,
    is_local: &'a dyn Fn(IpAddr) -> bool,
    slot: u32,
    registers: Registers,
    did: bool,
    ran: Ran,
}

impl Run<'_> {
    /// What an expression comes to; `None` ends the rule without effect, [`Effect::None`] goes on.
    fn expression(&mut self, expr: &Expr) -> Option<Effect> {
        match expr {
            Expr::Load(load, register) => {
                let value = self.load(load)?;
                self.registers.write(*register, &value)?;
            }
            Expr::Immediate(register, value) => {
                self.registers.write(*register, value.as_bytes())?;
            }
            Expr::Cmp(register, op, value) => {
                let value = value.as_bytes();
                let held = self.registers.read(*register, value.len())?;
                compare(*op, held, value).then_some(())?;
            }
            Expr::Range { register, inverted, from, to } => {
                let held = self.registers.read(*register, from.as_bytes().len())?;
                let inside = from.as_bytes() <= held && held <= to.as_bytes();
                (inside != *inverted).then_some(())?;
            }
            Expr::Bitwise { from, to, mask, xor } => {
                let mut value = self.registers.read(*from, mask.as_bytes().len())?.to_vec();
                for (byte, (mask, xor)) in
                    value.iter_mut().zip(mask.as_bytes().iter().zip(xor.as_bytes()))
                {
                    *byte = (*byte & mask) ^ xor;
                }
                self.registers.write(*to, &value)?;
            }
            Expr::Lookup { set, key, data, inverted } => {
                return self.lookup(set, *key, *data, *inverted);
            }
            Expr::Verdict(verdict) => return Some(Effect::Verdict(verdict.clone())),
            Expr::Nat(nat) => {
                let length = if self.packet.source.is_ipv4() { 4 } else { 16 };
                let address = match nat.address {
                    Some(register) => Some(address(self.registers.read(register, length)?)?),
                    None => None,
                };
                let port = match nat.port {
                    Some(register) => {
                        let bytes = self.registers.read(register, 2)?.try_into().ok()?;
                        Some(u16::from_be_bytes(bytes))
                    }
                    None => None,
                };
                self.rewrite(nat.kind, address, port);
                return Some(Effect::Rewritten(nat.kind));
            }
            Expr::Masquerade { .. } => return Some(Effect::Masquerade),
            Expr::Reject(how) => return Some(Effect::Reject(*how)),
            Expr::Notrack => {
                self.packet.untracked = true;
                self.did = true;
            }
            Expr::Dynset(_) | Expr::CtSet(..) => self.did = true,
            Expr::MetaSet(MetaKey::Priority, register) => {
                self.packet.priority = self.registers.read(*register, 4)?.try_into().ok()?;
            }
            Expr::MetaSet(..) => self.did = true,
            Expr::Counter | Expr::Limit(_) | Expr::Log(_) => {}
            // None of our rules has them.
            Expr::Byteorder { .. } | Expr::Jhash { .. } | Expr::Redirect { .. } => return None,
        }
        Some(Effect::None)
    }

    fn load(&mut self, load: &Load) -> Option<Vec<u8>> {
        match load {
            Load::Random { modulus, offset } | Load::Increment { modulus, offset } => {
                self.ran.slots = Some(*modulus);
                let drawn = self.slot.min(modulus.saturating_sub(1)).wrapping_add(*offset);
                Some(drawn.to_ne_bytes().to_vec())
            }
            load => self.packet.load(load, self.is_local),
        }
    }

    fn lookup(
        &mut self,
        set: &str,
        key: Register,
        data: Option<Register>,
        inverted: bool,
    ) -> Option<Effect> {
        let length = self.table.key_length(set)?;
        let key = self.registers.read(key, length)?;
        let found = self.table.find(set, key).cloned();
        let Some(element) = found else { return inverted.then_some(Effect::None) };
        if inverted {
            return None;
        }
        let effect = match (&element.data, data) {
            (Some(ElementData::Verdict(verdict)), Some(_)) => Effect::Verdict(verdict.clone()),
            (Some(ElementData::Value(value)), Some(register)) => {
                self.registers.write(register, value.as_bytes())?;
                Effect::None
            }
            _ => Effect::None,
        };
        self.ran.found.push(element);
        Some(effect)
    }

    fn rewrite(&mut self, kind: NatKind, address: Option<IpAddr>, port: Option<u16>) {
        let packet = &mut *self.packet;
        match kind {
            NatKind::Destination => {
                packet.destination = address.unwrap_or(packet.destination);
                packet.ports.1 = port.unwrap_or(packet.ports.1);
                packet.dnat = true;
            }
            NatKind::Source => {
                packet.source = address.unwrap_or(packet.source);
                packet.ports.0 = port.unwrap_or(packet.ports.0);
                packet.snat = true;
            }
        }
    }
}

fn compare(op: CmpOp, held: &[u8], value: &[u8]) -> bool {
    match op {
        CmpOp::Eq => held == value,
        CmpOp::Ne => held != value,
        CmpOp::Lt => held < value,
        CmpOp::Le => held <= value,
        CmpOp::Gt => held > value,
        CmpOp::Ge => held >= value,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
