//! Services: how fast they get into the kernel, what they cost those who connect, and what the
//! daemon needs to hold them.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`dataset`], [`seed`] | services by the thousand, and how they get into a store |
//! | [`kernel`] | nf_tables, counted and timed from beside the daemon |
//! | [`start`] | cold starts and restarts |
//! | [`change`] | one endpoint changes |
//! | [`connect`] | connections through virtual addresses |
//! | [`shape`], [`kube_proxy`], [`kube_api`] | the peers: kube-proxy's layout loaded by `nft`, and kube-proxy itself |

mod change;
mod connect;
pub(crate) mod dataset;
mod kernel;
pub(crate) mod kube_api;
mod kube_proxy;
pub(crate) mod seed;
mod shape;
mod start;

use std::time::Duration;

use anyhow::{Context, Result};
use pontoon_lab::{Lab, Netns};
use pontoon_netlink::nft::{Family, Table};

use crate::report::{Better, Row, median, percentile};
use change::Round;
use connect::Site;
use dataset::Size;
use kernel::Map;
use kube_proxy::KubeProxy;
use start::Subject;

const ROUNDS: usize = 3;
const WAIT: Duration = Duration::from_secs(60);

/// What the daemon is to hold.
const FULL: Size = Size { services: 10_000, endpoints: 10 };
/// More services than most clusters have.
const LONG: Size = Size { services: 30_000, endpoints: 3 };
/// As in kube-proxy's layout, loaded by `nft`.
const THIN: Size = Size { services: 10_000, endpoints: 3 };
/// As kube-proxy itself gets them.
const HALF: Size = Size { services: 5_000, endpoints: 10 };
/// With those that are measured ten services.
const FEW: Size = Size { services: 8, endpoints: 3 };

const TABLE: Table = Table::new(Family::Inet, "pontoon-services");
/// An element for each address and port that a service answers at.
const SERVICES: Map = Map::new(TABLE, "services4");
/// An element for each endpoint.
const BACKENDS: Map = Map::new(TABLE, "backends4");

pub(crate) fn measure(notes: &mut Vec<String>) -> Result<Vec<Row>> {
    let load = std::fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let processors = std::thread::available_parallelism()?;
    notes.push(format!("load when the services began: {load} on {processors} processors"));
    let (mut rows, proxied) = on_embedded_stores(notes)?;
    let rounds = change::measure(FULL).context("a changed endpoint")?;
    let of = |pick: fn(&Round) -> &Vec<f64>, percent| {
        rounds.iter().map(|round| percentile(pick(round), percent)).collect::<Vec<_>>()
    };
    let p50 = of(|round| &round.event_to_kernel, 50);
    let name = format!("one endpoint changed, {FULL}, event to kernel");
    rows.push(limited(format!("{name}, p50"), "ms", p50.clone(), 2.0));
    let p99 = of(|round| &round.event_to_kernel, 99);
    rows.push(limited(format!("{name}, p99"), "ms", p99, 2.0));
    let p99 = of(|round| &round.without_waits, 99);
    rows.push(limited(format!("{name}, p99, less waits for a processor"), "ms", p99, 2.0));
    if !proxied.is_empty() {
        rows.push(Row {
            name: format!("{name}, p50"),
            unit: "ms",
            ours: p50,
            peer: format!("kube-proxy, {HALF}"),
            theirs: proxied,
            better: Better::Lower,
            target: 20.0,
        });
    }
    Ok(rows)
}

