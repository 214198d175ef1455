//! Entries as the kernel's elements, and back.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;
use pontoon_model::service::Protocol;
use pontoon_netlink::nft::{Element, ElementData, ElementKey, Value, Verdict};

use super::{Chain, Entry, Map, MapKind, Way, address};
use crate::frontend::Frontend;
use crate::layout::{BY_SIDE, BY_SOURCE, REJECT};

/// nft's limit on comments, bytes.
const COMMENT: usize = 127;

impl Entry {
    /// As the kernel has it.
    #[must_use]
    pub fn element(&self) -> Element {
        match self {
            Self::Way(_, at, way, label) => {
                Element::new(at.key()).to_verdict(verdict(*way)).with_comment(cut(label).to_owned())
            }
            Self::Endpoints(_, at, set) => {
                Element::new(at.key()).to_value(Value::new().number(*set))
            }
            Self::Slot(set, slot, endpoint) => Element::new(slot_key(*set, *slot))
                .to_value(Value::new().ip(endpoint.ip()).port(endpoint.port())),
            Self::Sticky(at, seconds) => Element::new(at.key())
                .to_verdict(Verdict::Goto(Cow::Owned(Chain::Remember(*seconds).to_string()))),
            Self::Source(at, range) => {
                let (first, last) = bounds(*range);
                Element::range(at.key().ip(first), at.key().ip(last))
            }
            Self::Range(_, range) => Element::network(*range),
        }
    }

    /// Reads an element of a map; `None` if it is none that we write.
    #[must_use]
    pub fn read(map: Map, element: &Element) -> Option<Self> {
        let entry = Self::decode(map, element)?;
        // Whatever else is in it would be lost on us.
        (entry.map() == map && entry.element() == *element).then_some(entry)
    }

    fn decode(map: Map, element: &Element) -> Option<Self> {
        let key = match &element.key {
            ElementKey::Single(key) | ElementKey::Range(key, _) => key.as_bytes(),
            ElementKey::CatchAll => return None,
        };
        let verdict = || match &element.data {
            Some(ElementData::Verdict(verdict)) => Some(verdict),
            _ => None,
        };
        let value = || match &element.data {
            Some(ElementData::Value(value)) => Some(value.as_bytes()),
            _ => None,
        };
        match map.kind {
            MapKind::Way(stage) => {
                let label = Arc::from(element.comment.as_deref().unwrap_or_default());
                Some(Self::Way(stage, frontend(map.family, key)?, way(verdict()?)?, label))
            }
            MapKind::Endpoints(scope) => {
                Some(Self::Endpoints(scope, frontend(map.family, key)?, number(value()?)?))
            }
            MapKind::Slots => {
                let (set, slot) = key.split_at_checked(4)?;
                Some(Self::Slot(number(set)?, number(slot)?, endpoint(map.family, value()?)?))
            }
            MapKind::Sticky => match verdict()? {
                Verdict::Goto(chain) => match chain.parse().ok()? {
                    Chain::Remember(seconds) => {
                        Some(Self::Sticky(frontend(map.family, key)?, seconds))
                    }
                    Chain::Balance(_) => None,
                },
                _ => None,
            },
            MapKind::Sources => {
                let ElementKey::Range(first, last) = &element.key else { return None };
                let at = first.as_bytes().len().checked_sub(width(map.family))?;
                let ends = (first.as_bytes().get(at..)?, last.as_bytes().get(at..)?);
                Some(Self::Source(frontend(map.family, key.get(..at)?)?, range(ends.0, ends.1)?))
            }
            MapKind::Ranges(set) => {
                let ElementKey::Range(first, last) = &element.key else { return None };
                Some(Self::Range(set, range(first.as_bytes(), last.as_bytes())?))
            }
            MapKind::Affinity => None,
        }
    }
}

/// The client, frontend and endpoint of an element of an affinity map.
pub(crate) fn read_affinity(family: Family, element: &Element) -> Option<(Frontend, SocketAddr)> {
    let ElementKey::Single(key) = &element.key else { return None };
    let Some(ElementData::Value(value)) = &element.data else { return None };
    let at = frontend(family, key.as_bytes().get(width(family)..)?)?;
    Some((at, endpoint(family, value.as_bytes())?))
}

/// The key of a slot.
pub(crate) fn slot_key(set: u32, slot: u32) -> Value {
    Value::new().number(set).number(slot)
}

fn verdict(way: Way) -> Verdict {
    match way {
        Way::Balance(balance) => Verdict::Goto(Cow::Owned(Chain::Balance(balance).to_string())),
        Way::Reject => Verdict::goto(REJECT),
        Way::Drop => Verdict::Drop,
        Way::BySide => Verdict::goto(BY_SIDE),
        Way::BySource => Verdict::goto(BY_SOURCE),
    }
}

