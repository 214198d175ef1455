//! Reading the configuration from where it stands, and saying well what is wrong with it.

use std::path::Path;

use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use figment::{Figment, Profile};

use super::{Settings, StoreKind};

/// Where the file is unless told otherwise; it need not exist.
const DEFAULT_FILE: &str = "/etc/pontoon/pontoond.toml";

/// The key whose value is never told.
const SECRET: &str = "password";

/// A configuration that cannot be used, one line a fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads the file (the default one may be absent), the environment and the `KEY=VALUE` settings.
///
/// # Errors
/// Every fault that was found: unknown keys with the nearest valid one, wrong types, values out
/// of range.
pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Settings, ConfigError> {
    load_from(file, Path::new(DEFAULT_FILE), overrides)
}

fn load_from(
    file: Option<&Path>,
    default: &Path,
    overrides: &[String],
) -> Result<Settings, ConfigError> {
    let mut figment = Figment::new();
    match file {
        Some(path) => {
            std::fs::metadata(path).map_err(|e| one(format!("{}: {e}", path.display())))?;
            figment = figment.merge(Toml::file_exact(path));
        }
        None if default.exists() => figment = figment.merge(Toml::file_exact(default)),
        None => {}
    }
    figment = figment.merge(environment());
    for setting in overrides {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            one(format!("--set {setting}: write KEY=VALUE, such as node.name=host-1"))
        })?;
        figment = figment
            .merge(Toml::string(&assignment(key.trim(), value.trim())).profile(Profile::Default));
    }
    let settings: Settings = figment
        .extract()
        .map_err(|error| ConfigError(error.into_iter().map(|e| describe(&e)).collect()))?;
    check(&settings)?;
    Ok(settings)
}

fn one(line: String) -> ConfigError {
    ConfigError(vec![line])
}

/// `PONTOON_STORE__ETCD__ENDPOINTS` is `store.etcd.endpoints`: two underscores go a level down, one
/// stands for a hyphen. A variable without a level is not a setting (`PONTOON_CONFIG`).
fn environment() -> Env {
    Env::prefixed("PONTOON_")
        .filter(|key| key.as_str().contains("__"))
        .map(|key| key.as_str().to_ascii_lowercase().replace("__", ".").replace('_', "-").into())
}

/// A TOML line for `KEY=VALUE`; a value that is no TOML stands for the text that it is.
fn assignment(key: &str, value: &str) -> String {
    let line = format!("{key} = {value}");
    if toml::from_str::<toml::Table>(&line).is_ok() {
        line
    } else {
        format!("{key} = {}", toml::Value::String(value.to_owned()))
    }
}

fn describe(error: &figment::Error) -> String {
    let path = error.path.join(".");
    let whence = error
        .metadata
        .as_ref()
        .map(|m| m.source.as_ref().map_or_else(|| m.name.to_string(), ToString::to_string))
        .filter(|s| !s.contains("load.rs"))
        .map(|s| format!("{s}: "))
        .unwrap_or_default();
    let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
    let said = match &error.kind {
        Kind::UnknownField(found, known) => unknown(found, known, &path),
        // What was found would be the secret.
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected)
            if error.path.last().is_some_and(|key| key == SECRET) =>
        {
            format!("invalid value, expected {expected}")
        }
        other => without_excerpt(&other.to_string()),
    };
    format!("{whence}{at}{said}")
}

/// A fault of syntax is shown with the line that it is in, which may hold a password.
fn without_excerpt(said: &str) -> String {
    let is_excerpt = |line: &&str| {
        let line = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
        line.starts_with('|')
    };
    let kept: Vec<&str> = said.lines().filter(|line| !is_excerpt(line)).collect();
    kept.join("; ")
}

fn unknown(found: &str, known: &[&str], path: &str) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(found, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score > 0.6);
    let list = known.join(", ");
    let named = if path.ends_with(found) { String::new() } else { format!(" {found:?}") };
    match nearest {
        Some((_, name)) => {
            format!("unknown key{named}; did you mean {name:?}? (valid here: {list})")
        }
        None => format!("unknown key{named}; valid here: {list}"),
    }
}

