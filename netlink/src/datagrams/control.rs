//! At which address of ours a datagram came or leaves: `IP_PKTINFO` and `IPV6_PKTINFO`, beside it.

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::libc::{self, c_int, cmsghdr, in_pktinfo, in6_addr, in6_pktinfo};

use super::Local;

/// Bytes of a header with its padding.
const HEADER: usize = mem::size_of::<cmsghdr>();
/// Room for one message of either kind, rounded up as the kernel does.
const ROOM: usize =
    HEADER + mem::size_of::<in6_pktinfo>().next_multiple_of(mem::align_of::<cmsghdr>());

/// Control messages, as they lie beside a datagram.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control([u8; ROOM]);

impl Control {
    pub(super) const EMPTY: Self = Self([0; ROOM]);

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    pub(super) const fn room() -> usize {
        ROOM
    }

    /// Says that a datagram leaves from there; returns how long that is.
    pub(super) fn write(&mut self, local: Local) -> usize {
        match local.address {
            IpAddr::V4(address) => {
                let mut payload = [0; mem::size_of::<in_pktinfo>()];
                payload[mem::offset_of!(in_pktinfo, ipi_ifindex)..][..4]
                    .copy_from_slice(&local.interface.to_ne_bytes());
                payload[mem::offset_of!(in_pktinfo, ipi_spec_dst)..][..4]
                    .copy_from_slice(&address.octets());
                self.put(libc::SOL_IP, libc::IP_PKTINFO, &payload)
            }
            IpAddr::V6(address) => {
                let mut payload = [0; mem::size_of::<in6_pktinfo>()];
                payload[mem::offset_of!(in6_pktinfo, ipi6_addr)..][..mem::size_of::<in6_addr>()]
                    .copy_from_slice(&address.octets());
                payload[mem::offset_of!(in6_pktinfo, ipi6_ifindex)..][..4]
                    .copy_from_slice(&local.interface.to_ne_bytes());
                self.put(libc::SOL_IPV6, libc::IPV6_PKTINFO, &payload)
            }
        }
    }

    /// The address that the kernel says a datagram came to, in so many bytes.
    pub(super) fn read(&self, length: usize) -> Option<Local> {
        let mut rest = self.0.get(..length)?;
        while let Some((header, after)) = rest.split_at_checked(HEADER) {
            let field = |at: usize| Some(c_int::from_ne_bytes(*header[at..].first_chunk()?));
            let size = usize::from_ne_bytes(*header.first_chunk()?);
            let level = field(mem::offset_of!(cmsghdr, cmsg_level))?;
            let kind = field(mem::offset_of!(cmsghdr, cmsg_type))?;
            let payload = after.get(..size.checked_sub(HEADER)?)?;
            let number = |at: usize| Some(u32::from_ne_bytes(*payload.get(at..)?.first_chunk()?));
            match (level, kind) {
                (libc::SOL_IP, libc::IP_PKTINFO) => {
                    let at = mem::offset_of!(in_pktinfo, ipi_spec_dst);
                    let octets: [u8; 4] = *payload.get(at..)?.first_chunk()?;
                    return Some(Local { address: Ipv4Addr::from(octets).into(), interface: 0 });
                }
                (libc::SOL_IPV6, libc::IPV6_PKTINFO) => {
                    let at = mem::offset_of!(in6_pktinfo, ipi6_addr);
                    let octets: [u8; 16] = *payload.get(at..)?.first_chunk()?;
                    let address = Ipv6Addr::from(octets);
                    // Elsewhere it would keep the answer from taking another way than the question.
                    let interface = match address.is_unicast_link_local() {
                        true => number(mem::offset_of!(in6_pktinfo, ipi6_ifindex))?,
                        false => 0,
                    };
                    return Some(Local { address: address.into(), interface });
                }
                _ => {
                    rest =
                        after.get(payload.len().next_multiple_of(mem::align_of::<cmsghdr>())..)?
                }
            }
        }
        None
    }

    fn put(&mut self, level: c_int, kind: c_int, payload: &[u8]) -> usize {
        let size = HEADER + payload.len();
        self.0 = [0; ROOM];
        self.0[..mem::size_of::<usize>()].copy_from_slice(&size.to_ne_bytes());
        self.0[mem::offset_of!(cmsghdr, cmsg_level)..][..4].copy_from_slice(&level.to_ne_bytes());
        self.0[mem::offset_of!(cmsghdr, cmsg_type)..][..4].copy_from_slice(&kind.to_ne_bytes());
        self.0[HEADER..size].copy_from_slice(payload);
        size.next_multiple_of(mem::align_of::<cmsghdr>())
    }
}
