#!/usr/bin/env bash
# The published measurements of a weight sync at Qwen3-0.6B, on one machine: real GRPO steps, their
# versions in every format, the sync phase by phase, with and without a trainer at work, and over
# two slow links.
#
#   run.sh [--model DIR] [--bucket URI] [--steps N] [--quick]
#
#   --model DIR    a checkpoint's folder with its tokenizer.json; random weights otherwise
#   --bucket URI   a store of your own; an S3 server of this script's otherwise
#   --steps N      optimizer steps at learning rate 1e-6 (40); half as many at 3e-6
#   --quick        a model of 4 million weights instead: all of it in a minute, numbers of no use
#
# Exit 77: the S3 server's packages are missing. Without root the links are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
. experiments/common.sh
here=experiments/06_qwen3_sync
export bin=$PWD/build/bin out=$PWD/out/qwen3_sync
model= bucket= steps= quick=
while [ $# -gt 0 ]; do
    case "$1" in
        --model | --bucket | --steps)
            [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
            declare "${1#--}=$2"
            shift
            ;;
        --quick) quick=yes ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift
done

settings=()
what="Qwen3-0.6B's shapes, random weights"
gib=16 idle_s=42 rounds=2 every_s=5 dense=4 link_syncs=8 link_dense=1
if [ -n "$quick" ]; then
    what="a small model (quick)"
    settings+=(--set model.config=small/config.json --set worker.groups_ahead_max=8)
    gib=2 idle_s=3 rounds=1 dense=2 link_syncs=2
    steps=${steps:-12}
fi
if [ -n "$model" ]; then
    model=$(cd "$model" && pwd)
    what="the checkpoint $(basename "$model")"
    settings+=(--set model.config="$model" --set model.checkpoint="$model"
        --set model.tokenizer="$model/tokenizer.json")
fi
steps=${steps:-40}
results=$here/results
[ -z "$quick" ] || results=out/qwen3_sync/results

