//! Link-layer addresses.

use std::fmt;
use std::str::FromStr;

/// A 48-bit Ethernet address, written `02:00:5e:10:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; 6]);

/// Why a text is no Ethernet address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a MAC address: write six octets such as 02:00:5e:10:00:01")]
pub struct MacError(String);

impl MacAddr {
    /// An address made of six bytes of a hash: unicast and locally administered
    /// (IEEE 802, section 8.2).
    #[must_use]
    pub const fn locally_administered(mut bytes: [u8; 6]) -> Self {
        bytes[0] = (bytes[0] & 0xfc) | 0x02;
        Self(bytes)
    }
}

impl FromStr for MacAddr {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let wrong = || MacError(text.to_owned());
        let mut bytes = [0; 6];
        let mut octets = text.split(':');
        for byte in &mut bytes {
            let octet = octets.next().ok_or_else(wrong)?;
            if octet.len() != 2 || !octet.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            *byte = u8::from_str_radix(octet, 16).map_err(|_| wrong())?;
        }
        match octets.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let mac = MacAddr([0x02, 0, 0x5e, 0x10, 0xff, 1]);
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for bad in
            ["", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "2:0:5e:10:0:1", "+2:00:5e:10:00:01"]
        {
            assert_eq!(bad.parse::<MacAddr>(), Err(MacError(bad.into())));
        }
        assert_eq!(MacAddr::locally_administered([0xff; 6]).0[0], 0xfe);
    }
}
