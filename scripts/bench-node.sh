#!/usr/bin/env bash
# How many jobs a second a real node settles, and what limits it: builds the node with optimisations, starts a
# development chain of it on this machine, and drives it through its JSON-RPC, with requesters, and with providers
# whose workers sign attestations and compute nothing. Ends the chain again. Node and load share this machine: run it
# on a quiet one.
#
# Usage: scripts/bench-node.sh [--json] [--pool-type TYPE] [OPTION...]
#   --json            print lines of JSON instead of a table
#   --pool-type TYPE  the node's transaction pool, fork-aware or single-state [default: fork-aware]
#   OPTION            of the load: --blocks N, --warm-up N, --in-flight N, --providers N, --requesters N,
#                     --connections N; what they mean stands in node/examples/bench-node/main.rs
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/chain.sh
source "$here/chain.sh"

KAGARI_BIN="$CARGO_TARGET_DIR/release"
# More than the load ever has in the pool, and answers as long as the events of a full block.
NODE_LIMITS=(--pool-limit 65536 --pool-kbytes 262144 --rpc-max-response-size 128)

show=tabulate
pool_type=fork-aware
load_options=()

read_arguments() {
    while [[ $# -gt 0 ]]; do
        case "$1" in
        --json) show="cat" ;;
        --pool-type)
            [[ $# -ge 2 ]] || fail "$1 wants a type: fork-aware or single-state"
            pool_type="$2"
            shift
            ;;
        -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) load_options+=("$1") ;;
        esac
        shift
    done
}

build() {
    if [[ ! -x "$KAGARI_BIN/kagari-node" ]]; then
        say "Building the node with optimisations (half an hour the first time, on two cores)"
    fi
    (cd "$KAGARI_ROOT" && cargo build --locked --release --package kagari-node \
        --bin kagari-node --example bench-node >&2)
}

measure() {
    "$KAGARI_BIN/examples/bench-node" --url "$chain_url" --node-pid "$chain_pid" "${load_options[@]}"
}

# Runs at every end: shows what went wrong, and leaves nothing.
finish() {
    local code=$?
    trap - EXIT
    if ((code > 0 && code < 128)); then
        chain_show_log
    fi
    chain_stop
    exit "$code"
}

read_arguments "$@"
"$here/setup.sh" --no-models
# The setup may have brought a toolchain.
choose_toolchain
build
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# It takes no jobs: the load does.
chain_start --pool-type "$pool_type" "${NODE_LIMITS[@]}"
lines="$(measure)"
"$show" <<<"$lines"
