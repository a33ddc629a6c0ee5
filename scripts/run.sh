#!/usr/bin/env bash
# From nothing to a paid answer: sets everything up, starts a chain of one node, bonds a provider,
# sends a prompt as a job, and prints the model's answer and what it cost. Ends the chain afterwards.
#
# Usage: scripts/run.sh [--keep] [--json] [--max-new-tokens N] "PROMPT"
#   --keep              let the chain run on, and say how to use and how to stop it
#   --json              print the answer as one JSON object
#   --max-new-tokens N  most tokens of the answer [default: 128]
#
# The answer goes to stdout, everything else to stderr.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
source "$here/env.sh"
# shellcheck source=scripts/chain.sh
source "$here/chain.sh"

# What the provider asks and offers.
MODEL=SmolLM2-135M-Instruct-Q4_1
BOND=1000
PRICE=0.01
CAPACITY=2
# Development accounts; alice is the validator.
PROVIDER=bob
REQUESTER=charlie

keep=no
prompt=
infer_options=()

read_arguments() {
    while [[ $# -gt 0 ]]; do
        case "$1" in
        --keep) keep=yes ;;
        --json) infer_options+=(--json) ;;
        --max-new-tokens)
            [[ $# -ge 2 ]] || fail "$1 wants a number"
            infer_options+=("$1" "$2")
            shift
            ;;
        -h | --help) show_help; exit 0 ;;
        --) shift; break ;;
        -*) fail "unknown option: $1 (see --help)" ;;
        *) break ;;
        esac
        shift
    done
    [[ $# == 1 && -n "$1" ]] || fail "give one prompt, in quotes (see --help)"
    prompt="$1"
}

show_help() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

build() {
    if [[ ! -x "$KAGARI_BIN/kagari-node" ]]; then
        say "Building the node, its runtime and the command (half an hour the first time, on two cores)"
    fi
    (cd "$KAGARI_ROOT" && cargo build --workspace --bins >&2)
}

kagari() { "$KAGARI_BIN/kagari" --url "$chain_url" "$@"; }

bond_provider() {
    say "Bonding $PROVIDER as a provider: $BOND KGR"
    kagari --account "$PROVIDER" provider register --bond "$BOND" >&2
    say "Offering $MODEL at $PRICE KGR per work unit, $CAPACITY jobs at once"
    kagari --account "$PROVIDER" provider offer --model "$MODEL" --price "$PRICE" --capacity "$CAPACITY" >&2
}

send_prompt() {
    say "Sending the prompt as a job of $REQUESTER's"
    kagari --account "$REQUESTER" infer --model "$MODEL" "${infer_options[@]}" -- "$prompt"
}

say_how_to_go_on() {
    if [[ "$keep" == yes ]]; then
        printf '\nThe chain runs on.\n'
    else
        printf '\nThe chain ends now. To let it run on: scripts/run.sh --keep "PROMPT". Then:\n'
    fi
    cat <<EOF
  RPC          $chain_url
  another job  $KAGARI_BIN/kagari --url $chain_url --account $REQUESTER infer "PROMPT"
  polkadot.js  https://polkadot.js.org/apps/?rpc=$(urlencode "$chain_url")
               (or any copy of the apps: Settings, Development, custom endpoint $chain_url)
EOF
    if [[ "$keep" == yes ]]; then
        cat <<EOF
  log          $chain_log
  stop         kill $chain_pid && rm -r $chain_dir
EOF
    fi
}

urlencode() {
    local text="${1//:/%3A}"
    echo "${text//\//%2F}"
}

# Runs at every end: shows what went wrong, and leaves nothing unless all went well and it is wanted.
finish() {
    local code=$?
    trap - EXIT
    if ((code > 0 && code < 128)); then
        chain_show_log
    fi
    if [[ $code != 0 || "$keep" == no ]]; then
        chain_stop
    fi
    exit "$code"
}

read_arguments "$@"
"$here/setup.sh"
# The setup may have brought a toolchain.
choose_toolchain
build
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chain_start --provider --models "$KAGARI_MODELS"
bond_provider
send_prompt
say_how_to_go_on >&2
