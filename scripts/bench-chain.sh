#!/usr/bin/env bash
# What a job's life weighs by the benchmarked weights (runtime/src/weights), beside Acurast's shortest job by its
# own, and how many lives a block holds; then how long a match takes among 100,000 offers, beside one among ten
# (some minutes). `scripts/bench-weights.sh` measures the weights.
#
# Usage: scripts/bench-chain.sh
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

"$here/setup.sh" --no-models
choose_toolchain
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
"$KAGARI_BIN/examples/bench-chain" | tabulate
"$KAGARI_BIN/examples/bench-match" | tabulate
