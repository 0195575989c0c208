# Sourced by the scripts beside it: where the parts of a server stand, and how one of them starts.
#
# DIR/ceph.conf, DIR/keyring     the cluster's; DIR/{monitor,store}: their data; DIR/*.log: what went wrong
# DIR/{monitor,store,gateway,keeper}.pid   of the processes: "PID BEGINNING"
# DIR/env                        what a client needs, for `. DIR/env`; only its owner may read it
# DIR/ca.pem                     with --tls: the authority that a client trusts

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

needs_packages() {
    local program
    for program in radosgw ceph-mon ceph-osd ceph radosgw-admin curl openssl; do
        command -v $program >/dev/null || {
            say "no $program here; apt-get install --no-install-recommends radosgw ceph-mon ceph-osd" \
                "curl openssl"
            exit 77
        }
    done
}

# When the process began, in clock ticks since boot; empty when it has ended.
born() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- ${stat##*) }
    [ "$1" = Z ] || echo "${20}"
}

# is_running DIR PART: a pid is used again some day, so the process's beginning is compared as well.
is_running() {
    local pid begin
    read -r pid begin <"$1/$2.pid" || return 1
    [ "$(born "$pid")" = "$begin" ]
} 2>/dev/null

# start DIR PART COMMAND...: in a session of its own, so that Ctrl-C reaches its caller alone.
start() {
    local dir=$1 part=$2
    shift 2
    setsid "$@" </dev/null >>"$dir/$part.log" 2>&1 &
    echo "$! $(born $!)" >"$dir/$part.pid"
    disown
}

# The data is thrown away, so nothing has to be closed in order: SIGKILL, at once.
end() {
    local dir=$1 part=$2 pid
    ! is_running "$dir" "$part" || {
        read -r pid _ <"$dir/$part.pid"
        kill -KILL "$pid" 2>/dev/null || true
    }
    rm -f "$dir/$part.pid"
}

end_all() {
    local part
    for part in keeper gateway store monitor; do end "$1" $part; done
}

# wait_for DIR PART SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local dir=$1 part=$2 deadline=$((${EPOCHREALTIME/./} + $3 * 1000000)) what=$4
    shift 4
    until "$@" >/dev/null 2>&1; do
        if ! is_running "$dir" "$part" || ((${EPOCHREALTIME/./} > deadline)); then
            say "$what: did not happen; the last lines of $dir/$part.log:"
            tail -n 5 "$dir/$part.log" >&2
            return 1
        fi
        sleep 0.05
    done
}

accepts() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

start_gateway() {
    local dir=$1
    . "$dir/place"
    start "$dir" gateway radosgw --conf "$dir/ceph.conf" -f -n client.rgw
    wait_for "$dir" gateway 30 "the gateway answers at $S3_ADDRESS:$S3_PORT" \
        accepts "$S3_ADDRESS" "$S3_PORT"
}
