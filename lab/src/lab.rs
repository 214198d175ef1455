//! The lab itself.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ipnetwork::IpNetwork;

use crate::builder::LabBuilder;
use crate::etcd::Etcd;
use crate::faults::Faults;
use crate::folder::{self, Folder};
use crate::host::{Host, lock};
use crate::kept::{self, KeptLab, Sight};
use crate::netns::Netns;
use crate::outside::Outside;
use crate::process::tail;
use crate::tool;

/// Hosts on an underlay. Dropping it ends all that runs in it and leaves nothing behind; when the
/// thread panics, the daemons' logs are printed first.
#[derive(Debug)]
pub struct Lab {
    folder: Arc<Folder>,
    hosts: Vec<Host>,
    etcd: Option<Etcd>,
    outside: Option<Outside>,
    switch: Option<(Netns, Netns)>,
    faults: Mutex<Faults>,
}

impl Lab {
    /// A lab to be built.
    pub fn builder() -> LabBuilder {
        LabBuilder::default()
    }

    pub(crate) fn empty(folder: Arc<Folder>) -> Self {
        let faults = Mutex::new(Faults::default());
        Self { folder, hosts: Vec::new(), etcd: None, outside: None, switch: None, faults }
    }

    pub(crate) fn push_host(&mut self, host: Host) {
        self.hosts.push(host);
    }

    pub(crate) fn set_etcd(&mut self, etcd: Etcd) {
        self.etcd = Some(etcd);
    }

    pub(crate) fn set_outside(&mut self, outside: Outside) {
        self.outside = Some(outside);
    }

    pub(crate) fn set_switch(&mut self, switch: Netns, router: Netns) {
        self.switch = Some((switch, router));
    }

    pub(crate) fn etcd_endpoint(&self) -> Option<String> {
        self.etcd.as_ref().map(Etcd::endpoint)
    }

    pub(crate) fn start_etcd(&self) -> Result<()> {
        self.etcd.as_ref().map_or(Ok(()), Etcd::start)
    }

    /// The lab's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A host by its number, from 1 as in its name.
    ///
    /// # Panics
    /// When there is no such host.
    #[must_use]
    #[expect(clippy::panic, reason = "a wrong number is a mistake of the test that asks")]
    pub fn host(&self, number: usize) -> &Host {
        let host = number.checked_sub(1).and_then(|index| self.hosts.get(index));
        host.unwrap_or_else(|| panic!("the lab has hosts 1 to {}, not {number}", self.hosts.len()))
    }

    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The etcd.
    ///
    /// # Panics
    /// When the lab was built without one.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake of the test that asks")]
    pub fn etcd(&self) -> &Etcd {
        self.etcd.as_ref().unwrap_or_else(|| panic!("the lab was built without etcd"))
    }

    /// The host that is no node.
    ///
    /// # Panics
    /// Never: every lab that was built has one.
    #[must_use]
    #[expect(clippy::panic, reason = "a lab without it is never handed out")]
    pub fn outside(&self) -> &Outside {
        self.outside.as_ref().unwrap_or_else(|| panic!("a lab half built"))
    }

    /// Starts the daemon of every host and waits until all are ready.
    ///
    /// # Errors
    /// When one cannot be started or is not ready in time.
    pub fn start(&self, timeout: Duration) -> Result<()> {
        self.hosts.iter().try_for_each(Host::start)?;
        self.hosts.iter().try_for_each(|host| host.wait_ready(timeout))
    }

    /// Lets nothing pass between two of `host-N`, `etcd` and `outside`, until [`Lab::heal`].
    ///
    /// # Errors
    /// When there is no such place.
    pub fn cut(&self, a: &str, b: &str) -> Result<()> {
        self.change_faults(&[a, b], |faults| faults.cut(a, b))
    }

    /// Undoes [`Lab::cut`].
    ///
    /// # Errors
    /// When there is no such place.
    pub fn heal(&self, a: &str, b: &str) -> Result<()> {
        self.change_faults(&[a, b], |faults| faults.heal(a, b))
    }

