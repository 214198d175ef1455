#!/bin/sh
# Makes a Debian machine a node: provision.sh ITS-ADDRESS ADDRESS-OF-THE-FIRST [FOLDER]
#
# The first machine runs etcd. It builds the packages, or takes those that `cargo xtask package` put
# into FOLDER, and hands them to the others. May be run again.
set -eu

own=$1
first=$2
folder=${3:-}
port=8000
export DEBIAN_FRONTEND=noninteractive

# need PACKAGE...: installs what is not there yet.
need() {
    missing=
    for package; do
        status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2> /dev/null || true)
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    apt-get install -qq -y --no-install-recommends $missing
}

build() {
    need build-essential ca-certificates curl
    if ! [ -x "$HOME/.cargo/bin/cargo" ]; then
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
    fi
    (cd /pontoon && "$HOME/.cargo/bin/cargo" xtask package --no-tarball)
    folder=/pontoon/target/pontoon/packages
}

start_etcd() {
    need etcd-server etcd-client
    cat > /etc/default/etcd << END
ETCD_LISTEN_CLIENT_URLS="http://$own:2379,http://127.0.0.1:2379"
ETCD_ADVERTISE_CLIENT_URLS="http://$own:2379"
END
    systemctl enable etcd
    systemctl restart etcd
}

# On the private network only.
share() {
    need python3
    systemctl stop pontoon-share.service 2> /dev/null || true
    systemd-run --collect --unit=pontoon-share --working-directory="$folder" \
        python3 -m http.server --bind "$own" "$port"
}

fetch() {
    need curl
    folder=$(mktemp -d)
    # _apt reads them.
    chmod 755 "$folder"
    get="curl -sSf --retry 10 --retry-connrefused --remote-name --output-dir $folder"
    $get "http://$first:$port/SHA256SUMS"
    for file in $(sed -n 's/.* \(.*\.deb\)$/\1/p' "$folder/SHA256SUMS"); do
        $get "http://$first:$port/$file"
    done
    (cd "$folder" && sha256sum --quiet --ignore-missing --check SHA256SUMS)
}

if [ "$own" = "$first" ]; then
    start_etcd
    [ -n "$folder" ] || build
    share
else
    fetch
fi
need containerd containernetworking-plugins nftables iproute2

# Again and again, while somebody works on it.
apt-get install -qq -y --no-install-recommends --reinstall --allow-downgrades \
    -o Dpkg::Options::=--force-confold "$folder"/pontoon*.deb
cat > /etc/pontoon/pontoond.toml << END
[node]
# Vagrant's own first interface has the same address on every machine.
underlay = "$own"

[store.etcd]
endpoints = ["http://$first:2379"]
END
pontoond --check-config
systemctl enable pontoond
systemctl restart pontoond
pontoon node list
