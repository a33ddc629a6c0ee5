#!/usr/bin/env bash
# Runs all tests: those of every crate, those that start the real node on the real models, and the
# ones through @polkadot/api. Sets up and builds what they need first.
#
# Usage: scripts/test.sh
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

polkadot_js="$KAGARI_ROOT/node/tests/polkadot-js"

# Always the whole workspace: with one package, cargo picks other features and builds anew.
run_cargo_tests() {
    say "Building, and running the tests of all crates"
    cd "$KAGARI_ROOT"
    cargo build --workspace --bins --tests
    cargo test --workspace --no-fail-fast
}

run_polkadot_js_tests() {
    say "Running the tests through @polkadot/api"
    cd "$polkadot_js"
    npm ci --no-audit --no-fund
    KAGARI_NODE="$KAGARI_BIN/kagari-node" node --test
}

"$here/setup.sh" --tests
# The setup may have brought a toolchain.
choose_toolchain
run_cargo_tests
run_polkadot_js_tests
say "All tests passed"