    /// Loses this per cent of the frames to and from a place, at random, until it is set to 0.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn lose(&self, place: &str, percent: u8) -> Result<()> {
        self.change_faults(&[place], |faults| faults.lose(place, percent))
    }

    /// Undoes every cut and loss.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn heal_all(&self) -> Result<()> {
        self.change_faults(&[], |faults| *faults = Faults::default())
    }

    /// Pulls a place's plug out of the switch (`false`) or puts it in again: its `eth0` loses and
    /// gains its carrier.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn set_plugged(&self, place: &str, plugged: bool) -> Result<()> {
        self.check_place(place)?;
        tool::ip(
            self.switch()?,
            &format!("link set {place} {}\n", if plugged { "up" } else { "down" }),
        )
    }

    /// Changes the MTU of a place's link, both ends, bytes.
    ///
    /// # Errors
    /// When there is no such place, or the kernel refuses the value.
    pub fn set_mtu(&self, place: &str, mtu: u32) -> Result<()> {
        let netns = self.netns_of(place)?;
        tool::ip(self.switch()?, &format!("link set {place} mtu {mtu}\n"))?;
        tool::ip(&netns, &format!("link set eth0 mtu {mtu}\n"))
    }

    /// The namespace whose bridges are the underlay's segments, `br1` and on.
    ///
    /// # Errors
    /// Never for a lab that was built.
    pub fn switch(&self) -> Result<&Netns> {
        self.switch.as_ref().map(|(switch, _)| switch).context("a lab half built")
    }

    /// The namespace that joins the segments.
    ///
    /// # Errors
    /// Never for a lab that was built.
    pub fn router(&self) -> Result<&Netns> {
        self.switch.as_ref().map(|(_, router)| router).context("a lab half built")
    }

    /// Leads a range, such as the services', from beyond the cluster to a host: the router routes it
    /// there, in place of an earlier host.
    ///
    /// # Errors
    /// When the host has no address of that family.
    pub fn lead(&self, range: IpNetwork, to: &Host) -> Result<()> {
        let via = to.addresses().into_iter().find(|ip| ip.is_ipv4() == range.is_ipv4());
        let via =
            via.with_context(|| format!("{} has no address to lead {range} to", to.name()))?;
        tool::ip(self.router()?, &format!("route replace {range} via {via}\n"))
    }

    /// Lets the lab outlive this program, until [`KeptLab::down`]. `content` says whether all
    /// is well with it, `sights` what is worth a look.
    ///
    /// # Errors
    /// When that cannot be noted.
    pub fn keep(self, content: bool, sights: Vec<Sight>) -> Result<KeptLab> {
        let kept = KeptLab { folder: self.path().to_owned(), holder: None, content, sights };
        kept::note_in_folder(&kept)?;
        self.folder.keep()?;
        Ok(kept)
    }

    fn change_faults(&self, places: &[&str], change: impl FnOnce(&mut Faults)) -> Result<()> {
        places.iter().try_for_each(|place| self.check_place(place))?;
        let mut faults = lock(&self.faults);
        let mut changed = faults.clone();
        change(&mut changed);
        tool::nft(self.switch()?, &changed.render(|place| self.addresses_of(place)))?;
        *faults = changed;
        Ok(())
    }

    fn check_place(&self, place: &str) -> Result<()> {
        self.netns_of(place).map(drop)
    }

    fn netns_of(&self, place: &str) -> Result<Netns> {
        if let Some(host) = self.hosts.iter().find(|h| h.name() == place) {
            return Ok(host.netns().clone());
        }
        match (&self.etcd, &self.outside) {
            (Some(etcd), _) if place == Etcd::NAME => Ok(etcd.netns().clone()),
            (_, Some(outside)) if place == Outside::NAME => Ok(outside.netns().clone()),
            _ => bail!(
                "there is no {place:?} in the lab: name host-1 to host-{}, etcd or outside",
                self.hosts.len()
            ),
        }
    }

    fn addresses_of(&self, place: &str) -> Vec<IpAddr> {
        if let Some(host) = self.hosts.iter().find(|h| h.name() == place) {
            return host.addresses();
        }
        match (&self.etcd, &self.outside) {
            (Some(etcd), _) if place == Etcd::NAME => etcd.addresses().to_vec(),
            (_, Some(outside)) if place == Outside::NAME => outside.addresses().to_vec(),
            _ => Vec::new(),
        }
    }

    fn print_logs(&self) {
        for host in &self.hosts {
            eprintln!(
                "──── pontoond of {}, the end of its log:\n{}",
                host.name(),
                tail(&host.log(), 60)
            );
        }
        if let Some(etcd) = &self.etcd {
            eprintln!("──── etcd, the end of its log:\n{}", tail(&etcd.log(), 15));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.folder.is_kept() {
            return;
        }
        if std::thread::panicking() {
            self.print_logs();
        }
        if let Err(error) = folder::destroy(self.folder.path()) {
            eprintln!("cannot take the lab away: {error:#}");
        }
    }
}
