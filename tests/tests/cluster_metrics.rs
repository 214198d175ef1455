//! What a node's daemon tells over HTTP of itself: figures that follow what happens, and whether it
//! is well.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::host::Host;
use pontoon_lab::probe::dns::{RecordType, resolve};
use pontoon_lab::probe::http;
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::{apply, delete};

fn ask(host: &Host, path: &str) -> Result<(u16, String)> {
    let address: SocketAddr = "127.0.0.1:9553".parse()?;
    http::get(host.netns(), address, path, SOON)
}

/// Samples by name and labels.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    fn of(host: &Host) -> Result<Self> {
        let (status, text) = ask(host, "/metrics")?;
        ensure!(status == 200, "{status}: {text}");
        let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').with_context(|| line.to_owned())?;
            Ok((name.to_owned(), value.parse()?))
        });
        Ok(Self(samples.collect::<Result<_>>()?))
    }

    /// The sum of the samples of that name which have all of these labels.
    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples = self.0.iter().filter(|(sample, _)| {
            let (of, has) = sample.split_once('{').unwrap_or((sample, ""));
            of == name && labels.iter().all(|label| has.contains(label))
        });
        samples.map(|(_, value)| value).sum()
    }
}

/// Figures that are to differ by so much, or by something if there is no number.
type Rise<'a> = (&'a str, &'a [&'a str], Option<f64>);

/// Waits until they differ so from what they were.
fn rise(host: &Host, before: &Figures, rises: &[Rise]) -> Result<Figures> {
    eventually(SOON, || {
        let now = Figures::of(host)?;
        for (name, labels, by) in rises {
            let difference = now.sum(name, labels) - before.sum(name, labels);
            let meets = by.map_or(difference > 0.0, |by| (difference - by).abs() < 1e-9);
            ensure!(meets, "{name} {labels:?} differs by {difference}, not by {by:?}");
        }
        Ok(now)
    })
}

#[test]
fn figures_follow_what_happens_on_a_node() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let host = lab.host(1);
    let first = eventually(SOON, || {
        let now = Figures::of(host)?;
        ensure!(now.sum("pontoon_nodes", &["state=\"alive\""]) == 2.0);
        ensure!(now.sum("pontoon_node_ready", &[]) == 1.0);
        Ok(now)
    })?;
    ensure!(first.sum("pontoon_build_info", &["version="]) == 1.0);
    ensure!(first.sum("pontoon_store_connected", &[]) == 1.0);
    ensure!(first.sum("process_resident_memory_bytes", &[]) > 1e6);
    ensure!(first.sum("pontoon_controller_reconcile_duration_seconds_count", &[]) > 0.0);
    ensure!(first.sum("pontoon_controller_kernel_changes_total", &[]) > 0.0);

    let pod = host.pod("web").label("app", "web").add()?;
    let with_pod = rise(
        host,
        &first,
        &[
            ("pontoon_pods", &[], Some(1.0)),
            ("pontoon_ipam_addresses_used", &["subnet=\"10.244."], Some(1.0)),
            ("pontoon_cni_requests_total", &["verb=\"add\"", "code=\"0\""], Some(1.0)),
            ("pontoon_cni_request_duration_seconds_count", &["verb=\"add\""], Some(1.0)),
            ("pontoon_store_requests_total", &["operation=\"txn\"", "result=\"ok\""], None),
            ("pontoon_store_request_duration_seconds_sum", &["operation=\"txn\""], None),
        ],
    )?;

    apply(host, &[selecting("web", "web", 80, 8080)])?;
    let with_service = rise(
        host,
        &with_pod,
        &[
            ("pontoon_services", &[], Some(1.0)),
            ("pontoon_endpoints", &[], None),
            ("pontoon_services_map_elements", &["map="], None),
            ("pontoon_services_kernel_changes_total", &[], None),
            ("pontoon_services_reconcile_duration_seconds_count", &[], None),
        ],
    )?;

    let server = "10.96.0.10:53".parse()?;
    let asked = |name: &str| resolve(pod.netns(), server, name, RecordType::A);
    ensure!(!asked("web.default.svc.cluster.local.")?.records().is_empty());
    ensure!(asked("nothing.default.svc.cluster.local.")?.is_denial());
    let zone = "zone=\"cluster.local.\"";
    let with_questions = rise(
        host,
        &with_service,
        &[
            ("coredns_dns_requests_total", &[zone, "type=\"A\"", "proto=\"udp\""], None),
            ("coredns_dns_responses_total", &[zone, "rcode=\"NOERROR\""], None),
            ("coredns_dns_responses_total", &[zone, "rcode=\"NXDOMAIN\""], None),
            ("coredns_dns_request_duration_seconds_count", &[zone], None),
        ],
    )?;

    // What goes goes from the figures, too; what was done stays done.
    delete(host, pontoon_model::object::Kind::Service, &["web"])?;
    pod.remove()?;
    rise(
        host,
        &with_questions,
        &[
            ("pontoon_pods", &[], Some(-1.0)),
            ("pontoon_services", &[], Some(-1.0)),
            ("pontoon_ipam_addresses_used", &["subnet=\"10.244."], Some(-1.0)),
            ("pontoon_cni_requests_total", &["verb=\"add\""], Some(0.0)),
            ("pontoon_cni_requests_total", &["verb=\"del\"", "code=\"0\""], Some(1.0)),
        ],
    )?;
    Ok(())
}

#[test]
fn a_store_that_is_frozen_shows_in_the_figures_and_leaves_the_node_ready() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1))?;
    let host = lab.host(1);
    let before = Figures::of(host)?;
    ensure!(before.sum("pontoon_store_staleness_seconds", &[]) == 0.0);
    ensure!(ask(host, "/healthz")? == (200, "ok\n".to_owned()));
    ensure!(ask(host, "/readyz")? == (200, "ok\n".to_owned()));

    lab.etcd().pause()?;
    eventually(Duration::from_secs(40), || {
        let now = Figures::of(host)?;
        let stale = now.sum("pontoon_store_staleness_seconds", &[]);
        ensure!(stale > 1.0, "{stale} s");
        ensure!(now.sum("pontoon_store_connected", &[]) == 0.0);
        ensure!(now.sum("pontoon_problems", &[]) > 0.0);
        let failed = ["result=\"unavailable\""];
        ensure!(now.sum("pontoon_store_requests_total", &failed) > 0.0);
        Ok(())
    })?;
    ensure!(ask(host, "/healthz")?.0 == 200, "the daemon is as well as ever");
    let (status, said) = ask(host, "/readyz")?;
    ensure!(status == 200 && said.contains("problem: the store is away"), "{status}: {said}");
    // Pods come all the same.
    let pod = host.add_pod("while-frozen")?;
    ensure!(Figures::of(host)?.sum("pontoon_pods", &[]) == 1.0);

    lab.etcd().resume()?;
    eventually(Duration::from_secs(40), || {
        let now = Figures::of(host)?;
        ensure!(now.sum("pontoon_store_connected", &[]) == 1.0);
        ensure!(now.sum("pontoon_store_staleness_seconds", &[]) == 0.0);
        Ok(())
    })?;
    pod.remove()
}
