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

threads="${1:-$(nproc)}"
tool="${KAGARI_LLAMA_CPP:-$(dirname "$CARGO_TARGET_DIR")/llama-cpp}"
gguf="$KAGARI_MODELS/SmolLM2-135M-Instruct-Q4_1/model.gguf"

ensure_llama_cpp() {
    if [[ -d "$tool/node_modules/node-llama-cpp" ]]; then
        return
    fi
    say "Fetching node-llama-cpp"
    mkdir -p "$tool"
    echo '{"private":true}' >"$tool/package.json"
    (cd "$tool" && npm install --no-audit --no-fund --ignore-scripts \
        node-llama-cpp @node-llama-cpp/linux-x64 >&2)
}

measure() {
    RAYON_NUM_THREADS="$threads" "$KAGARI_BIN/examples/bench-inference"
    (cd "$tool" && node "$here/bench-llama-cpp.mjs" "$gguf" "$threads")
}

"$here/setup.sh" --tests
choose_toolchain
ensure_llama_cpp
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
say "Measuring with $threads threads, in tokens per second"
measure | tabulate
