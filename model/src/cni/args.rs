//! `CNI_ARGS`: `KEY=VALUE;KEY=VALUE`.

use std::net::IpAddr;
use std::str::FromStr;

use super::wishes::{address_of, pod_address};
use crate::mac::{MacAddr, MacError};
use crate::name::{NameError, Namespace, PodId, PodName};

/// What Pontoon reads out of `CNI_ARGS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// `K8S_POD_NAMESPACE` and `K8S_POD_NAME`, once there is a name.
    pub pod: Option<PodId>,
    /// `IP`: the addresses that the pod must get, with commas between them.
    pub addresses: Vec<IpAddr>,
    /// `MAC`: the link-layer address that the pod's interface must get.
    pub mac: Option<MacAddr>,
    /// `NERDCTL_CNI_DHCP_HOSTNAME`: what the container calls itself, the only name that nerdctl tells.
    pub hostname: Option<String>,
}

/// What is wrong with `CNI_ARGS`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// No key, or no `=`.
    #[error("invalid pair {0:?}: write KEY=VALUE;KEY=VALUE")]
    Pair(String),
    /// Keys that Pontoon does not know, and no leave to pass over them.
    #[error("unknown args {0:?}: remove them, or add IgnoreUnknown=1")]
    Unknown(Vec<String>),
    /// `IgnoreUnknown` is no truth value.
    #[error("IgnoreUnknown={0:?} is not valid: it is one of 1, true, 0 and false")]
    IgnoreUnknown(String),
    /// `IP` is not a pod's address.
    #[error("IP={value:?} is not valid: {expected}")]
    Ip {
        /// The address that is wrong.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// `MAC` is not an interface's address.
    #[error("MAC: {0}")]
    Mac(#[from] MacError),
    /// `K8S_POD_NAMESPACE` or `K8S_POD_NAME` cannot be spelled as a Kubernetes name.
    #[error("{key}: {error}")]
    Pod {
        /// The key.
        key: &'static str,
        /// What is wrong.
        error: NameError,
    },
}

impl FromStr for Args {
    type Err = ArgsError;

    fn from_str(text: &str) -> Result<Self, ArgsError> {
        let mut args = Self::default();
        let (mut namespace, mut name) = (None, None);
        let (mut unknown, mut ignore_unknown) = (Vec::new(), false);
        for pair in text.split(';').filter(|_| !text.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| ArgsError::Pair(pair.to_owned()))?;
            match key {
                "IgnoreUnknown" => ignore_unknown = truth(value)?,
                "K8S_POD_NAMESPACE" => namespace = Some(value).filter(|v| !v.is_empty()),
                "K8S_POD_NAME" => name = Some(value).filter(|v| !v.is_empty()),
                // The runtime says with the first what CNI_CONTAINERID says; nobody asks for the second.
                "K8S_POD_INFRA_CONTAINER_ID" | "K8S_POD_UID" => {}
                "NERDCTL_CNI_DHCP_HOSTNAME" => {
                    args.hostname = Some(value.to_owned()).filter(|name| !name.is_empty());
                }
                "IP" if value.is_empty() => {}
                "IP" => args.addresses = addresses(value)?,
                "MAC" if value.is_empty() => {}
                "MAC" => args.mac = Some(MacAddr::parse_unicast(value)?),
                _ => unknown.push(pair.to_owned()),
            }
        }
        if !(unknown.is_empty() || ignore_unknown) {
            return Err(ArgsError::Unknown(unknown));
        }
        if let Some(name) = name {
            args.pod = Some(PodId {
                namespace: match namespace {
                    Some(text) => kubernetes_name(text, "K8S_POD_NAMESPACE")?,
                    None => Namespace::default(),
                },
                name: kubernetes_name::<PodName>(name, "K8S_POD_NAME")?,
            });
        }
        Ok(args)
    }
}

fn truth(value: &str) -> Result<bool, ArgsError> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(ArgsError::IgnoreUnknown(value.to_owned())),
    }
}

fn addresses(value: &str) -> Result<Vec<IpAddr>, ArgsError> {
    let mut addresses = Vec::new();
    for text in value.split(',') {
        address_of(text)
            .and_then(|address| pod_address(address, &mut addresses))
            .map_err(|expected| ArgsError::Ip { value: text.to_owned(), expected })?;
    }
    Ok(addresses)
}

