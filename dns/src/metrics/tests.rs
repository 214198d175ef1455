use std::time::Duration;

use super::label::{Kind, Zone};
use super::tally::{Closed, Loss};
use super::*;

fn metrics() -> Metrics {
    Metrics::new(&Name::parse("cluster.local").unwrap())
}

fn text(metrics: &Metrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

fn kind(zone: Zone, rtype: usize, rcode: usize) -> Kind {
    Kind { zone, rtype, rcode, v6: false }
}

/// The lines of a text that begin so, without that beginning.
fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(name)).collect()
}

#[test]
fn questions_are_counted_as_coredns_does() {
    let metrics = metrics();
    let tally = metrics.tally("dns://10.96.0.10:53", Transport::Udp);
    tally.answered(kind(Zone::Cluster, 0, 0), 40, 120);
    tally.answered(kind(Zone::Cluster, 0, 3), 40, 512);
    tally.answered(Kind { v6: true, ..kind(Zone::Outside, 1, 2) }, 40, 40);
    let text = text(&metrics);
    let server = r#"{server="dns://10.96.0.10:53","#;
    assert_eq!(
        lines(&text, &format!("coredns_dns_requests_total{server}")),
        [
            r#"zone="cluster.local.",view="",proto="udp",family="1",type="A"} 2"#,
            r#"zone=".",view="",proto="udp",family="2",type="AAAA"} 1"#,
        ]
    );
    assert_eq!(
        lines(&text, &format!("coredns_dns_responses_total{server}")),
        [
            r#"zone="cluster.local.",view="",proto="udp",rcode="NOERROR"} 1"#,
            r#"zone="cluster.local.",view="",proto="udp",rcode="NXDOMAIN"} 1"#,
            r#"zone=".",view="",proto="udp",rcode="SERVFAIL"} 1"#,
        ]
    );
    let sizes = r#"coredns_dns_response_size_bytes_bucket{le="#;
    let cluster: Vec<_> =
        lines(&text, sizes).into_iter().filter(|line| line.contains("cluster")).collect();
    assert_eq!(cluster.len(), 15);
    for (line, bound, count) in [(1, "100", 0), (2, "200", 1), (6, "1023", 2), (14, "+Inf", 2)] {
        assert!(cluster[line].starts_with(&format!("\"{bound}")), "{}", cluster[line]);
        assert!(cluster[line].ends_with(&format!("}} {count}")), "{}", cluster[line]);
    }
    let sum = format!("coredns_dns_response_size_bytes_sum{server}zone=\"cluster.local.\"");
    assert_eq!(lines(&text, &sum), [r#",view="",proto="udp"} 632.0"#]);
}

#[test]
fn a_batch_of_answers_is_timed_as_one() {
    let metrics = metrics();
    let tally = metrics.tally("dns://10.96.0.10:53", Transport::Udp);
    tally.took(Duration::from_micros(300), [3, 0, 0, 1, 0]);
    tally.took_one(Duration::from_millis(40), Zone::Outside);
    let text = text(&metrics);
    let name = |end: &str, zone: &str| {
        let labels =
            format!(r#"{{server="dns://10.96.0.10:53",zone="{zone}",view="",proto="udp"}}"#);
        format!("coredns_dns_request_duration_seconds_{end}{labels} ")
    };
    assert_eq!(lines(&text, &name("count", "cluster.local.")), ["3"]);
    assert_eq!(lines(&text, &name("count", ".")), ["2"]);
    let sum: f64 = lines(&text, &name("sum", "."))[0].parse().unwrap();
    assert!((sum - 0.0403).abs() < 1e-9, "{sum}");
    let outside: Vec<_> = lines(&text, "coredns_dns_request_duration_seconds_bucket{le=")
        .into_iter()
        .filter(|line| line.contains(r#"zone=".""#))
        .collect();
    let counts = |line: &&str| line.rsplit(' ').next().unwrap().to_owned();
    let counts: Vec<_> = outside.iter().map(counts).collect();
    // 250 µs, 500 µs, 1, 2, 4, 8, 16, 32, 64 ms …
    assert_eq!(counts[..9], ["0", "1", "1", "1", "1", "1", "1", "1", "2"]);
    assert_eq!((counts.len(), counts[16].as_str()), (17, "2"));
}

#[test]
fn threads_of_one_listener_are_added_up_and_a_new_one_goes_on_with_an_old_ones_count() {
    let metrics = metrics();
    let tally = || metrics.tally("dns://[::1]:53", Transport::Udp);
    let both = [tally(), tally()];
    assert!(!Arc::ptr_eq(&both[0], &both[1]));
    for tally in &both {
        tally.lost(Loss::RateLimited, 2);
        tally.refused_stranger();
    }
    drop(both);
    tally().lost(Loss::RateLimited, 1);
    let text = text(&metrics);
    let labels = r#"{server="dns://[::1]:53",proto="udp""#;
    let dropped = format!(r#"pontoon_dns_dropped_total{labels},reason="rate_limited"}}"#);
    assert_eq!(lines(&text, &dropped), [" 5"]);
    let refused = format!("pontoon_dns_refused_strangers_total{labels}}}");
    assert_eq!(lines(&text, &refused), [" 2"]);
}

#[test]
fn connections_are_counted_where_there_are_any() {
    let metrics = metrics();
    let _udp = metrics.tally("dns://10.96.0.10:53", Transport::Udp);
    let tls = metrics.tally("tls://10.96.0.10:853", Transport::Tls);
    tls.opened();
    tls.opened();
    tls.opened();
    tls.closed(Closed::Idle);
    tls.ended();
    let text = text(&metrics);
    let labels = r#"{server="tls://10.96.0.10:853",proto="tcp""#;
    assert_eq!(lines(&text, "pontoon_dns_connections{"), [format!("{}}} 2", &labels[1..])]);
    let closed = format!(r#"pontoon_dns_connections_closed_total{labels},reason="idle"}}"#);
    assert_eq!(lines(&text, &closed), [" 1"]);
}

#[test]
fn cache_forwarding_and_zone_have_the_names_that_dashboards_ask_for() {
    let metrics = metrics();
    let upstream = metrics.forward.upstream("192.0.2.53:53");
    upstream.asked();
    upstream.answered(0, Duration::from_millis(3));
    upstream.answered(77, Duration::from_millis(3));
    upstream.check_failed();
    metrics.cache.success.hits.inc();
    metrics.cache.denial.entries.set(7);
    metrics.zone.serial.set(42);
    let text = text(&metrics);
    for line in [
        r#"coredns_forward_requests_total{to="192.0.2.53:53"} 1"#,
        r#"coredns_forward_responses_total{to="192.0.2.53:53",rcode="NOERROR"} 1"#,
        r#"coredns_forward_responses_total{to="192.0.2.53:53",rcode="other"} 1"#,
        r#"coredns_proxy_healthcheck_failures_total{proxy_name="forward",to="192.0.2.53:53"} 1"#,
        "coredns_forward_healthcheck_broken_total 0",
        "coredns_forward_max_concurrent_rejects_total 0",
        r#"coredns_cache_hits_total{type="success"} 1"#,
        r#"coredns_cache_entries{type="denial"} 7"#,
        "coredns_cache_misses_total 0",
        "coredns_cache_prefetch_total 0",
        "coredns_cache_served_stale_total 0",
        "pontoon_dns_zone_serial 42",
        "pontoon_dns_autopath_total 0",
        "coredns_panics_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
    }
    let count = r#"coredns_proxy_request_duration_seconds_count{proxy_name="forward",to="192.0.2.53:53",rcode="NOERROR"} 1"#;
    assert!(text.contains(count), "{text}");
}
