#!/usr/bin/env bash
# Measures the weights of this chain's own pallets, with a node that is built in release, and writes them to
# runtime/src/weights/. To be run on a quiet machine; commit what it writes. The build takes three quarters of an hour
# the first time on two cores, the measurement a quarter.
#
# Usage: scripts/bench-weights.sh [STEPS [REPEAT]]
#   STEPS   values that each parameter takes [default: 50]
#   REPEAT  times that each is measured [default: 20]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

steps="${1:-50}"
repeat="${2:-20}"

measure() {
    say "Measuring $1"
    "$CARGO_TARGET_DIR/release/kagari-node" benchmark pallet --chain dev --pallet "$1" --extrinsic '*' \
        --steps "$steps" --repeat "$repeat" --heap-pages 4096 \
        --output "runtime/src/weights/$1.rs" >&2
    anonymise "runtime/src/weights/$1.rs"
}

# Takes this machine's name and paths out of what was written.
anonymise() {
    sed -i -e 's/HOSTNAME: [^,]*, //' -e '/^\/\/ Executed Command:/,/^$/d' "$1"
}

"$here/setup.sh" --no-models
choose_toolchain
cd "$KAGARI_ROOT"
say "Building the node with its benchmarks"
cargo build --locked --release --package kagari-node --bin kagari-node --features runtime-benchmarks >&2
measure pallet_compute_market
measure pallet_proof_of_work_done
cargo fmt --all
