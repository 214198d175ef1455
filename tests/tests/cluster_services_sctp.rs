//! SCTP, as far as the kernel has it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::probe::{SctpEar, sctp_init, sctp_unavailable};
use pontoon_model::service::Protocol;
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::service;
use pontoon_tests::services::matrix::Expect::{Any, Own, Rejected};
use pontoon_tests::services::matrix::{Row, check};
use pontoon_tests::services::objects::{apply, vips};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

const WEB: &[&str] = &["web-1", "web-2"];
const SCTP: &[Protocol] = &[Protocol::Sctp];

#[test]
fn an_association_is_led_to_the_endpoints_as_a_connection_is() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(2);
    let ports = json!([{"name": "s", "port": 80, "targetPort": 8080, "protocol": "SCTP"}]);
    let spec = json!({"selector": {"app": "web"}, "ports": ports});
    apply(host, &[service("web", spec)])?;
    let to = vips(host, "web", 80)?;
    for position in Position::ALL {
        for to in &to {
            eventually(SOON, || first_packets_arrive(&stage, position, *to))?;
        }
    }
    if let Some(why) = sctp_unavailable() {
        eprintln!("skipped: in part, {why}");
        return Ok(());
    }
    let row = |rule, to, expect| Row { rule, protocols: SCTP, to, target: 8080, expect };
    let everywhere = [Own(WEB), Own(WEB), Own(WEB), Own(WEB), Any(WEB)];
    let wrong = vips(host, "web", 99)?;
    check(&stage, &[row("SCTP", to, everywhere), row("SCTP, wrong port", wrong, [Rejected; 5])])
}

/// Of forty first packets each endpoint gets some, at its own port and from the client's address.
fn first_packets_arrive(stage: &Stage, from: Position, to: SocketAddr) -> Result<()> {
    let mut ears = Vec::new();
    for name in WEB {
        ears.push((*name, SctpEar::open(stage.pod(name).netns(), to.is_ipv4())?));
    }
    for _ in 0..40 {
        sctp_init(stage.netns(from), to)?;
    }
    let own = stage.own(from)?;
    let mut heard = BTreeSet::new();
    for (name, ear) in &ears {
        if let Some((source, port)) = ear.hear(Duration::from_secs(1))? {
            ensure!(port == 8080, "{name} was reached at port {port}");
            let kept = from == Position::Outside || own.contains(&source);
            ensure!(kept, "{name} saw {source} in place of {own:?}");
            heard.insert(*name);
        }
    }
    ensure!(heard.len() == WEB.len(), "{to} from {from:?}: only {heard:?} were reached");
    Ok(())
}
