//! Answers of the cluster's DNS, compared with what the Kubernetes DNS specification 1.1.0 and the
//! RFCs say: packets go in, packets come out, and another library reads them.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `spec` | the specification, a module a section, a test a clause |
//! | `packets` | packets that somebody broke |
//! | `given` | clusters made of objects, and whoever knows the names outside |
//! | `plain` | the same answers found in the plainest way, for any objects and any question |
//! | `asked` | questions as packets, answers as records |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers, too"
)]

mod asked;
mod given;
mod packets;
mod plain;
mod spec;
