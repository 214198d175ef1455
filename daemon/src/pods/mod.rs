//! This node's pods as the cluster sees them.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`board`] | the records as they should be in the store |
//! | [`publisher`] | keeps the store equal to them, and takes over what a person changed there |
//! | [`readiness`], [`probe`] | finds out whether pods that ask for it take connections |

pub mod board;
pub mod probe;
pub mod publisher;
pub mod readiness;
