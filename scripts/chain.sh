# shellcheck shell=bash
# A development chain of one node. Source it after env.sh.
#
#   chain_start   starts it on free ports of this machine, with the node's options that it is given besides; sets
#                 chain_url, chain_pid, chain_log
#   chain_stop    ends it and removes its files

# Seconds until the node must answer: an unoptimised build compiles its runtime at the start.
CHAIN_START_LIMIT=180
# Seconds that the node gets to end by itself.
CHAIN_STOP_LIMIT=20

chain_dir=
chain_pid=
chain_log=
chain_url=

chain_start() {
    local rpc p2p metrics
    rpc="$(free_port 9944)"
    p2p="$(free_port 30333)"
    metrics="$(free_port 9615)"
    chain_dir="$(mktemp -d -t kagari.XXXXXXXX)"
    chain_log="$chain_dir/node.log"
    chain_url="ws://127.0.0.1:$rpc"
    say "Starting a development chain: $chain_url"
    # In a session of its own, so that a Ctrl-C meant for a script does not end a chain that is kept.
    setsid "$KAGARI_BIN/kagari-node" --dev --base-path "$chain_dir/base" \
        --rpc-port "$rpc" --prometheus-port "$metrics" \
        --listen-addr "/ip4/127.0.0.1/tcp/$p2p" --no-mdns --no-telemetry "$@" \
        >"$chain_log" 2>&1 </dev/null &
    chain_pid=$!
    chain_await "$rpc"
}

# Waits until something listens on the port $1; fails if the node ends or takes too long.
chain_await() {
    local began=$SECONDS
    until port_is_taken "$1"; do
        chain_is_running || fail "the node ended while starting"
        if ((SECONDS - began >= CHAIN_START_LIMIT)); then
            fail "the node did not answer within $CHAIN_START_LIMIT seconds"
        fi
        sleep 1
        if (((SECONDS - began) % 10 == 0)); then
            say "Waiting for the node to answer ($((SECONDS - began)) s)"
        fi
    done
    say "The node answers after $((SECONDS - began)) s"
}

chain_is_running() { [[ -n "$chain_pid" ]] && kill -0 "$chain_pid" 2>/dev/null; }

chain_stop() {
    if chain_is_running; then
        kill "$chain_pid" 2>/dev/null || true
        chain_await_end || kill -KILL -- "-$chain_pid" 2>/dev/null || true
        wait "$chain_pid" 2>/dev/null || true
    fi
    if [[ -n "$chain_dir" ]]; then
        rm -rf "$chain_dir"
    fi
    chain_pid=
    chain_dir=
}

# Waits for the node to end; says whether it did.
chain_await_end() {
    local limit=$((SECONDS + CHAIN_STOP_LIMIT))
    while chain_is_running; do
        ((SECONDS < limit)) || return 1
        sleep 0.2
    done
}

# Shows the end of the node's log.
chain_show_log() {
    if [[ -s "$chain_log" ]]; then
        say "The end of the node's log:"
        tail -n 40 "$chain_log" >&2
    fi
}

# Prints the first free port from $1 on.
free_port() {
    local port
    for ((port = $1; port < $1 + 100; port++)); do
        if ! port_is_taken "$port"; then
            echo "$port"
            return
        fi
    done
    fail "no free port from $1 to $port"
}

port_is_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
