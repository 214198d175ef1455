//! Connections to the kernel for attachments, kept between calls.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pontoon_model::api::{Code, Failure};
use pontoon_netlink::sysctl::{self, Sysctl};
use pontoon_netlink::{LinkName, Neighbour, Netns, NetnsError, NetnsId, Op, Rtnl, RtnlError};

use super::plumb::{self, Devices};
use super::reaper::Reaper;
use super::record::{NetnsIdentity, Record};

/// The kernel, as attachments use it. Its calls block.
#[derive(Debug)]
pub struct Kernel {
    idle: Mutex<Vec<Rtnl>>,
    reaper: Reaper,
    home: NetnsId,
}

/// For the kernel's work queue to make an IPv6 address usable: under a millisecond on a quiet host.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(5);
const LOCAL_PAUSE: Duration = Duration::from_micros(100);

/// Connections that are kept open while nobody uses them.
const KEPT: usize = 4;

impl Kernel {
    /// Opens the kernel in the calling thread's network namespace.
    ///
    /// # Errors
    /// When there can be no connection.
    pub fn open() -> Result<Self, RtnlError> {
        let home = Netns::current()?.id();
        Ok(Self { idle: Mutex::new(vec![Rtnl::open()?]), reaper: Reaper::start()?, home })
    }

