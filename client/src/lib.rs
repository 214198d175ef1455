//! Speaks to `pontoond` over its socket: one request, one response, and never for ever. Blocking and
//! small, since the CNI plugin is made of it.
//!
//! With the feature `http` also over the API that people use: see [`http`].

pub mod deadline;
mod exchange;
#[cfg(feature = "http")]
pub mod http;
mod input;

pub use deadline::Deadline;
pub use exchange::{ExchangeError, ask};
pub use input::read_to_end;
