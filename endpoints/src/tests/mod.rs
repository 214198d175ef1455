//! | module | what it holds |
//! | --- | --- |
//! | `objects` | objects in few words |
//! | `selectors` | the clauses of services with a selector |
//! | `slices` | the clauses of endpoint slices |
//! | `changes` | the clauses of what a change touches |
//! | `naive` | the same answers computed from all objects each time |
//! | `agreement` | any sequence of changes agrees with `naive` |
//! | `liveness` | the clauses of who is gone |
//! | `size` | what 10,000 services and 100,000 endpoints cost, printed |

mod agreement;
mod changes;
mod liveness;
mod naive;
mod objects;
mod selectors;
mod size;
mod slices;
