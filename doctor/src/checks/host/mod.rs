//! Other programs of the host.

pub(super) mod cni;
pub(super) mod devices;
pub(super) mod drops;
pub(super) mod firewall;
pub(super) mod managers;
pub(super) mod mends;
pub(super) mod ports;
pub(super) mod ways;
