//! Calls of container runtimes, by verb and by what came of them.

use std::fmt;
use std::time::Duration;

use pontoon_model::api::Code;
use pontoon_model::cni::call::Verb;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::figure::{Count, Times, counters};

/// Calls of container runtimes.
#[derive(Debug, Default)]
pub struct Cni {
    verbs: [Calls; Verb::ALL.len()],
}

#[derive(Debug)]
struct Calls {
    done: Count,
    /// In the order of [`Code::ALL`].
    failed: [Count; Code::ALL.len()],
    times: Times,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            done: Count::default(),
            failed: std::array::from_fn(|_| Count::default()),
            times: Times::default(),
        }
    }
}

impl Cni {
    /// A call took that long, and failed so, if it did.
    pub fn called(&self, verb: Verb, time: Duration, failed: Option<Code>) {
        let calls = &self.verbs[verb as usize];
        calls.times.took(time);
        match failed.and_then(|code| Code::ALL.iter().position(|known| *known == code)) {
            Some(at) => calls.failed[at].add(1),
            None => calls.done.add(1),
        }
    }
}

impl Collector for Cni {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // VERSION is answered by the plugin itself.
        let asked = || Verb::ALL.into_iter().filter(|verb| *verb != Verb::Version);
        let calls: Vec<_> = asked()
            .map(|verb| (verb.as_str().to_ascii_lowercase(), &self.verbs[verb as usize]))
            .collect();
        let mut counted = Vec::new();
        for (verb, calls) in &calls {
            counted.push((verb, "0".to_owned(), calls.done.get()));
            let failed = Code::ALL.iter().zip(&calls.failed);
            let failed = failed.filter(|(_, count)| count.get() > 0);
            counted.extend(
                failed.map(|(code, count)| (verb, u32::from(*code).to_string(), count.get())),
            );
        }
        counters(
            &mut encoder,
            "pontoon_cni_requests",
            "Calls of container runtimes, by the code of the error, 0 for none",
            None,
            counted.iter().map(|(verb, code, count)| {
                ([("verb", verb.as_str()), ("code", code.as_str())], *count)
            }),
        )?;
        let mut family = encoder.encode_descriptor(
            "pontoon_cni_request_duration",
            "Time until a container runtime had its answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (verb, calls) in &calls {
            calls.times.encode(family.encode_family(&[("verb", verb.as_str())])?)?;
        }
        Ok(())
    }
}
