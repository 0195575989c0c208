# Sourced: machines made of network namespaces, and links between them with a delay and a rate.
#
#   netns_begin BINARIES FOLDER     first; BINARIES holds link_emulator, FOLDER takes its logs
#   netns_machine NAME              a machine with an address of its own and no link yet
#   netns_link A B DELAY_MS RATE    a link: DELAY_MS one way, RATE in Mbit/s each way
#   netns_name NAME                 its namespace, for `ip netns exec $(netns_name NAME) COMMAND`
#   netns_address NAME              its address, the same over all of its links
#   netns_on NAME COMMAND...        runs the command there
#   netns_reaches A B PORT          whether a TCP connection from A to B comes about within 3 s
#   netns_counters NAME             a line for each of its links: DEVICE, packets and bytes sent,
#                                   packets and bytes received
#   netns_forwarded NAME            packets that it passed on for others
#   netns_end                       ends the links and removes the machines; for a trap on EXIT
#
# A machine reaches those it has a link to and nobody else: there is no route to others, and no
# machine passes packets on. Asks for root and the programs `ip` and `link_emulator`; where
# namespaces or TUN devices are not permitted netns_begin says so and exits with 77.

netns_begin() {
    netns_binaries=$1
    netns_logs=$2
    netns_prefix=dws$$
    netns_machines=()
    netns_links=()
    mkdir -p "$netns_logs"
    local why
    why=$(netns_why_not) && return
    echo "SKIPPED: $why" >&2
    exit 77
}

# Prints what is missing, and fails; silent where all is there.
netns_why_not() {
    local probe=${netns_prefix}probe
    command -v ip >/dev/null || { echo "no program \`ip\` here; install iproute2"; return 1; }
    [ -c /dev/net/tun ] || { echo "no /dev/net/tun here: this kernel or container has no TUN devices"; return 1; }
    ip netns add $probe 2>/dev/null || { echo "network namespaces are not permitted here; run as root"; return 1; }
    local status=0
    ip -n $probe tuntap add dev probe mode tun 2>/dev/null || {
        echo "TUN devices are not permitted here (CAP_NET_ADMIN)"
        status=1
    }
    ip netns del $probe
    return $status
}

netns_name() { echo "$netns_prefix-$1"; }

netns_address() {
    local i
    for i in "${!netns_machines[@]}"; do
        [ "${netns_machines[$i]}" != "$1" ] || { echo "10.77.0.$((i + 1))"; return; }
    done
    echo "no machine '$1'" >&2
    return 1
}

netns_on() {
    local name=$1
    shift
    ip netns exec "$(netns_name "$name")" "$@"
}

netns_machine() {
    local name=$1 namespace
    namespace=$(netns_name "$name")
    netns_machines+=("$name")
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    ip -n "$namespace" address add "$(netns_address "$name")/32" dev lo
    # TCP's largest windows: 1 Gbit/s over 50 ms has 6 MB on its way, and a window is half of what
    # its buffer may hold; the usual 6 MB would halve the rate of one connection.
    netns_on "$name" sh -c 'cd /proc/sys/net/ipv4
        echo 0 >ip_forward
        echo 4096 131072 33554432 >tcp_rmem
        echo 4096 131072 33554432 >tcp_wmem'
}

netns_link() {
    local left=$1 right=$2 delay_ms=$3 rate=$4 log=$netns_logs/link-$1-$2.log tries
    : >"$log"
    "$netns_binaries/link_emulator" --left "$(netns_name "$left")" --left-device "to-$right" \
        --right "$(netns_name "$right")" --right-device "to-$left" --delay-ms "$delay_ms" \
        --megabit-per-s "$rate" </dev/null >"$log" 2>&1 &
    netns_links+=($!)
    for tries in $(seq 100); do
        ! grep -q ^ready "$log" || break
        kill -0 $! 2>/dev/null && [ "$tries" -lt 100 ] || { cat "$log" >&2; return 1; }
        sleep 0.05
    done
    netns_connect_end "$left" "$right"
    netns_connect_end "$right" "$left"
}

# The route to the other end, and no other, comes with the address.
netns_connect_end() {
    local namespace
    namespace=$(netns_name "$1")
    ip -n "$namespace" address add "$(netns_address "$1")" peer "$(netns_address "$2")" dev "to-$2"
    ip -n "$namespace" link set "to-$2" mtu 1500 txqueuelen 2000 up
}

netns_reaches() {
    netns_on "$1" timeout 3 bash -c "exec 3<>/dev/tcp/$(netns_address "$2")/$3" 2>/dev/null
}

netns_counters() {
    netns_on "$1" sh -c 'for device in /sys/class/net/to-*; do
        [ -e "$device" ] || continue
        cd "$device/statistics"
        echo "${device##*/} $(cat tx_packets) $(cat tx_bytes) $(cat rx_packets) $(cat rx_bytes)"
    done'
}

# The kernel's own count (RFC 1213, ipForwDatagrams).
netns_forwarded() {
    netns_on "$1" awk '$1 == "Ip:" && !at { for (i = 2; i <= NF; ++i) if ($i == "ForwDatagrams") at = i; next }
        $1 == "Ip:" { print $at; exit }' /proc/net/snmp
}

netns_end() {
    local process name
    for process in "${netns_links[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${netns_links[@]}"; do wait "$process" 2>/dev/null || true; done
    for name in "${netns_machines[@]}"; do ip netns del "$(netns_name "$name")" 2>/dev/null || true; done
    netns_links=()
    netns_machines=()
}
