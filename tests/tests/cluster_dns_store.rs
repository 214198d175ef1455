//! Names while etcd is away, says nothing, or has lost everything.

use std::fs;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe::dns::{DnsLoad, NameServer, Patience, Question, RecordType, ResponseCode};
use pontoon_tests::cluster::{LEASE, SOON, eventually, skipped};
use pontoon_tests::naming::{asked, is_nothing, leads_to, of_service, servers};
use pontoon_tests::services::documents::{selecting, service, with_spec};
use pontoon_tests::services::objects::{apply, cluster_ips};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::{Value, json};

/// A pod on each of two nodes, and a node itself.
const ASKING: [Position; 3] = [Position::PodNear, Position::PodFar, Position::NodeFar];

fn headless() -> Value {
    service(
        "db",
        json!({"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 5432}]}),
    )
}

/// What is there all the time.
struct Given {
    stage: Stage,
    web: Vec<IpAddr>,
    db: Vec<IpAddr>,
    pod: String,
}

impl Given {
    fn build() -> Result<Self> {
        let stage = Stage::build()?;
        apply(stage.host(1), &[selecting("web", "web", 80, 8080), headless()])?;
        let web = cluster_ips(stage.host(1), "web")?;
        let db = ["web-1", "web-2"].map(|pod| stage.pod(pod).addresses()).concat();
        let pod = stage.pod("web-2").v4()?.to_string().replace('.', "-");
        let pod = format!("{pod}.default.pod.cluster.local");
        let given = Self { stage, web, db, pod };
        given.holds("at first")?;
        Ok(given)
    }

    /// Everywhere there is what there was, and nothing else.
    fn holds(&self, when: &str) -> Result<()> {
        ASKING.into_iter().try_for_each(|position| {
            let from = self.stage.netns(position);
            let holds = || -> Result<()> {
                leads_to(from, &of_service("web"), &self.web)?;
                leads_to(from, &of_service("db"), &self.db)?;
                let pod = asked(from, &self.pod, RecordType::A)?;
                ensure!(pod.addresses().len() == 1, "{}", pod.message);
                is_nothing(from, &of_service("nowhere"))?;
                is_nothing(from, "web.nowhere.svc.cluster.local")
            };
            eventually(SOON, holds).with_context(|| format!("{position:?}, {when}"))
        })
    }

    /// Asks a node for services in turn, each once.
    fn load(&self, from: &Netns) -> DnsLoad {
        let [a, aaaa, srv] = [RecordType::A, RecordType::AAAA, RecordType::SRV];
        let port = format!("_t80._tcp.{}", of_service("web"));
        let questions = [
            (&*of_service("web"), a),
            (&of_service("db"), a),
            (&of_service("db"), aaaa),
            (&port, srv),
        ];
        let questions = questions.map(|(name, rtype)| Question::new(name, rtype));
        DnsLoad::start(from, servers()[0], &questions, Patience::ONCE, Duration::from_millis(3))
    }

    /// A change reaches every node.
    fn follows(&self, name: &str) -> Result<()> {
        eventually(LEASE, || apply(self.stage.host(2), &[selecting(name, "web", 80, 8080)]))?;
        let ips = cluster_ips(self.stage.host(2), name)?;
        ASKING.into_iter().try_for_each(|position| {
            let from = self.stage.netns(position);
            eventually(LEASE, || leads_to(from, &of_service(name), &ips))
                .with_context(|| format!("{name} from {position:?}"))
        })
    }
}

/// Ends a load none of whose questions may be without a good answer.
fn unharmed(load: DnsLoad) -> Result<()> {
    let report = load.stop()?;
    eprintln!("{} questions, the longest {:?}", report.asked, report.longest);
    ensure!(report.asked > 50 && report.answered == report.asked, "{report:#?}");
    Ok(())
}

#[test]
fn names_go_on_while_the_store_is_away_and_daemons_that_start_then_have_them() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build()?;
    let stage = &given.stage;
    // Its node is left alone.
    let load = given.load(stage.pod("web-2").netns());
    stage.lab.etcd().stop()?;
    given.holds("without a store")?;
    stage.host(1).restart(SOON)?;
    // What it knew is on its disk then, also for one that does not end in order.
    stage.host(3).restart(SOON)?;
    stage.host(3).kill()?;
    stage.host(3).start()?;
    stage.host(3).wait_ready(SOON)?;
    given.holds("with daemons that started without a store")?;
    // A process for DNS alone has what the daemon knew, once that is gone, and keeps none from starting.
    let beside = stage.host(1).start_beside(&["--dns-only"])?;
    stage.host(1).stop()?;
    given.holds("with a process for DNS alone in place of a daemon")?;
    stage.host(1).start()?;
    stage.host(1).wait_ready(SOON)?;
    beside.stop(SOON)?;
    given.holds("with the daemon back")?;
    stage.lab.etcd().start()?;
    given.follows("late")?;
    given.holds("with the store back")?;
    unharmed(load)
}

#[test]
fn names_go_on_while_the_store_is_frozen() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build()?;
    let stage = &given.stage;
    let load = given.load(stage.netns(Position::PodFar));
    stage.lab.etcd().pause()?;
    given.holds("with a frozen store")?;
    stage.host(1).restart(SOON)?;
    given.holds("with a daemon that started beside a frozen store")?;
    stage.lab.etcd().resume()?;
    given.follows("late")?;
    given.holds("with the store back")?;
    unharmed(load)
}

