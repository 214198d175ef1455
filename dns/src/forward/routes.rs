//! Which upstreams are asked about which names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::address::Address;
use super::config::{ForwardConfig, Policy};
use super::own::Own;
use super::pool::Pool;
use super::resolv_conf::ResolvConf;
use super::upstream::{Manner, Upstream};
use crate::wire::name::Labels;

/// Upstreams by domain.
#[derive(Debug)]
pub struct Routes {
    stubs: HashMap<Box<[u8]>, Arc<Pool>>,
    rest: Mutex<Rest>,
    known: Known,
    policy: Policy,
}

/// Who is asked about all other names.
#[derive(Debug)]
struct Rest {
    pool: Arc<Pool>,
    file: Option<ResolvConf>,
}

impl Routes {
    /// What a configuration says. The host's file is read when there is something to ask.
    #[must_use]
    pub fn new(
        config: &ForwardConfig,
        systemd: std::path::PathBuf,
        own: Own,
        manner: Manner,
    ) -> Self {
        let known = Known { manner, upstreams: Mutex::default() };
        let policy = config.policy;
        let pool = |addresses: &[Address]| Arc::new(known.pool(addresses, policy));
        let stubs =
            config.stubs.iter().map(|(name, addresses)| (name.wire().into(), pool(addresses)));
        let stubs = stubs.collect();
        let file = config
            .upstreams
            .is_empty()
            .then(|| ResolvConf::new(config.resolv_conf.clone(), systemd, own));
        let rest = Mutex::new(Rest { pool: pool(&config.upstreams), file });
        Self { stubs, rest, known, policy }
    }

    /// Who is asked about a name, now. May read the host's file.
    #[must_use]
    pub fn towards(&self, name: &Labels, now: Duration) -> Arc<Pool> {
        let stub = (0..=name.count()).find_map(|at| self.stubs.get(name.from(at)));
        stub.cloned().unwrap_or_else(|| self.rest(now))
    }

    fn rest(&self, now: Duration) -> Arc<Pool> {
        let mut rest = lock(&self.rest);
        let Some(file) = &mut rest.file else { return rest.pool.clone() };
        if let Some(named) = file.changed(now) {
            let path = file.path().display();
            if named.is_empty() {
                // Whoever writes the file anew may have emptied it first.
                tracing::warn!(
                    %path,
                    "the host's resolver configuration names no upstream other than ourselves; those named \
                     before are asked, if any. Write a nameserver line there, or set upstreams"
                );
            } else {
                let addresses: Vec<Address> = named.into_iter().map(Address::plain).collect();
                tracing::info!(%path, upstreams = ?addresses, "the host's upstreams");
                rest.pool = Arc::new(self.known.pool(&addresses, self.policy));
            }
        }
        rest.pool.clone()
    }

    /// All upstreams that are in use.
    #[must_use]
    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let known = lock(&self.known.upstreams);
        let mut upstreams: Vec<_> = known.values().filter_map(Weak::upgrade).collect();
        upstreams.sort_by_key(|upstream| upstream.address().to_string());
        upstreams
    }
}

/// Upstreams by their addresses: who is named twice, or still, is one.
#[derive(Debug)]
struct Known {
    manner: Manner,
    upstreams: Mutex<HashMap<Address, Weak<Upstream>>>,
}

impl Known {
    fn pool(&self, addresses: &[Address], policy: Policy) -> Pool {
        Pool::new(self.all(addresses), policy, self.manner.forward.all_broken.clone())
    }

    fn all(&self, addresses: &[Address]) -> Vec<Arc<Upstream>> {
        let mut known = lock(&self.upstreams);
        let found = addresses.iter().map(|address| {
            if let Some(upstream) = known.get(address).and_then(Weak::upgrade) {
                return upstream;
            }
            let upstream = Arc::new(Upstream::new(address.clone(), self.manner.clone()));
            known.insert(address.clone(), Arc::downgrade(&upstream));
            upstream
        });
        let found = found.collect();
        known.retain(|_, upstream| upstream.strong_count() > 0);
        found
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::super::answer::Longest;
    use super::*;
    use crate::metrics::forward::Forward as Figures;
    use crate::wire::name::Name;

    fn routes(config: &str) -> Routes {
        let manner = Manner {
            timeout: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            probe: Duration::from_secs(1),
            longest: Longest { success: 1, denial: 1 },
            tls: None,
            forward: Figures::default(),
            strays: Counter::default(),
        };
        let config: ForwardConfig = toml::from_str(config).unwrap();
        Routes::new(&config, "/nonexistent".into(), Own::default(), manner)
    }

    fn towards(routes: &Routes, name: &str, seconds: u64) -> Vec<String> {
        let name = Labels::read(Name::parse(name).unwrap().wire()).unwrap();
        let pool = routes.towards(&name, Duration::from_secs(seconds));
        pool.upstreams().iter().map(|one| one.address().to_string()).collect()
    }

    #[test]
    fn the_longest_domain_counts() {
        let routes = routes(
            r#"
            upstreams = ["1.1.1.1"]
            stubs = { "b.c" = ["10.0.0.1"], "a.b.c" = ["10.0.0.2", "10.0.0.1"] }
            "#,
        );
        assert_eq!(towards(&routes, "x.a.b.c", 0), ["10.0.0.2:53", "10.0.0.1:53"]);
        assert_eq!(towards(&routes, "a.b.c", 0), ["10.0.0.2:53", "10.0.0.1:53"]);
        assert_eq!(towards(&routes, "xa.b.c", 0), ["10.0.0.1:53"]);
        assert_eq!(towards(&routes, "c", 0), ["1.1.1.1:53"]);
        assert_eq!(towards(&routes, ".", 0), ["1.1.1.1:53"]);
        assert_eq!(routes.upstreams().len(), 3, "who is named twice is one");
    }

    #[test]
    fn the_hosts_file_is_followed_and_an_empty_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let routes = routes(&format!("resolv-conf = {path:?}"));
        assert!(towards(&routes, "a", 0).is_empty());
        write("nameserver 10.0.0.1\nnameserver 10.0.0.2");
        assert_eq!(towards(&routes, "a", 5), ["10.0.0.1:53", "10.0.0.2:53"]);
        let kept = routes.upstreams()[1].clone();
        write("nameserver 10.0.0.2");
        assert_eq!(towards(&routes, "a", 10), ["10.0.0.2:53"]);
        assert!(Arc::ptr_eq(&kept, &routes.upstreams()[0]), "what is known of it is kept");
        write("");
        assert_eq!(towards(&routes, "a", 15), ["10.0.0.2:53"]);
    }
}
