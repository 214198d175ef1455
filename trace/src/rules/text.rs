//! A rule as nft would write it, nearly: what it asks for and what it does, for people to find it by.

use pontoon_netlink::nft::{
    AddressType, CmpOp, CtKey, Expr, FibResult, Header, Load, MetaKey, NatKind, Register, Rule,
    Value, m,
};

/// The rule without its comment.
#[must_use]
pub fn of(rule: &Rule) -> String {
    let mut text = Text { parts: Vec::new(), held: Vec::new() };
    rule.exprs.iter().for_each(|expr| text.expression(expr));
    text.parts.join(" ")
}

/// Something that is in a register.
struct Held {
    at: u8,
    width: usize,
    load: Option<Load>,
    text: String,
}

struct Text {
    parts: Vec<String>,
    held: Vec<Held>,
}

impl Text {
    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Load(load, register) => {
                self.hold(*register, load.width(), Some(*load), name(load))
            }
            Expr::Immediate(register, value) => {
                let width = value.as_bytes().len();
                self.hold(*register, width, None, bytes(value.as_bytes()));
            }
            Expr::Cmp(register, op, value) => {
                let found = self.at(*register);
                let text = found.map_or_else(String::new, |held| held.text.clone());
                let value = value_of(found.and_then(|held| held.load.as_ref()), value);
                self.parts.push(match op {
                    CmpOp::Eq => format!("{text} {value}"),
                    CmpOp::Ne => format!("{text} != {value}"),
                    CmpOp::Lt => format!("{text} < {value}"),
                    CmpOp::Le => format!("{text} <= {value}"),
                    CmpOp::Gt => format!("{text} > {value}"),
                    CmpOp::Ge => format!("{text} >= {value}"),
                });
            }
            Expr::Range { register, inverted, from, to } => {
                let text = self.at(*register).map_or_else(String::new, |held| held.text.clone());
                let not = if *inverted { "!= " } else { "" };
                let [from, to] = [from, to].map(|value| bytes(value.as_bytes()));
                self.parts.push(format!("{text} {not}{from}-{to}"));
            }
            Expr::Bitwise { from, to, mask, .. } => {
                let Some(held) = self.at(*from) else { return };
                let (width, load) = (held.width, held.load);
                let text = format!("{} & {}", held.text, value_of(load.as_ref(), mask));
                self.hold(*to, width, load, text);
            }
            Expr::Lookup { set, key, data, inverted } => {
                let key = self.key(*key);
                match data {
                    None if *inverted => self.parts.push(format!("{key} != @{set}")),
                    None => self.parts.push(format!("{key} @{set}")),
                    Some(Register::VERDICT) => self.parts.push(format!("{key} vmap @{set}")),
                    Some(data) => {
                        self.held.clear();
                        self.hold(*data, 0, None, format!("{key} map @{set}"));
                    }
                }
            }
            Expr::Verdict(verdict) => self.parts.push(verdict.to_string()),
            Expr::Nat(nat) => {
                let verb = match nat.kind {
                    NatKind::Source => "snat to",
                    NatKind::Destination => "dnat to",
                };
                let to = nat.address.or(nat.port).and_then(|register| self.at(register));
                let to = to.map_or_else(String::new, |held| held.text.clone());
                self.parts.push(format!("{verb} {to}"));
            }
            Expr::MetaSet(key, register) => {
                let value = self.at(*register).map_or_else(String::new, |held| held.text.clone());
                self.parts.push(format!("{} set {value}", name(&Load::Meta(*key))));
            }
            Expr::Masquerade { .. } => self.parts.push("masquerade".to_owned()),
            Expr::Reject(_) => self.parts.push("reject".to_owned()),
            Expr::Dynset(dynset) => self.parts.push(format!("update @{}", dynset.set)),
            Expr::Notrack => self.parts.push("notrack".to_owned()),
            Expr::Counter => {}
            other => self.parts.push(other.name().to_owned()),
        }
    }

    fn hold(&mut self, register: Register, width: usize, load: Option<Load>, text: String) {
        let Some(at) = register.index() else { return };
        self.held.retain(|held| held.at < at);
        self.held.push(Held { at, width, load, text });
    }

    fn at(&self, register: Register) -> Option<&Held> {
        self.held.iter().find(|held| Some(held.at) == register.index())
    }

    fn key(&self, from: Register) -> String {
        let from = from.index().unwrap_or(0);
        let fields = self.held.iter().filter(|held| held.at >= from);
        fields.map(|held| held.text.as_str()).collect::<Vec<_>>().join(" . ")
    }
}

