#!/usr/bin/env bash
# Runs the tests of the exact kernels for 64-bit ARM, under emulation, then those that hold the real models to
# the bits that stand in them: the same bits as here, with NEON. Brings the target, compilers and qemu where they
# are missing.
#
# Usage: scripts/test-arm.sh [--kernels]
#   --kernels  not the models, for which much has to be built
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/packages.sh
source "$here/packages.sh"

TARGET=aarch64-unknown-linux-gnu

# Prints the Debian packages that are missing.
missing_packages_for_arm() {
    has aarch64-linux-gnu-gcc || echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    has aarch64-linux-gnu-g++ || echo g++-aarch64-linux-gnu
    has qemu-aarch64-static || echo qemu-user-static
}

has_target() {
    compgen -G "$(rustc --print target-libdir --target "$TARGET")/libstd*.rlib" >/dev/null
}

ensure_target() {
    if has_target; then
        return
    fi
    say "Adding the Rust target $TARGET"
    rustup target add "$TARGET" >&2 || fail "please install Rust's standard library for $TARGET"
}

test_kernels() {
    cargo test --locked -p kagari-kernels --target "$TARGET" -- --nocapture
}

test_models() {
    cargo test --locked -p kagari-inference --lib --target "$TARGET" -- \
        bits_do_not_depend_on_the_machine_or_its_threads
}

"$here/setup.sh" --tests
choose_toolchain
# shellcheck disable=SC2046
install_packages $(missing_packages_for_arm)
ensure_target
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
unset CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS
cd "$KAGARI_ROOT"
test_kernels
say "The kernels give the same bits on 64-bit ARM"
if [[ "${1:-}" != --kernels ]]; then
    test_models
    say "The models give the same bits on 64-bit ARM"
fi
