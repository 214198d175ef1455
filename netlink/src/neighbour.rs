//! Neighbours (IP to MAC) and forwarding-database entries (MAC to port or tunnel end).

use std::net::IpAddr;

use nix::libc;

use crate::mac::MacAddr;
use crate::name::LinkName;
use crate::wire;

/// An entry of the ARP or ND table that has a link-layer address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Neighbour {
    /// The device it is reached by.
    pub dev: LinkName,
    /// Its address.
    pub ip: IpAddr,
    /// Its link-layer address.
    pub mac: MacAddr,
    /// Never checked, never aged, not counted against the table's limits.
    pub permanent: bool,
}

impl Neighbour {
    /// A permanent entry.
    #[must_use]
    pub const fn permanent(dev: LinkName, ip: IpAddr, mac: MacAddr) -> Self {
        Self { dev, ip, mac, permanent: true }
    }
}

/// Where a bridge or a VXLAN device sends frames for a MAC address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FdbEntry {
    /// The bridge's port, or the VXLAN device.
    pub dev: LinkName,
    /// The destination.
    pub mac: MacAddr,
    /// Whose entry it is, and how it came to be.
    pub kind: FdbKind,
}

/// The kinds of forwarding-database entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FdbKind {
    /// The VXLAN device's own: frames go to this tunnel end.
    Remote(IpAddr),
    /// The bridge's: frames leave by the port, and the entry is never aged nor learnt away.
    Static,
    /// The bridge's: the address is the host's own.
    Local,
    /// The bridge's: learnt from a frame. Only dumped, never set.
    Learned,
}

/// `struct ndmsg`
const HEADER: usize = 12;

impl Neighbour {
    /// Reads the payload of an `RTM_NEWNEIGH`; `None` for one that has no link-layer address or
    /// is a multicast mapping.
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        if i32::from(wire::u8_at(payload, 0)?) == libc::AF_BRIDGE {
            return None;
        }
        let index = wire::u32_at(payload, 4)?;
        let state = wire::u16_at(payload, 8)?;
        let (mut ip, mut mac) = (None, None);
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::NDA_DST => ip = attribute.ip(),
                libc::NDA_LLADDR => mac = attribute.mac(),
                _ => {}
            }
        }
        if state & (libc::NUD_FAILED | libc::NUD_INCOMPLETE | libc::NUD_NOARP) != 0 {
            return None;
        }
        Some(Self {
            ip: ip?,
            mac: mac?,
            permanent: state & libc::NUD_PERMANENT != 0,
            dev: name_of(index),
        })
    }
}

impl FdbEntry {
    pub(crate) fn decode(payload: &[u8], name_of: &mut dyn FnMut(u32) -> LinkName) -> Option<Self> {
        if i32::from(wire::u8_at(payload, 0)?) != libc::AF_BRIDGE {
            return None;
        }
        let index = wire::u32_at(payload, 4)?;
        let state = wire::u16_at(payload, 8)?;
        let flags = wire::u8_at(payload, 10)?;
        let (mut dst, mut mac) = (None, None);
        for attribute in wire::attributes(payload, HEADER) {
            match attribute.kind {
                libc::NDA_DST => dst = attribute.ip(),
                libc::NDA_LLADDR => mac = attribute.mac(),
                _ => {}
            }
        }
        let kind = match dst {
            Some(dst) => FdbKind::Remote(dst),
            // A device's own list of multicast addresses is dumped too; it is no bridge's.
            None if flags & libc::NTF_SELF != 0 && flags & libc::NTF_MASTER == 0 => return None,
            None if state & libc::NUD_PERMANENT != 0 => FdbKind::Local,
            None if state & libc::NUD_NOARP != 0 => FdbKind::Static,
            None => FdbKind::Learned,
        };
        Some(Self { dev: name_of(index), mac: mac?, kind })
    }
}
