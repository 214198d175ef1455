//! Questions as packets, answers as records.

pub(crate) mod kind;
mod question;
mod reply;

pub(crate) use question::Question;
pub(crate) use reply::{Reply, in_any_order, written};
