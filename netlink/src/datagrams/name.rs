//! Addresses of sockets as the kernel has them.

use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use nix::libc::{self, c_void, sa_family_t, sockaddr_in, sockaddr_in6, socklen_t};

/// Room for an address of either family.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) union Name {
    family: sa_family_t,
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

impl Name {
    /// All zero: no address.
    pub(super) const NONE: Self = Self {
        v6: sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
            sin6_scope_id: 0,
        },
    };
    /// How much room there is.
    pub(super) const SIZE: socklen_t = mem::size_of::<Self>() as socklen_t;

    pub(super) fn as_mut_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    /// An address for the kernel, and how long it is.
    pub(super) fn of(address: SocketAddr) -> (Self, socklen_t) {
        // Every byte has a value, whichever the family.
        let mut name = Self::NONE;
        match address {
            SocketAddr::V4(address) => {
                name.v4 = sockaddr_in {
                    sin_family: libc::AF_INET as sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                    sin_zero: [0; 8],
                };
                (name, mem::size_of::<sockaddr_in>() as socklen_t)
            }
            SocketAddr::V6(address) => {
                name.v6 = sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: address.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                    sin6_scope_id: address.scope_id(),
                };
                (name, Self::SIZE)
            }
        }
    }

    /// The address that the kernel wrote; `None` for another family, or none.
    #[allow(unsafe_code, reason = "the family says which address the kernel wrote")]
    pub(super) fn read(&self) -> Option<SocketAddr> {
        // SAFETY: all fields are plain numbers of which every bit pattern is one, the whole is
        // initialised from `NONE` on, and the family is at the same place in each.
        let (family, v4, v6) = unsafe { (self.family, self.v4, self.v6) };
        match i32::from(family) {
            libc::AF_INET => {
                let address = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddrV4::new(address, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                let address = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                let address = SocketAddrV6::new(address, port, v6.sin6_flowinfo, v6.sin6_scope_id);
                Some(address.into())
            }
            _ => None,
        }
    }
}
