//! Whether a packet passes the rules of other programs.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`packet`] | a packet that is about to be judged |
//! | [`matching`] | whether it is what a rule tests for, as far as can be told |
//! | [`fate`] | the way through a table's chains |

pub mod fate;
mod matching;
pub mod packet;

#[cfg(test)]
mod tests;

pub use fate::{Fate, fate};
pub use packet::{Device, Packet, Tracking};
