//! Kinds and names as they are typed: `svc web api`, `svc/web ns/prod`, `svc,ns`.

use pontoon_model::object::Kind;

use crate::suggest;
use crate::usage::Usage;

/// Objects of a kind, by name; no names means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) names: Vec<String>,
}

/// What help texts say of kinds.
pub(crate) const HELP: &str = "\
Kinds, in the singular, the plural or short, with commas between several:
  services (svc), pods (po), endpoints (ep), endpointslices (eps), namespaces (ns), nodes (no),
  subnets (sn); all is services and pods";

/// Checks that a kind is one that people write, for a command that changes what they wrote.
///
/// # Errors
/// What to do in place of it.
pub(crate) fn check_written(kind: Kind, verb: &str) -> Result<(), Usage> {
    let hint = match kind {
        Kind::Node => "see `pontoon node --help` for what can be done with one",
        Kind::Subnet => "a node gives its own back when `pontoon node remove` removes it",
        Kind::Endpoints => "they follow from services, pods and endpoint slices",
        Kind::Service | Kind::EndpointSlice | Kind::Namespace | Kind::Pod => return Ok(()),
    };
    Err(Usage(format!("{} are not {verb}: {hint}", kind.names().plural)))
}

/// Reads `KIND[,KIND…] [NAME…]` or `KIND/NAME…`.
pub(crate) fn targets(words: &[String]) -> Result<Vec<Target>, Usage> {
    let mut targets: Vec<Target> = Vec::new();
    let mut add = |kind: Kind, name: Option<&String>| {
        let index = targets.iter().position(|target| target.kind == kind).unwrap_or_else(|| {
            targets.push(Target { kind, names: Vec::new() });
            targets.len() - 1
        });
        if let Some(name) = name
            && !targets[index].names.contains(name)
        {
            targets[index].names.push(name.clone());
        }
    };
    if words.iter().any(|word| word.contains('/')) {
        for word in words {
            let Some((kind, name)) = word.split_once('/') else {
                return Err(Usage(format!(
                    "{word:?} has no kind: write KIND/NAME for every object, or KIND NAME NAME"
                )));
            };
            if name.is_empty() || name.contains('/') {
                return Err(Usage(format!("{word:?} is not of the form KIND/NAME")));
            }
            let name = name.to_owned();
            kinds(kind)?.into_iter().for_each(|kind| add(kind, Some(&name)));
        }
        return Ok(targets);
    }
    let Some((first, names)) = words.split_first() else {
        return Err(Usage(format!("there is no kind\n\n{HELP}")));
    };
    for kind in kinds(first)? {
        add(kind, None);
        names.iter().for_each(|name| add(kind, Some(name)));
    }
    Ok(targets)
}

fn kinds(list: &str) -> Result<Vec<Kind>, Usage> {
    let mut kinds = Vec::new();
    for word in list.split(',') {
        let lower = word.to_lowercase();
        if lower == "all" {
            kinds.extend([Kind::Service, Kind::Pod]);
        } else {
            let found = Kind::ALL.into_iter().find(|kind| spellings(*kind).contains(&lower));
            kinds.push(found.ok_or_else(|| unknown(word))?);
        }
    }
    Ok(kinds)
}

/// With the group behind a dot, too, as in `endpointslices.discovery.k8s.io`.
pub(crate) fn spellings(kind: Kind) -> Vec<String> {
    let names = kind.names();
    let short = names.short.iter().copied();
    let mut spellings: Vec<String> =
        [names.singular, names.plural].into_iter().chain(short).map(str::to_owned).collect();
    let group = names.api_version.split_once('/').map_or(names.api_version, |(group, _)| group);
    spellings.extend([names.singular, names.plural].map(|name| format!("{name}.{group}")));
    spellings
}

fn unknown(word: &str) -> Usage {
    let names = Kind::ALL.into_iter().flat_map(|kind| {
        let names = kind.names();
        [names.plural, names.singular]
    });
    let hint = match suggest::nearest(&word.to_lowercase(), names) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    };
    Usage(format!("there is no kind {word:?}{hint}\n\n{HELP}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn read(words: &str) -> Result<Vec<(Kind, Vec<String>)>, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        match targets(&words) {
            Ok(targets) => Ok(targets.into_iter().map(|t| (t.kind, t.names)).collect()),
            Err(Usage(said)) => Err(said),
        }
    }

    #[test]
    fn kinds_go_by_all_their_names() {
        for kind in Kind::ALL {
            for name in spellings(kind) {
                assert_eq!(read(&name), Ok(vec![(kind, vec![])]));
                assert_eq!(read(&name.to_uppercase()), Ok(vec![(kind, vec![])]));
            }
        }
        assert_eq!(read("endpointslices.discovery.k8s.io"), read("eps"));
        assert_eq!(read("all"), read("svc,po"));
    }

    #[test]
    fn names_follow_a_kind_or_stand_behind_it() {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let services = vec![(Kind::Service, names(&["web", "api"]))];
        assert_eq!(read("svc web api web"), Ok(services.clone()));
        assert_eq!(read("svc/web service/api"), Ok(services));
        assert_eq!(
            read("svc/web ns/prod services/api"),
            Ok(vec![(Kind::Service, names(&["web", "api"])), (Kind::Namespace, names(&["prod"]))])
        );
        assert_eq!(
            read("svc,pod web"),
            Ok(vec![(Kind::Service, names(&["web"])), (Kind::Pod, names(&["web"]))])
        );
    }

    #[test]
    fn what_is_mistyped_is_answered_with_the_nearest() {
        for (typed, near) in [
            ("servcies", "did you mean services?"),
            ("endpoint", "did you mean endpoints?"),
            ("namepsace/x", "did you mean namespace?"),
            ("nods", "did you mean nodes?"),
        ] {
            let said = read(typed).unwrap_err();
            assert!(said.contains(near), "{said}");
        }
        assert!(!read("deployments").unwrap_err().contains("did you mean"));
        assert!(read("svc/web api").unwrap_err().contains("\"api\" has no kind"));
        for wrong in ["svc/", "svc/a/b", "svc,", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_words_panic_and_what_is_read_keeps_every_name(
            words in proptest::collection::vec("[a-z,/.-]{0,8}|svc|po|ns/[a-z]{1,4}|svc/[a-z]{1,4}", 0..5),
        ) {
            if let Ok(targets) = targets(&words) {
                let names = targets.iter().flat_map(|target| &target.names);
                for name in names {
                    let behind = format!("/{name}");
                    prop_assert!(words.iter().any(|word| word == name || word.ends_with(&behind)));
                }
                let kinds: BTreeSet<Kind> = targets.iter().map(|target| target.kind).collect();
                prop_assert_eq!(kinds.len(), targets.len());
            }
        }

        #[test]
        fn a_kind_with_one_letter_wrong_is_refused_with_a_suggestion(
            kind in proptest::sample::select(Kind::ALL.to_vec()), at in 1..20_usize,
        ) {
            let plural = kind.names().plural;
            let at = 1 + at % (plural.len() - 1);
            let mut word = plural.to_owned();
            word.insert(at, 'q');
            let said = read(&word).unwrap_err();
            prop_assert!(said.contains("did you mean"), "{}", said);
        }
    }
}
