//! Attaching and detaching pods, against the reference plugins.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::{Lab, Netns};

use crate::plugin::{Chain, REFERENCE, Target};
use crate::report::{Better, Row, median, percentile};

const ROUNDS: usize = 7;
const SINGLE: usize = 16;
const AT_ONCE: usize = 32;
const MANY: usize = 500;

pub(crate) fn measure() -> Result<Vec<Row>> {
    for plugin in ["bridge", "host-local", "portmap"] {
        let path = std::path::Path::new(REFERENCE).join(plugin);
        ensure!(path.is_file(), "the peer is missing: apt-get install containernetworking-plugins");
    }
    let lab = Lab::builder()
        .hosts(1)
        .embedded()
        .dual_stack(false)
        .configure("cluster.node-prefix-v4", 21)
        .configure("log.level", "warn")
        .build()?;
    lab.start(Duration::from_secs(20))?;
    let pods = Pods::new(&lab)?;
    let ours = Chain::ours(&lab.host(1).cni_conf_dir())?;
    let theirs = Chain::reference(&lab.path().join("host-local"), false);
    let mut rows = alternate(&pods, &ours, &theirs)?;
    let mapped = Chain::reference(&lab.path().join("host-local-2"), true).with_ports();
    rows.extend(with_ports(&pods, &ours.clone().with_ports(), &mapped)?);
    rows.push(many(&pods, &ours)?);
    Ok(rows)
}

/// Namespaces to attach, on the lab's only host.
struct Pods<'a> {
    host: &'a Netns,
    targets: Vec<Target>,
    _netns: Vec<Netns>,
}

impl<'a> Pods<'a> {
    fn new(lab: &'a Lab) -> Result<Self> {
        let (mut targets, mut held) = (Vec::new(), Vec::new());
        for (number, port) in (0..MANY).zip(20_000..) {
            let netns = Netns::create(lab.path().join(format!("bench-{number}.ns")))?;
            let path = netns.path().to_owned();
            targets.push(Target { id: format!("bench-{number}"), netns: path, port });
            held.push(netns);
        }
        Ok(Self { host: lab.host(1).netns(), targets, _netns: held })
    }

    /// One after the other; milliseconds of each.
    fn each(
        &self,
        count: usize,
        call: impl Fn(&Target) -> Result<Duration> + Send + Sync,
    ) -> Result<Vec<f64>> {
        let targets = &self.targets[..count];
        self.host
            .run(|| targets.iter().map(|t| call(t).map(millis)).collect::<Result<Vec<f64>>>())?
    }

    /// All at once; milliseconds until the last is done.
    fn at_once(
        &self,
        count: usize,
        call: impl Fn(&Target) -> Result<Duration> + Sync + Send,
    ) -> Result<f64> {
        let (targets, call) = (&self.targets[..count], &call);
        let began = Instant::now();
        // Threads inherit the namespace of the one that starts them.
        let outcomes: Vec<Result<Duration>> = self.host.run(|| {
            std::thread::scope(|scope| {
                let threads: Vec<_> =
                    targets.iter().map(|t| scope.spawn(move || call(t))).collect();
                threads
                    .into_iter()
                    .map(|thread| {
                        thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked"))
                    })
                    .collect()
            })
        })?;
        let took = millis(began.elapsed());
        outcomes.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(took)
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Medians of each round, ours and theirs.
#[derive(Default)]
struct Sides {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Sides {
    fn row(self, name: &str, unit: &'static str, peer: &str, better: Better, target: f64) -> Row {
        Row {
            name: name.into(),
            unit,
            ours: self.ours,
            peer: peer.into(),
            theirs: self.theirs,
            better,
            target,
        }
    }
}

fn alternate(pods: &Pods<'_>, ours: &Chain, theirs: &Chain) -> Result<Vec<Row>> {
    let [mut add, mut worst, mut del, mut rate, mut dels] = [(); 5].map(|()| Sides::default());
    let mut shared = Sides::default();
    for round in 0..=ROUNDS {
        for (is_ours, chain) in [(true, ours), (false, theirs)] {
            let added = pods.each(SINGLE, |t| chain.add(t)).context("ADD")?;
            let deleted = pods.each(SINGLE, |t| chain.del(t)).context("DEL")?;
            let many_added = pods.at_once(AT_ONCE, |t| chain.add(t)).context("ADD at once")?;
            let many_deleted = pods.at_once(AT_ONCE, |t| chain.del(t)).context("DEL at once")?;
            if round == 0 {
                continue; // Caches and first-time set-up of both.
            }
            let side = |sides: &mut Sides, value| {
                if is_ours { sides.ours.push(value) } else { sides.theirs.push(value) }
            };
            side(&mut add, median(&added));
            side(&mut worst, percentile(&added, 99));
            side(&mut del, median(&deleted));
            side(&mut rate, AT_ONCE as f64 / (many_added / 1000.0));
            side(&mut dels, many_deleted);
            if is_ours {
                shared.ours.push(many_deleted);
                shared.theirs.push(4.0 * median(&deleted));
            }
        }
    }
    let peer = "bridge + host-local";
    Ok(vec![
        add.row("ADD, p50", "ms", peer, Better::Lower, 5.0),
        worst.row("ADD, slowest of 16", "ms", peer, Better::Lower, 1.0),
        rate.row("ADD, 32 at once", "pods/s", peer, Better::Higher, 4.0),
        del.row("DEL, p50", "ms", peer, Better::Lower, 1.0),
        dels.row("DEL, 32 at once", "ms", peer, Better::Lower, 1.0),
        shared.row(
            "DEL, 32 at once against four single ones",
            "ms",
            "four of ours",
            Better::Lower,
            1.0,
        ),
    ])
}

fn with_ports(pods: &Pods<'_>, ours: &Chain, theirs: &Chain) -> Result<Vec<Row>> {
    let mut add = Sides::default();
    for round in 0..=ROUNDS {
        for (is_ours, chain) in [(true, ours), (false, theirs)] {
            let added = pods.each(SINGLE, |t| chain.add(t)).context("ADD with a host port")?;
            pods.each(SINGLE, |t| chain.del(t)).context("DEL with a host port")?;
            match (round, is_ours) {
                (0, _) => {}
                (_, true) => add.ours.push(median(&added)),
                (_, false) => add.theirs.push(median(&added)),
            }
        }
    }
    let peer = "bridge with ipMasq + portmap";
    Ok(vec![add.row("ADD with masquerade and a host port, p50", "ms", peer, Better::Lower, 10.0)])
}

/// Whether the last of many pods takes longer than the first.
fn many(pods: &Pods<'_>, ours: &Chain) -> Result<Row> {
    let ours = ours.clone().with_ports();
    let mut flat = Sides::default();
    for _ in 0..3 {
        let all = pods.each(MANY, |t| ours.add(t)).context("ADD of many")?;
        let window = MANY / 10;
        flat.theirs.push(median(&all[..window]));
        flat.ours.push(median(&all[MANY - window..]));
        pods.at_once(MANY, |t| ours.del(t)).context("DEL of many")?;
    }
    Ok(flat.row("ADD, the 451st to 500th pod, p50", "ms", "our first 50", Better::Lower, 0.9))
}
