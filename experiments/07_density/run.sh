#!/usr/bin/env bash
# How many weights a step changes, by learning rate, steps per sync and magnitude, beside what
# rounding lets one expect. --quick takes few steps: its numbers mean nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
here=experiments/07_density
results=$here/results steps=64 settle=48 rates=
case "${1:-}" in
    "") ;;
    --quick) results=out/density/results steps=8 settle=4 rates="--rates 1e-6 3e-6" ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
esac
mkdir -p "$results"
note=$(machine)

# The games, played by a model that learns at 1e-6.
build/bin/launch_loop --config $here/density.yaml --out out/density/run --workers 1 --no-evaluation \
    --set trainer.steps=$steps
# shellcheck disable=SC2086
build/bin/bench_density --config $here/density.yaml --bucket out/density/run/bucket --run density \
    --results "$results" --note "$note" --settle $settle $rates
gnuplot -e "folder='$results'" $here/plot.gp

# cell TABLE RATE COLUMN [STEPS_PER_SYNC]
cell() {
    awk -F '\t' -v rate="$2" -v column="$3" -v steps="${4:-}" '
        /^#/ { next }
        !at { for (i = 1; i <= NF; ++i) if ($i == column) at = i; next }
        $1 == rate && (steps == "" || $2 == steps) { print $at; exit }' "$results/$1.tsv"
}
{
    echo "# $note"
    changed=$(cell density 1e-6 changed_percent 1)
    check "at 3e-6 the theory is within a tenth of what is measured" \
        "$(cell density 3e-6 expected_percent 1) < 1.1 * $(cell density 3e-6 changed_percent 1) &&
         $(cell density 3e-6 expected_percent 1) > 0.9 * $(cell density 3e-6 changed_percent 1)"
    check "at 1e-6 masters have not left the middle of their intervals: less than expected" \
        "$changed < $(cell density 1e-6 expected_percent 1)"
    check "merging 16 steps changes less than 16 times as much" \
        "$(cell density 1e-6 changed_percent 16) < 16 * $changed"
    check "half an ulp misses most changes at 1e-6" \
        "$(cell prediction 1e-6 missed_by_threshold_percent) > 50"
    check "moments before the step miss a tenth of the changes at 1e-6" \
        "$(cell prediction 1e-6 missed_foretold_percent) > 10"
    check "the fused pass reports every change, and nothing else" \
        "$(awk -F '\t' '!/^#/ && $1 != "learning_rate" { sum += $9 } END { print sum + 0 }' \
            "$results/prediction.tsv") == 0"
} > >(tee "$results/checks.txt")
echo "$results/density.png"
[ "${1:-}" = --quick ] || exit $failed
