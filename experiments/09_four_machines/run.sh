#!/usr/bin/env bash
# The demo on four machines: trainer, workers, environment, and bucket with doorbell, each in a
# network namespace of its own; 50 ms and 1 Gbit/s between them; no way from trainer to workers.
# Arguments go to launch_loop. --bucket file runs it on a shared folder instead of an S3 server.
# Exit 77, and why, where namespaces are not permitted or the server's packages are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
. experiments/netns/netns.sh

results=experiments/09_four_machines/results
out=$PWD/out/four_machines
[ $# -eq 0 ] || results=out/four_machines/results # not the run of the table
bin=$PWD/build/bin
delay_ms=25 # one way
rate=1000   # Mbit/s each way
listener=
finish() {
    trap '' INT TERM
    [ -z "$listener" ] || kill "$listener" 2>/dev/null || true
    [ ! -e "$out/s3/place" ] || experiments/s3_server/down.sh "$out/s3" || true
    netns_end
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$out"
mkdir -p "$out" $results
netns_begin "$bin" "$out/links"

# Who is linked to whom: there is no other way.
for machine in trainer workers environment storage; do netns_machine $machine; done
netns_link trainer storage $delay_ms $rate
netns_link workers storage $delay_ms $rate
netns_link workers environment $delay_ms $rate
address_of_storage=$(netns_address storage)

# listen MACHINE: something that answers at port 7000 there, until the next call.
listen() {
    [ -z "$listener" ] || { kill "$listener"; wait "$listener" 2>/dev/null || true; }
    ip netns exec "$(netns_name "$1")" "$bin/link_probe" serve "$(netns_address "$1")" 7000 &
    listener=$!
    local tries
    for tries in $(seq 50); do
        netns_reaches "$1" "$1" 7000 && return || sleep 0.1
    done
}

echo "# $(machine)" >$results/links.tsv
printf 'from\tto\tconnects\tround_trip_ms\tmegabit_per_s\n' >>$results/links.tsv
for to in storage environment trainer workers; do
    listen $to
    for from in trainer workers environment storage; do
        [ $from != $to ] || continue
        if netns_reaches $from $to 7000; then
            read -r _ trip _ speed _ < <(netns_on $from "$bin/link_probe" measure \
                "$(netns_address $to)" 7000 --seconds 3)
            printf '%s\t%s\tyes\t%s\t%s\n' $from $to "$trip" "$speed"
        else
            printf '%s\t%s\tno\t\t\n' $from $to
        fi
    done
done >>$results/links.tsv
kill "$listener"
listener=
cat $results/links.tsv

case " $* " in
    *" --bucket "*) bucket=() ;;
    *)
        netns_on storage experiments/s3_server/up.sh "$out/s3" --address "$address_of_storage" --tls \
            --owner $$
        . "$out/s3/env"
        bucket=(--bucket "$DWS_S3_TLS_URI")
        ;;
esac

# Everybody has a private key, and the public ones of those they listen to.
mkdir "$out/keys"
for owner in trainer worker environment doorbell; do
    "$bin/dws" keygen "$out/keys/$owner" >"$out/keys/$owner.txt"
done
public() { cat "$out/keys/$1.pub"; }
own() { echo "$1=keys.own=$out/keys/$2.key"; }
on() { echo "$1=ip netns exec $(netns_name "$2")"; }
# Two of the four never see the bucket's credentials.
blind() { echo "$1=env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY ip netns exec $(netns_name "$2")"; }

for machine in trainer workers environment storage; do
    netns_counters $machine >"$out/before-$machine"
done
begin_table $results/four_machines.tsv "run" "win_rate_start win_rate_end staleness_mean versions \
steps_per_version_max replicas digests_checked digests_failed faults bytes_full bytes_delta \
sync_ms_p50 sync_ms_p99 publish_ms_p50 pause_ms_p50 trainer_stall_ms_p50 trainer_stall_ms_p99 \
step_ms_p50 seconds"
launch_row "$out/run" four_machines "${bucket[@]}" \
    --prefix "$(on trainer trainer)" --prefix "$(on worker workers)" \
    --prefix "$(blind environment environment)" --prefix "$(blind doorbell storage)" \
    --prefix "$(on verify storage)" \
    --doorbell-inside "tcp://$address_of_storage:5556" \
    --doorbell-outside "tcp://$address_of_storage:5557" \
    --environment "tcp://$(netns_address environment):5555" \
    --set keys.trainer="$(public trainer)" --set keys.workers="$(public worker)" \
    --set keys.environment="$(public environment)" --set keys.doorbell="$(public doorbell)" \
    --set-for "$(own trainer trainer)" --set-for "$(own worker worker)" \
    --set-for "$(own environment environment)" \
    --flags-for "doorbell=--key $out/keys/doorbell.key --as $(public doorbell) \
--admit $(public trainer),$(public worker)" \
    --flags-for "verify=--trust $(public trainer)" "$@"
cp "$out/run/curves.png" "$out/run/summary.json" $results/

# What the run moved over each link, both ways, without the measurements before it.
echo "# $(machine)" >$results/links_of_run.tsv
printf 'machine\tlink\tsent_packets\tsent_bytes\treceived_packets\treceived_bytes\n' \
    >>$results/links_of_run.tsv
for machine in trainer workers environment storage; do
    netns_counters $machine | awk -v machine=$machine -v OFS='\t' '
        NR == FNR { for (i = 2; i <= 5; ++i) before[$1, i] = $i; next }
        { print machine, $1, $2 - before[$1, 2], $3 - before[$1, 3], $4 - before[$1, 4], $5 - before[$1, 5] }
    ' "$out/before-$machine" -
done | tee -a $results/links_of_run.tsv

cat "$table"
cell() { awk -F '\t' -v a=$1 -v b=$2 -v column=$3 '$1 == a && $2 == b { print $column }' $results/links.tsv; }
{
    for pair in "trainer workers" "workers trainer" "trainer environment" "environment trainer" \
        "environment storage" "storage environment"; do
        check "no way from ${pair/ / to }" "\"$(cell $pair 3)\" == \"no\""
    done
    for machine in trainer workers environment storage; do
        check "$machine passed no packet on for others" "$(netns_forwarded $machine) == 0"
    done
    for pair in "trainer storage" "workers storage" "workers environment"; do
        check "${pair/ / to }: 50 ms there and back" "$(cell $pair 4) >= 50 && $(cell $pair 4) < 55"
    done
    rise=$(awk "BEGIN { print $(column win_rate_end) - $(column win_rate_start) }")
    check "the win rate rises by 35 points" "$rise >= 0.35"
    check "no digest failed" "$(column digests_failed) == 0"
    check "both workers end with the trainer's weights" "$(column replicas) == 2"
} > >(tee -a "$table")
exit $failed
