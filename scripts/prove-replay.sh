#!/usr/bin/env bash
# Shows that replays hold where they should and nowhere else: what is generated from 10,000 random prompts, in
# batches, all holds; and of each way to cheat (offchain-worker/inference/src/llama/cheats.rs), 1,000 lies are
# all noticed. Takes about an hour on two cores, and says how far it is.
#
# Usage: scripts/prove-replay.sh [PROMPTS] [LIES]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

prompts="${1:-10000}"
lies="${2:-1000}"

"$here/setup.sh" --tests
choose_toolchain
cd "$KAGARI_ROOT"
cargo build --locked --workspace --examples >&2
say "Generating and replaying"
"$KAGARI_BIN/examples/prove-replay" "$prompts"
say "Cheating"
KAGARI_TRIALS="$lies" cargo test --locked --workspace --lib -- llama::cheats --nocapture |
    grep -E 'lies noticed|FAILED|panicked|test result: FAILED' || fail "a lie went unnoticed, or the tests did not run"
