//! Where all is well.

use anyhow::{Result, ensure};
use pontoon_lab::Lab;
use pontoon_model::attachment::{PortMapping, PortProtocol};
use pontoon_tests::cluster::{cluster, skipped};
use pontoon_tests::doctor::{healthy, typed};

#[test]
fn a_healthy_cluster_gives_no_finding() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let published = PortMapping {
        host_port: 8080,
        container_port: 80,
        protocol: PortProtocol::Tcp,
        host_ip: None,
    };
    let _web = lab.host(1).pod("web").label("app", "web").port(&published).add()?;
    let gone = lab.host(1).add_pod("gone")?;
    let _db = lab.host(2).add_pod("db")?;
    gone.remove()?;
    for host in lab.hosts() {
        healthy(host)?;
        let output = typed(host, &["--color", "auto"])?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let expected = format!("node {}: nothing is wrong (", host.name());
        ensure!(output.status.success() && said.starts_with(&expected), "{output:?}");
        ensure!(said.trim_end().lines().count() == 1 && !said.contains('\u{1b}'), "{said:?}");
        // Pods and nodes come and go, and what is on its way is no fault.
        host.restart(pontoon_tests::cluster::SOON)?;
        healthy(host)?;
    }
    Ok(())
}

#[test]
fn nodes_without_an_overlay_or_without_etcd_are_as_healthy() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let plain = cluster(Lab::builder().hosts(2).configure("cluster.backend", "host-gw"))?;
    plain.hosts().iter().try_for_each(healthy)?;
    drop(plain);
    let single = cluster(Lab::builder().hosts(1).dual_stack(false).embedded())?;
    let _pod = single.host(1).add_pod("web")?;
    healthy(single.host(1))
}