finish() {
    [ ! -e "$out/s3/place" ] || experiments/s3_server/down.sh "$out/s3" || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$out"
mkdir -p "$out" "$results"
note=$(machine)
label=$(date +%s) # of the runs in the bucket, which may hold earlier ones

# store: a fresh one, so that its memory holds one part's objects only.
store() {
    [ -z "$bucket" ] || { uri=$bucket; return; }
    finish
    experiments/s3_server/up.sh "$out/s3" --gib $gib --owner $$ >/dev/null
    . "$out/s3/env"
    uri=$DWS_S3_URI
}

# train LEARNING_RATE STEPS: a run, its versions copied here, and what they take in every format.
train() {
    local folder=$out/train-$1 run=qwen3-$1-$label
    "$bin/launch_loop" --config $here/qwen3.yaml --out "$folder" --bucket "$uri" --workers 1 \
        --no-evaluation --timeout-s 14400 "${settings[@]}" --set run.name="$run" \
        --set trainer.learning_rate="$1" --set trainer.steps="$2"
    "$bin/bench_qwen3_sync" copy --from "$uri" --run "$run" --to "$out/recorded"
    "$bin/bench_qwen3_sync" sizes --from "$out/recorded" --run "$run" --out "$folder/sizes.tsv" \
        --note "$note"
    recorded_run=${recorded_run:-$run}
    trained+=(--trained "$1=$folder")
}

# replay NAME ENCODING FLAGS [ARGUMENT...]: its versions again, without a trainer, while the worker
# plays. FLAGS are version_replay's; arguments go to launch_loop.
replay() {
    local name=$1 encoding=$2 flags=$3
    shift 3
    "$bin/launch_loop" --config $here/qwen3.yaml --out "$out/replay-$name" --bucket "$uri" \
        --workers 1 --no-evaluation --timeout-s 7200 --trainer version_replay "${settings[@]}" \
        --set run.name="replay-$name-$label" --set sync.encoding="$encoding" \
        --set trainer.threads=1 --set worker.groups_ahead_max=1000000 \
        --set worker.staleness_max_steps=1000000 \
        --flags-for "trainer=--from $out/recorded --from-run $recorded_run $flags" "$@"
    replays+=(--replay "$name=$out/replay-$name")
}

recorded_run= trained=() replays=()
store
train 1e-6 "$steps"
train 3e-6 $((steps / 2))

store
stretches="--rounds $rounds --quiet-s $idle_s --busy-s $idle_s" # 42 s are six games' length
# The worker's machine would be its own: the publisher takes what it leaves of this one.
replay_beside() { replay "$@" --prefix "trainer=nice -n 19"; }
replay_beside loopback-ours auto "$stretches"
replay_beside loopback-raw raw "$stretches"
replay_beside paced-ours auto "$stretches --every-s $every_s"
replay_beside paced-raw raw "$stretches --every-s $every_s"
store
replay_beside loopback-dense auto "--quiet-s $idle_s --syncs $dense --dense"

# over_links RATE: the same over two links, the replayer at one end, the worker at the other, the
# store between. In a shell of its own, which netns_begin ends with 77 where it is not permitted.
on() { echo "$1=ip netns exec $(netns_name "$2")"; }
over_links() {
    local machine address there
    . experiments/netns/netns.sh
    trap 'finish; netns_end' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    netns_begin "$bin" "$out/links"
    for machine in trainer workers storage; do netns_machine $machine; done
    netns_link trainer storage 25 "$1"
    netns_link workers storage 25 "$1"
    address=$(netns_address storage)
    netns_on storage experiments/s3_server/up.sh "$out/s3" --address "$address" --gib $gib --tls \
        --owner $$ >/dev/null
    . "$out/s3/env"
    uri=$DWS_S3_TLS_URI
    there=(--prefix "$(on trainer trainer)" --prefix "$(on worker workers)"
        --prefix "$(on environment workers)" --prefix "$(on doorbell storage)"
        --prefix "$(on verify storage)" --doorbell-inside "tcp://$address:5556"
        --doorbell-outside "tcp://$address:5557" --set keys.insecure=true
        --flags-for "doorbell=--insecure")
    replay "$1mbit-ours" auto "--syncs $link_syncs" "${there[@]}"
    replay "$1mbit-raw" raw "--syncs $link_syncs" "${there[@]}"
    replay "$1mbit-dense" auto "--syncs $link_dense --dense" "${there[@]}"
}
if [ -z "$bucket" ]; then
    for rate in 1000 100; do
        finish
        set +e
        (set -e; over_links $rate)
        status=$?
        set -e
        [ $status -ne 77 ] || { echo "without links: not permitted here"; break; }
        [ $status -eq 0 ] || exit $status
        for name in ours raw dense; do
            replays+=(--replay "${rate}mbit-$name=$out/replay-${rate}mbit-$name")
        done
    done
fi

processor=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | tr -cs 'A-Za-z0-9\n' ' ' | xargs)
json=$results/$(date +%F)-$(tr ' A-Z' '_a-z' <<<"$processor")-$(nproc)cores.json
"$bin/bench_qwen3_sync" report "${trained[@]}" "${replays[@]}" --out "$json" --folder "$results" \
    --machine "$processor, $(nproc) cores" --date "$(date +%F)" --model "$what" \
    --commit "${note##*commit }"
gnuplot -e "folder='$results'" $here/plot.gp
cat "$results/table.md"

# each NAME CONDITION WHAT: of every number of that name, of all runs, as x. None is a failure.
each() {
    local x all=
    for x in $(value "$json" "$1"); do all="${all:+$all && }${2//x/$x}"; done
    check "$3" "${all:-0}"
}
# field NAME: of the whole run at the first learning rate.
field() { value "$json" "$1" | head -n 1; }
{
    echo "# $note"
    each raw_bytes_per_change "x >= 5.88 && x <= 6.12" \
        "raw payload: 6.0 bytes per changed weight, within 2 %"
    each raw_over_ours "x >= 4" "ours at least 4 times smaller than raw"
    check "pause under 100 ms, the trainer at work" "$(field pause_ms_p50) < 100"
    check "pause under 100 ms, the trainer idle" "$(field idle_pause_ms_p50) < 100"
    check "a sync on loopback under 1.5 s, the trainer at work" "$(field sync_ms_p50) < 1500"
    check "a sync on loopback under 1.5 s, the trainer idle" "$(field idle_sync_ms_p50) < 1500"
    check "generation with a version every $every_s s within 10 % of none" \
        "$(field generation_ratio_ours) >= 0.9"
    check "generation with versions without a break within 10 % of none" \
        "$(field generation_ratio_without_breaks) >= 0.9"
    each digests_failed "x == 0" "no digest failed, in any run"
    each digests_checked "x > 0" "digests were checked, in every run"
    each zero_variance_share "x <= 0.5" "at most half of the groups have no variance"
} > >(tee "$results/checks.txt")
echo "$json $results/table.md $results/changed.png $results/payload.png $results/timeline.png"
[ -n "$quick" ] || exit $failed
