//! Takes away everything that Pontoon made on this host, and nothing else.

use std::fs;
use std::path::Path;

use pontoon_model::files::{LAST_WORDS, LOCK};
use pontoon_netlink::{Op, Rtnl};
use pontoon_proxy::Proxy;
use tracing::info;

use crate::config::PathSettings;
use crate::firewall::keeper;
use crate::names::{BRIDGE, DYING_GROUP, VETH_PREFIX};
use crate::network::{Network, actual, plan};
use crate::services::shelf;
use crate::{attach, conflist, run_folder, trace};

/// Removes interfaces, addresses, routes, rules, tables, the network configuration and the node's
/// state. Goes on after failures. What the node holds in a shared store stays: that is for
/// `pontoon node remove`. Kernel settings stay as they are: other programs may rely on them by now.
///
/// # Errors
/// What could not be removed, a line each.
pub fn run(paths: &PathSettings) -> Result<(), Vec<String>> {
    // A daemon that runs would make it all again.
    let _lock = match run_folder::lock(&paths.run) {
        Ok(lock) => Some(lock),
        Err(_) if !paths.run.exists() => None,
        Err(error) => return Err(vec![format!("{error:#}; stop it first")]),
    };
    let mut faults = Vec::new();
    let mut note = |what: &str, outcome: Result<(), String>| match outcome {
        Ok(()) => info!("{what}: removed"),
        Err(error) => faults.push(format!("{what}: {error}")),
    };
    note("network configuration", conflist::remove(paths).map_err(|e| e.to_string()));
    note("pods' interfaces", remove_host_ends());
    note("bridge, overlay, routes and rules", remove_network());
    note("nf_tables", keeper::remove_all().map_err(|e| e.to_string()));
    note("services", remove_services());
    note("tables of packets that were followed", trace::live::sweep());
    for name in ["attachments", "pending"] {
        note(name, remove(&paths.state.join(name), |p| fs::remove_dir_all(p)));
    }
    for name in ["cluster.json", "released", "machine-id", "store.redb", shelf::FILE] {
        note(name, remove(&paths.state.join(name), |p| fs::remove_file(p)));
    }
    note("socket", remove(&paths.socket(), |p| fs::remove_file(p)));
    for (what, name) in [("last words", LAST_WORDS), ("lock", LOCK)] {
        note(what, remove(&paths.run.join(name), |p| fs::remove_file(p)));
    }
    for folder in [&paths.run, &paths.state] {
        // systemd's, or a person's: they stay when there is anything else in them.
        let _ = fs::remove_dir(folder);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> Result<(), String> {
    attach::record::ignore_missing(how(path)).map_err(|e| format!("{}: {e}", path.display()))
}

fn remove_services() -> Result<(), String> {
    let mut proxy = Proxy::open(BRIDGE).map_err(|e| e.to_string())?;
    proxy.remove().map_err(|e| e.to_string())
}

fn remove_host_ends() -> Result<(), String> {
    let mut rtnl = Rtnl::open().map_err(|e| e.to_string())?;
    let links = rtnl.links().map_err(|e| e.to_string())?;
    let ends = links
        .into_iter()
        .filter(|link| link.name.as_str().starts_with(VETH_PREFIX) && link.kind.name() == "veth");
    let change = pontoon_netlink::LinkChange { group: Some(DYING_GROUP), ..Default::default() };
    let mut ops: Vec<Op> =
        ends.map(|link| Op::SetLink { dev: link.name, change: change.clone() }).collect();
    if ops.is_empty() {
        return Ok(());
    }
    ops.push(Op::DeleteLinkGroup { group: DYING_GROUP });
    rtnl.execute(&ops).map_err(|e| e.to_string())
}

fn remove_network() -> Result<(), String> {
    let mut rtnl = Rtnl::open().map_err(|e| e.to_string())?;
    let found = actual::read(&mut rtnl).map_err(|e| e.to_string())?;
    let ops = plan::plan(&Network::default(), &found).map_err(|e| e.to_string())?;
    let failed: Vec<String> = rtnl
        .execute_each(&ops)
        .into_iter()
        .filter_map(Result::err)
        .filter(|e| !e.is_not_found() && !e.is_no_device())
        .map(|e| e.to_string())
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}
