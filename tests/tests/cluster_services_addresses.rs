//! No two services share an address or a node port, whoever admits them, and deletion frees both.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::host::Host;
use pontoon_model::api::{Code, Request};
use pontoon_model::object::{Kind, OutcomeResult, Selection};
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use pontoon_tests::services::documents::{selecting, with_spec};
use pontoon_tests::services::objects::{apply, delete, get, named, outcomes, service};
use serde_json::{Value, json};

const NODES: usize = 3;
const EACH: usize = 20;

fn all() -> Selection {
    Selection {
        kind: Kind::Service,
        namespace: None,
        names: Vec::new(),
        labels: Default::default(),
    }
}

/// Who has which address or node port, of all services that a node knows.
fn holders(host: &Host, services: usize) -> Result<BTreeMap<String, Vec<String>>> {
    let known = eventually(SOON, || {
        let known = get(host, all())?;
        ensure!(known.len() == services, "{} knows {} of {services}", host.name(), known.len());
        Ok(known)
    })?;
    let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for document in known {
        let name = document["metadata"]["name"].as_str().unwrap_or_default();
        let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
        let addresses = list(&document["spec"]["clusterIPs"]);
        ensure!(addresses.len() == 2, "{document}");
        ensure!(document["spec"]["clusterIP"] == addresses[0], "{document}");
        for address in addresses {
            holders.entry(address.to_string()).or_default().push(name.to_owned());
        }
        for port in list(&document["spec"]["ports"]) {
            let key = format!("{}/{}", port["nodePort"], port["protocol"]);
            let number = port["nodePort"].as_u64().unwrap_or_default();
            ensure!((30_000..=32_767).contains(&number), "{document}");
            holders.entry(key).or_default().push(name.to_owned());
        }
    }
    Ok(holders)
}

#[test]
fn no_two_services_share_an_address_whoever_admits_them() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    // Room for 62 addresses: the last ones are hard to find.
    let ranges = ["10.96.0.0/26", "fd00:10:96::/112"];
    let lab = cluster(Lab::builder().hosts(3).configure("cluster.service-cidrs", ranges))?;
    let document = |name: &str| {
        let more = json!({"type": "NodePort"});
        with_spec(selecting(name, "web", 80, 8080), more)
    };
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (lab.hosts().iter().enumerate())
            .map(|(node, host)| {
                scope.spawn(move || -> Result<()> {
                    let (one_by_one, at_once) = (0..EACH / 2, EACH / 2..EACH);
                    let name = |n| format!("s-{node}-{n}");
                    for n in one_by_one {
                        apply(host, &[document(&name(n))])?;
                    }
                    apply(host, &at_once.map(|n| document(&name(n))).collect::<Vec<_>>())
                })
            })
            .collect();
        tasks.into_iter().try_for_each(|task| task.join().unwrap())
    })?;
    let views = lab.hosts().iter().map(|host| holders(host, NODES * EACH));
    let views = views.collect::<Result<Vec<_>>>()?;
    for (what, holders) in &views[0] {
        ensure!(holders.len() == 1, "{what} is held by {holders:?}");
    }
    ensure!(views.iter().all(|view| *view == views[0]), "nodes disagree: {views:#?}");

    // The same name from all nodes at once is one service, with one address of a family.
    std::thread::scope(|scope| {
        let tasks: Vec<_> = (lab.hosts().iter())
            .map(|host| scope.spawn(move || apply(host, &[document("same")])))
            .collect();
        // Who came at the same moment may be told so; nobody admits a second one.
        let admitted =
            tasks.into_iter().map(|task| task.join().unwrap().is_ok()).filter(|ok| *ok).count();
        ensure!(admitted > 0, "nobody admitted it");
        Ok(())
    })?;
    let held = holders(lab.host(2), NODES * EACH + 1)?;
    for (what, holders) in held {
        ensure!(holders.len() == 1, "{what} is held by {holders:?}");
    }
    Ok(())
}

#[test]
fn what_a_service_holds_is_refused_to_others_until_it_is_deleted() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (one, other) = (lab.host(1), lab.host(2));
    let fixed = |name: &str, address: &str, port: u16| {
        let ports = json!([{"port": 80, "nodePort": port}]);
        let more = json!({"type": "NodePort", "clusterIP": address, "ports": ports});
        with_spec(selecting(name, "web", 80, 8080), more)
    };
    let refused = |host: &Host, document: Value, code: Code, part: &str| -> Result<()> {
        let request = Request::Apply { documents: vec![document], dry_run: false };
        let outcome = outcomes(host, &request)?.remove(0);
        let OutcomeResult::Failed(failure) = &outcome.result else {
            anyhow::bail!("admitted: {outcome:?}");
        };
        ensure!(failure.code == code, "{failure:?}");
        ensure!(failure.to_string().contains(part), "{failure}");
        Ok(())
    };
    apply(one, &[fixed("first", "10.96.7.7", 30_777)])?;
    let before = service(one, "first")?;
    refused(other, fixed("second", "10.96.7.7", 30_778), Code::Conflict, "first")?;
    refused(other, fixed("second", "10.96.7.8", 30_777), Code::Conflict, "first")?;
    refused(other, fixed("second", "10.97.0.1", 30_778), Code::InvalidObject, "clusterIP")?;
    refused(other, fixed("second", "10.96.7.8", 80), Code::InvalidObject, "nodePort")?;
    refused(one, fixed("first", "10.96.7.9", 30_777), Code::InvalidObject, "clusterIP")?;
    // Nothing of what was refused is held.
    apply(other, &[fixed("second", "10.96.7.8", 30_778)])?;
    ensure!(service(one, "first")?["spec"] == before["spec"]);

    let dry = Request::Apply { documents: vec![selecting("dry", "web", 80, 8080)], dry_run: true };
    ensure!(outcomes(one, &dry)?[0].result == OutcomeResult::Created);
    let dry = get(one, named(Kind::Service, &["dry"]));
    ensure!(dry.is_err(), "a dry run left {dry:?}");

    delete(other, Kind::Service, &["first"])?;
    apply(one, &[fixed("third", "10.96.7.7", 30_777)])?;
    let keys = |prefix: &str| -> Result<usize> {
        let prefix = format!("/pontoon/v1/{prefix}/");
        let listed = lab.etcd().ctl(&["get", "--prefix", "--keys-only", &prefix])?;
        Ok(listed.split_whitespace().count())
    };
    ensure!(keys("cluster-ips")? == 4 && keys("node-ports")? == 2);
    delete(one, Kind::Service, &["second", "third"])?;
    ensure!(keys("cluster-ips")? == 0 && keys("node-ports")? == 0 && keys("services")? == 0);
    Ok(())
}
