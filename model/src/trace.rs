//! How a packet goes: what is asked of `POST /v1/trace`, what is answered, and what nodes tell each
//! other of a packet that was really sent.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `question` | from whom, to whom |
//! | `answer` | steps and the verdict |
//! | [`live`] | a probe, and what nodes see of it |

mod answer;
pub mod live;
mod question;

pub use answer::{Basis, Choice, Outcome, PassedRule, Sent, Step, StepKind, Trace, Verdict};
pub use question::{Destination, Origin, Port, Question, Transport};
