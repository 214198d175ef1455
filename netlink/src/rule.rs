//! Policy-routing rules.

use ipnetwork::IpNetwork;
use nix::libc;

use crate::name::LinkName;
use crate::wire;

/// A rule that chooses the routing table of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// IPv4 or IPv6.
    pub ipv4: bool,
    /// Lower is asked first; the table `main` is asked at 32766.
    pub priority: u32,
    /// Only packets that came in by this device.
    pub iif: Option<LinkName>,
    /// Only packets from here.
    pub from: Option<IpNetwork>,
    /// Only packets to there.
    pub to: Option<IpNetwork>,
    /// Only packets whose mark has this value under this mask.
    pub mark: Option<(u32, u32)>,
    /// What becomes of a packet that matches.
    pub action: RuleAction,
    /// Who made it (`RTPROT_*`).
    pub protocol: u8,
}

/// What becomes of a packet that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// The table is asked.
    Table(u32),
    /// Any other (`FR_ACT_*` by number).
    Other(u8),
}

impl Rule {
    /// A rule that sends everything of a family to a table, to be narrowed by its fields.
    #[must_use]
    pub fn to_table(ipv4: bool, table: u32, priority: u32) -> Self {
        Self {
            ipv4,
            priority,
            iif: None,
            from: None,
            to: None,
            mark: None,
            action: RuleAction::Table(table),
            protocol: libc::RTPROT_STATIC,
        }
    }
}

/// `struct fib_rule_hdr`
const HEADER: usize = 12;
const FR_ACT_TO_TBL: u8 = 1;
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_PROTOCOL: u16 = 21;

impl Rule {
    pub(crate) fn decode(payload: &[u8]) -> Option<Self> {
        let ipv4 = match i32::from(wire::u8_at(payload, 0)?) {
            libc::AF_INET => true,
            libc::AF_INET6 => false,
            _ => return None,
        };
        let (to_len, from_len) = (wire::u8_at(payload, 1)?, wire::u8_at(payload, 2)?);
        let mut table = u32::from(wire::u8_at(payload, 4)?);
        let action = wire::u8_at(payload, 7)?;
        let mut rule = Self::to_table(ipv4, 0, 0);
        rule.protocol = 0;
        let (mut mark, mut mask) = (None, u32::MAX);
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                FRA_DST => rule.to = IpNetwork::new(attribute.ip()?, to_len).ok(),
                FRA_SRC => rule.from = IpNetwork::new(attribute.ip()?, from_len).ok(),
                FRA_IIFNAME => rule.iif = Some(LinkName::from_kernel(attribute.value, 0)),
                FRA_PRIORITY => rule.priority = attribute.u32()?,
                FRA_FWMARK => mark = attribute.u32(),
                FRA_FWMASK => mask = attribute.u32()?,
                FRA_TABLE => table = attribute.u32()?,
                FRA_PROTOCOL => rule.protocol = attribute.u8()?,
                _ => {}
            }
        }
        rule.mark = mark.map(|mark| (mark, mask));
        rule.action = match action {
            FR_ACT_TO_TBL => RuleAction::Table(table),
            other => RuleAction::Other(other),
        };
        Some(rule)
    }
}
