//! How the kernel hands a legacy table out: `getsockopt(2)` on any socket of the family.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::Family;

/// `IPT_BASE_CTL` and `IP6T_BASE_CTL` are the same number.
const SO_GET_INFO: libc::c_int = 64;
const SO_GET_ENTRIES: libc::c_int = 65;
/// `XT_TABLE_MAXNAMELEN`
const NAME: usize = 32;
/// `struct ipt_getinfo`: the name, the valid hooks, five entry points, five underflows, the number
/// of entries and their size.
const INFO: usize = NAME + 4 + 5 * 4 + 5 * 4 + 4 + 4;
/// `struct ipt_get_entries`: the name and the size, and what aligns the entries to eight bytes.
const ENTRIES: usize = NAME + 8;
/// Reads of a table that another program keeps changing, before giving up.
const ATTEMPTS: u32 = 8;
/// No table that anybody reads is longer.
const LONGEST: usize = 256 << 20;

/// Where packets enter a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Info {
    /// A bit for each hook that it has.
    pub(super) hooks: u32,
    /// Where in the entries each hook's chain begins.
    pub(super) entry: [u32; 5],
    /// Where each hook's policy is.
    pub(super) policy: [u32; 5],
}

/// Reads a table's shape and its entries as they are in the kernel.
pub(super) fn read(family: Family, table: &str) -> io::Result<(Info, Vec<u8>)> {
    let (domain, level) = match family {
        Family::Ipv4 => (AddressFamily::Inet, libc::IPPROTO_IP),
        Family::Ipv6 => (AddressFamily::Inet6, libc::IPPROTO_IPV6),
    };
    let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    for _ in 0..ATTEMPTS {
        let mut info = named(table, INFO);
        get(socket.as_fd(), level, SO_GET_INFO, &mut info)?;
        let size = usize::try_from(u32_at(&info, INFO - 4)).unwrap_or(usize::MAX);
        if size > LONGEST {
            return Err(io::Error::other(format!("the table has {size} bytes")));
        }
        let mut entries = named(table, ENTRIES + size);
        if let Some(place) = entries.get_mut(NAME..NAME + 4) {
            place.copy_from_slice(info.get(INFO - 4..).unwrap_or_default());
        }
        match get(socket.as_fd(), level, SO_GET_ENTRIES, &mut entries) {
            Ok(()) => {
                entries.drain(..ENTRIES);
                return Ok((shape(&info), entries));
            }
            // It is no longer as long as it was.
            Err(Errno::EAGAIN | Errno::EINVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(io::Error::other("another program kept changing the table"))
}

fn named(table: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (to, from) in bytes.iter_mut().zip(table.bytes().take(NAME - 1)) {
        *to = from;
    }
    bytes
}

fn shape(info: &[u8]) -> Info {
    let five = |at: usize| [0, 1, 2, 3, 4].map(|index| u32_at(info, at + index * 4));
    Info { hooks: u32_at(info, NAME), entry: five(NAME + 4), policy: five(NAME + 4 + 5 * 4) }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.copied().map_or(0, u32::from_ne_bytes)
}

#[allow(unsafe_code, reason = "the options of xtables have no safe wrapper")]
fn get(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    bytes: &mut [u8],
) -> nix::Result<()> {
    let mut length = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::EMSGSIZE)?;
    // SAFETY: the descriptor is open, and the kernel writes at most `length` bytes to `bytes`, which
    // is as long.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(outcome).map(drop)
}
