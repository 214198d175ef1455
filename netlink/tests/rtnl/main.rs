//! Operations and dumps against the real kernel, each test in namespaces of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may end it"
)]

mod batches;
mod dumps;
mod ethtool;
mod monitor;
mod namespaces;
mod support;
mod veth;
