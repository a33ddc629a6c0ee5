#!/usr/bin/env bash
# How long loading SmolLM2 takes beside reading its file through a memory map, medians of seven, and how much
# memory it takes at most, with a long job.
#
# Usage: scripts/bench-load.sh
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

measure() {
    "$KAGARI_BIN/examples/bench-load"
    "$KAGARI_BIN/examples/bench-load" memory
}

"$here/setup.sh" --tests
choose_toolchain
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
measure | tabulate
