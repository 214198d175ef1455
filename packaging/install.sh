#!/bin/sh
# Installs Pontoon on this host, or removes it. Starts nothing.
#
#   install.sh [--bin FOLDER]     from FOLDER (default: bin beside this script, as in the tarball,
#                                 or target/pontoon/bin, where `cargo xtask build` puts the programs)
#   install.sh --uninstall        stops the daemon, takes the network away from all pods, and
#                                 removes the programs
#
# On Debian and its like there are packages, too: not both on one host.
#
# DESTDIR, when set, is put before every path, and nothing is started or stopped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$here/bin
[ -d "$bin" ] || bin=$here/../target/pontoon/bin
root=${DESTDIR:-}

programs=$root/usr/local/bin
share=$root/usr/local/share
plugins=$root/opt/cni/bin
# Debian's containerd looks for plugins here and nowhere else.
debian_plugins=$root/usr/lib/cni
units=$root/etc/systemd/system
sysctls=$root/usr/local/lib/sysctl.d
config=$root/etc/pontoon/pontoond.toml

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

# put MODE SOURCE TARGET: a program that runs, or is about to, never sees half a file.
put() {
    mkdir -p "$(dirname "$3")"
    cp "$2" "$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
    echo "installed $3"
}

# share FOLDER TARGET: what the tarball has besides, and a checkout has not.
share() {
    for file in "$here/$1"/*; do
        [ ! -e "$file" ] || put 644 "$file" "$share/$2/$(basename "$file")"
    done
}

systemd_runs() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

packaged() {
    [ -z "$root" ] && [ -e /var/lib/dpkg/info/pontoond.list ] && [ -e /usr/sbin/pontoond ]
}

install_all() {
    if packaged; then
        fail "Debian's package pontoond is installed and keeps Pontoon up to date; remove it first (apt-get remove pontoond)"
    fi
    for program in pontoond pontoon pontoon-cni; do
        [ -f "$bin/$program" ] || fail "$bin/$program is not there: run cargo xtask build first"
    done
    # What a removed package kept for its purge would take this installation away.
    rm -rf "$root/var/lib/pontoon/removed"
    put 755 "$bin/pontoond" "$programs/pontoond"
    put 755 "$bin/pontoon" "$programs/pontoon"
    put 755 "$bin/pontoon-cni" "$plugins/pontoon-cni"
    if [ -d "$debian_plugins" ]; then
        put 755 "$bin/pontoon-cni" "$debian_plugins/pontoon-cni"
    fi
    put 644 "$here/systemd/pontoond.service" "$units/pontoond.service"
    put 644 "$here/sysctl.d/10-pontoon.conf" "$sysctls/10-pontoon.conf"
    share man man/man1
    share completions/bash bash-completion/completions
    share completions/zsh zsh/site-functions
    share completions/fish fish/vendor_completions.d
    if [ -e "$config" ]; then
        echo "kept      $config"
        if [ -z "$root" ] && [ -e /var/lib/dpkg/info/pontoond.postrm ]; then
            echo "note: it is still the removed package's: keep a copy, should you purge that"
        fi
    else
        put 600 "$here/pontoond.toml" "$config"
    fi
    if systemd_runs; then
        systemctl daemon-reload
        # All files are read: an administrator's holds.
        /lib/systemd/systemd-sysctl --prefix=net/ipv4/neigh --prefix=net/ipv6/neigh || true
        if systemctl --quiet is-active pontoond; then
            echo "the new daemon is not running yet: systemctl restart pontoond (pods keep their connections)"
        else
            echo "next: edit $config when this host is one of several, then systemctl enable --now pontoond"
        fi
    fi
}

uninstall_all() {
    if packaged; then
        fail "Debian's package pontoond is installed; it has a way of its own (apt-get purge pontoond pontoon-cni pontoon), and of what this script installed its installation said how to remove it"
    fi
    if systemd_runs; then
        systemctl disable --now pontoond || true
    fi
    if [ -z "$root" ] && [ -x "$programs/pontoond" ]; then
        "$programs/pontoond" --cleanup || fail "not everything was taken away; nothing is removed so that it can be tried again"
    fi
    rm -f "$programs/pontoond" "$programs/pontoon" "$plugins/pontoon-cni" "$debian_plugins/pontoon-cni" \
        "$units/pontoond.service" "$sysctls/10-pontoon.conf" "$share"/man/man1/pontoon.1 "$share"/man/man1/pontoon-*.1 \
        "$share/bash-completion/completions/pontoon" "$share/zsh/site-functions/_pontoon" \
        "$share/fish/vendor_completions.d/pontoon.fish"
    if systemd_runs; then
        systemctl daemon-reload
    fi
    echo "removed; $config and what this node holds in a shared store are still there"
    echo "(on another node: pontoon node remove NAME)"
}

action=install_all
while [ $# -gt 0 ]; do
    case $1 in
    --bin)
        [ $# -ge 2 ] || fail "--bin needs a folder"
        bin=$2
        shift
        ;;
    --uninstall) action=uninstall_all ;;
    -h | --help)
        sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *) fail "unknown argument $1; see --help" ;;
    esac
    shift
done
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    fail "must be run by root (or with DESTDIR)"
fi
$action
