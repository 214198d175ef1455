//! Speaks to `pontoond` over its socket: one request, one response, and never for ever. Blocking and
//! small, since the CNI plugin is made of it.

pub mod deadline;
mod exchange;
mod input;

pub use deadline::Deadline;
pub use exchange::{ExchangeError, ask};
pub use input::read_to_end;
