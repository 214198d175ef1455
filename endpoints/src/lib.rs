//! Who stands behind a service: services, endpoint slices, pods and nodes make endpoints, and a
//! change costs what it touches. No I/O, no clock.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`directory`] | all that is known, which services a change touched, and their endpoints |
//! | [`liveness`] | which nodes count as gone |
//! | `matching` | which pods a selector finds, known before anybody asks |
//! | `slab`, `ids`, `index`, `pool` | what keeps 100,000 endpoints small |

pub mod directory;
mod ids;
mod index;
pub mod liveness;
mod matching;
mod pool;
mod slab;
#[cfg(test)]
mod tests;

pub use directory::{Alias, Directory, DirtyPods, KnownPod, Member};
pub use liveness::Liveness;