    fn with<T>(&self, f: impl FnOnce(&mut Rtnl) -> T) -> Result<T, RtnlError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut rtnl = match kept {
            Some(rtnl) => rtnl,
            None => Rtnl::open()?,
        };
        let result = f(&mut rtnl);
        let mut idle = idle();
        if idle.len() < KEPT {
            idle.push(rtnl);
        }
        Ok(result)
    }

    /// Opens a pod's network namespace, which must not be the host's own.
    ///
    /// # Errors
    /// [`Code::NetnsUnusable`].
    pub fn pod_netns(&self, path: &std::path::Path) -> Result<Netns, Failure> {
        let unusable = |why: String| {
            Failure::new(Code::NetnsUnusable, "the pod's network namespace cannot be used", why)
        };
        let netns = Netns::open(path).map_err(|e: NetnsError| unusable(e.to_string()))?;
        if netns.id() == self.home {
            return Err(unusable(format!("{} is the host's own", path.display())));
        }
        Ok(netns)
    }

    /// Whether a record's namespace is still where its path leads.
    #[must_use]
    pub fn is_alive(record: &Record) -> bool {
        Netns::open(&record.spec.netns).is_ok_and(|netns| identity(netns.id()) == record.netns)
    }

    /// Makes the pair, the host's half of the way.
    ///
    /// # Errors
    /// [`Code::InterfaceExists`], [`Code::NetnsUnusable`], [`Code::Kernel`].
    pub fn connect(
        &self,
        record: &Record,
        devices: &Devices,
        netns: &Netns,
    ) -> Result<(), Failure> {
        let ops = plumb::host_side(record, devices, netns);
        let outcome = self.with(|rtnl| rtnl.execute(&ops)).map_err(|e| kernel_failure(&e))?;
        let Err(error) = outcome else { return Ok(()) };
        let creating = matches!(*error.error.op, Op::CreateVeth(_));
        if !(creating && error.error.is_exists()) {
            return Err(kernel_failure(&error));
        }
        // Either our own half of an interrupted ADD, or a stranger's interface in the pod.
        if self
            .with(|rtnl| rtnl.link(devices.host))
            .map_err(|e| kernel_failure(&e))?
            .is_ok_and(|l| l.is_some())
        {
            self.reaper.delete(devices.host).map_err(|e| kernel_failure(&e))?;
            let again = self.with(|rtnl| rtnl.execute(&ops)).map_err(|e| kernel_failure(&e))?;
            if again.is_ok() {
                return Ok(());
            }
        }
        Err(Failure::new(
            Code::InterfaceExists,
            format!("the pod has an interface {} already", devices.pod),
            "another plugin made it, or the runtime calls ADD for a pod that it has not deleted",
        ))
    }

    /// Makes the pod's half of the way.
    ///
    /// # Errors
    /// [`Code::Kernel`].
    pub fn configure(
        &self,
        record: &Record,
        devices: &Devices,
        netns: &Netns,
    ) -> Result<(), Failure> {
        let ops = plumb::pod_side(record, devices);
        let v6: Vec<IpAddr> = record.addresses().filter(IpAddr::is_ipv6).collect();
        let mut rtnl = Rtnl::open_in(netns).map_err(|e| kernel_failure(&e))?;
        if let Err(first) = rtnl.execute(&ops) {
            // Some runtimes switch IPv6 off in new namespaces.
            let switched = sysctl::in_netns(netns, || {
                Sysctl::ipv6_conf(devices.pod, "disable_ipv6")?.write_if_different(0)
            });
            if v6.is_empty() || !matches!(switched, Ok(true)) {
                return Err(kernel_failure(&first));
            }
            rtnl.execute(&ops).map_err(|e| kernel_failure(&e))?;
        }
        wait_until_local(&mut rtnl, &v6)
    }

    /// Takes the pair away, and what the host knew of the pod. Goes on after failures.
    pub fn disconnect(&self, record: &Record, faults: &mut Vec<String>) {
        let Ok(devices) = Devices::of(record) else { return };
        if let Err(error) = self.reaper.delete(devices.host) {
            faults.push(format!("{}: {error}", devices.host));
        }
        let ops = plumb::leftovers(record.addresses(), devices.bridge);
        match self.with(|rtnl| rtnl.execute_each(&ops)) {
            Err(error) => faults.push(error.to_string()),
            Ok(outcomes) => faults.extend(
                outcomes
                    .into_iter()
                    .filter_map(Result::err)
                    .filter(|e| !e.is_not_found() && !e.is_no_device())
                    .map(|e| e.to_string()),
            ),
        }
    }

    /// Tells the host again where its pods are, as far as it has forgotten: a bridge that was down
    /// has lost all its neighbours.
    ///
    /// # Errors
    /// When the kernel does not tell, or refuses.
    pub fn remind(&self, records: &[Record]) -> Result<(), RtnlError> {
        let Some(devices) = records.iter().find_map(|record| Devices::of(record).ok()) else {
            return Ok(());
        };
        self.with(|rtnl| {
            let known: HashSet<Neighbour> = rtnl.neighbours(devices.bridge)?.into_iter().collect();
            let wanted =
                records.iter().flat_map(|record| plumb::neighbours(record, devices.bridge));
            let missing: Vec<Op> = wanted
                .filter(|neighbour| !known.contains(neighbour))
                .map(Op::ReplaceNeighbour)
                .collect();
            Ok(rtnl.execute(&missing)?)
        })?
    }

    /// Deletes a host end that belongs to nobody.
    ///
    /// # Errors
    /// The kernel's, in words.
    pub fn delete(&self, dev: LinkName) -> Result<(), String> {
        self.reaper.delete(dev)
    }

    /// What is wrong with an attachment as the kernel has it; nothing when it is as ADD made it.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn inspect(
        &self,
        record: &Record,
        devices: &Devices,
        netns: &Netns,
    ) -> Result<Vec<String>, RtnlError> {
        let attached = &record.attached;
        let mut faults = Vec::new();
        match self.with(|rtnl| rtnl.link(devices.host))?? {
            None => faults.push(format!("{} is gone from the host", devices.host)),
            Some(link) => {
                if !link.up {
                    faults.push(format!("{} is down", devices.host));
                }
                if link.master != Some(devices.bridge) {
                    faults.push(format!("{} is not in {}", devices.host, devices.bridge));
                }
                if link.port.is_none_or(|port| !plumb::PORT.holds_in(&port)) {
                    faults.push(format!("{} is not set up as a pod's port", devices.host));
                }
            }
        }
        let mut pod = Rtnl::open_in(netns)?;
        match pod.link(devices.pod)? {
            None => faults.push(format!("{} is gone from the pod", devices.pod)),
            Some(link) => {
                if !link.up {
                    faults.push(format!("{} in the pod is down", devices.pod));
                }
                if link.mac.map(|mac| mac.0) != Some(attached.pod_interface.mac.0) {
                    faults.push(format!("{} in the pod has another MAC", devices.pod));
                }
            }
        }
        let addresses = pod.addresses()?;
        let routes = pod.routes(pontoon_netlink::RouteFilter {
            dev: Some(devices.pod),
            ..Default::default()
        })?;
        for each in &attached.addresses {
            let ip = each.address.ip();
            let held = addresses
                .iter()
                .any(|a| a.address.dev == devices.pod && plumb::is_pod_address(&a.address, ip));
            if !held {
                faults.push(format!("{ip} is not on {} in the pod", devices.pod));
            }
            if !routes.iter().any(|route| plumb::is_default_of(route, each.gateway)) {
                faults.push(format!("the pod has no default route via {}", each.gateway));
            }
        }
        Ok(faults)
    }

    /// Sets the MTU of both ends.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn set_mtu(&self, devices: &Devices, netns: &Netns, mtu: u32) -> Result<(), RtnlError> {
        Rtnl::open_in(netns)?.execute(&[plumb::mtu(devices.pod, mtu)])?;
        Ok(self.with(|rtnl| rtnl.execute(&[plumb::mtu(devices.host, mtu)]))??)
    }

    /// All host ends, ours or left over.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn host_ends(&self) -> Result<Vec<LinkName>, RtnlError> {
        let links = self.with(Rtnl::links)??;
        Ok(links
            .into_iter()
            .map(|link| link.name)
            .filter(|n| n.as_str().starts_with(crate::names::VETH_PREFIX))
            .collect())
    }
}

/// The namespace's identity, as a record keeps it.
#[must_use]
pub fn identity(id: NetnsId) -> NetnsIdentity {
    NetnsIdentity { dev: id.dev, ino: id.ino }
}

/// Waits until the namespace takes the addresses for its own. Even without duplicate-address
/// detection the kernel leaves the route that makes them so to a work queue of all namespaces; a
/// packet that comes before is sent back to where it came from.
fn wait_until_local(rtnl: &mut Rtnl, addresses: &[IpAddr]) -> Result<(), Failure> {
    let deadline = Instant::now() + LOCAL_TIMEOUT;
    for ip in addresses {
        while !rtnl.route_get(*ip).is_ok_and(|route| route.local) {
            if Instant::now() > deadline {
                let why =
                    format!("{ip} is not usable {} s after it was set", LOCAL_TIMEOUT.as_secs());
                return Err(kernel_failure(&why));
            }
            std::thread::sleep(LOCAL_PAUSE);
        }
    }
    Ok(())
}

fn kernel_failure(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Kernel, "the kernel refused to connect the pod", error.to_string())
}