/// What is loaded, in nft's words.
fn name(load: &Load) -> String {
    match *load {
        Load::ETHER_SADDR => "ether saddr",
        Load::ETHER_DADDR => "ether daddr",
        Load::IP_SADDR => "ip saddr",
        Load::IP_DADDR => "ip daddr",
        Load::IP6_SADDR => "ip6 saddr",
        Load::IP6_DADDR => "ip6 daddr",
        Load::SPORT => "th sport",
        Load::DPORT => "th dport",
        Load::ICMP_TYPE => "icmp type",
        Load::ICMP_CODE => "icmp code",
        Load::Meta(MetaKey::L4Proto) => "meta l4proto",
        Load::Meta(MetaKey::NfProto) => "meta nfproto",
        Load::Meta(MetaKey::Protocol) => "meta protocol",
        Load::Meta(MetaKey::PacketType) => "meta pkttype",
        Load::Meta(MetaKey::Priority) => "meta priority",
        Load::Meta(MetaKey::Mark) => "meta mark",
        Load::Meta(MetaKey::IifName) => "iifname",
        Load::Meta(MetaKey::OifName) => "oifname",
        Load::Ct(CtKey::Status) => "ct status",
        Load::Ct(CtKey::State) => "ct state",
        Load::Ct(CtKey::SrcIp(_) | CtKey::SrcIp6(_)) => "ct original saddr",
        Load::Ct(CtKey::DstIp(_) | CtKey::DstIp6(_)) => "ct original daddr",
        Load::Ct(CtKey::DstPort(_)) => "ct original proto-dst",
        Load::Fib(fib) if fib.result == FibResult::AddressType => {
            if fib.source {
                "fib saddr type"
            } else {
                "fib daddr type"
            }
        }
        Load::Random { modulus, .. } => return format!("numgen random mod {modulus}"),
        Load::Payload { header: Header::Link, .. } => "ether",
        Load::Payload { header: Header::Network, .. } => "ip",
        Load::Payload { header: Header::Transport, .. } => "th",
        _ => "?",
    }
    .to_owned()
}

/// A value, as what it is compared with is written.
fn value_of(load: Option<&Load>, value: &Value) -> String {
    let bytes_of = value.as_bytes();
    let number = || bytes_of.try_into().map(u32::from_ne_bytes).unwrap_or_default();
    match load {
        Some(Load::Meta(MetaKey::IifName | MetaKey::OifName)) => {
            let text: String =
                bytes_of.iter().take_while(|byte| **byte != 0).map(|b| char::from(*b)).collect();
            // The kernel's 16 bytes end in zeros, a beginning does not.
            let star = if bytes_of.ends_with(&[0]) { "" } else { "*" };
            format!("\"{text}{star}\"")
        }
        Some(Load::Meta(MetaKey::NfProto)) => match bytes_of {
            [2] => "ipv4".to_owned(),
            _ => "ipv6".to_owned(),
        },
        Some(Load::Meta(MetaKey::L4Proto)) => match bytes_of {
            [1] => "icmp".to_owned(),
            [6] => "tcp".to_owned(),
            [17] => "udp".to_owned(),
            [58] => "ipv6-icmp".to_owned(),
            [132] => "sctp".to_owned(),
            other => bytes(other),
        },
        Some(Load::Meta(MetaKey::Protocol)) => match bytes_of {
            [8, 0] => "ip".to_owned(),
            [8, 6] => "arp".to_owned(),
            _ => "ip6".to_owned(),
        },
        Some(Load::Ct(CtKey::Status)) if number() == m::ct_status_bits::DNAT => "dnat".to_owned(),
        Some(Load::Ct(CtKey::Status)) => number().to_string(),
        Some(Load::Fib(_)) => {
            let kinds = [
                (AddressType::Local, "local"),
                (AddressType::Unicast, "unicast"),
                (AddressType::Broadcast, "broadcast"),
                (AddressType::Multicast, "multicast"),
            ];
            let found = kinds.into_iter().find(|(kind, _)| kind.value() == *value);
            found.map_or_else(String::new, |(_, name)| name.to_owned())
        }
        _ => bytes(bytes_of),
    }
}

fn bytes(value: &[u8]) -> String {
    match *value {
        [byte] => byte.to_string(),
        [a, b] => u16::from_be_bytes([a, b]).to_string(),
        [a, b, c, d] => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        _ => match <[u8; 16]>::try_from(value) {
            Ok(octets) => std::net::Ipv6Addr::from(octets).to_string(),
            Err(_) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        },
    }
}
