#!/usr/bin/env bash
# Whether the exact kernels cost quality: SmolLM2 here beside llama.cpp (node-llama-cpp from npm, on the CPU,
# same file), and both beside the same weights in 32-bit floats. Compares the distributions of the next token
# along greedy continuations of 100 prompts, all engines fed the same words, and the token ids of 10,000
# texts. Fails if top-1 agreement with llama.cpp is below 98 %, or any ids differ.
#
# Usage: scripts/compare-llama-cpp.sh [--json] [THREADS]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/llama-cpp.sh
source "$here/llama-cpp.sh"

options=()
if [[ "${1:-}" == --json ]]; then
    options=(--json)
    shift
fi
threads="${1:-$(nproc)}"
gguf="$KAGARI_MODELS/SmolLM2-135M-Instruct-Q4_1/model.gguf"

"$here/setup.sh" --tests
choose_toolchain
ensure_llama_cpp
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
cd "$LLAMA_CPP"
RAYON_NUM_THREADS="$threads" "$KAGARI_BIN/examples/compare-llama-cpp" "${options[@]}" \
    node "$here/compare-llama-cpp.mjs" "$gguf" "$threads"