#[test]
fn names_go_on_when_the_store_has_lost_everything() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build()?;
    let stage = &given.stage;
    // One node has a process for DNS alone.
    let alone = stage.host(3).start_beside(&["--dns-only"])?;
    eventually(SOON, || {
        ensure!(alone.log().contains("answering DNS"), "{}", alone.log_tail());
        Ok(())
    })?;
    stage.host(3).stop()?;
    let load = given.load(stage.netns(Position::PodFar));
    stage.lab.etcd().wipe()?;
    // All know of the new store, and have the name that is only there.
    given.follows("late")?;
    given.holds("behind a wiped store")?;
    let fixed =
        json!({"clusterIPs": given.web.iter().map(ToString::to_string).collect::<Vec<_>>()});
    let again = [with_spec(selecting("web", "web", 80, 8080), fixed), headless()];
    eventually(LEASE, || apply(stage.host(2), &again))?;
    given.holds("once it was applied again")?;
    unharmed(load)?;
    let status = alone.stop(SOON)?;
    ensure!(status.success(), "{status}: {}", alone.log_tail());
    Ok(())
}

#[test]
fn without_a_store_and_nothing_on_disk_own_names_fail_and_others_are_answered() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build()?;
    let stage = &given.stage;
    let known = [("www.example.test", "192.0.2.80")];
    let _upstream = NameServer::start(stage.lab.outside().netns(), &known)?;
    let (host, from) = (stage.host(1), stage.netns(Position::PodNear));
    stage.lab.etcd().stop()?;
    host.stop()?;
    fs::remove_file(host.state_dir().join("services.redb"))?;
    host.start()?;
    host.wait_ready(SOON)?;
    let own = [of_service("web"), of_service("nowhere"), given.pod.clone()];
    // Whoever is told that there is no such name may keep that.
    let fails = |name: &String| -> Result<ResponseCode> {
        let answer = asked(from, name, RecordType::A)?;
        ensure!(answer.addresses().is_empty() && !answer.is_denial(), "{}", answer.message);
        Ok(answer.code())
    };
    eventually(SOON, || own.iter().try_for_each(|name| fails(name).map(drop)))?;
    for _ in 0..3 {
        for name in &own {
            let code = fails(name)?;
            ensure!(code == ResponseCode::ServFail, "{name}: {code}");
        }
        let outside = asked(from, "www.example.test", RecordType::A)?;
        ensure!(outside.addresses().len() == 1, "{}", outside.message);
    }
    // A process for DNS alone that knows no more does the same.
    let beside = host.start_beside(&["--dns-only"])?;
    host.stop()?;
    fs::remove_file(host.state_dir().join("services.redb"))?;
    eventually(SOON, || own.iter().try_for_each(|name| fails(name).map(drop)))?;
    host.start()?;
    host.wait_ready(SOON)?;
    beside.stop(SOON)?;
    stage.lab.etcd().start()?;
    let began = Instant::now();
    while asked(from, &of_service("web"), RecordType::A)?.code() == ResponseCode::ServFail {
        ensure!(began.elapsed() < LEASE, "the store is back, and names still fail");
        sleep(Duration::from_millis(10));
    }
    given.holds("with the store back")
}
