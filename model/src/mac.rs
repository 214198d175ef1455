//! Link-layer addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A 48-bit Ethernet address, written `02:00:5e:10:00:01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddr(pub [u8; 6]);

/// Why a text is no usable Ethernet address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MacError {
    /// Not six octets of two hexadecimal digits.
    #[error("{0:?} is not a MAC address: write six octets such as 02:00:5e:10:00:01")]
    Syntax(String),
    /// The group bit is set, or the address is all zeroes.
    #[error(
        "{0} cannot be an interface's address: it is zero or has the multicast bit set in its first octet"
    )]
    NotUnicast(MacAddr),
}

impl MacAddr {
    /// An address from six bytes of a hash, with the bits set that mark it as unicast and
    /// locally administered (IEEE 802, section 8.2).
    #[must_use]
    pub fn locally_administered(mut bytes: [u8; 6]) -> Self {
        bytes[0] = (bytes[0] & 0xfc) | 0x02;
        Self(bytes)
    }

    /// Whether an interface may carry this address.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }

    /// Parses an address that an interface is to carry.
    ///
    /// # Errors
    /// When the text is no MAC address, or a group address.
    pub fn parse_unicast(text: &str) -> Result<Self, MacError> {
        let mac: Self = text.parse()?;
        if mac.is_unicast() { Ok(mac) } else { Err(MacError::NotUnicast(mac)) }
    }
}

impl FromStr for MacAddr {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let syntax = || MacError::Syntax(text.to_owned());
        let mut bytes = [0u8; 6];
        let mut octets = text.split([':', '-']);
        for byte in &mut bytes {
            let octet = octets.next().ok_or_else(syntax)?;
            if octet.len() != 2 || !octet.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(syntax());
            }
            *byte = u8::from_str_radix(octet, 16).map_err(|_| syntax())?;
        }
        if octets.next().is_some() {
            return Err(syntax());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl TryFrom<String> for MacAddr {
    type Error = MacError;
    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mac = MacAddr([0x02, 0, 0x5e, 0x10, 0xff, 1]);
        assert_eq!(mac.to_string().parse(), Ok(mac));
        assert_eq!("02-00-5E-10-FF-01".parse(), Ok(mac));
    }

    #[test]
    fn refuses_other_texts() {
        for text in
            ["", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "2:0:5e:10:0:1", "+2:00:5e:10:00:01"]
        {
            assert_eq!(text.parse::<MacAddr>(), Err(MacError::Syntax(text.into())), "{text}");
        }
        assert!(MacAddr::parse_unicast("01:00:5e:00:00:01").is_err());
        assert!(MacAddr::parse_unicast("00:00:00:00:00:00").is_err());
    }

    #[test]
    fn hashed_addresses_are_unicast() {
        assert!(MacAddr::locally_administered([0xff; 6]).is_unicast());
        assert!(MacAddr::locally_administered([0; 6]).is_unicast());
    }
}
