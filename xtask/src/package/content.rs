//! Which file goes where.

use std::path::PathBuf;

use super::Sources;

/// A file in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Where it is put, from the package's root.
    pub(crate) to: &'static str,
    /// What it is.
    pub(crate) what: What,
}

/// What is put somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A copy.
    Copy { from: PathBuf, mode: u32 },
    /// A copy in which a text that must be there is another.
    Changed { from: PathBuf, old: &'static str, new: &'static str },
    /// A copy, packed as Debian packs documents.
    Gzip { from: PathBuf },
    /// All files of a folder whose names end so.
    All { from: PathBuf, ending: &'static str, gzip: bool },
    /// A symbolic link.
    Link { target: &'static str },
    /// An empty folder.
    Folder { mode: u32 },
}

impl Item {
    const fn new(to: &'static str, what: What) -> Self {
        Self { to, what }
    }
}

/// A Debian package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deb {
    /// Its name, and its folder's in `packaging/debian`.
    pub(crate) name: &'static str,
    /// The program in it that tells which libraries it needs.
    pub(crate) needs_libraries: Option<&'static str>,
    /// What is in it.
    pub(crate) items: fn(&Sources<'_>) -> Vec<Item>,
}

/// All of them.
pub(crate) const DEBS: &[Deb] = &[
    Deb { name: "pontoond", needs_libraries: Some("usr/sbin/pontoond"), items: daemon },
    Deb { name: "pontoon", needs_libraries: Some("usr/bin/pontoon"), items: command },
    Deb { name: "pontoon-cni", needs_libraries: None, items: plugin },
];

fn copy(from: PathBuf, mode: u32) -> What {
    What::Copy { from, mode }
}

fn daemon(sources: &Sources<'_>) -> Vec<Item> {
    let packaging = sources.root.join("packaging");
    let unit = What::Changed {
        from: packaging.join("systemd/pontoond.service"),
        old: "ExecStart=/usr/local/bin/pontoond\n",
        new: "ExecStart=/usr/sbin/pontoond\n",
    };
    let docs = What::All { from: sources.root.join("docs"), ending: ".md", gzip: true };
    let rules =
        What::All { from: packaging.join("prometheus"), ending: ".rules.yaml", gzip: false };
    vec![
        Item::new("usr/sbin/pontoond", copy(sources.dynamic.join("pontoond"), 0o755)),
        Item::new("usr/lib/systemd/system/pontoond.service", unit),
        Item::new(
            "usr/lib/sysctl.d/10-pontoon.conf",
            copy(packaging.join("sysctl.d/10-pontoon.conf"), 0o644),
        ),
        // It may hold etcd's password.
        Item::new("etc/pontoon/pontoond.toml", copy(packaging.join("pontoond.toml"), 0o600)),
        // So that dpkg removes them with the package if nothing else is in them.
        Item::new("etc/cni/net.d", What::Folder { mode: 0o755 }),
        Item::new("var/lib/pontoon", What::Folder { mode: 0o700 }),
        Item::new("usr/share/doc/pontoond", docs),
        Item::new("usr/share/doc/pontoond/examples", rules),
        Item::new(
            "usr/share/doc/pontoond/examples/grafana.json",
            copy(packaging.join("grafana/pontoon.json"), 0o644),
        ),
    ]
}

fn command(sources: &Sources<'_>) -> Vec<Item> {
    let completion = |name: &str| copy(sources.completions.join(name), 0o644);
    let man = What::All { from: sources.man.clone(), ending: ".1", gzip: true };
    vec![
        Item::new("usr/bin/pontoon", copy(sources.dynamic.join("pontoon"), 0o755)),
        // `pontoon lab` starts it, and nobody else.
        Item::new(
            "usr/libexec/pontoon/pontoon-lab",
            copy(sources.dynamic.join("pontoon-lab"), 0o755),
        ),
        Item::new("usr/share/man/man1", man),
        Item::new("usr/share/bash-completion/completions/pontoon", completion("bash/pontoon")),
        Item::new("usr/share/zsh/vendor-completions/_pontoon", completion("zsh/_pontoon")),
        Item::new(
            "usr/share/fish/vendor_completions.d/pontoon.fish",
            completion("fish/pontoon.fish"),
        ),
    ]
}

fn plugin(sources: &Sources<'_>) -> Vec<Item> {
    vec![
        // Debian's containerd looks here and nowhere else; all others in /opt.
        Item::new("usr/lib/cni/pontoon-cni", copy(sources.dynamic.join("pontoon-cni"), 0o755)),
        Item::new("opt/cni/bin/pontoon-cni", What::Link { target: "/usr/lib/cni/pontoon-cni" }),
    ]
}

/// What every Debian package holds besides, below `usr/share/doc/NAME`.
pub(crate) fn debian_documents(sources: &Sources<'_>) -> Vec<Item> {
    vec![
        Item::new("changelog.gz", What::Gzip { from: sources.root.join("CHANGELOG.md") }),
        Item::new("copyright", copy(sources.root.join("packaging/debian/copyright"), 0o644)),
    ]
}

/// The tarball's: the programs, and what `install.sh` puts beside them.
pub(crate) fn tarball(sources: &Sources<'_>) -> Vec<Item> {
    let packaging = sources.root.join("packaging");
    let program = |name: &str| copy(sources.fixed.join(name), 0o755);
    let document = |name: &str| copy(sources.root.join(name), 0o644);
    let all = |from: PathBuf, ending| What::All { from, ending, gzip: false };
    vec![
        Item::new("bin/pontoond", program("pontoond")),
        Item::new("bin/pontoon", program("pontoon")),
        Item::new("bin/pontoon-cni", program("pontoon-cni")),
        Item::new("install.sh", copy(packaging.join("install.sh"), 0o755)),
        Item::new("pontoond.toml", copy(packaging.join("pontoond.toml"), 0o644)),
        Item::new("Dockerfile", copy(packaging.join("Dockerfile"), 0o644)),
        Item::new("systemd", all(packaging.join("systemd"), ".service")),
        Item::new("sysctl.d", all(packaging.join("sysctl.d"), ".conf")),
        Item::new("prometheus", all(packaging.join("prometheus"), ".rules.yaml")),
        Item::new("grafana", all(packaging.join("grafana"), ".json")),
        Item::new("man", all(sources.man.clone(), ".1")),
        Item::new("completions/bash", all(sources.completions.join("bash"), "")),
        Item::new("completions/zsh", all(sources.completions.join("zsh"), "")),
        Item::new("completions/fish", all(sources.completions.join("fish"), "")),
        Item::new("docs", all(sources.root.join("docs"), ".md")),
        Item::new("docs", all(sources.root.join("docs"), ".json")),
        Item::new("docs/pictures", all(sources.root.join("docs/pictures"), ".svg")),
        Item::new("README.md", document("README.md")),
        Item::new("CHANGELOG.md", document("CHANGELOG.md")),
        Item::new("LICENSE", document("LICENSE")),
    ]
}
