//! The same answers found in the plainest way: all records of the zone written down from the objects,
//! straight from the specification, and looked through for each question.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `objects` | the objects that a store holds, and what steps make of them |
//! | `behind` | who stands behind a service |
//! | `records` | all records |
//! | `answer` | what a question gets |
//! | `any` | any objects and steps |
//! | `asks` | any questions |
//! | `agreement` | that the server answers the same |

mod agreement;
mod answer;
mod any;
mod asks;
mod behind;
mod objects;
mod records;
