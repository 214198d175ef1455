//! Questions that were forwarded, under the names of CoreDNS's `forward`.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::label::rcode_name;
use super::tally::{SHORTEST, TIMES};

type To = [(&'static str, String); 1];
type ToWithRcode = [(&'static str, String); 2];
type Proxy = [(&'static str, String); 2];
type ProxyWithRcode = [(&'static str, String); 3];

/// Questions that were forwarded. Clones count into the same.
#[derive(Debug, Clone)]
pub struct Forward {
    requests: Family<To, Counter>,
    responses: Family<ToWithRcode, Counter>,
    times: Family<ProxyWithRcode, Histogram, fn() -> Histogram>,
    failed_checks: Family<Proxy, Counter>,
    /// Questions that were sent although no upstream was known to be well.
    pub all_broken: Counter,
    /// Questions that were refused since too many were under way.
    pub too_many: Counter,
}

/// What is counted for one upstream.
#[derive(Debug, Clone)]
pub struct Upstream {
    to: String,
    forward: Forward,
    requests: Counter,
    failed_checks: Counter,
}

fn times() -> Histogram {
    Histogram::new((0..TIMES as i32).map(|bucket| SHORTEST.as_secs_f64() * f64::powi(2.0, bucket)))
}

fn proxy() -> (&'static str, String) {
    ("proxy_name", "forward".to_owned())
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            responses: Family::default(),
            times: Family::new_with_constructor(times),
            failed_checks: Family::default(),
            all_broken: Counter::default(),
            too_many: Counter::default(),
        }
    }
}

impl Forward {
    /// What is counted for an upstream of that name, its address and port.
    #[must_use]
    pub fn upstream(&self, to: &str) -> Upstream {
        let to = to.to_owned();
        Upstream {
            requests: self.requests.get_or_create_owned(&[("to", to.clone())]),
            failed_checks: self.failed_checks.get_or_create_owned(&[proxy(), ("to", to.clone())]),
            forward: self.clone(),
            to,
        }
    }

    /// Shows it.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_forward_requests",
            "Questions that were forwarded, by upstream",
            self.requests.clone(),
        );
        registry.register(
            "coredns_forward_responses",
            "Answers of upstreams, by code",
            self.responses.clone(),
        );
        registry.register(
            "coredns_proxy_request_duration_seconds",
            "How long upstreams took to answer",
            self.times.clone(),
        );
        registry.register(
            "coredns_proxy_healthcheck_failures",
            "Checks that an upstream did not answer",
            self.failed_checks.clone(),
        );
        registry.register(
            "coredns_forward_healthcheck_broken",
            "Questions that were forwarded although no upstream was known to be well",
            self.all_broken.clone(),
        );
        registry.register(
            "coredns_forward_max_concurrent_rejects",
            "Questions that were not forwarded since too many were under way",
            self.too_many.clone(),
        );
    }
}

impl Upstream {
    /// It was asked.
    pub fn asked(&self) {
        self.requests.inc();
    }

    /// It answered with that code after that time.
    pub fn answered(&self, rcode: u16, took: Duration) {
        let rcode = rcode_name(rcode).to_owned();
        let to = ("to", self.to.clone());
        let labels = [to.clone(), ("rcode", rcode.clone())];
        self.forward.responses.get_or_create(&labels).inc();
        let labels = [proxy(), to, ("rcode", rcode)];
        self.forward.times.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// It did not answer a check.
    pub fn check_failed(&self) {
        self.failed_checks.inc();
    }
}
