#!/usr/bin/env bash
# How fast MiniLM embeds here, in tokens per second: our kernels, ONNX Runtime (from PyPI, on the CPU, same
# weights, same inputs, same threads), and PyTorch where torch and transformers are installed beside it; and how
# near their vectors are. Medians of fifteen runs each, one after the other in one go: compare the rows, not
# two goes.
#
# Usage: scripts/bench-embedding.sh [THREADS]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"

threads="${1:-$(nproc)}"
tool="${KAGARI_ONNXRUNTIME:-$(dirname "$CARGO_TARGET_DIR")/onnxruntime}"
weights="$KAGARI_MODELS/all-MiniLM-L6-v2/model.safetensors"

ensure_onnxruntime() {
    if [[ -x "$tool/bin/python" ]] && "$tool/bin/python" -c 'import onnx, onnxruntime, safetensors' 2>/dev/null; then
        return
    fi
    say "Fetching ONNX Runtime"
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet onnx onnxruntime safetensors >&2
}

measure() {
    local inputs
    inputs="$(mktemp)"
    RAYON_NUM_THREADS="$threads" "$KAGARI_BIN/examples/bench-embedding" "$inputs"
    "$tool/bin/python" "$here/bench-embedding.py" "$weights" "$inputs" "$threads"
    rm "$inputs"
}

"$here/setup.sh" --tests
choose_toolchain
ensure_onnxruntime
(cd "$KAGARI_ROOT" && cargo build --locked --workspace --examples >&2)
say "Measuring with $threads threads"
measure | tabulate
