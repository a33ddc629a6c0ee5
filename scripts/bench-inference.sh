#!/usr/bin/env bash
# How fast SmolLM2 runs here, in tokens per second: our kernels, llama.cpp (node-llama-cpp from npm, on the
# CPU, same file, same threads), candle as it comes, and the limit that reading the weights sets. Medians of
# five runs each, one after the other in one go: compare the rows, not two goes.
#
# Usage: scripts/bench-inference.sh [THREADS]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/llama-cpp.sh
source "$here/llama-cpp.sh"

threads="${1:-$(nproc)}"
gguf="$KAGARI_MODELS/SmolLM2-135M-Instruct-Q4_1/model.gguf"

measure() {
    RAYON_NUM_THREADS="$threads" "$KAGARI_BIN/examples/bench-inference"
    (cd "$LLAMA_CPP" && node "$here/bench-llama-cpp.mjs" "$gguf" "$threads")
}

"$here/setup.sh" --tests
choose_toolchain
ensure_llama_cpp
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
say "Measuring with $threads threads, in tokens per second"
measure | tabulate
