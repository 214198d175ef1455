//! A service is reached at its addresses from everywhere, and its endpoints share the work.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use comfy_table::Table;
use pontoon_model::service::Protocol;
use serde_json::Value;

use super::cluster::table;
use super::spread::{self, Spread};
use super::web::{self, BLUE, Client, Web};
use super::{Scene, Shown};
use crate::probe::{self, Reply};

/// How long the hosts may take to hear of a service.
const HEARD: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Who waits longer was not refused but forgotten.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Requests of each client to each address: so many, and for many endpoints more.
const REQUESTS: usize = 60;
const REQUESTS_PER_ENDPOINT: usize = 10;

pub(super) fn show(scene: &mut Scene) -> Result<Shown> {
    let web = Web::open(scene, BLUE)?;
    let unheard = web.clients.iter().filter_map(|client| client.wait(HEARD).err());
    let mut failures: Vec<_> = unheard.map(|error| format!("{error:#}")).collect();
    let heard = web.applied.elapsed();

    let pods = web::pods(web::first(scene)?, BLUE)?;
    let endpoints = web::names(&pods);
    let requests = REQUESTS.max(REQUESTS_PER_ENDPOINT * endpoints.len());
    let spreads = std::thread::scope(|scope| {
        let rounds: Vec<_> =
            web.clients.iter().map(|client| scope.spawn(move || ask(client, requests))).collect();
        let ended = rounds.into_iter().map(|r| r.join().map_err(|_| anyhow!("a client panicked")));
        ended.collect::<Result<Vec<_>>>()
    })?;
    failures.extend(spread::failures(&spreads, &endpoints));
    let nobody = nobody(scene, &web.service)?;
    failures.extend(nobody.iter().filter_map(Knock::failure));

    let longest = nobody.iter().map(|knock| knock.took).max().unwrap_or_default();
    let said = nobody.iter().map(|knock| knock.to.ip().to_string()).collect::<BTreeSet<_>>();
    let (answers, answering) = spread::answers(&spreads);
    let summary = format!(
        "{} was reached from everywhere {} ms after its apply; {answering} of {} endpoints answered {answers} \
         requests; {} refused within {:.1} ms",
        web::NAME,
        heard.as_millis(),
        endpoints.len(),
        said.into_iter().collect::<Vec<_>>().join(" and "),
        longest.as_secs_f64() * 1e3
    );
    let text =
        format!("{}\n{}", service(&web.service, &pods), spread::counts(&spreads, &endpoints));
    scene.web = Some(web);
    Ok(Shown { summary, text, failures })
}

/// Asks each address as often, or until it fails.
fn ask(client: &Client, requests: usize) -> Spread {
    let mut spread = Spread { client: client.name.clone(), ..Spread::default() };
    for to in &client.targets {
        let answered = (0..requests).try_for_each(|_| {
            let name = client.ask(*to, TIMEOUT)?;
            *spread.answers.entry(name).or_default() += 1;
            anyhow::Ok(())
        });
        spread.failures.extend(answered.err().map(|error| format!("{error:#}")));
    }
    spread
}

/// An attempt at an address that no service has.
struct Knock {
    from: String,
    to: SocketAddr,
    reply: Reply,
    took: Duration,
}

impl Knock {
    fn failure(&self) -> Option<String> {
        let Self { from, to, reply, took } = self;
        let refused = matches!(reply, Reply::Refused | Reply::Unreachable) && *took < AT_ONCE;
        (!refused).then(|| {
            format!(
                "{from} was to be refused at once at {to}, which no service has, and met with {reply:?} \
                 after {took:?}; hint: `nft list ruleset` there"
            )
        })
    }
}

/// What becomes of packets to the first address of each range that the service has not got.
fn nobody(scene: &Scene, service: &Value) -> Result<Vec<Knock>> {
    let (host, pod) = (web::first(scene)?, scene.pods.first().context("no pod")?);
    let config = host.status()?.cluster.context("the cluster has no configuration")?;
    let taken = web::cluster_ips(service);
    let free = config
        .service_cidrs
        .iter()
        .filter_map(|cidr| cidr.iter().skip(1).find(|ip| !taken.contains(ip)));
    let mut knocks = Vec::new();
    for to in free.map(|ip: IpAddr| SocketAddr::new(ip, web::PORT)) {
        for (from, netns) in
            [(format!("pod {}", pod.name()), pod.netns()), (host.name().to_owned(), host.netns())]
        {
            let asked = probe::ask(netns, Protocol::Tcp, to, TIMEOUT)?;
            knocks.push(Knock { from, to, reply: asked.reply, took: asked.took });
        }
    }
    Ok(knocks)
}

fn service(service: &Value, pods: &[Value]) -> Table {
    let mut table = table(&["service", "cluster IPs", "port", "node port", "endpoints"]);
    let text = |path: &str| service.pointer(path).map(ToString::to_string).unwrap_or_default();
    let lines = |lines: Vec<String>| lines.join("\n");
    table.add_row([
        web::name_of(service).to_owned(),
        lines(web::cluster_ips(service).iter().map(ToString::to_string).collect()),
        text("/spec/ports/0/port"),
        text("/spec/ports/0/nodePort"),
        lines(pods.iter().map(endpoint).collect()),
    ]);
    table
}

/// `a-1  10.244.0.2  fd00:10:244::2`
fn endpoint(pod: &Value) -> String {
    let ips = pod.pointer("/status/podIPs").and_then(Value::as_array).into_iter().flatten();
    let ips = ips.filter_map(|ip| ip.get("ip")?.as_str());
    std::iter::once(web::name_of(pod)).chain(ips).collect::<Vec<_>>().join("  ")
}
