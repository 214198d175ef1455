//! The daemon's configuration file, as far as it matters here and can be understood. Keys that are
//! unknown, and values that are wrong, are passed over: the daemon says what is wrong with them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use pontoon_model::cluster::BackendKind;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::Setup;

/// The file.
pub(super) struct File(Table);

pub(super) fn parse(text: &str) -> Option<File> {
    text.parse().ok().map(File)
}

impl File {
    pub(super) fn apply(&self, setup: &mut Setup) {
        setup.node = self.get("node.name");
        setup.mtu = self.get("node.mtu");
        let paths = &mut setup.paths;
        for (key, path) in [
            ("paths.run", &mut paths.run),
            ("paths.state", &mut paths.state),
            ("paths.cni-conf", &mut paths.cni_conf),
        ] {
            set::<PathBuf>(path, self.get(key));
        }
        let config = &mut setup.config;
        set(&mut config.pod_cidrs, self.get("cluster.pod-cidrs"));
        set(&mut config.service_cidrs, self.get("cluster.service-cidrs"));
        set::<BackendKind>(&mut config.backend.kind, self.get("cluster.backend"));
        set(&mut config.backend.vxlan_port, self.get("cluster.vxlan-port"));
        set(&mut config.backend.vxlan_vni, self.get("cluster.vxlan-vni"));
        config.dns_addresses = self.get::<Vec<IpAddr>>("cluster.dns-addresses");
        if self.get("dns.enabled").unwrap_or(true) {
            setup.answer_dns(&self.get::<Vec<SocketAddr>>("dns.listen").unwrap_or_default());
        }
    }

    /// The value of a key given by its path, if it is of the right type.
    fn get<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let mut value: Option<&Value> = None;
        for part in path.split('.') {
            value = match value {
                None => self.0.get(part),
                Some(value) => value.get(part),
            };
            value?;
        }
        T::deserialize(value?.clone()).ok()
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
