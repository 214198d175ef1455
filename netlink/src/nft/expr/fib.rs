//! Questions to the routing tables.

use super::super::Value;

/// A question to the routing tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fib {
    /// What is wanted.
    pub result: FibResult,
    /// About the source address in place of the destination.
    pub source: bool,
    /// Only routes by the device that the packet came by.
    pub iif: bool,
    /// Only routes by the device that the packet leaves by.
    pub oif: bool,
    /// With the packet's mark.
    pub mark: bool,
}

impl Fib {
    /// `fib daddr type`
    pub const DADDR_TYPE: Self =
        Self { result: FibResult::AddressType, source: false, iif: false, oif: false, mark: false };
    /// `fib saddr type`
    pub const SADDR_TYPE: Self = Self { source: true, ..Self::DADDR_TYPE };
    /// `fib saddr . iif oif`, 0 where the source would not be routed back
    pub const SADDR_IIF_OIF: Self =
        Self { result: FibResult::Oif, source: true, iif: true, ..Self::DADDR_TYPE };

    pub(super) const fn flags(self) -> u32 {
        let address = if self.source { 1 } else { 2 };
        address | (self.mark as u32) << 2 | (self.iif as u32) << 3 | (self.oif as u32) << 4
    }
}

/// What the routing tables are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FibResult {
    /// The number of the device, host order.
    Oif,
    /// The name of the device.
    OifName,
    /// What kind of address it is; see [`AddressType`].
    AddressType,
}

impl FibResult {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Oif => 1,
            Self::OifName => 2,
            Self::AddressType => 3,
        }
    }
}

/// Kinds of addresses (`RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressType {
    /// Reached by a route.
    Unicast = 1,
    /// This host's own.
    Local = 2,
    /// Broadcast.
    Broadcast = 3,
    /// Multicast.
    Multicast = 5,
}

impl AddressType {
    /// As the register holds it.
    pub fn value(self) -> Value {
        Value::new().number(self as u32)
    }
}
