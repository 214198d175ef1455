//! What stands on the command line already.

use std::ffi::OsString;
use std::path::PathBuf;

use pontoon_model::name::Namespace;
use pontoon_model::object::Kind;
use pontoon_model::rest::DEFAULT_SOCKET;

use crate::api::Server;
use crate::kinds::spellings;

/// The words before the one that is completed.
#[derive(Debug)]
pub(super) struct Typed(Vec<String>);

impl Typed {
    /// A shell asks by `pontoon -- pontoon get svc we`; the last word is the one to complete.
    pub(super) fn now() -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
        let mut words: Vec<String> = words.map(|w| w.to_string_lossy().into_owned()).collect();
        words.pop();
        Self(words)
    }

    /// The kind that names are to follow.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.0.iter().rev().find_map(|word| kind(word))
    }

    /// The namespace that names are in; `None` for all.
    pub(super) fn namespace(&self) -> Option<Namespace> {
        if self.0.iter().any(|word| word == "-A" || word == "--all-namespaces") {
            return None;
        }
        let given = self.value(&["-n", "--namespace"]).and_then(|name| name.parse().ok());
        Some(given.unwrap_or_default())
    }

    /// Which daemon is meant.
    pub(super) fn server(&self) -> Server {
        let of = |flag: &str, variable: &str| {
            let typed = self.value(&[flag]).map(OsString::from);
            typed.or_else(|| std::env::var_os(variable)).filter(|value| !value.is_empty())
        };
        let path = |flag: &str, variable: &str| of(flag, variable).map(PathBuf::from);
        let socket = path("--socket", "PONTOON_SOCKET").unwrap_or_else(|| DEFAULT_SOCKET.into());
        Server {
            server: of("--server", "PONTOON_SERVER").map(|url| url.to_string_lossy().into_owned()),
            cert: path("--cert", "PONTOON_CERT"),
            key: path("--key", "PONTOON_KEY"),
            ca: path("--ca", "PONTOON_CA"),
            ..Server::at(socket)
        }
    }

    fn value(&self, flags: &[&str]) -> Option<&str> {
        let words = self.0.iter().zip(self.0.iter().skip(1));
        let apart =
            words.filter(|(flag, _)| flags.contains(&flag.as_str())).map(|(_, v)| v.as_str());
        let joined = self.0.iter().filter_map(|word| {
            let (flag, value) = word.split_once('=')?;
            flags.contains(&flag).then_some(value)
        });
        apart.chain(joined).last()
    }
}

/// The kind of that name.
pub(super) fn kind(word: &str) -> Option<Kind> {
    let lower = word.to_lowercase();
    Kind::ALL.into_iter().find(|kind| spellings(*kind).contains(&lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Typed {
        Typed(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn kind_namespace_and_socket_are_found_wherever_they_stand() {
        let line = typed("get -n prod svc web --socket=/tmp/s");
        assert_eq!(line.kind().map(|kind| kind.to_string()).as_deref(), Some("service"));
        assert_eq!(line.namespace().map(|n| n.to_string()).as_deref(), Some("prod"));
        assert_eq!(line.server().socket, PathBuf::from("/tmp/s"));
        let line = typed("get --namespace=test -A");
        assert_eq!((line.kind(), line.namespace()), (None, None));
        assert_eq!(typed("get po").namespace(), Some(Namespace::default()));
    }
}
