#!/usr/bin/env bash
# The trainer's writes take five times as long as a training step. Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

begin_table experiments/10_slow_bucket/results/slow_bucket.tsv "uplink" "steps versions \
steps_per_version_max step_ms_p50 publish_ms_p50 trainer_stall_ms_p50 trainer_stall_ms_p99 \
rss_mib_early rss_mib_end digests_failed"
# A game is undecided until the record that names it is committed, so a slow log needs games for all
# the steps that are on their way to it: here 400 groups, 12 steps.
row() { # row LABEL [FLAG...]
    launch_row out/slow_bucket/$1 "$1" --set trainer.steps=150 --set worker.groups_ahead_max=200 \
        --set trainer.max_staleness_steps=32 --set worker.staleness_max_steps=32 "${@:2}"
}
row as_it_is "$@"
# Two writes per version, a delta and a record: each takes 2.5 steps.
put_ms=$(awk "BEGIN { print 2.5 * $(column step_ms_p50 as_it_is) }")
row five_steps --set-for trainer=bucket.put_latency_ms="$put_ms" "$@"
cat "$table"
slow() { column "$1" five_steps; }
{
    check "p99 of the stall is under 5 % of a step" \
        "$(slow trainer_stall_ms_p99) < 0.05 * $(slow step_ms_p50)"
    check "a version covers two steps or more on average" "2 * $(slow versions) <= $(slow steps) + 2"
    check "memory is flat (within 5 %)" "$(slow rss_mib_end) < 1.05 * $(slow rss_mib_early)"
    check "no digest failed" "$(slow digests_failed) == 0"
} > >(tee -a "$table")
exit $failed
