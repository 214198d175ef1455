//! What the listeners counted, as Prometheus reads it.

use std::collections::HashMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use super::label::{RCODES, TYPES};
use super::listeners::{Listeners, Server};
use super::tally::{Closed, Loss, SHORTEST, SIZES, Spread, TIMES, Tally, ZoneTally};

/// CoreDNS has views; we have none, and its dashboards ask for them.
const NO_VIEW: (&str, &str) = ("view", "");

impl Collector for Listeners {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let servers = self.by_server();
        self.encode_requests(&servers, &mut encoder)?;
        self.encode_responses(&servers, &mut encoder)?;
        self.encode_spreads(&servers, &mut encoder)?;
        encode_losses(&servers, &mut encoder)?;
        encode_connections(&servers, &mut encoder)
    }
}

impl Listeners {
    fn encode_requests(
        &self,
        servers: &[Server],
        encoder: &mut DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "coredns_dns_requests",
            "Questions that were answered, by zone, protocol, family and type.",
            None,
            MetricType::Counter,
        )?;
        for (server, (zone, zone_name)) in self.each(servers) {
            for (v6, family_number) in ["1", "2"].into_iter().enumerate() {
                for (rtype, (_, type_name)) in TYPES.iter().enumerate() {
                    let count = server.sum(|t| t.zones[zone as usize].requests[v6][rtype].get());
                    let [server, proto] = server.labels();
                    let rest = [("family", family_number), ("type", *type_name)];
                    let labels = [server, ("zone", zone_name), NO_VIEW, proto, rest[0], rest[1]];
                    counter(&mut family, &labels, count)?;
                }
            }
        }
        Ok(())
    }

    fn encode_responses(
        &self,
        servers: &[Server],
        encoder: &mut DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "coredns_dns_responses",
            "Answers, by zone and code.",
            None,
            MetricType::Counter,
        )?;
        for (server, (zone, zone_name)) in self.each(servers) {
            for (rcode, name) in RCODES.into_iter().enumerate() {
                let count = server.sum(|tally| tally.zones[zone as usize].responses[rcode].get());
                let [server, proto] = server.labels();
                let labels = [server, ("zone", zone_name), NO_VIEW, proto, ("rcode", name)];
                counter(&mut family, &labels, count)?;
            }
        }
        Ok(())
    }

    fn encode_spreads(
        &self,
        servers: &[Server],
        encoder: &mut DescriptorEncoder<'_>,
    ) -> fmt::Result {
        let time = |bucket: i32| SHORTEST.as_secs_f64() * f64::powi(2.0, bucket);
        let times: Vec<f64> = (0..TIMES as i32).map(time).collect();
        let sizes = SIZES.map(f64::from);
        self.encode_spread(
            servers,
            encoder.encode_descriptor(
                "coredns_dns_request_duration_seconds",
                "How long answers took. Those that were given at once are timed together with \
                 those that left with them.",
                None,
                MetricType::Histogram,
            )?,
            (&times, 1e-9),
            |zone| &zone.times,
        )?;
        self.encode_spread(
            servers,
            encoder.encode_descriptor(
                "coredns_dns_request_size_bytes",
                "How long questions were.",
                None,
                MetricType::Histogram,
            )?,
            (&sizes, 1.0),
            |zone| &zone.request_sizes,
        )?;
        self.encode_spread(
            servers,
            encoder.encode_descriptor(
                "coredns_dns_response_size_bytes",
                "How long answers were.",
                None,
                MetricType::Histogram,
            )?,
            (&sizes, 1.0),
            |zone| &zone.response_sizes,
        )
    }

    fn encode_spread<const N: usize>(
        &self,
        servers: &[Server],
        mut family: MetricEncoder<'_>,
        (bounds, unit): (&[f64], f64),
        of: impl Fn(&ZoneTally) -> &Spread<N>,
    ) -> fmt::Result {
        for (server, (zone, zone_name)) in self.each(servers) {
            let (counts, sum) = server.spread(|tally| of(&tally.zones[zone as usize]));
            let count: u64 = counts.iter().sum();
            if count == 0 {
                continue;
            }
            let bounds = bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
            let [server, proto] = server.labels();
            let labels = [server, ("zone", zone_name), NO_VIEW, proto];
            let exemplars = None::<&HashMap<usize, Exemplar<[(&str, &str); 0], f64>>>;
            family.encode_family(&labels)?.encode_histogram(
                sum as f64 * unit,
                count,
                &buckets,
                exemplars,
            )?;
        }
        Ok(())
    }
}

/// Most series would be 0 for ever, and are left out.
fn counter(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], count: u64) -> fmt::Result {
    match count {
        0 => Ok(()),
        _ => always(family, labels, count),
    }
}

fn always(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], count: u64) -> fmt::Result {
    let mut metric = family.encode_family(&labels)?;
    metric.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)
}

fn encode_losses(servers: &[Server], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "pontoon_dns_dropped",
        "Questions that got no answer, by reason.",
        None,
        MetricType::Counter,
    )?;
    for server in servers {
        for (loss, reason) in Loss::ALL {
            let [name, proto] = server.labels();
            let count = server.sum(|tally| tally.losses[loss as usize].get());
            always(&mut family, &[name, proto, ("reason", reason)], count)?;
        }
    }
    let mut family = encoder.encode_descriptor(
        "pontoon_dns_refused_strangers",
        "Questions from clients that may not ask.",
        None,
        MetricType::Counter,
    )?;
    for server in servers {
        always(&mut family, &server.labels(), server.sum(|tally| tally.strangers.get()))?;
    }
    let mut metric = encoder.encode_descriptor(
        "coredns_panics",
        "Questions that broke the code that answers.",
        None,
        MetricType::Counter,
    )?;
    let of = |tally: &Tally| tally.losses[Loss::Panicked as usize].get();
    let count: u64 = servers.iter().map(|server| server.sum(of)).sum();
    metric.encode_counter::<[(&str, &str); 0], u64, u64>(&count, None)
}

fn encode_connections(servers: &[Server], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let streams = || servers.iter().filter(|server| server.proto != "udp");
    let mut family = encoder.encode_descriptor(
        "pontoon_dns_connections",
        "Connections there are.",
        None,
        MetricType::Gauge,
    )?;
    for server in streams() {
        // In this order, so that none has ended that is not seen to be opened.
        let ended = server.sum(|tally| tally.ended.get());
        let open = server.sum(|tally| tally.opened.get()).saturating_sub(ended);
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        family.encode_family(&server.labels())?.encode_gauge(&open)?;
    }
    let mut family = encoder.encode_descriptor(
        "pontoon_dns_connections_opened",
        "Connections that were opened.",
        None,
        MetricType::Counter,
    )?;
    for server in streams() {
        always(&mut family, &server.labels(), server.sum(|tally| tally.opened.get()))?;
    }
    let mut family = encoder.encode_descriptor(
        "pontoon_dns_connections_closed",
        "Connections that were closed before their clients did so, by reason.",
        None,
        MetricType::Counter,
    )?;
    for server in streams() {
        for (closed, reason) in Closed::ALL {
            let [name, proto] = server.labels();
            let count = server.sum(|tally| tally.closed[closed as usize].get());
            always(&mut family, &[name, proto, ("reason", reason)], count)?;
        }
    }
    Ok(())
}
