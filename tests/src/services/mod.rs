//! What is asked of services, from everywhere.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`documents`] | services and endpoint slices as people write them |
//! | [`objects`] | apply, get, label, delete through a node's daemon, and the outcomes that must be |
//! | [`stage`] | a cluster with endpoints, and the five positions that everything is asked from |
//! | [`matrix`] | what must come of asking, position by position |
//! | [`spread`] | who answers how often |
//! | [`clients`] | real HTTP clients under constant load |

pub mod clients;
pub mod documents;
pub mod matrix;
pub mod objects;
pub mod spread;
pub mod stage;
