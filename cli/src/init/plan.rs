//! What the configuration is to say.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use ipnetwork::IpNetwork;
use pontoon_model::name::NodeName;

/// Everything that was given; what was not has its default in the daemon.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) node_name: Option<NodeName>,
    pub(super) underlay: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) etcd: Option<Etcd>,
    /// Whether the cluster has its settings already.
    pub(super) join: bool,
    pub(super) pod_cidrs: Vec<IpNetwork>,
    pub(super) service_cidrs: Vec<IpNetwork>,
    pub(super) backend: Option<String>,
    pub(super) cluster_domain: Option<String>,
}

/// How etcd is reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Etcd {
    pub(super) endpoints: Vec<String>,
    pub(super) ca: Option<PathBuf>,
    /// Certificate and key.
    pub(super) pair: Option<(PathBuf, PathBuf)>,
    /// Name, and where the password is.
    pub(super) user: Option<(String, PathBuf)>,
}

/// The URL of a member of etcd.
pub(super) fn url(text: &str) -> Result<String, String> {
    if text.contains('@') {
        // It is in no error what it is.
        return Err("a URL has a user and maybe a password in it: leave them out, and use --etcd-username and --etcd-password-file".to_owned());
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !["http", "https"].contains(&scheme) || rest.is_empty() {
        return Err(format!("{text:?} is no URL such as http://192.0.2.1:2379"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

impl Plan {
    /// The file.
    pub(super) fn to_toml(&self) -> String {
        let mut sections = vec![
            "# Written by `pontoon init`. What is left out has its default; `pontoond --check-config` checks.".to_owned(),
        ];
        let node = [
            ("name", self.node_name.as_ref().map(ToString::to_string)),
            ("underlay", self.underlay.clone()),
            ("zone", self.zone.clone()),
        ];
        section(&mut sections, "node", texts(node));
        if let Some(etcd) = &self.etcd {
            let path = |path: &PathBuf| path.display().to_string();
            let mut lines = vec![format!("endpoints = {}", list(&etcd.endpoints))];
            lines.extend(texts([
                ("ca", etcd.ca.as_ref().map(path)),
                ("cert", etcd.pair.as_ref().map(|(cert, _)| path(cert))),
                ("key", etcd.pair.as_ref().map(|(_, key)| path(key))),
                ("username", etcd.user.as_ref().map(|(name, _)| name.clone())),
                ("password-file", etcd.user.as_ref().map(|(_, file)| path(file))),
            ]));
            section(&mut sections, "store.etcd", lines);
        }
        let mut cluster = Vec::new();
        for (key, ranges) in
            [("pod-cidrs", &self.pod_cidrs), ("service-cidrs", &self.service_cidrs)]
        {
            if !ranges.is_empty() {
                cluster.push(format!("{key} = {}", list(ranges)));
            }
        }
        cluster.extend(texts([
            ("backend", self.backend.clone()),
            ("cluster-domain", self.cluster_domain.clone()),
        ]));
        section(&mut sections, "cluster", cluster);
        format!("{}\n", sections.join("\n\n"))
    }

    /// The members of etcd that nobody answers at, and what to do.
    pub(super) fn unreached(&self) -> Vec<String> {
        let endpoints = self.etcd.iter().flat_map(|etcd| &etcd.endpoints);
        let unreached = |endpoint: &String| {
            let error = connect(endpoint).err()?;
            Some(format!(
                "nobody answers at {endpoint} ({error}): the daemon will wait until etcd runs there and the firewall lets it be reached"
            ))
        };
        endpoints.filter_map(unreached).collect()
    }
}

fn connect(endpoint: &str) -> std::io::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let (scheme, authority) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let default = if scheme == "https" { ":443" } else { ":80" };
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let authority = if has_port { authority.to_owned() } else { format!("{authority}{default}") };
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn section(sections: &mut Vec<String>, name: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        sections.push(format!("[{name}]\n{}", lines.join("\n")));
    }
}

fn texts<const N: usize>(values: [(&str, Option<String>); N]) -> Vec<String> {
    let line = |(key, value): (&str, Option<String>)| Some(format!("{key} = {}", text(&value?)));
    values.into_iter().filter_map(line).collect()
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| text(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// A basic string of TOML is written as one of JSON is, but for the character that erases.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_only_what_was_given() {
        let plan = Plan::default();
        assert_eq!(plan.to_toml().lines().count(), 1);
        let plan = Plan {
            node_name: "host-1".parse().ok(),
            zone: Some("a \"b\"".to_owned()),
            etcd: Some(Etcd {
                endpoints: vec![
                    "https://192.0.2.1:2379".to_owned(),
                    "https://192.0.2.2:2379".to_owned(),
                ],
                ca: Some("/etc/pontoon/ca.pem".into()),
                pair: None,
                user: Some(("pontoon".to_owned(), "/etc/pontoon/password".into())),
            }),
            pod_cidrs: vec!["10.244.0.0/16".parse().unwrap(), "fd00::/48".parse().unwrap()],
            backend: Some("auto".to_owned()),
            ..plan
        };
        let expected = r#"[node]
name = "host-1"
zone = "a \"b\""

[store.etcd]
endpoints = ["https://192.0.2.1:2379", "https://192.0.2.2:2379"]
ca = "/etc/pontoon/ca.pem"
username = "pontoon"
password-file = "/etc/pontoon/password"

[cluster]
pod-cidrs = ["10.244.0.0/16", "fd00::/48"]
backend = "auto"
"#;
        assert!(plan.to_toml().ends_with(expected), "{}", plan.to_toml());
    }

    #[test]
    fn urls_are_checked() {
        assert_eq!(url("http://[fd00::1]:2379/"), Ok("http://[fd00::1]:2379".to_owned()));
        for wrong in ["192.0.2.1:2379", "ftp://x", "http://", ""] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        let said = url("http://pontoon:geheim@192.0.2.1:2379").unwrap_err();
        assert!(said.contains("--etcd-password-file") && !said.contains("geheim"), "{said}");
    }

    #[test]
    fn a_member_that_does_not_answer_is_named() {
        let etcd = Etcd { endpoints: vec!["http://127.0.0.1:1".to_owned()], ..Etcd::default() };
        let plan = Plan { etcd: Some(etcd), ..Plan::default() };
        assert!(plan.unreached()[0].contains("http://127.0.0.1:1"));
    }
}
