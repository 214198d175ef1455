#!/bin/sh
# Makes a Debian 12 machine a node: provision.sh ITS-ADDRESS ADDRESS-OF-THE-FIRST
set -eu

own=$1
first=$2
port=8000
built=/pontoon/target/pontoon/bin
export DEBIAN_FRONTEND=noninteractive

packages="containerd containernetworking-plugins nftables iproute2"
if [ "$own" = "$first" ]; then
    packages="$packages etcd-server etcd-client build-essential curl ca-certificates python3"
else
    packages="$packages curl"
fi
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -qq -y --no-install-recommends $packages

if [ "$own" = "$first" ]; then
    cat > /etc/default/etcd << END
ETCD_LISTEN_CLIENT_URLS="http://$own:2379,http://127.0.0.1:2379"
ETCD_ADVERTISE_CLIENT_URLS="http://$own:2379"
END
    systemctl restart etcd

    if ! [ -x "$HOME/.cargo/bin/cargo" ]; then
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
    fi
    (cd /pontoon && "$HOME/.cargo/bin/cargo" xtask build)
    # On the private network only, for the other machines to fetch the programs from.
    systemctl stop pontoon-share.service 2> /dev/null || true
    systemd-run --unit=pontoon-share --working-directory="$built" \
        python3 -m http.server --bind "$own" "$port"
else
    mkdir -p "$built"
    for program in pontoond pontoon pontoon-cni; do
        curl -sSf --retry 10 --retry-connrefused -o "$built/$program" "http://$first:$port/$program"
        chmod 755 "$built/$program"
    done
fi

sh /pontoon/packaging/install.sh
cat > /etc/pontoon/pontoond.toml << END
[node]
# Vagrant's own first interface has the same address on every machine.
underlay = "192.168.56.0/24"

[store.etcd]
endpoints = ["http://$first:2379"]
END
pontoond --check-config
systemctl enable pontoond
systemctl restart pontoond
pontoon node list
