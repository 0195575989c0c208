#!/usr/bin/env bash
# Games on one environment, and followers of one run, until the machine is the limit.
# --quick tries it in a minute; its numbers mean little and go to out/load_quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh

results=experiments/05_load/results
out=$PWD/out/load
seconds=8 versions=30
[ "${1:-}" != --quick ] || { seconds=3 versions=10 results=out/load_quick; }
bench() { build/bin/bench_load --out "$out" --table "$table" --label "$1" "${@:2}"; }
server=
finish() { [ -z "$server" ] || experiments/s3_server/down.sh "$server" || true; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$out"
mkdir -p "$out"

begin_table $results/sessions.tsv "pace sessions" "sockets think_ms requests_per_s p50_ms p99_ms max_ms \
processor_us_per_request rss_mib_before rss_mib requests games"
for sessions in 256 2000; do
    bench flat_out sessions --config experiments/01_wordle_tiny/demo.yaml --sessions $sessions \
        --seconds $seconds
    # A player that thinks: 1,000 requests per second from 256 sessions, 8,000 from 2,000.
    bench thinking sessions --config experiments/01_wordle_tiny/demo.yaml --sessions $sessions \
        --seconds $seconds --think-ms 250
done

begin_table $results/followers.tsv "bucket followers" "commits publish_p50_ms publish_p99_ms \
commit_p50_ms commit_p99_ms last_p50_ms last_p99_ms calls_per_commit processor_ms_per_commit \
rescans failures"
bench folder followers --bucket "$out/bucket" --versions $versions --followers 1,10,100
# What it costs that each follower writes down the newest record it has accepted, flushed to disk.
bench folder_no_memory followers --bucket "$out/bucket_no_memory" --no-memory --versions $versions \
    --followers 1,10,100
status=0
experiments/s3_server/up.sh "$out/s3" --owner $$ || status=$?
case $status in
    0)
        server=$out/s3
        . "$server/env"
        bench s3 followers --bucket "$DWS_S3_URI" --versions $versions --followers 1,10,100
        ;;
    77) echo "SKIPPED: the followers of a bucket in an S3 server" ;;
    *) exit $status ;;
esac
gnuplot -e "folder='$results'" experiments/05_load/plot.gp

cat $results/sessions.tsv $results/followers.tsv
# cell FILE LABEL COUNT COLUMN
cell() {
    awk -F '\t' -v label="$2" -v count="$3" -v column="$4" '
        /^#/ { next }
        !at { for (i = 1; i <= NF; ++i) if ($i == column) at = i; next }
        $1 == label && $2 == count { print $at }' "$results/$1.tsv"
}
{
    echo "# $(machine)"
    for sessions in 256 2000; do
        check "$sessions sessions that think are answered within 50 ms (p99)" \
            "$(cell sessions thinking $sessions p99_ms) < 50"
        check "a session of $sessions takes less than 8 KiB of the server" \
            "$(cell sessions flat_out $sessions rss_mib) - $(cell sessions flat_out $sessions rss_mib_before) \
< $sessions * 8 / 1024 + 1"
    done
    for bucket in $(awk -F '\t' '!/^#/ && $2 == 100 { print $1 }' $results/followers.tsv); do
        check "$bucket: 100 followers commit within 10 times the time of one (p50)" \
            "$(cell followers $bucket 100 commit_p50_ms) <= 10 * $(cell followers $bucket 1 commit_p50_ms)"
        check "$bucket: of 100 followers the slowest one in a hundred takes less than the 500 ms to the next" \
            "$(cell followers $bucket 100 commit_p99_ms) < 500"
        check "$bucket: every version reached every follower, and was proven there" \
            "$(cell followers $bucket 100 failures) == 0 && \
$(cell followers $bucket 100 commits) == 100 * $versions"
    done
} > >(tee $results/checks.txt)
echo "$results/load.png"
exit $failed
