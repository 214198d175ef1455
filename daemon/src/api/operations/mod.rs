//! The table of all that can be asked.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `objects` | what every kind can: list, get, watch, change, delete; and apply |
//! | `cluster` | status, nodes, the backend |

mod cluster;
mod objects;

use super::operation::Operation;

/// Every operation.
pub(crate) fn all() -> Vec<Operation> {
    let mut all = cluster::operations();
    all.extend(objects::operations());
    all
}
