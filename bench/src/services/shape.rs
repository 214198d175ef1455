//! Services as kube-proxy lays them out in nf_tables, as a script for `nft -f`: a chain a service
//! with an anonymous map of its endpoints, and a chain an endpoint. Its rules that mark packets for
//! masquerading are left out, with which loading takes about twice as long.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::{Netns, binaries};

use super::dataset::{Service, Size};
use crate::usage;

const TABLE: &str = "kube-proxy";

/// Loads the script into a namespace that has no rules, and takes the rules away again. Returns the
/// CPU time of the loading.
pub(super) fn load(netns: &Netns, script: &Path) -> Result<Duration> {
    let nft = binaries::on_path("nft").context("nft is not installed: `cargo xtask setup` does")?;
    let run = |arguments: &[&std::ffi::OsStr]| -> Result<Duration> {
        let before = usage::children()?;
        let output = netns.output(Command::new(&nft).args(arguments))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "nft {arguments:?} failed: {said:.2000}");
        Ok(usage::children()? - before)
    };
    let cpu = run(&["-f".as_ref(), script.as_os_str()])?;
    // In order and now, not by the kernel behind the next measurement.
    run(&["delete", "table", "ip", TABLE].map(AsRef::as_ref))?;
    Ok(cpu)
}

/// Writes the script of so many services.
pub(super) fn write(size: Size, to: &Path) -> Result<()> {
    fs::write(to, script(size)).with_context(|| format!("cannot write {to:?}"))
}

fn script(size: Size) -> String {
    let mut out = format!(
        "add table ip {TABLE}\n\
         add map ip {TABLE} service-ips {{ type ipv4_addr . inet_proto . inet_service : verdict ; }}\n\
         add chain ip {TABLE} services\n\
         add rule ip {TABLE} services ip daddr . meta l4proto . th dport vmap @service-ips\n\
         add chain ip {TABLE} nat-prerouting {{ type nat hook prerouting priority dstnat ; }}\n\
         add rule ip {TABLE} nat-prerouting jump services\n\
         add chain ip {TABLE} nat-output {{ type nat hook output priority -100 ; }}\n\
         add rule ip {TABLE} nat-output jump services\n"
    );
    for service in size.services() {
        // A String takes whatever is written to it.
        let _ = lay_out(&service, &mut out);
    }
    out
}

fn lay_out(service: &Service, out: &mut String) -> std::fmt::Result {
    let Service { namespace, name, cluster_ip, port, target, endpoints } = service;
    let full = format!("{namespace}/{name}/tcp/http");
    let chain = format!("service-{:08X}-{full}", u32::from(*cluster_ip));
    writeln!(out, "add chain ip {TABLE} {chain}")?;
    let mut slots = String::new();
    for (slot, address) in endpoints.iter().enumerate() {
        let endpoint = format!("endpoint-{:08X}-{full}__{address}/{target}", u32::from(*address));
        writeln!(out, "add chain ip {TABLE} {endpoint}")?;
        writeln!(
            out,
            "add rule ip {TABLE} {endpoint} meta l4proto tcp dnat to {address}:{target}"
        )?;
        let comma = if slot == 0 { "" } else { ", " };
        write!(slots, "{comma}{slot} : goto {endpoint}")?;
    }
    writeln!(
        out,
        "add rule ip {TABLE} {chain} numgen random mod {} vmap {{ {slots} }}\n\
         add element ip {TABLE} service-ips {{ {cluster_ip} . tcp . {port} : goto {chain} }}",
        endpoints.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_chain_and_each_endpoint_has_one() {
        let script = script(Size { services: 2, endpoints: 3 });
        let count = |what| script.matches(what).count();
        assert_eq!(count("add chain ip kube-proxy service-"), 2);
        assert_eq!(count("add chain ip kube-proxy endpoint-"), 6);
        assert_eq!(count("numgen random mod 3 vmap"), 2);
        assert_eq!(count("dnat to"), 6);
        assert_eq!(count("add element"), 2);
    }

    #[test]
    fn nft_takes_the_script_and_leaves_nothing() {
        if let Some(why) = pontoon_lab::unavailable() {
            println!("skipped: {why}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script.nft");
        write(Size { services: 50, endpoints: 3 }, &script).unwrap();
        let netns = Netns::create(folder.path().join("ns")).unwrap();
        let cpu = load(&netns, &script);
        let left = netns.output(Command::new("nft").args(["list", "tables"]));
        netns.remove().unwrap();
        assert!(cpu.unwrap() > Duration::ZERO);
        assert!(left.unwrap().stdout.is_empty(), "the rules stay");
    }
}
