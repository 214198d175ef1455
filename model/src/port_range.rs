//! A range of ports, written `30000-32767`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of ports, both ends in it; never empty, without port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why a text is no range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no range of ports: write FIRST-LAST within 1-65535, such as 30000-32767")]
pub struct PortRangeError(String);

impl PortRange {
    /// Kubernetes' default for node ports.
    pub const NODE_PORTS: Self = Self { first: 30_000, last: 32_767 };

    /// Its first port.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// Its last port.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether a port is in it.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl Default for PortRange {
    fn default() -> Self {
        Self::NODE_PORTS
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let range = || {
            let (first, last) = text.split_once('-')?;
            Some(Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? })
        };
        range()
            .filter(|range| 0 < range.first && range.first <= range.last)
            .ok_or_else(|| PortRangeError(text.to_owned()))
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;
    fn try_from(text: String) -> Result<Self, PortRangeError> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back_and_hold_both_ends() {
        let range: PortRange = "30000-32767".parse().unwrap();
        assert_eq!((range, range.to_string().as_str()), (PortRange::default(), "30000-32767"));
        assert!(range.contains(30_000) && range.contains(32_767));
        assert!(!range.contains(29_999) && !range.contains(32_768));
    }

    #[test]
    fn wrong_ranges_are_answered_with_a_right_one() {
        for bad in ["", "30000", "32767-30000", "0-10", "1-70000", "a-b"] {
            let said = bad.parse::<PortRange>().unwrap_err().to_string();
            assert!(said.contains("such as 30000-32767"), "{said}");
        }
    }
}
