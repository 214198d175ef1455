//! The configuration file of a host's `pontoond`.

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// Sets a key given by its path, such as `store.etcd.prefix`, making the tables on the way.
///
/// # Errors
/// When a part of the path is a plain value already.
pub(crate) fn set(config: &mut Table, path: &str, value: Value) -> Result<()> {
    let (tables, key) =
        path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let mut table = config;
    for part in tables.into_iter().flat_map(|tables| tables.split('.')) {
        let inner = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        match inner.as_table_mut() {
            Some(inner) => table = inner,
            None => bail!("cannot set {path:?} in a host's configuration: {part:?} is no table"),
        }
    }
    table.insert(key.to_owned(), value);
    Ok(())
}

/// Removes a key given by its path; nothing to do when it is not there.
pub(crate) fn unset(config: &mut Table, path: &str) {
    match path.split_once('.') {
        None => drop(config.remove(path)),
        Some((table, rest)) => {
            if let Some(inner) = config.get_mut(table).and_then(Value::as_table_mut) {
                unset(inner, rest);
            }
        }
    }
}

/// Anything that TOML can hold.
///
/// # Errors
/// When it cannot, such as a map with keys that are no strings.
pub(crate) fn value(of: impl serde::Serialize) -> Result<Value> {
    Value::try_from(of).context("a value for a host's configuration cannot be written as TOML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_and_unset_by_path() {
        let mut config = Table::new();
        set(&mut config, "store.etcd.prefix", value("/a").unwrap()).unwrap();
        set(&mut config, "store.kind", value("etcd").unwrap()).unwrap();
        assert_eq!(
            config.to_string().trim(),
            "[store]\nkind = \"etcd\"\n\n[store.etcd]\nprefix = \"/a\""
        );
        assert!(set(&mut config, "store.kind.x", value(1).unwrap()).is_err());
        unset(&mut config, "store.etcd.prefix");
        unset(&mut config, "no.such");
        assert!(config["store"]["etcd"].as_table().unwrap().is_empty());
    }
}
