#!/usr/bin/env bash
# Three seeds, each undisturbed and with a lossy, then dead doorbell. Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
results=experiments/02_doorbell_loss/results
table=$results/doorbell_loss.tsv
mkdir -p $results

columns="win_rate_start win_rate_end digests_checked digests_failed versions staleness_mean sync_ms_p50"
echo "# $(machine)" >"$table"
echo "doorbell seed $columns" | tr ' ' '\t' >>"$table"
row() { # row NAME SEED [FLAG...]
    local name=$1 seed=$2 out=out/doorbell_loss/$1-$2 column
    shift 2
    build/bin/launch_loop --config experiments/01_wordle_tiny/demo.yaml --out "$out" \
        --set run.seed="$seed" --set trainer.steps=200 "$@"
    {
        printf '%s\t%s' "$name" "$seed"
        for column in $columns; do printf '\t%s' "$(value "$out/summary.json" "$column")"; done
        echo
    } >>"$table"
}
for seed in 0 1 2; do
    row undisturbed "$seed" "$@"
    row disturbed "$seed" --doorbell-drop 0.4 --doorbell-repeat 0.3 --doorbell-delay-ms 500 \
        --kill-doorbell-at-step 100 "$@"
done
show "$table"
undisturbed=$(mean $(awk '$1 == "undisturbed" { print $4 }' "$table"))
disturbed=$(mean $(awk '$1 == "disturbed" { print $4 }' "$table"))
{
    echo "# mean win rate at the end: undisturbed $undisturbed, disturbed $disturbed"
    check "no digest failed" "$(awk 'NR > 2 && NF == 9 { n += $6 } END { print n + 0 }' "$table") == 0"
    check "the disturbed mean is within 8 points" "$disturbed > $undisturbed - 0.08"
} > >(tee -a "$table")
exit $failed
