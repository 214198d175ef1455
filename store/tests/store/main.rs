//! What must hold for a store. `conformance` runs each case on both engines; the etcd ones start a real etcd, and are
//! skipped with a reason where none is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod conformance;
mod etcd_server;
mod subject;