/// Podman sends the container's name, which may hold capitals and underscores
/// (`focused_hopper`): it is spelled as Kubernetes would have it (`focused-hopper`), since it is to
/// be a name in the DNS. What cannot be spelled so is an error.
fn kubernetes_name<T: FromStr<Err = NameError>>(
    text: &str,
    key: &'static str,
) -> Result<T, ArgsError> {
    text.parse()
        .or_else(|error| {
            let spelled = text.to_ascii_lowercase().replace('_', "-");
            let parts = spelled.split('.').map(|part| part.trim_matches('-'));
            let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
            parts.join(".").parse().map_err(|_| error)
        })
        .map_err(|error| ArgsError::Pod { key, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Result<Args, ArgsError> {
        text.parse()
    }

    fn pod(text: &str) -> String {
        args(text).unwrap().pod.unwrap().to_string()
    }

    #[test]
    fn nothing_is_right() {
        assert_eq!(args(""), Ok(Args::default()));
    }

    #[test]
    fn cri_names_the_pod_in_any_order() {
        let mut pairs = [
            "IgnoreUnknown=1",
            "K8S_POD_NAMESPACE=shop",
            "K8S_POD_NAME=web-0",
            "K8S_POD_INFRA_CONTAINER_ID=c1",
            "K8S_POD_UID=0f3c",
            "OTHER=x",
        ];
        for _ in 0..pairs.len() {
            pairs.rotate_left(1);
            assert_eq!(pod(&pairs.join(";")), "shop/web-0");
        }
    }

    #[test]
    fn podman_names_the_container_alone() {
        assert_eq!(pod("IgnoreUnknown=1;K8S_POD_NAME=focused_hopper"), "default/focused-hopper");
        assert_eq!(pod("K8S_POD_NAME=My_App_._v1.2_"), "default/my-app.v1.2");
        assert_eq!(args("K8S_POD_NAMESPACE=shop").unwrap().pod, None);
        assert_eq!(args("K8S_POD_NAME=;K8S_POD_NAMESPACE=").unwrap().pod, None);
    }

    #[test]
    fn nerdctl_tells_the_hostname_alone() {
        let read = args("IgnoreUnknown=1;NERDCTL_CNI_DHCP_HOSTNAME=web").unwrap();
        assert_eq!((read.pod, read.hostname.as_deref()), (None, Some("web")));
        assert_eq!(args("NERDCTL_CNI_DHCP_HOSTNAME="), Ok(Args::default()));
    }

    #[test]
    fn a_name_that_cannot_be_spelled_is_named() {
        for text in ["K8S_POD_NAME=a/b", "K8S_POD_NAME=é", "K8S_POD_NAME=__"] {
            let error = args(text).unwrap_err().to_string();
            assert!(error.starts_with("K8S_POD_NAME: pod name"), "{error}");
        }
        let error = args("K8S_POD_NAME=a;K8S_POD_NAMESPACE=a.b").unwrap_err().to_string();
        assert!(error.starts_with("K8S_POD_NAMESPACE: namespace \"a.b\""), "{error}");
    }

    #[test]
    fn unknown_keys_need_leave() {
        assert_eq!(args("A=1;B=2"), Err(ArgsError::Unknown(vec!["A=1".into(), "B=2".into()])));
        assert_eq!(
            args("A=1;IgnoreUnknown=0").unwrap_err().to_string(),
            r#"unknown args ["A=1"]: remove them, or add IgnoreUnknown=1"#
        );
        for leave in ["1", "true", "TRUE"] {
            assert_eq!(args(&format!("A=1;IgnoreUnknown={leave}")), Ok(Args::default()));
        }
        assert_eq!(args("IgnoreUnknown=yes"), Err(ArgsError::IgnoreUnknown("yes".into())));
    }

    #[test]
    fn malformed_pairs_are_refused_even_with_leave() {
        for text in [";", "A", "=1", "IgnoreUnknown=1;", "IgnoreUnknown=1;;A=1"] {
            assert!(matches!(args(text), Err(ArgsError::Pair(_))), "{text}");
        }
    }

    #[test]
    fn addresses_and_mac_are_read() {
        let read = args("IP=10.1.2.3,fd00::3/64;MAC=02:00:5e:10:00:01").unwrap();
        assert_eq!(read.addresses, ["10.1.2.3", "fd00::3"].map(|a| a.parse::<IpAddr>().unwrap()));
        assert_eq!(read.mac, Some(MacAddr([2, 0, 0x5e, 0x10, 0, 1])));
        assert_eq!(args("IP=;MAC="), Ok(Args::default()));
        for text in ["IP=10.1.2", "IP=10.1.2.3,", "IP=0.0.0.0", "IP=10.1.2.3,10.1.2.4"] {
            assert!(matches!(args(text), Err(ArgsError::Ip { .. })), "{text}");
        }
        assert!(matches!(args("MAC=01:00:5e:00:00:01"), Err(ArgsError::Mac(_))));
    }
}
