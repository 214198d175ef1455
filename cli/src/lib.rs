//! The command `pontoon`: it asks the daemon of this host and prints what it answers.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `command` | everything that can be typed |
//! | `api` | the daemon, as commands see it |
//! | `get`, `describe`, `apply`, … | a command each |
//! | `kinds`, `scope`, `documents` | what commands are about: kinds and names, namespaces and labels, files |
//! | `behind` | who stands behind a service, and why others do not |
//! | `table`, `grid`, `output`, `say` | how it is shown |
//! | `suggest`, `usage`, `exit` | what was meant, what was typed wrong, how it ends |
//! | `completion`, `reference` | for shells and for readers |

mod api;
mod apply;
mod backend;
mod behind;
mod command;
mod completion;
mod delete;
mod describe;
mod diff;
mod doctor;
mod documents;
mod edit;
mod exit;
mod get;
mod grid;
mod init;
mod kinds;
mod lab;
mod mark;
mod node;
mod output;
mod pod;
mod reference;
mod say;
mod scope;
mod status;
mod suggest;
mod table;
mod top;
mod trace;
mod usage;

pub use command::{command, main};
pub use reference::{markdown, pages};
