//! What is given in a test.

pub(crate) mod cluster;
pub(crate) mod feed;
pub(crate) mod objects;
pub(crate) mod world;
