#!/usr/bin/env bash
# Runs a network of seven nodes on this machine, four validators and three providers, and the test
# that a job goes through on it. Sets up and builds what it needs first. It is no part of test.sh: the
# tool that runs the network brings an older SDK with it, which is built besides the chain's own.
#
# Usage: scripts/test-network.sh [--keep]
#   --keep  leave the nodes' logs and databases, and say where they are
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

# Not the workspace's own: the two share almost no crate, and one would push the other's out.
network_target="${KAGARI_NETWORK_TARGET:-$(dirname "$CARGO_TARGET_DIR")/zombienet-target}"
# Seconds that the nodes get to end by themselves.
STOP_LIMIT=10

keep=no
test_pid=
network_dir=

read_arguments() {
    while [[ $# -gt 0 ]]; do
        case "$1" in
        --keep) keep=yes ;;
        -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) fail "unknown argument: $1 (see --help)" ;;
        esac
        shift
    done
}

build() {
    say "Building the node"
    (cd "$KAGARI_ROOT" && cargo build --workspace --bins >&2)
    if [[ ! -d "$network_target" ]]; then
        say "Building the network's test, with zombienet (ten minutes the first time)"
    fi
    (cd "$KAGARI_ROOT/zombienet" && network_cargo build --locked --tests >&2)
}

network_cargo() { CARGO_TARGET_DIR="$network_target" cargo "$@"; }

# The test and its nodes run in a process group of their own, so that all can be ended together.
run_test() {
    network_dir="$(mktemp -d -t kagari-network.XXXXXXXX)"
    say "Starting the network: it takes some minutes on two cores"
    cd "$KAGARI_ROOT/zombienet"
    CARGO_TARGET_DIR="$network_target" KAGARI_NODE="$KAGARI_BIN/kagari-node" \
        KAGARI_NETWORK_DIR="$network_dir" \
        setsid cargo test --locked --quiet -- --nocapture </dev/null &
    test_pid=$!
    wait "$test_pid"
}

nodes_are_running() { [[ -n "$test_pid" ]] && kill -0 -- "-$test_pid" 2>/dev/null; }

end_nodes() {
    local limit=$((SECONDS + STOP_LIMIT))
    nodes_are_running || return 0
    kill -TERM -- "-$test_pid" 2>/dev/null || true
    while ((SECONDS < limit)); do
        nodes_are_running || return 0
        sleep 0.2
    done
    kill -KILL -- "-$test_pid" 2>/dev/null || true
}

# Runs at every end: leaves no process, and the logs only where they are wanted.
finish() {
    local code=$?
    trap - EXIT
    end_nodes
    if [[ -z "$network_dir" ]]; then
        exit "$code"
    fi
    if [[ $code == 0 && "$keep" == no ]]; then
        rm -rf "$network_dir"
    else
        say "The nodes' logs and databases: $network_dir/*/*.log and $network_dir/*/data"
    fi
    exit "$code"
}

read_arguments "$@"
"$here/setup.sh"
# The setup may have brought a toolchain.
choose_toolchain
build
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
run_test
say "The network test passed"
