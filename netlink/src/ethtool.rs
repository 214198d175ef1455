//! What `ethtool` tells of a device: its driver, and whether it computes checksums. For reading only.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::name::LinkName;

/// `ETHTOOL_GDRVINFO` of linux/ethtool.h.
const GET_DRIVER: u32 = 0x3;
/// `struct ethtool_drvinfo`
const DRIVER_LENGTH: usize = 196;
/// Where in it the driver's name is, and how long that is at most.
const DRIVER_NAME: std::ops::Range<usize> = 4..36;
/// `ETHTOOL_GTXCSUM`
const GET_TX_CHECKSUM: u32 = 0x16;
/// `struct ethtool_value`
const VALUE_LENGTH: usize = 8;
/// Long enough for either.
const LONGEST: usize = 200;

/// A way to ask, in the network namespace that the opening thread was in.
#[derive(Debug)]
pub struct Ethtool {
    socket: OwnedFd,
}

impl Ethtool {
    /// Opens it.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn open() -> std::io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        Ok(Self { socket: socket(AddressFamily::Inet, SockType::Datagram, flags, None)? })
    }

    /// The name of the driver, such as `vmxnet3`; `None` when there is no such device, or it does
    /// not tell.
    #[must_use]
    pub fn driver(&self, dev: LinkName) -> Option<String> {
        let told = self.ask(dev, GET_DRIVER, DRIVER_LENGTH).ok()?;
        let name = told.get(DRIVER_NAME)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty())
    }

    /// Whether the device, and not the kernel, computes the checksums of what it sends; `None` when
    /// there is no such device, or it does not tell.
    #[must_use]
    pub fn tx_checksum(&self, dev: LinkName) -> Option<bool> {
        let told = self.ask(dev, GET_TX_CHECKSUM, VALUE_LENGTH).ok()?;
        let data = told.get(4..8)?.first_chunk().copied()?;
        Some(u32::from_ne_bytes(data) != 0)
    }

    #[allow(unsafe_code, reason = "SIOCETHTOOL has no safe wrapper")]
    fn ask(&self, dev: LinkName, command: u32, length: usize) -> Result<Vec<u8>, Errno> {
        /// `SIOCETHTOOL` of linux/sockios.h.
        const SIOCETHTOOL: libc::Ioctl = 0x8946;
        // Words, so that they are aligned as the kernel's structures are.
        let mut words = [0u32; LONGEST / 4];
        words[0] = command;
        let mut request = libc::ifreq {
            ifr_name: [0; libc::IFNAMSIZ],
            ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data: words.as_mut_ptr().cast() },
        };
        // LinkName is at most IFNAMSIZ - 1 bytes, so a NUL remains.
        for (to, from) in request.ifr_name.iter_mut().zip(dev.as_str().bytes()) {
            *to = from.cast_signed();
        }
        // SAFETY: `request` and the words that it points to live through the call; for the two
        // commands asked here the kernel writes no more than their structures, 196 and 8 bytes, to
        // the 200 that there are.
        Errno::result(unsafe {
            libc::ioctl(self.socket.as_raw_fd(), SIOCETHTOOL, &raw mut request)
        })?;
        let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
        Ok(bytes.take(length).collect())
    }
}
