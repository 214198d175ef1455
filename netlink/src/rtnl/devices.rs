//! Names and numbers of devices.
//!
//! Through `ioctl(2)` on the netlink socket itself: it works in the socket's namespace and,
//! unlike `RTM_GETLINK`, takes no lock that other changes of the network hold.

use std::collections::HashMap;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;

use crate::name::LinkName;

fn request() -> libc::ifreq {
    libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_ifindex: 0 },
    }
}

/// The number of a device, which is never 0.
#[allow(unsafe_code, reason = "SIOCGIFINDEX has no safe wrapper that takes a socket")]
pub(super) fn index_of(socket: RawFd, name: LinkName) -> Result<u32, Errno> {
    let mut request = request();
    // LinkName is at most IFNAMSIZ - 1 bytes, so a NUL remains.
    for (to, from) in request.ifr_name.iter_mut().zip(name.as_str().bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: `request` is a valid ifreq for the whole call, and the kernel writes only to it.
    Errno::result(unsafe { libc::ioctl(socket, libc::SIOCGIFINDEX, &raw mut request) })?;
    // SAFETY: SIOCGIFINDEX succeeded, so the kernel has filled in this field of the union.
    let index = unsafe { request.ifr_ifru.ifru_ifindex };
    u32::try_from(index).map_err(|_| Errno::ENODEV)
}

/// The name of a device.
#[allow(unsafe_code, reason = "SIOCGIFNAME has no safe wrapper that takes a socket")]
fn name_of(socket: RawFd, index: u32) -> Option<LinkName> {
    let mut request = request();
    request.ifr_ifru.ifru_ifindex = i32::try_from(index).ok()?;
    // SAFETY: `request` is a valid ifreq for the whole call, and the kernel writes only to it.
    Errno::result(unsafe { libc::ioctl(socket, libc::SIOCGIFNAME, &raw mut request) }).ok()?;
    let bytes = request.ifr_name.map(i8::cast_unsigned);
    Some(LinkName::from_kernel(&bytes, index))
}

/// The names of devices by number, each asked for once.
#[derive(Debug)]
pub(crate) struct Names {
    socket: RawFd,
    known: HashMap<u32, LinkName>,
}

impl Names {
    /// Names in the namespace of a socket, which must stay open for as long.
    pub(crate) fn new(socket: RawFd) -> Self {
        Self { socket, known: HashMap::new() }
    }

    /// The name of a device; `?` and the number when there is none (any more).
    pub(crate) fn get(&mut self, index: u32) -> LinkName {
        let socket = self.socket;
        *self
            .known
            .entry(index)
            .or_insert_with(|| name_of(socket, index).unwrap_or_else(|| LinkName::unnamed(index)))
    }

    pub(crate) fn learn(&mut self, index: u32, name: LinkName) {
        self.known.insert(index, name);
    }

    pub(crate) fn forget(&mut self, index: u32) {
        self.known.remove(&index);
    }
}
