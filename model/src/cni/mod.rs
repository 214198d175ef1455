//! The CNI documents (specification 0.3.0 to 1.1.0): what a runtime sends, what it gets back.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`version`] | the versions of the specification, and which one a call speaks |
//! | [`call`] | the verb and its parameters, out of the environment |
//! | [`args`] | `CNI_ARGS` |
//! | [`field`] | reading JSON with the path of what is wrong |
//! | [`conf`] | the network configuration on stdin |
//! | [`wishes`] | what a runtime asks of one attachment: ports, addresses, MAC, labels |
//! | [`result`] | results of ADD and prevResult, in every version |
//! | [`error`] | error documents |
//! | [`exchange`] | a call as a request to the daemon, its response as a CNI answer |
//! | [`pending`] | a DEL that waits on disk for the daemon |

pub mod args;
pub mod call;
pub mod conf;
pub mod error;
pub mod exchange;
pub mod field;
pub mod pending;
pub mod result;
pub mod version;
pub mod wishes;

#[cfg(test)]
mod fuzz;
