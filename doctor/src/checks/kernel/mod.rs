//! The kernel's settings and tables, and our devices.

pub(super) mod checksum;
pub(super) mod conntrack;
pub(super) mod features;
pub(super) mod forwarding;
pub(super) mod mtu;
pub(super) mod neighbours;
pub(super) mod nf_call;
pub(super) mod rp_filter;
