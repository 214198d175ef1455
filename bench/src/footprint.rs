//! Sizes of binaries and of the daemon's memory.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use pontoon_lab::Lab;
use serde_json::json;

use crate::plugin::REFERENCE;
use crate::report::{Better, Row};
use crate::usage;

const MIB: f64 = 1024.0 * 1024.0;
const PEERS: usize = 100;

pub(crate) fn measure() -> Result<Vec<Row>> {
    let size = |path: &Path| Ok::<_, std::io::Error>(fs::metadata(path)?.len() as f64 / MIB);
    let plugin = size(&pontoon_lab::binaries::find("pontoon-cni")?)?;
    let row = |name: &str, ours: f64, peer: &str, theirs: f64| Row {
        name: name.into(),
        unit: "MiB",
        ours: vec![ours],
        peer: peer.into(),
        theirs: vec![theirs],
        better: Better::Lower,
        target: 1.0,
    };
    let mut rows = vec![row("pontoon-cni, size", plugin, "the limit", 2.0)];
    if let Ok(bridge) = size(&Path::new(REFERENCE).join("bridge")) {
        rows.push(row("pontoon-cni, size", plugin, "the reference bridge", bridge));
    }
    rows.push(row("pontoond idle with 100 peers, RSS", memory()?, "the limit", 15.0));
    Ok(rows)
}

/// Resident memory of a daemon whose store holds a hundred other nodes, in MiB.
fn memory() -> Result<f64> {
    let lab = Lab::builder().hosts(1).configure("log.level", "warn").build()?;
    lab.start(Duration::from_secs(20))?;
    let put = |key: String, value: serde_json::Value| {
        lab.etcd().ctl(&["put", &format!("/pontoon/v1/{key}"), &value.to_string()]).map(drop)
    };
    for peer in 0..PEERS {
        let (name, machine) = (format!("peer-{peer}"), format!("machine-{peer}"));
        let underlay = format!("172.31.0.{}", peer + 1);
        put(
            format!("nodes/{name}"),
            json!({
                "name": name, "machineId": machine, "underlay": underlay, "addresses": [underlay],
                "vxlanMac": format!("02:00:00:00:01:{peer:02x}"), "version": "0",
            }),
        )?;
        let owner = json!({"node": name, "machineId": machine});
        put(format!("subnets/10.244.{}.0-25", peer + 100), owner.clone())?;
        put(format!("subnets/fd00:10:244:f{peer:03x}::-64"), owner)?;
        put(format!("alive/{name}"), json!({"applied": 1}))?;
    }
    let began = Instant::now();
    loop {
        let routes = lab.host(1).exec(&["ip", "route", "show", "proto", "112"])?;
        let led = routes.lines().filter(|line| line.contains("pontoon-vxlan")).count();
        if led == PEERS {
            break;
        }
        if began.elapsed() > Duration::from_secs(20) {
            bail!(
                "only {led} of {PEERS} peers have a route: {:#?}",
                lab.host(1).status()?.problems
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(3));
    let pid = lab.host(1).daemon().context("the daemon is gone")?.pid();
    usage::resident(pid)
}
