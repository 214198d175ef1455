//! The rules for this node's DNS.
//!
//! Questions and answers are no connections: what is not tracked cannot race for an entry, fill the
//! table or be translated. Rules with `ct` and chains of type nat do not see it.

use pontoon_netlink::nft::{Load, NfProto, Rule, Value, m, proto};

use super::SetId;
use super::ruleset::{PROTO_ICMP, PROTO_ICMPV6};

const DNS_PORT: u16 = 53;
/// Type and code.
const ICMP_PORT_UNREACHABLE: [u8; 2] = [3, 3];
const ICMPV6_PORT_UNREACHABLE: [u8; 2] = [1, 4];

/// The rules of a family, in the chains `guard` (what comes in), `dns` (what goes out) and `host_ports`.
pub(super) fn rules(family: NfProto) -> Vec<Rule> {
    let (saddr, daddr, own, icmp, unreachable) = match family {
        NfProto::Ipv6 => {
            (Load::IP6_SADDR, Load::IP6_DADDR, SetId::Dns6, PROTO_ICMPV6, ICMPV6_PORT_UNREACHABLE)
        }
        _ => (Load::IP_SADDR, Load::IP_DADDR, SetId::Dns4, PROTO_ICMP, ICMP_PORT_UNREACHABLE),
    };
    let question = |chain: &'static str, proto| {
        Rule::new(chain)
            .with(m::nfproto(family))
            .with(m::l4proto(proto))
            .with(m::dport(DNS_PORT))
            .with(m::in_set(&[daddr], own.name()))
            .with([m::notrack()])
    };
    let answer = |proto| {
        Rule::new("dns")
            .with(m::nfproto(family))
            .with(m::l4proto(proto))
            .with(m::sport(DNS_PORT))
            .with(m::in_set(&[saddr], own.name()))
            .with([m::notrack()])
    };
    let refusal = Rule::new("dns")
        .with(m::nfproto(family))
        .with(m::l4proto(icmp))
        .with(m::eq(Load::ICMP_TYPE, Value::from_bytes(&unreachable[..1])))
        .with(m::eq(Load::ICMP_CODE, Value::from_bytes(&unreachable[1..])))
        .with(m::in_set(&[saddr], own.name()))
        .with([m::drop()])
        .with_comment("while the daemon restarts, who asks is to ask again and not to give up");
    let host_port = Rule::new("host_ports")
        .with(m::nfproto(family))
        .with(m::in_set(&[daddr], own.name()))
        .with([m::ret()])
        .with_comment("no address of the host to anybody else");
    let protocols = [proto::UDP, proto::TCP];
    let questions = ["guard", "dns"].iter().flat_map(|chain| protocols.map(|p| question(chain, p)));
    questions.chain(protocols.map(answer)).chain([refusal, host_port]).collect()
}
