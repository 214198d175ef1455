//! Clients that stay with their endpoint, and shares of endpoints.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pontoon_lab::Netns;
use pontoon_model::service::Protocol::{self, Tcp, Udp};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::{annotated, selecting, with_spec};
use pontoon_tests::services::objects::{apply, label, node_port, vips};
use pontoon_tests::services::spread::{is_share, only, spread};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

/// `timeoutSeconds` of the services here.
const TIMEOUT: Duration = Duration::from_secs(2);
const WEB: [&str; 3] = ["web-1", "web-2", "web-3"];

/// Who answers, when it is one and the same each time.
fn one(from: &Netns, protocol: Protocol, to: SocketAddr, times: u64) -> Result<String> {
    let counts = spread(from, protocol, to, times)?;
    ensure!(counts.len() == 1, "{to}/{protocol} went to several: {counts:?}");
    Ok(counts.into_keys().next().unwrap_or_default())
}

#[test]
fn a_client_stays_with_its_endpoint_until_it_was_silent_for_the_time_out() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add(stage.host(3).pod("web-3").label("app", "web"))?;
    let host = stage.host(2);
    let affinity = json!({
        "type": "NodePort",
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": TIMEOUT.as_secs()}},
    });
    apply(
        host,
        &[
            selecting("even", "web", 80, 8080),
            with_spec(selecting("sticky", "web", 80, 8080), affinity),
        ],
    )?;
    let from = stage.netns(Position::PodFar).clone();
    let (even, sticky) = (vips(host, "even", 80)?, vips(host, "sticky", 80)?);
    for to in &even {
        only(SOON, &from, Tcp, *to, &WEB)?;
    }
    let port = node_port(host, "sticky", 80, "TCP")?;
    let at_node = SocketAddr::new(stage.host(1).addresses()[0], port);
    let outside = stage.netns(Position::Outside).clone();
    for (from, protocol, to) in [
        (&from, Tcp, sticky[0]),
        (&from, Udp, sticky[0]),
        (&from, Tcp, sticky[1]),
        (&from, Udp, sticky[1]),
        (&outside, Tcp, at_node),
    ] {
        eventually(SOON, || one(from, protocol, to, 1))?;
        one(from, protocol, to, 40)?;
    }

    // Each connection begins the time anew: half of it at a time, for two and a half times of it.
    let first = one(&from, Tcp, sticky[0], 1)?;
    for _ in 0..5 {
        std::thread::sleep(TIMEOUT / 2);
        ensure!(one(&from, Tcp, sticky[0], 1)? == first, "left {first} within the time-out");
    }
    // A restart of the daemon is no reason to leave either.
    stage.host(3).restart(SOON)?;
    if one(&from, Tcp, sticky[0], 1)? != first {
        eprintln!("the restart outlasted the time-out");
    }

    // Silent for longer, it is given any endpoint: another one soon. A second on top, since sets in
    // the kernel tell time in jiffies and collect in rounds.
    let mut seen = BTreeSet::new();
    let began = Instant::now();
    while seen.len() < 2 {
        seen.insert(one(&from, Tcp, sticky[0], 3)?);
        ensure!(began.elapsed() < 12 * TIMEOUT, "{seen:?} for ever");
        std::thread::sleep(TIMEOUT + Duration::from_secs(1));
    }

    // An endpoint that leaves takes no client along.
    let left = one(&from, Udp, sticky[1], 1)?;
    label(host, &left, "app", "gone")?;
    let now = eventually(SOON, || {
        let now = one(&from, Udp, sticky[1], 1)?;
        ensure!(now != left, "{left} has gone and is still given clients");
        Ok(now)
    })?;
    ensure!(one(&from, Udp, sticky[1], 20)? == now, "a client that moved does not stay");
    Ok(())
}

fn of_canary(from: &Netns, to: SocketAddr) -> Result<u64> {
    Ok(spread(from, Tcp, to, 300)?.get("canary-1").copied().unwrap_or_default())
}

#[test]
fn endpoints_share_evenly_and_groups_by_their_weights() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    const TIMES: u64 = 3000;
    let mut stage = Stage::build()?;
    for (number, name, track) in
        [(1, "stable-1", "stable"), (2, "stable-2", "stable"), (3, "canary-1", "canary")]
    {
        let pod = stage.host(number).pod(name).label("app", "shop").label("track", track);
        stage.add(pod)?;
    }
    let host = stage.host(1);
    let shop = selecting("shop", "shop", 80, 8080);
    let weigh = |weights| annotated(shop.clone(), "pontoon.net/weights", weights);
    apply(host, std::slice::from_ref(&shop))?;
    let to = vips(host, "shop", 80)?;
    let from = stage.netns(Position::PodNear);
    let all = ["canary-1", "stable-1", "stable-2"];
    for to in &to {
        only(SOON, from, Tcp, *to, &all)?;
        let counts = spread(from, Tcp, *to, TIMES)?;
        eprintln!("without weights: {counts:?}");
        for name in all {
            is_share(counts[name], TIMES, 1.0 / 3.0)?;
        }
    }

    apply(host, &[weigh("track=canary:10,track=stable:90")])?;
    // A canary that comes and goes with the change is not what is measured.
    eventually(SOON, || is_share(of_canary(from, to[0])?, 300, 0.1))?;
    for (protocol, to) in [(Tcp, to[0]), (Udp, to[1])] {
        let counts = spread(from, protocol, to, TIMES)?;
        eprintln!("10 to 90: {counts:?}");
        is_share(counts["canary-1"], TIMES, 0.1)?;
        is_share(counts["stable-1"], TIMES, 0.45)?;
        is_share(counts["stable-2"], TIMES, 0.45)?;
    }

    apply(host, &[weigh("track=canary:0,track=stable:1")])?;
    only(SOON, from, Tcp, to[0], &["stable-1", "stable-2"])?;
    // A group whose last endpoint has left gives its share to the others.
    apply(host, &[weigh("track=canary:90,track=stable:10")])?;
    eventually(SOON, || is_share(of_canary(from, to[0])?, 300, 0.9))?;
    label(host, "canary-1", "app", "gone")?;
    only(SOON, from, Tcp, to[0], &["stable-1", "stable-2"])
}
