//! Operations and dumps against the real kernel, each test in namespaces of its own.

mod batches;
mod dumps;
mod support;
mod veth;
