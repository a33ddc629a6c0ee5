#!/usr/bin/env bash
# Fuzzes what reads model files: whatever the bytes, no panic, little memory, errors that name a field. And the
# market in the whole runtime: whatever is called, the state holds together, and no unit is made or lost.
# Inputs that have reached something new are kept beside the build, and the next run begins with them.
# It ends at the first finding, and says where the input is: put it to the seeds beside the target, in
# offchain-worker/inference/fuzz/seeds or runtime/fuzz/seeds, which the tests read.
#
# Usage: scripts/fuzz.sh [SECONDS [TARGET...]]
#   SECONDS  how long in all, 600 if it is not said; the targets have equal shares
#   TARGET   gguf, safetensors, llama, bert, market; all if none is said
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# What is fuzzed of the runtime is the native one.
export SKIP_WASM_BUILD=1

# The crate of each target.
inference="$KAGARI_ROOT/offchain-worker/inference/fuzz"
declare -A CRATE=([gguf]="$inference" [safetensors]="$inference" [llama]="$inference" [bert]="$inference"
    [market]="$KAGARI_ROOT/runtime/fuzz")
# Not the workspace's own: it is another compiler that builds with other flags.
fuzz_target="${KAGARI_FUZZ_TARGET:-$(dirname "$CARGO_TARGET_DIR")/fuzz-target}"
# Most bytes of an input: what is larger is slow, and reaches nothing new.
declare -A MOST_BYTES=([gguf]=8192 [safetensors]=8192 [llama]=32768 [bert]=32768 [market]=2048)
# What there is to be read by words.
declare -A DICTIONARY=([gguf]=gguf [safetensors]=safetensors [llama]=gguf [bert]=safetensors)
# Seconds between two lines of progress, and that one input may take.
PROGRESS=30
INPUT_LIMIT=20

seconds=600
targets=(gguf safetensors llama bert market)
fuzzer=
scratch=

read_arguments() {
    case "${1:-}" in
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    esac
    if [[ $# -gt 0 ]]; then
        [[ "$1" =~ ^[1-9][0-9]*$ ]] || fail "seconds are a number, not $1 (see --help)"
        seconds="$1"
        shift
    fi
    if [[ $# -gt 0 ]]; then
        targets=("$@")
    fi
    local target
    for target in "${targets[@]}"; do
        [[ -n "${CRATE[$target]:-}" ]] || fail "there is no target $target (see --help)"
    done
}

check_tools() {
    cargo +nightly --version >/dev/null 2>&1 ||
        fail "fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal"
    cargo fuzz --version >/dev/null 2>&1 ||
        fail "fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked"
}

build() {
    if [[ ! -d "$fuzz_target" ]]; then
        say "Building the targets, with all that they need (a quarter of an hour the first time)"
    fi
    local target
    for target in "${targets[@]}"; do
        cargo +nightly fuzz build --fuzz-dir "${CRATE[$target]}" --target-dir "$fuzz_target" "$target"
    done
}

# Where the target $1 was built.
program_of() { echo "$fuzz_target/$(host)/release/$1"; }

host() { rustc +nightly -vV | sed -n 's/^host: //p'; }

# Fuzzes the target $1 for $2 seconds.
fuzz() {
    local target="$1" share="$2" work="$fuzz_target/fuzzing/$1" crate="${CRATE[$1]}" code=0
    local options=(-max_total_time="$share" -max_len="${MOST_BYTES[$1]}" -timeout="$INPUT_LIMIT"
        -artifact_prefix="$work/" -print_final_stats=1)
    if [[ -n "${DICTIONARY[$1]:-}" ]]; then
        options+=(-dict="$crate/dictionaries/${DICTIONARY[$1]}")
    fi
    mkdir -p "$work/corpus"
    say "$target: $share seconds"
    # One thread, since the code under test is to be seen and not the threads; no backtraces in candle's
    # errors, which take long and much memory; and files in memory where there is a place for them.
    RAYON_NUM_THREADS=1 RUST_LIB_BACKTRACE=0 TMPDIR="$scratch" "$(program_of "$target")" \
        "$work/corpus" "$crate/seeds/$target" "${options[@]}" >"$work/log" 2>&1 &
    fuzzer=$!
    show_progress "$target" "$work/log"
    wait "$fuzzer" || code=$?
    fuzzer=
    [[ $code == 0 ]] || show_end "$target" "$work" "$code"
    report "$target" "$work/log"
}

# Says now and then how far the target $1 is, as long as it runs.
show_progress() {
    local slept=0
    while kill -0 "$fuzzer" 2>/dev/null; do
        sleep 1
        slept=$((slept + 1))
        if ((slept % PROGRESS == 0)); then
            say "$1: $(last_status "$2")"
        fi
    done
}

# The last line of the log $1 that says how far the fuzzer is: inputs, coverage, speed.
last_status() { grep -aE '^#[0-9]+' "$1" | tail -n 1 | sed -E 's/ L: .*//; s/\t/ /g'; }

# Says why the target $1 has ended with code $3: a finding, which its log in $2 has, or a signal from elsewhere.
show_end() {
    if ! grep -qa 'Test unit written' "$2/log"; then
        fail "$1: the fuzzer has ended with code $3 and no finding; the whole log is $2/log"
    fi
    grep -aE 'panicked|^assertion|ERROR|SUMMARY|Test unit written' -A 2 "$2/log" >&2
    fail "$1: a finding; the whole log is $2/log"
}

# Prints what the target $1 has done: inputs, inputs a second, edges covered, inputs kept.
report() {
    local executions rate
    executions="$(final_stat number_of_executed_units "$2")"
    rate="$(final_stat average_exec_per_sec "$2")"
    printf '%-12s %12s inputs %8s a second   %s\n' "$1" "$executions" "$rate" \
        "$(last_status "$2" | grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+')"
    # What the market's target says of itself.
    awk '/^calls: / { last = $0 } END { if (last) print last }' "$2"
}

final_stat() { sed -n "s/^stat::$1: *//p" "$2"; }

# In memory, where there is such a place.
place_for_files() {
    if [[ -w /dev/shm ]]; then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

# Leaves no process and no files of its own.
finish() {
    local code=$?
    trap - EXIT
    # It may have ended just now.
    if [[ -n "$fuzzer" ]] && kill -0 "$fuzzer" 2>/dev/null; then
        kill "$fuzzer" || say "The fuzzer $fuzzer had ended"
    fi
    if [[ -n "$scratch" ]]; then
        rm -rf "$scratch"
    fi
    exit "$code"
}

read_arguments "$@"
check_tools
build
trap finish EXIT
trap 'exit 130' INT TERM
scratch="$(mktemp -d -p "$(place_for_files)" kagari-fuzz.XXXXXXXX)"
for target in "${targets[@]}"; do
    fuzz "$target" $(((seconds + ${#targets[@]} - 1) / ${#targets[@]}))
done
say "No findings in $seconds seconds"