fn check(settings: &Settings) -> Result<(), ConfigError> {
    let mut faults = Vec::new();
    if settings.store.kind() == StoreKind::Etcd && settings.store.etcd.is_none() {
        faults.push(
            "store.kind is etcd, but there is no [store.etcd] section: give endpoints = [\"https://…:2379\"]".to_owned(),
        );
    }
    if let Err(error) = settings.cluster.over(Default::default()).validate() {
        faults.push(format!("cluster: {error}"));
    }
    faults.extend(settings.api.faults());
    faults.extend(settings.mesh.fault());
    if let Some(mtu) = settings.node.mtu.filter(|mtu| !(576..=65535).contains(mtu)) {
        faults.push(format!("node.mtu: {mtu} is not in 576..=65535"));
    }
    if settings.node.machine_id.as_ref().is_some_and(|id| id.trim().is_empty()) {
        faults.push("node.machine-id: empty; leave it out to use /etc/machine-id".to_owned());
    }
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&settings.log.level) {
        faults.push(format!(
            "log.level: {:?}: {error}; use error, warn, info, debug or trace",
            settings.log.level
        ));
    }
    faults.extend(settings.dns.faults().iter().map(|fault| format!("dns.{fault}")));
    if faults.is_empty() { Ok(()) } else { Err(ConfigError(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UnderlaySelector;
    use std::io::Write;

    fn from_file(text: &str, overrides: &[&str]) -> Result<Settings, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        load(Some(file.path()), &overrides)
            .map_err(|e| e.to_string().replace(&*file.path().to_string_lossy(), "FILE"))
    }

    #[test]
    fn nothing_given_is_a_single_host() {
        let settings = from_file("", &[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.store.kind(), StoreKind::Embedded);
    }

    #[test]
    fn the_default_file_is_read_if_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let default = folder.path().join("pontoond.toml");
        assert_eq!(load_from(None, &default, &[]), Ok(Settings::default()));
        std::fs::write(&default, "[node]\nmtu = 1400\n").unwrap();
        assert_eq!(load_from(None, &default, &[]).unwrap().node.mtu, Some(1400));
        assert!(load_from(Some(&folder.path().join("other.toml")), &default, &[]).is_err());
    }

    #[test]
    fn flags_win_over_the_file() {
        let settings = from_file(
            "[node]\nname = 'a'\nmtu = 1400\n",
            &["node.name=b", "node.underlay=reach:192.0.2.1"],
        );
        let node = settings.unwrap().node;
        assert_eq!(node.name.unwrap().as_str(), "b");
        assert_eq!(node.mtu, Some(1400));
        assert_eq!(node.underlay, Some(UnderlaySelector::Reach("192.0.2.1".parse().unwrap())));
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        let said = from_file("[node]\nnmae = 'a'\n", &[]).unwrap_err();
        assert!(said.contains("node") && said.contains("did you mean \"name\"?"), "{said}");
        let said = from_file("[cluster]\npod-cidr = ['10.0.0.0/16']\n", &[]).unwrap_err();
        assert!(said.contains("did you mean \"pod-cidrs\"?"), "{said}");
        let said = from_file("[nodes]\n", &[]).unwrap_err();
        assert!(said.contains("did you mean \"node\"?"), "{said}");
    }

    #[test]
    fn a_wrong_value_is_answered_with_its_place() {
        for (text, parts) in [
            ("[cluster]\npod-cidrs = ['10.0.0.0/33']\n", ["cluster.pod-cidrs", "FILE"]),
            ("[cluster]\npod-cidrs = ['10.0.0.1/16']\n", ["podCidrs", "did you mean 10.0.0.0/16"]),
            ("[cluster]\ndns-addresses = ['10.0.0.10']\n", ["dnsAddresses", "no service CIDR"]),
            ("[cluster]\ndns-addresses = ['10.96.0']\n", ["cluster.dns-addresses", "FILE"]),
            ("[cluster]\nbackend = 'vxlna'\n", ["cluster.backend", "vxlan"]),
            ("[cluster]\nnode-port-range = '5'\n", ["cluster.node-port-range", "30000-32767"]),
            ("[node]\nname = 'Host_1'\n", ["node.name", "RFC 1123"]),
            ("[node]\nmtu = 10\n", ["node.mtu", "576"]),
            ("[store]\nkind = 'etcd'\n", ["[store.etcd]", "endpoints"]),
            ("[dns]\nttl = 4000\n", ["dns.ttl: 4000", "0..=3600"]),
            ("[dns]\nlisten = ['192.0.2.1']\n", ["dns.listen: ", "192.0.2.1:53"]),
            ("[dns]\nrate = 5\n", ["dns", "did you mean \"rate-limit\""]),
            ("[dns.hosts]\n'a.b' = []\n", ["dns.hosts", "no address"]),
            ("[metrics]\nlisten = '9553'\n", ["metrics.listen", "127.0.0.1:9553"]),
            ("[metrics]\nlisten = '[::1]:0'\n", ["metrics.listen", "1 to 65535"]),
            ("[mesh]\ninterval = '10'\n", ["mesh.interval", "500ms"]),
            ("[mesh]\ninterval = '5ms'\n", ["mesh.interval", "100ms to 600s"]),
            ("[log]\nlevel = 'inof=='\n", ["log.level", "inof"]),
            ("[node\n", ["FILE", "TOML"]),
        ] {
            let said = from_file(text, &[]).unwrap_err();
            for part in parts {
                assert!(said.contains(part), "{text:?} gave {said:?}, without {part:?}");
            }
        }
    }

    #[test]
    fn a_fault_in_a_password_does_not_tell_it() {
        for (text, part) in [
            ("[store.etcd]\nusername = 'u'\npassword = hunter2\n", "line 3"),
            ("[store.etcd]\nusername = 'u'\npassword = 'hunter2\n", "line 3"),
            ("[store.etcd]\nusername = 'u'\npassword = ['hunter2']\n", "store.etcd.password"),
            ("[store.etcd]\nusername = 'u'\npasword = 'hunter2'\n", "did you mean \"password\""),
        ] {
            let said = from_file(text, &[]).unwrap_err();
            assert!(said.contains(part) && !said.contains("hunter2"), "{text:?} gave {said:?}");
        }
        let said = from_file("[store.etcd]\npassword = 48151623\n", &[]).unwrap_err();
        assert!(said.contains("expected a string") && !said.contains("48151623"), "{said}");
    }

    #[test]
    fn only_what_is_given_can_disagree() {
        let settings =
            from_file("[cluster]\nbackend = 'host-gw'\nnode-port-range = '1-9'\n", &[]).unwrap();
        let said = settings.cluster.disagreements(&Default::default());
        assert_eq!(
            said,
            [
                "cluster.node-port-range: this node says 1-9, the cluster has 30000-32767",
                "cluster.backend: this node says host-gw, the cluster has vxlan",
            ]
        );
        let dns = |said: &str| {
            let text = format!("[cluster]\ndns-addresses = {said}\n");
            from_file(&text, &[]).unwrap().cluster.disagreements(&Default::default())
        };
        assert!(dns("['10.96.0.10']").is_empty(), "what is derived agrees with the same said");
        let said = "cluster.dns-addresses: this node says none, the cluster has 10.96.0.10";
        assert_eq!(dns("[]"), [said]);
        assert!(
            super::super::ClusterSettings::default().disagreements(&Default::default()).is_empty()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}", key in "[a-z.\\-]{1,30}", value in ".{0,30}") {
            let _ = from_file(&text, &[&format!("{key}={value}")]);
        }
    }
}
