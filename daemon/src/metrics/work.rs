//! What it takes to make the kernel follow.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::figure::{Count, Times, counter};

/// What a part does to the kernel.
#[derive(Debug, Default)]
pub struct Work {
    times: Times,
    changes: Count,
    failures: Count,
}

impl Work {
    /// The part looked and did what was to be done, in that time.
    pub fn done(&self, time: Duration, failed: bool) {
        self.times.took(time);
        self.failures.add(u64::from(failed));
    }

    /// So much was changed in the kernel.
    pub fn changed(&self, operations: usize) {
        self.changes.add(operations as u64);
    }
}

/// The same under the names of a part.
#[derive(Debug)]
pub struct Shown {
    part: &'static str,
    work: Arc<Work>,
}

impl Shown {
    /// Shows what a part did.
    #[must_use]
    pub fn new(part: &'static str, work: &Arc<Work>) -> Self {
        Self { part, work: Arc::clone(work) }
    }
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (part, work) = (self.part, &self.work);
        let name = format!("pontoon_{part}_reconcile_duration");
        let family = encoder.encode_descriptor(
            &name,
            "Time to bring the kernel up to date, whether or not there was anything to do",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        work.times.encode(family)?;
        counter(
            &mut encoder,
            &format!("pontoon_{part}_kernel_changes"),
            "Operations, or elements of maps, that were changed in the kernel",
            work.changes.get(),
        )?;
        counter(
            &mut encoder,
            &format!("pontoon_{part}_reconcile_failures"),
            "Times that the kernel is not as it should be afterwards",
            work.failures.get(),
        )
    }
}
