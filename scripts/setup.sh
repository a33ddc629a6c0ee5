#!/usr/bin/env bash
# Sets up what building and running Kagari needs: packages, the Rust toolchain, the models. It does
# only what is not done yet, says what it does, and is silent if there is nothing to do.
#
# Usage: scripts/setup.sh [--tests] [--lints] [--no-models]
#   --tests      also what the tests need
#   --lints      also rustfmt, clippy and shellcheck
#   --no-models  not the models
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/packages.sh
source "$here/packages.sh"
# shellcheck source=scripts/toolchain.sh
source "$here/toolchain.sh"

with_tests=no
with_lints=no
with_models=yes

read_arguments() {
    while [[ $# -gt 0 ]]; do
        case "$1" in
        --tests) with_tests=yes ;;
        --lints) with_lints=yes ;;
        --no-models) with_models=no ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) fail "unknown argument: $1 (see --help)" ;;
        esac
        shift
    done
}

ensure_packages() {
    local missing
    mapfile -t missing < <(list_missing_packages)
    install_packages "${missing[@]}"
}

list_missing_packages() {
    packages_for_build
    if [[ "$with_models" == yes ]]; then
        packages_for_models
    fi
    if [[ "$with_tests" == yes ]]; then
        packages_for_tests
    fi
    if [[ "$with_lints" == yes ]]; then
        packages_for_lints
    fi
}

# The fetcher is part of the workspace, so that what it is built of is shared with the node.
ensure_models() {
    local quiet=(--quiet)
    if [[ ! -x "$KAGARI_BIN/kagari-model-fetch" ]]; then
        say "Building the fetcher of the models, with the first of the crates that the node needs too"
        quiet=()
    fi
    (cd "$KAGARI_ROOT" && cargo build "${quiet[@]}" --workspace --bin kagari-model-fetch >&2)
    "$KAGARI_BIN/kagari-model-fetch" --dir "$KAGARI_MODELS" >&2
}

read_arguments "$@"
ensure_packages
ensure_toolchain
if [[ "$with_lints" == yes ]]; then
    ensure_lints
fi
if [[ "$with_models" == yes ]]; then
    ensure_models
fi