fn way(verdict: &Verdict) -> Option<Way> {
    match verdict {
        Verdict::Drop => Some(Way::Drop),
        Verdict::Goto(chain) => match chain.as_ref() {
            REJECT => Some(Way::Reject),
            BY_SIDE => Some(Way::BySide),
            BY_SOURCE => Some(Way::BySource),
            other => match other.parse().ok()? {
                Chain::Balance(balance) => Some(Way::Balance(balance)),
                Chain::Remember(_) => None,
            },
        },
        _ => None,
    }
}

/// Names are ASCII, so that a cut is never inside a character.
fn cut(label: &str) -> &str {
    label.get(..COMMENT).unwrap_or(label)
}

const fn width(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

fn port(bytes: &[u8]) -> Option<u16> {
    bytes.get(..2)?.try_into().ok().map(u16::from_be_bytes)
}

fn frontend(family: Family, key: &[u8]) -> Option<Frontend> {
    let (ip, rest) = key.split_at_checked(width(family))?;
    let protocol = Protocol::of_number(*rest.first()?)?;
    Some(Frontend { address: address(ip)?, protocol, port: port(rest.get(4..)?)? })
}

fn endpoint(family: Family, value: &[u8]) -> Option<SocketAddr> {
    let (ip, rest) = value.split_at_checked(width(family))?;
    Some(SocketAddr::new(address(ip)?, port(rest)?))
}

fn bounds(range: IpNetwork) -> (IpAddr, IpAddr) {
    match range {
        IpNetwork::V4(range) => (range.network().into(), range.broadcast().into()),
        IpNetwork::V6(range) => (range.network().into(), range.broadcast().into()),
    }
}

/// The network from the first to the last address, if they bound one.
fn range(first: &[u8], last: &[u8]) -> Option<IpNetwork> {
    let (first, last) = (address(first)?, address(last)?);
    let bits = |ip| pontoon_model::cidr::to_bits(ip);
    let prefix = (bits(first) ^ bits(last)).leading_zeros();
    let spare = if first.is_ipv4() { 96 } else { 0 };
    let network = IpNetwork::new(first, u8::try_from(prefix.checked_sub(spare)?).ok()?).ok()?;
    (bounds(network) == (first, last)).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Balance, RangeSet, Scope, Stage};
    use proptest::prelude::*;

    fn frontends() -> impl Strategy<Value = Frontend> {
        let address = prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from)
        ];
        let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::Sctp)];
        (address, protocol, any::<u16>()).prop_map(|(address, protocol, port)| Frontend {
            address,
            protocol,
            port,
        })
    }

    fn entries() -> impl Strategy<Value = Entry> {
        let scope = prop_oneof![Just(Scope::Usual), Just(Scope::Outside)];
        let balance = (scope.clone(), any::<bool>(), 1u32..2000)
            .prop_map(|(scope, sticky, slots)| Way::Balance(Balance { scope, sticky, slots }));
        let way = prop_oneof![
            balance,
            Just(Way::Reject),
            Just(Way::Drop),
            Just(Way::BySide),
            Just(Way::BySource)
        ];
        let stage = prop_oneof![Just(Stage::First), Just(Stage::Inside), Just(Stage::Outside)];
        let network = || {
            (frontends(), 1u8..=32).prop_map(|(at, prefix)| {
                let found = IpNetwork::new(at.address, prefix).unwrap();
                IpNetwork::new(found.network(), prefix).unwrap()
            })
        };
        prop_oneof![
            (stage, frontends(), way, "[a-z/:]{0,160}")
                .prop_map(|(stage, at, way, label)| Entry::Way(stage, at, way, cut(&label).into())),
            (scope, frontends(), any::<u32>()).prop_map(|(s, at, id)| Entry::Endpoints(s, at, id)),
            (any::<u32>(), any::<u32>(), frontends()).prop_map(|(set, slot, at)| Entry::Slot(
                set,
                slot,
                at.socket()
            )),
            (frontends(), 1u32..86_400).prop_map(|(at, seconds)| Entry::Sticky(at, seconds)),
            (frontends(), network()).prop_filter_map("one family", |(at, range)| {
                (at.address.is_ipv4() == range.is_ipv4()).then_some(Entry::Source(at, range))
            }),
            network().prop_map(|range| Entry::Range(RangeSet::Away, range)),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_reads_back(entry in entries()) {
            prop_assert_eq!(Entry::read(entry.map(), &entry.element()), Some(entry));
        }
    }
}
