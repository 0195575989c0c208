#!/usr/bin/env bash
# Workers stay four versions behind; the correction off, truncated and clipped, three seeds each.
# Arguments go to launch_loop.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
results=experiments/08_staleness/results
table=$results/staleness.tsv
mkdir -p $results

echo "# $(machine)" >"$table"
echo "correction seed win_rate_start win_rate_end staleness_mean digests_failed" | tr ' ' '\t' >>"$table"
for seed in 0 1 2; do
    for correction in off truncated clipped; do
        out=out/staleness/$correction-$seed
        build/bin/launch_loop --config experiments/01_wordle_tiny/demo.yaml --out "$out" \
            --set run.seed="$seed" --set trainer.correction=$correction --set trainer.steps=200 \
            --set worker.hold_back_versions=4 --set worker.staleness_max_steps=32 \
            --set trainer.max_staleness_steps=32 "$@"
        {
            printf '%s\t%s' "$correction" "$seed"
            for column in win_rate_start win_rate_end staleness_mean digests_failed; do
                printf '\t%s' "$(value "$out/summary.json" $column)"
            done
            echo
        } >>"$table"
        grep -v '^#' "$out/steps.tsv" | cut -f 2,4,11 >"$results/$correction-$seed.tsv"
    done
done
gnuplot -e "folder='$results'" experiments/08_staleness/plot.gp
show "$table"
mean_of() { mean $(awk -v c="$1" '$1 == c { print $4 }' "$table"); }
{
    echo "# mean win rate: off $(mean_of off), truncated $(mean_of truncated), clipped $(mean_of clipped)"
    check "no digest failed" "$(awk 'NR > 2 && NF == 6 { n += $6 } END { print n + 0 }' "$table") == 0"
    check "off ends 15 points below truncated" "$(mean_of off) <= $(mean_of truncated) - 0.15"
} > >(tee -a "$table")
echo "$results/staleness.png"
exit $failed
