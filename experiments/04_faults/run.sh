#!/usr/bin/env bash
# Breaks real runs on a real S3 server (experiments/s3_server) in every way of the table, and counts
# what was lost. Arguments go to fault_runs: --repetitions 2 tries all of it in minutes, --only SCENARIO
# one row, --seed N other moments. The clock's scenario takes Debian's faketime.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

results=experiments/04_faults/results
case " $* " in
    *" --only"* | *" --repetitions"* | *" --list"*) results=out/faults ;;  # no whole table
esac
build/bin/fault_runs --results $results/faults.tsv --note "$(machine)" --side-by-side 3 "$@"
case " $* " in *" --list"*) exit ;; esac

table=$results/faults.tsv
for row in $(awk '/^game_/ { print $1 }' $table); do
    check "$row: every trainer went back to its checkpoint" \
        "$(column rollbacks $row) == $(column repetitions $row)"
done
exit $failed
