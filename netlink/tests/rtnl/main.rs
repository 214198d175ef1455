//! Operations and dumps against the real kernel, each test in namespaces of its own.

mod batches;
mod dumps;
mod monitor;
mod namespaces;
mod support;
mod veth;
