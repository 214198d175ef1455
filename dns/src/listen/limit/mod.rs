//! Who may ask, and how often. Pure: the clock is a parameter.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`acl`] | the networks whose hosts may ask |
//! | [`rate`] | how many answers a client gets |

pub mod acl;
pub mod rate;

pub use acl::Acl;
pub use rate::{Limiter, Rate};
