//! Answers to questions.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`local`] | what the zone knows, at once |
//! | [`negative`] | that there is nothing: start of authority |
//! | [`search`] | the walk along a pod's search path, in one answer |

pub mod local;
pub mod negative;
pub mod search;
