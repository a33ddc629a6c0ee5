# shellcheck shell=bash
# A Rust toolchain that builds the WASM runtime. Source it after env.sh and packages.sh.

# Seconds that rustup may take to fetch the target.
RUSTUP_LIMIT=180

# What Debian's security suite has instead of rustup's toolchain.
SYSTEM_TOOLCHAIN=(rustc-web cargo-web rust-web-src lld)

NO_TOOLCHAIN="please install Rust with its target $KAGARI_WASM_TARGET: \
with rustup, \`rustup target add $KAGARI_WASM_TARGET\`; on Debian 12, ${SYSTEM_TOOLCHAIN[*]}"

# Makes sure that `cargo` in PATH builds for the host and for WASM.
ensure_toolchain() {
    if builds_wasm rustc; then
        return
    fi
    say "The Rust compiler cannot build WebAssembly yet: the target $KAGARI_WASM_TARGET is missing"
    if add_target_with_rustup; then
        return
    fi
    install_system_toolchain
    builds_wasm rustc || fail "the WebAssembly target is still missing"
}

# Makes sure that the toolchain has rustfmt and clippy.
ensure_lints() {
    if cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1; then
        return
    fi
    if [[ "$(command -v cargo)" == /usr/bin/cargo ]]; then
        install_packages rust-web-clippy rustfmt-web
    else
        say "Adding rustfmt and clippy with rustup"
        timeout "$RUSTUP_LIMIT" rustup component add rustfmt clippy >&2
    fi
}

add_target_with_rustup() {
    if ! has rustup; then
        say "There is no rustup here"
        return 1
    fi
    say "Asking rustup for it (up to $RUSTUP_LIMIT seconds)"
    if timeout "$RUSTUP_LIMIT" rustup target add "$KAGARI_WASM_TARGET" >&2 && builds_wasm rustc; then
        return 0
    fi
    say "rustup could not fetch it"
    return 1
}

# Debian's compiler, with the target's standard library built from Debian's sources of it.
install_system_toolchain() {
    if ! has apt-get; then
        fail "$NO_TOOLCHAIN"
    fi
    local missing
    mapfile -t missing < <(missing_packages "${SYSTEM_TOOLCHAIN[@]}")
    install_packages "${missing[@]}" || fail "$NO_TOOLCHAIN"
    use_system_toolchain
    hash -r
    if builds_wasm /usr/bin/rustc; then
        return
    fi
    install_wasm_library
}

# Prints those of the packages $@ that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg -s "$package" >/dev/null 2>&1 || echo "$package"
    done
}

# Builds core and alloc for WASM and puts them where the compiler looks for them.
install_wasm_library() {
    local work lib
    say "Building the Rust core library for WebAssembly (half a minute)"
    work="$(mktemp -d)"
    build_wasm_library "$work" || { rm -rf "$work"; fail "building it failed"; }
    lib="$(/usr/bin/rustc --print target-libdir --target "$KAGARI_WASM_TARGET")"
    as_root mkdir -p "$lib"
    as_root cp "$work/target/$KAGARI_WASM_TARGET/release/deps"/lib{core,alloc,compiler_builtins}-*.rlib "$lib/"
    rm -rf "$work"
}

# Builds an empty crate in the folder $1, with the standard library from its sources. The bitcode is
# embedded for the runtime's link-time optimisation.
build_wasm_library() {
    write_empty_crate "$1"
    (
        cd "$1" || exit
        export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes -Copt-level=3"
        export CARGO_TARGET_DIR="$1/target"
        /usr/bin/cargo build --quiet --release -Z build-std=core,alloc --target "$KAGARI_WASM_TARGET"
    ) >&2
}

write_empty_crate() {
    mkdir -p "$1/src"
    printf '%s\n' '[package]' 'name = "empty"' 'version = "0.0.0"' 'edition = "2021"' \
        '[lib]' 'crate-type = ["cdylib"]' '[workspace]' >"$1/Cargo.toml"
    printf '%s\n' '#![no_std]' '#[panic_handler]' \
        'fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }' >"$1/src/lib.rs"
}
