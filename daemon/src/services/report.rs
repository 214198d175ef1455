//! What the other parts of the daemon are told of services.

/// Services at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many services have addresses in the kernel.
    pub services: usize,
    /// The store's revision up to which the kernel follows.
    pub revision: u64,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}
