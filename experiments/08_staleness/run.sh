#!/usr/bin/env bash
# Workers stay four versions behind; the correction off, truncated and clipped, three seeds each.
# Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

results=experiments/08_staleness/results
begin_table $results/staleness.tsv "correction seed" \
    "win_rate_start win_rate_end staleness_mean digests_failed"
for seed in 0 1 2; do
    for correction in off truncated clipped; do
        out=out/staleness/$correction-$seed
        launch_row $out "$correction $seed" --set run.seed=$seed \
            --set trainer.correction=$correction --set trainer.steps=200 \
            --set worker.hold_back_versions=4 --set worker.staleness_max_steps=32 \
            --set trainer.max_staleness_steps=32 "$@"
        grep -v '^#' $out/steps.tsv | cut -f 2,4,11 >$results/$correction-$seed.tsv
    done
done
gnuplot -e "folder='$results'" experiments/08_staleness/plot.gp
cat "$table"
off=$(mean $(column win_rate_end off))
truncated=$(mean $(column win_rate_end truncated))
clipped=$(mean $(column win_rate_end clipped))
{
    echo "# mean win rate: off $off, truncated $truncated, clipped $clipped"
    check "no digest failed" "$(sum $(column digests_failed)) == 0"
    check "off ends 15 points below truncated" "$off <= $truncated - 0.15"
} > >(tee -a "$table")
echo "$results/staleness.png"
exit $failed