/// What starts take and hold, and connections. With it what kube-proxy takes for a changed
/// endpoint, if it is there.
fn on_embedded_stores(notes: &mut Vec<String>) -> Result<(Vec<Row>, Vec<f64>)> {
    let lab = Lab::builder()
        .hosts(6)
        .embedded()
        .dual_stack(false)
        .configure("cluster.pod-cidrs", [dataset::POD_CIDR])
        .configure("cluster.service-cidrs", [dataset::SERVICE_CIDR])
        .configure("log.level", "info")
        .configure("mesh.enabled", false)
        .build()?;
    let sites = [1, 2].map(|number| -> Result<Site> {
        lab.host(number).start()?;
        lab.host(number).wait_ready(WAIT)?;
        Site::build(lab.host(number))
    });
    let [many, few] = sites;
    let (many, few) = (many?, few?);
    let mut full = Subject::prepare(lab.host(1), FULL, &many.services()?)?;
    let mut small = Subject::prepare(lab.host(2), FEW, &few.services()?)?;
    let peers = Peers {
        scratch: Netns::create(lab.path().join("kube-proxys-layout.ns"))?,
        script: lab.path().join("kube-proxys-layout.nft"),
        proxy: KubeProxy::prepare(lab.host(6), HALF)?,
    };
    shape::write(THIN, &peers.script)?;
    if peers.proxy.is_none() {
        notes.push(format!(
            "skipped: the rows against kube-proxy itself: {} names no binary of it",
            kube_proxy::VARIABLE
        ));
    }
    let others = [(3, LONG), (4, THIN), (5, HALF)]
        .map(|(number, size)| Subject::prepare(lab.host(number), size, &[]));
    let (mut rows, proxied) = starts(&mut full, others, peers)?;

    full.cold_start()?;
    small.cold_start()?;
    rows.extend(connect::new_connections(&many, &few).context("new connections")?);
    rows.extend(connect::established(&many).context("an established connection")?);
    Ok((rows, proxied))
}

/// Those to compare with.
struct Peers<'a> {
    scratch: Netns,
    script: std::path::PathBuf,
    proxy: Option<KubeProxy<'a>>,
}

fn starts(
    full: &mut Subject<'_>,
    others: [Result<Subject<'_>>; 3],
    mut peers: Peers<'_>,
) -> Result<(Vec<Row>, Vec<f64>)> {
    let [long, thin, half] = others;
    let (mut long, mut thin, mut half) = (long?, thin?, half?);
    let [mut cpu, mut cpu_long, mut cpu_thin, mut cpu_half] = [const { Vec::new() }; 4];
    let [mut layout, mut proxy, mut changes] = [const { Vec::new() }; 3];
    let [mut resident, mut restarts, mut cpu_again, mut writes] = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        cpu.push(full.cold_start().context("10,000 × 10")?.as_secs_f64());
        full.calm();
        resident.push(full.resident()?);
        let restart = full.restart().context("a restart")?;
        restarts.push(restart.wall.as_secs_f64());
        cpu_again.push(restart.cpu.as_secs_f64());
        writes.push(f64::from(restart.commits));
        full.retire()?;
        for (subject, times) in
            [(&mut long, &mut cpu_long), (&mut thin, &mut cpu_thin), (&mut half, &mut cpu_half)]
        {
            times.push(subject.cold_start()?.as_secs_f64());
            subject.retire()?;
        }
        layout.push(shape::load(&peers.scratch, &peers.script)?.as_secs_f64());
        if let Some(kube_proxy) = &mut peers.proxy {
            let cost = kube_proxy.measure()?;
            proxy.push(cost.cold.as_secs_f64());
            changes.push(median(&cost.changes));
        }
    }
    let against = |size, ours, peer: &str, theirs, target| Row {
        name: format!("cold start, {size}, CPU"),
        unit: "s",
        ours,
        peer: peer.into(),
        theirs,
        better: Better::Lower,
        target,
    };
    let mut rows = vec![
        limited(format!("cold start, {FULL}, CPU"), "s", cpu, 1.0),
        limited(format!("cold start, {LONG}, CPU"), "s", cpu_long, 1.5),
        against(THIN, cpu_thin, "kube-proxy's layout by nft -f", layout, 50.0),
    ];
    if peers.proxy.is_some() {
        rows.push(against(HALF, cpu_half, "kube-proxy", proxy, 20.0));
    }
    rows.push(limited(format!("restart, {FULL}, until ready and idle"), "s", restarts, 1.0));
    rows.push(limited(format!("restart, {FULL}, CPU"), "s", cpu_again, 1.0));
    rows.push(limited(format!("restart, {FULL}, writes to the kernel"), "", writes, 0.0));
    rows.push(limited(format!("pontoond with {FULL}, RSS"), "MiB", resident, 120.0));
    peers.scratch.remove()?;
    Ok((rows, changes))
}

/// A row whose peer is a limit.
pub(crate) fn limited(name: String, unit: &'static str, ours: Vec<f64>, limit: f64) -> Row {
    let theirs = vec![limit; ours.len()];
    Row { name, unit, ours, peer: "the limit".into(), theirs, better: Better::Lower, target: 1.0 }
}
