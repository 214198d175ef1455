//! nf_tables and conntrack against the real kernel, read back by `nft` and `conntrack`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails is a failed test"
)]

mod adoption;
mod conntrack;
mod conntrack_speed;
mod layouts;
mod monitor;
mod nft_speed;
mod old_kernel;
mod others;
mod services;
mod support;
mod trace;
mod transactions;
