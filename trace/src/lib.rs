//! How a packet goes through a cluster, told from what is known of it. No I/O: what is so comes in as a
//! [`World`], and what only a kernel can say is asked of a [`Host`].
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`world`] | what is so |
//! | [`host`] | what is asked of whoever can look |
//! | [`aim`] | a question becomes an address, a port and a protocol |
//! | [`packet`], [`rules`] | a packet, and its way through our tables |
//! | `route` | where a node leads it |
//! | `way` | the whole way, hop by hop |
//! | `service`, `why` | what services make of it, and why nobody answers |
//! | [`story`] | all of it as an answer |
//! | [`live`] | a packet that is really sent |

pub mod aim;
pub mod host;
pub mod live;
pub mod packet;
mod route;
pub mod rules;
mod service;
pub mod story;
mod way;
mod why;
pub mod world;

#[cfg(test)]
mod tests;

pub use aim::{Aim, AimError, Named, aim};
pub use host::{Host, Tables};
pub use service::{differences, planned_table};
pub use story::tell;
pub use world::World;
