#!/usr/bin/env bash
# Three seeds, each undisturbed and with a lossy, then dead doorbell. Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

begin_table experiments/02_doorbell_loss/results/doorbell_loss.tsv "doorbell seed" "win_rate_start \
win_rate_end digests_checked digests_failed versions staleness_mean sync_ms_p50"
for seed in 0 1 2; do
    launch_row out/doorbell_loss/undisturbed-$seed "undisturbed $seed" --set run.seed=$seed \
        --set trainer.steps=200 "$@"
    launch_row out/doorbell_loss/disturbed-$seed "disturbed $seed" --set run.seed=$seed \
        --set trainer.steps=200 --doorbell-drop 0.4 --doorbell-repeat 0.3 --doorbell-delay-ms 500 \
        --kill-doorbell-at-step 100 "$@"
done
cat "$table"
undisturbed=$(mean $(column win_rate_end undisturbed))
disturbed=$(mean $(column win_rate_end disturbed))
{
    echo "# mean win rate at the end: undisturbed $undisturbed, disturbed $disturbed"
    check "no digest failed" "$(sum $(column digests_failed)) == 0"
    check "the disturbed mean is within 8 points" "$disturbed > $undisturbed - 0.08"
} > >(tee -a "$table")
exit $failed
