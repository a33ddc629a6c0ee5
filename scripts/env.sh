# shellcheck shell=bash disable=SC2034
# What all scripts share: where things are, which toolchain is used, how they speak. Source it.

KAGARI_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/kagari/target}"
export KAGARI_MODELS="${KAGARI_MODELS:-$HOME/.cache/kagari/models}"
KAGARI_BIN="$CARGO_TARGET_DIR/debug"
KAGARI_WASM_TARGET=wasm32v1-none
# A node without the runtime's WASM starts no chain; what wants no WASM sets this for itself.
unset SKIP_WASM_BUILD

# Everything that is not a result goes to stderr.
say() { printf '==> %s\n' "$*" >&2; }

fail() {
    printf 'Error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Makes a table of lines of JSON: a line for each, its name first.
tabulate() {
    node -e '
        const lines = require("fs").readFileSync(0, "utf8").trim().split("\n").map((l) => JSON.parse(l));
        for (const { name, ...values } of lines) {
            const cells = Object.entries(values).map((entry) => entry.join(" "));
            console.log([name.padEnd(28), ...cells.map((c) => c.padEnd(24))].join(""));
        }'
}

# Whether the compiler $1 has the standard library that the runtime is built on.
builds_wasm() {
    local lib
    lib="$("$1" --print target-libdir --target "$KAGARI_WASM_TARGET" 2>/dev/null)" || return 1
    compgen -G "$lib/libcore*.rlib" >/dev/null && compgen -G "$lib/liballoc*.rlib" >/dev/null
}

# Debian's compiler comes without rust-lld, and its cargo must not meet rustup's shims in PATH.
use_system_toolchain() {
    export PATH="/usr/bin:$PATH"
    export CARGO_TARGET_WASM32V1_NONE_LINKER=wasm-ld
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Clink-arg=-fuse-ld=lld
}

# rustup's compiler where it builds WASM, else the system's where that does.
choose_toolchain() {
    if [[ "$(command -v rustc)" != /usr/bin/rustc ]] && builds_wasm rustc; then
        return
    fi
    if builds_wasm /usr/bin/rustc; then
        use_system_toolchain
    fi
}

choose_toolchain
