//! Names while daemons stop, die and start anew, with no systemd to keep their sockets.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::dns::{DnsLoad, DnsReport, NameServer, Patience, Question, RecordType};
use pontoon_model::object::Kind;
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::naming::{is_nothing, leads_to, of_service, servers};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::{apply, cluster_ips, delete};
use pontoon_tests::services::stage::{Position, Stage};

const WWW: &str = "www.example.test";
/// A process says so once it listens.
const ANSWERS: &str = "answering DNS";

/// A cluster with a name of its own and one outside.
fn built() -> Result<(Stage, NameServer)> {
    let stage = Stage::build()?;
    let records = [(WWW, "192.0.2.80"), (WWW, "2001:db8::80")];
    let upstream = NameServer::start(stage.lab.outside().netns(), &records)?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let web = cluster_ips(stage.host(1), "web")?;
    for position in [Position::PodFar, Position::NodeFar] {
        eventually(SOON, || leads_to(stage.netns(position), &of_service("web"), &web))?;
    }
    Ok((stage, upstream))
}

/// Asks the third node from its pod and from itself, over both families, for everything in turn.
fn start(stage: &Stage, patience: Patience) -> Vec<DnsLoad> {
    let [a, aaaa] = [RecordType::A, RecordType::AAAA];
    let web = of_service("web");
    let whole = [(&*web, a), (&*web, aaaa), (WWW, a), (WWW, aaaa)];
    let whole: Vec<_> = whole.map(|(name, rtype)| Question::new(name, rtype)).into();
    // The pod's first step along its search path.
    let searched = format!("{WWW}.default.svc.cluster.local");
    let walk = [Question::plain(&searched, a), Question::plain(&searched, aaaa)];
    let from = [
        (Position::PodFar, servers()[0], [&whole[..], &walk].concat()),
        (Position::PodFar, servers()[1], whole.clone()),
        (Position::NodeFar, servers()[0], whole),
    ];
    let every = Duration::from_millis(4);
    from.map(|(position, server, questions)| {
        DnsLoad::start(stage.netns(position), server, &questions, patience, every)
    })
    .into()
}

/// Waits until each has its answers again: a busy machine asks few questions while a daemon starts.
fn go_on(loads: &[DnsLoad]) -> Result<()> {
    let want: Vec<_> = loads.iter().map(|load| load.answered() + 15).collect();
    eventually(SOON, || {
        let behind =
            loads.iter().zip(&want).filter(|(load, want)| load.answered() < **want).count();
        ensure!(behind == 0, "{behind} of {} loads have no answers", loads.len());
        Ok(())
    })
}

fn end(loads: Vec<DnsLoad>, what: &str) -> Result<Vec<DnsReport>> {
    let reports: Vec<_> = loads.into_iter().map(DnsLoad::stop).collect::<Result<_>>()?;
    for report in &reports {
        let DnsReport { asked, again, longest, .. } = report;
        eprintln!("{what}: {asked} questions, {again} sent again, the longest {longest:?}");
        ensure!(*asked > 30 && report.answered == *asked, "{what}: {report:#?}");
    }
    Ok(reports)
}

#[test]
fn who_asks_again_does_not_notice_a_daemon_that_is_restarted_or_killed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (stage, _upstream) = built()?;
    let host = stage.host(3);
    let loads = start(&stage, Patience::AGAIN);
    for _ in 0..3 {
        host.restart(SOON)?;
        go_on(&loads)?;
    }
    end(loads, "restarted")?;
    let loads = start(&stage, Patience::AGAIN);
    for _ in 0..3 {
        host.kill()?;
        host.start()?;
        host.wait_ready(SOON)?;
        go_on(&loads)?;
    }
    end(loads, "killed").map(drop)
}

#[test]
fn a_process_for_dns_alone_stands_in_for_the_daemon_and_no_question_is_lost() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let (stage, _upstream) = built()?;
    let (host, from) = (stage.host(3), stage.netns(Position::PodFar));
    let listens = |log: String, times: usize| -> Result<()> {
        let found = log.matches(ANSWERS).count();
        ensure!(found == times, "it listens {found} times in place of {times}: {log}");
        Ok(())
    };
    listens(host.log(), 1)?;
    let loads = start(&stage, Patience::ONCE);
    for round in 1..=3 {
        let beside = host.start_beside(&["--dns-only"])?;
        eventually(SOON, || listens(beside.log(), round))?;
        let status = host.stop()?;
        ensure!(status.success(), "{status}");
        // It follows the store, too.
        apply(stage.host(1), &[selecting("new", "web", 80, 8080)])?;
        let new = cluster_ips(stage.host(1), "new")?;
        eventually(SOON, || leads_to(from, &of_service("new"), &new))?;
        delete(stage.host(1), Kind::Service, &["new"])?;
        eventually(SOON, || is_nothing(from, &of_service("new")))?;

        host.start()?;
        host.wait_ready(SOON)?;
        eventually(SOON, || listens(host.log(), round + 1))?;
        let status = beside.stop(SOON).context("the process for DNS alone")?;
        ensure!(status.success(), "{status}: {}", beside.log_tail());
    }
    for report in end(loads, "stood in for")? {
        ensure!(report.again == 0, "{report:#?}");
    }
    Ok(())
}
