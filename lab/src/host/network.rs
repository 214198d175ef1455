//! Changes of a host's network by others than Pontoon.

use anyhow::{Result, bail};

use super::{Host, lock};
use crate::underlay::{self, Place};

impl Host {
    /// Sets a kernel setting of the host's network, such as `net.ipv4.ip_forward`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<()> {
        self.0.netns.set_sysctl(name, value)
    }

    /// Gives the host another number on its segment, from 500 to 1000, and so other addresses, as
    /// a DHCP server or an operator may.
    ///
    /// # Errors
    /// When the kernel refuses, such as when another host has the number.
    pub fn renumber(&self, number: u16) -> Result<()> {
        if !(500..=1000).contains(&number) {
            bail!("{number} could be another host's number: use 500 to 1000");
        }
        let place = Place { number, ..self.0.place.clone() };
        let new = place.addresses(&self.0.underlay);
        let mut held = lock(&self.0.addresses);
        let mut lines: String =
            held.iter().map(|old| format!("address del {old} dev eth0\n")).collect();
        lines.push_str(&underlay::address_lines("eth0", &new));
        // The last address of a subnet took the routes through it along.
        lines.push_str(&place.routes(&self.0.underlay).replace("route add", "route replace"));
        self.ip(&lines)?;
        *held = new;
        Ok(())
    }

    /// Takes the host's `eth0` down, all addresses and routes with it, and sets it up again, as
    /// the restart of a network manager does.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn restart_network(&self) -> Result<()> {
        let mut lines =
            String::from("link set eth0 down\naddress flush dev eth0\nlink set eth0 up\n");
        lines.push_str(&underlay::address_lines("eth0", &lock(&self.0.addresses)));
        lines
            .push_str(&self.0.place.routes(&self.0.underlay).replace("route add", "route replace"));
        self.ip(&lines)
    }
}
