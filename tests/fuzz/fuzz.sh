#!/usr/bin/env bash
# Runs the fuzzers, as many at a time as there are cores: fuzz.sh BUILD_FOLDER SECONDS [TARGET]
# What a fuzzer finds new is kept in out/fuzz/TARGET and is where the next run starts; the seeds in
# tests/fuzz/corpus are only read. An input that breaks a promise becomes out/fuzz/TARGET-crash-*
# (or -timeout-, -oom-, -leak-). Exits 1 when there is one.
set -euo pipefail
cd "$(dirname "$0")/../.."

explain() {
    echo "./run fuzz SECONDS [TARGET], TARGET one of: ${targets[*]}" >&2
    exit 2
}

targets=(safetensors delta tile record env_message config envelope games store_reply)
folder=$1
seconds=${2:-}
[[ "$seconds" =~ ^[1-9][0-9]*$ ]] || explain
if [ -n "${3:-}" ]; then
    [[ " ${targets[*]} " == *" $3 "* ]] || explain
    targets=("$3")
fi

limits=(
    -max_len=4096         # what the decoders repeat after 4 KiB, they did before
    -timeout=10           # seconds; an input of 4 KiB takes microseconds
    -rss_limit_mb=1024    # the fuzzer's own memory grows with what it finds
    -malloc_limit_mb=64   # at once: nothing is allocated by what 4 KiB claim
)

run_one() {
    local target=$1 dictionary=safetensors
    [ -e "tests/fuzz/$target.dict" ] && dictionary=$target
    local options=()
    [ "$target" = tile ] || options=("-dict=tests/fuzz/$dictionary.dict") # tiles have no words
    mkdir -p "out/fuzz/$target"
    nice -n 19 "$folder/bin/fuzz_$target" "${limits[@]}" "${options[@]}" -print_final_stats=1 \
        -max_total_time="$seconds" -artifact_prefix="out/fuzz/$target-" \
        "out/fuzz/$target" "tests/fuzz/corpus/$target" >"out/fuzz/$target.log" 2>&1
}

# statistic TARGET NAME: a number from the end of the target's log, or ? after a crash.
statistic() {
    local line
    line=$(grep "^stat::$2:" "out/fuzz/$1.log" || true)
    echo "${line:+${line##* }}"
}

mkdir -p out/fuzz
for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    rm -f "out/fuzz/$target.broken"
    { run_one "$target" || touch "out/fuzz/$target.broken"; } &
done
wait
broken=0
for target in "${targets[@]}"; do
    verdict=clean
    if [ -e "out/fuzz/$target.broken" ]; then
        broken=1
        verdict="BROKEN: see out/fuzz/$target.log"
    fi
    executions=$(statistic "$target" number_of_executed_units)
    found=$(statistic "$target" new_units_added)
    echo "fuzz $target | ${executions:-?} executions in $seconds s | ${found:-?} new units | $verdict"
done
exit "$broken"
