//! Listeners over loopback, with a toy in place of who answers.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod cost;
mod handover;
mod https;
mod stream;
mod tls;
mod toy;
mod udp;
