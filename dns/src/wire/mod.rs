//! Messages of the DNS as bytes (RFC 1035, section 4; RFC 6891 for EDNS).
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`code`] | the numbers that have names |
//! | [`name`] | names: labels with their lengths before them |
//! | [`question`] | a message that asks, taken apart |
//! | [`reply`] | a message that answers, put together |

pub mod code;
pub mod name;
pub mod question;
pub mod reply;
