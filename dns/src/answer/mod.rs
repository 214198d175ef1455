//! Answers to questions.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`local`] | what the zone knows, at once |
//! | [`negative`] | that there is nothing: start of authority |
//! | [`hosts`] | names that the configuration gives addresses |
//! | [`responder`] | who answers: the zone at once, others later |
//! | [`outside`] | whoever is asked for other names |
//! | `chase` | names that stand for others, followed |
//! | `compose` | answers put together from others |
//! | `transfer` | the whole zone, for a server that keeps a copy |
//! | [`search`] | the walk along a pod's search path, in one answer |

mod chase;
mod compose;
pub mod hosts;
pub mod local;
pub mod negative;
pub mod outside;
pub mod responder;
pub mod search;
mod transfer;
