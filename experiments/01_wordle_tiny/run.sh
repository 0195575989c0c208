#!/usr/bin/env bash
# The demo with three seeds, and 100 steps of it without the dead-band, for the share that changes by
# rounding alone. `./run demo` is one run of it. Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

results=experiments/01_wordle_tiny/results
begin_table $results/wordle_tiny.tsv "run seed" "win_rate_start win_rate_end staleness_mean versions \
replicas digests_checked digests_failed changed_fraction_mean bytes_full bytes_delta pause_ms_p50 \
pause_ms_p99 sync_ms_p50 trainer_stall_ms_p50 trainer_stall_ms_p99 generation_stall_ms_mean \
step_ms_p50 seconds"
for seed in 0 1 2; do
    launch_row out/wordle_tiny/demo-$seed "demo $seed" --set run.seed=$seed "$@"
done
cp out/wordle_tiny/demo-0/{curves.png,summary.json} "$results/"
launch_row out/wordle_tiny/no_dead_band-0 "no_dead_band 0" --set trainer.dead_band=0 \
    --set trainer.steps=100 "$@"
cat "$table"
{
    for seed in 0 1 2; do
        rise=$(awk -v s=$seed '$1 == "demo" && $2 == s { print $4 - $3 }' "$table")
        check "seed $seed: the win rate rises by 35 points" "$rise >= 0.35"
    done
    check "no digest failed" "$(sum $(column digests_failed)) == 0"
    check "asynchronous: staleness above 0.5" \
        "$(column staleness_mean demo | sort -g | head -n 1) > 0.5"
} > >(tee -a "$table")
exit $failed
