//! What is wrong with a host, a node and its cluster, why that hurts, and what mends it.
//!
//! Gather, then judge: [`facts`] reads, and decides nothing; each check is a pure function of what was
//! read. What is a fault in one place and harmless in another is told apart by what it does to packets,
//! so that a healthy cluster gives no finding.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`facts`] | what is so |
//! | [`checks`] | what is wrong with it |
//! | [`passage`] | whether packets pass the rules of other programs |
//! | [`page`] | all checks as a page of the documentation |

pub mod checks;
pub mod facts;
pub mod page;
pub mod passage;

pub use checks::{CHECKS, Check, Group, examine};
pub use facts::{Facts, Root, Setup};
pub use pontoon_model::doctor::{Examiner, Finding, Report, Severity, Unexamined};
