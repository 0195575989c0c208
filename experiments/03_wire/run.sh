#!/usr/bin/env bash
# Bytes and time on the wire: simulated optimizer steps, versions of two short training runs, and a
# share of a model with 1e12 parameters. Arguments go to bench_wire; --quick tries it in minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

results=experiments/03_wire/results
mkdir -p out
note=$(machine)
quick=
case " $* " in *" --quick "*) quick=--quick ;; esac

build/bin/bench_wire --results $results --note "$note" "$@"
# Versions that a trainer published, in full and behind its dead-band.
for run in demo natural_rounding; do
    build/bin/launch_loop --config experiments/01_wordle_tiny/$run.yaml --out out/wire/$run \
        --set trainer.steps=60 >out/wire-$run.log
    build/bin/bench_wire --run-bucket out/wire/$run/bucket wordle --results out/wire/$run \
        --note "$note" "$@"
    cp out/wire/$run/run.tsv $results/run_$run.tsv
done
build/bin/bench_trillion --results $results --note "$note" $quick
# The fused optimizer pass, where it is built.
[ ! -x build/bin/bench_adamw ] || build/bin/bench_adamw | tee $results/adamw.txt

gnuplot -e "folder='$results'" experiments/03_wire/plot.gp

# cell FILE SCENARIO NAME COLUMN: of the row with these first two labels.
cell() {
    awk -F '\t' -v scenario="$2" -v name="$3" -v column="$4" '
        /^#/ { next }
        !at { for (i = 1; i <= NF; ++i) if ($i == column) at = i; next }
        $1 == scenario && $2 == name { print $at }' "$results/$1.tsv"
}
A1() { cell formats A1@240 "$1" "$2"; }
A3() { cell formats A3@60 "$1" "$2"; }
operation() { cell operations A1@240 "$1" x_memcpy_1t; }
x="compact X" f="compact F"
{
    echo "# $note"
    check "X: 1 byte per change at 0.9 %" "$(A1 "$x" bytes_per_change) <= 1.00"
    check "F: 1.3 bytes per change at 0.9 %" "$(A1 "$f" bytes_per_change) <= 1.30"
    check "X: 0.87 bytes per change at 2.3 %" "$(A3 "$x" bytes_per_change) <= 0.87"
    check "F: 1.12 bytes per change at 2.3 %" "$(A3 "$f" bytes_per_change) <= 1.12"
    check "X: half of the best peer's bytes" \
        "2 * $(A1 "$x" bytes_per_change) <= $(A1 gap+xor+zstd bytes_per_change)"
    check "X: encoded within 1.8 copies of the weights" "$(A1 "$x" encode_x_1t) <= 1.8"
    check "F: encoded within 1.8 copies" "$(A1 "$f" encode_x_1t) <= 1.8"
    check "X: decoded and written within 1.5 copies at 0.9 %" "$(A1 "$x" patch_x_1t) <= 1.5"
    check "F: within 0.6 at 0.9 %" "$(A1 "$f" patch_x_1t) <= 0.6"
    check "X: within 2.5 at 2.3 %" "$(A3 "$x" patch_x_1t) <= 2.5"
    check "F: within 1.5 at 2.3 %" "$(A3 "$f" patch_x_1t) <= 1.5"
    for column in encode_2t_over_1t patch_2t_over_1t; do
        check "X: two threads 1.9 times as fast ($column)" "$(A1 "$x" $column) >= 1.9"
        check "F: two threads 1.9 times as fast ($column)" "$(A1 "$f" $column) >= 1.9"
    done
    for patch in "patch X" "patch F"; do
        check "$patch: a digest kept costs 0.3 copies at most" \
            "$(operation "$patch, digest kept") <= $(operation "$patch") + 0.3"
    done
    check "commit of a staged delta: 0.6 copies at most" "$(operation "commit of the list") <= 0.6"
    check "with a second copy of the weights: under 1 ms" \
        "$(cell operations A1@240 "commit, two copies" ms_1t) < 1"
    table=$results/trillion.tsv
    for density in 0.3 1; do
        check "1e12 parameters, $density % changed: memory is flat (within 5 %)" \
            "$(column rss_mib_end "$density %") <= 1.05 * $(column rss_mib_middle "$density %")"
    done
} > >(tee $results/checks.txt)
echo "$results/bytes_per_change.png $results/times.png"
exit $failed
