//! What the CNI specification (1.1.0 and older) asks of a plugin, of the real binary against a
//! daemon that answers as it is told. A module a verb or a section, a test a clause.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod support;

mod add;
mod chain;
mod check;
mod del;
mod environment;
mod errors;
mod gc;
mod network_configuration;
mod reference_errors;
mod status;
mod version;
mod without_a_runtime;
