#!/usr/bin/env bash
# link_emulator.sh BINARIES: a link between two namespaces has the delay and the rate it was given,
# and machines without a link do not reach each other. Exit 77 where namespaces are not permitted.
set -euo pipefail
binaries=$1
. "$(dirname "$0")/../../experiments/netns/netns.sh"
folder=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    netns_end
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
netns_begin "$binaries" "$folder"

netns_machine near
netns_machine far
netns_machine apart
netns_link near far 10 50
netns_link far apart 0 0
ip netns exec "$(netns_name far)" "$binaries/link_probe" serve "$(netns_address far)" 7000 &
server=$!
for _ in $(seq 50); do netns_reaches near far 7000 && break || sleep 0.1; done

failed=0
expect() {
    awk "BEGIN { exit !($2) }" || { echo "FAILED: $1: $2"; failed=1; }
}
measured=$(netns_on near "$binaries/link_probe" measure "$(netns_address far)" 7000 --seconds 3)
echo "$measured"
read -r _ round_trip_ms _ rate _ <<<"$measured"
# A busy machine delivers late, never early.
expect "round trip" "$round_trip_ms >= 20 && $round_trip_ms < 60"
expect "rate" "$rate > 35 && $rate < 51"
netns_reaches apart far 7000 || { echo "FAILED: a link without a delay does not connect"; failed=1; }
! netns_reaches near apart 7000 || { echo "FAILED: a way where there is no link"; failed=1; }
for machine in near far apart; do
    expect "$machine passes nothing on" "$(netns_forwarded $machine) == 0"
done

# Nothing is left of machines and links.
links=("${netns_links[@]}") namespace=$(netns_name near)
netns_end
! ip netns list | grep -q "^$namespace" || { echo "FAILED: a namespace is left"; failed=1; }
for link in "${links[@]}"; do
    ! kill -0 "$link" 2>/dev/null || { echo "FAILED: a link is left"; failed=1; }
done
exit $failed
