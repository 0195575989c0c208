#!/usr/bin/env bash
# The trainer's writes take five times as long as a training step. Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
results=experiments/10_slow_bucket/results
table=$results/slow_bucket.tsv
mkdir -p $results

columns="steps versions steps_per_version_max step_ms_p50 publish_ms_p50 trainer_stall_ms_p50 trainer_stall_ms_p99 digests_failed"
echo "# $(machine)" >"$table"
echo "uplink $columns rss_mib_step_30 rss_mib_end" | tr ' ' '\t' >>"$table"
row() { # row NAME [FLAG...]
    local name=$1 out=out/slow_bucket/$1 column
    shift
    build/bin/launch_loop --config experiments/01_wordle_tiny/demo.yaml --out "$out" \
        --set trainer.steps=150 --set trainer.max_staleness_steps=32 \
        --set worker.staleness_max_steps=32 --picture experiments/curves.gp "$@"
    {
        printf '%s' "$name"
        for column in $columns; do printf '\t%s' "$(value "$out/summary.json" "$column")"; done
        printf '\t%s' "$(awk '$2 == 30 { print $9 }' "$out/steps.tsv")"
        printf '\t%s\n' "$(tail -n 1 "$out/steps.tsv" | cut -f 9)"
    } >>"$table"
}
row as_it_is "$@"
step_ms=$(value out/slow_bucket/as_it_is/summary.json step_ms_p50)
# Two writes per version, a delta and a record: each takes 2.5 steps.
row five_steps --trainer-set bucket.put_latency_ms="$(awk "BEGIN { print 2.5 * $step_ms }")" "$@"
show "$table" 22
field() { awk -v f="$1" '$1 == "five_steps" { print $f }' "$table"; }
{
    check "p99 of the stall is under 5 % of a step" "$(field 8) < 0.05 * $(field 5)"
    check "a version covers two steps or more on average" "2 * $(field 3) <= $(field 2) + 2"
    check "memory is flat (within 5 %)" "$(field 11) < 1.05 * $(field 10)"
    check "no digest failed" "$(field 9) == 0"
} > >(tee -a "$table")
exit $failed
