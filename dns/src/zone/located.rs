//! `SRV` records, encoded, and what will be asked for behind them.

use std::net::IpAddr;

use super::entry::{below, fits};
use super::names::{PortNames, ServiceNames, Targets};
use super::packed;
use super::record::{self, BEYOND_POINTERS, FIXED, TO_QUESTION};
use crate::wire::code::rtype;
use crate::wire::question::HEADER;

/// More does not go into any message, whatever else is in it.
const MOST: usize = 65_000;

/// `SRV` records and the addresses that will be asked for next. As bytes: the length of the former, how
/// many records the latter are, [`Located::cut`], all records.
#[derive(Debug, Clone, Copy)]
pub struct Located<'a> {
    bytes: &'a [u8],
    /// Where the addresses begin.
    split: usize,
    /// How many records the addresses are.
    pub additional: u16,
    /// There is more than any message holds.
    pub cut: bool,
}

impl<'a> Located<'a> {
    pub(super) fn of(block: &'a [u8]) -> Option<Self> {
        let (split, rest) = packed::number(block);
        let (&[first, second, cut], bytes) = rest.split_first_chunk()?;
        let additional = u16::from_ne_bytes([first, second]);
        Some(Self { bytes, split, additional, cut: cut != 0 })
    }

    /// The `SRV` records.
    #[must_use]
    pub fn answers(self) -> &'a [u8] {
        &self.bytes[..self.split]
    }

    /// The addresses, for behind all of the `SRV` records and at that place only.
    #[must_use]
    pub fn addresses(self) -> &'a [u8] {
        &self.bytes[self.split..]
    }
}

/// `SRV` records for ports, [`Located`], behind a question whose name has that length; `None` where
/// there is no target.
pub(super) fn locate(
    question: usize,
    bare: &[u8],
    names: &ServiceNames,
    ports: &[&PortNames],
    ttl: u32,
) -> Option<Vec<u8>> {
    // A target is the label of endpoints, or the service itself.
    let mut targets: Vec<(Option<&str>, u16)> = Vec::new();
    for port in ports {
        match &port.targets {
            Targets::Service(number) => targets.push((None, *number)),
            Targets::Endpoints(list) => {
                let list = list.iter().filter(|(label, _)| fits(label, bare));
                targets.extend(list.map(|(label, number)| (Some(label.as_str()), *number)));
            }
        }
    }
    targets.sort_unstable();
    targets.dedup();
    let weight = (100 / targets.len().max(1)).max(1) as u16;
    let base = HEADER + question + 4;
    let mut bytes = Vec::new();
    let mut placed: Vec<(Option<&str>, usize)> = Vec::new();
    let mut cut = false;
    for &(label, port) in &targets {
        let name = label.map_or_else(|| bare.to_vec(), |label| below(label.as_bytes(), bare));
        if bytes.len() + FIXED + 6 + name.len() > MOST {
            cut = true;
            break;
        }
        record::push_fixed(&mut bytes, TO_QUESTION, rtype::SRV, ttl, 6 + name.len() as u16);
        for number in [0, weight, port] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        if placed.last().is_none_or(|(last, _)| *last != label) {
            placed.push((label, bytes.len()));
        }
        bytes.extend_from_slice(&name);
    }
    if bytes.is_empty() {
        return None;
    }
    let split = bytes.len();
    let mut additional = 0_u16;
    for (label, at) in placed {
        let own: &[(String, IpAddr)] = match label {
            None => &[],
            Some(label) => {
                let first = names.endpoints.partition_point(|(own, _)| own.as_str() < label);
                let rest = &names.endpoints[first..];
                &rest[..rest.partition_point(|(own, _)| own == label)]
            }
        };
        let bare_addresses = if label.is_none() { &*names.addresses } else { &[] };
        let addresses =
            own.iter().map(|(_, address)| *address).chain(bare_addresses.iter().copied());
        for address in addresses {
            if bytes.len() > MOST {
                break;
            }
            if base + at < BEYOND_POINTERS {
                let pointer = 0xc000 | (base + at) as u16;
                bytes.extend_from_slice(&pointer.to_be_bytes());
            } else {
                let end = at + name_length(&bytes[at..]);
                bytes.extend_from_within(at..end);
            }
            record::push_address_behind_owner(&mut bytes, address, ttl);
            additional += 1;
        }
    }
    let mut block = Vec::with_capacity(bytes.len() + 7);
    packed::push_number(&mut block, split);
    block.extend_from_slice(&additional.to_ne_bytes());
    block.push(u8::from(cut));
    block.extend_from_slice(&bytes);
    Some(block)
}

/// The length of the whole name that begins here.
fn name_length(wire: &[u8]) -> usize {
    let labels = crate::wire::name::labels(wire);
    labels.map(|label| label.len() + 1).sum::<usize>() + 1
}
