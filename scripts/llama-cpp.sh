# shellcheck shell=bash
# llama.cpp, prebuilt for the CPU by node-llama-cpp. Source it after env.sh.

NODE_LLAMA_CPP=3.22.1
LLAMA_CPP="${KAGARI_LLAMA_CPP:-$(dirname "$CARGO_TARGET_DIR")/llama-cpp}"

has_llama_cpp() {
    grep -qsF "\"version\": \"$NODE_LLAMA_CPP\"" "$LLAMA_CPP/node_modules/node-llama-cpp/package.json"
}

# Without what is optional: builds for other systems and for GPUs.
ensure_llama_cpp() {
    if has_llama_cpp; then
        return
    fi
    say "Fetching node-llama-cpp $NODE_LLAMA_CPP"
    mkdir -p "$LLAMA_CPP"
    echo '{"private":true}' >"$LLAMA_CPP/package.json"
    (cd "$LLAMA_CPP" && npm install --no-audit --no-fund --ignore-scripts --omit=optional --save-exact \
        "node-llama-cpp@$NODE_LLAMA_CPP" "@node-llama-cpp/linux-x64@$NODE_LLAMA_CPP" >&2)
}
