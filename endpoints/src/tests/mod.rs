//! | module | what it holds |
//! | --- | --- |
//! | `liveness` | the clauses of who is gone |

mod liveness;
