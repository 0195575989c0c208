# Sourced by the run.sh files: where results go and how a number is read from a summary.

# value SUMMARY.json NAME
value() { sed -n "s/^ *\"$2\": *\([^,]*\),*$/\1/p" "$1"; }

machine() {
    local changed=
    [ -z "$(git status --porcelain --untracked-files=normal -- . ':!experiments/*/results')" ] || changed=+
    echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(nproc) cores, $(date +%F)," \
        "commit $(git rev-parse --short HEAD)$changed"
}

# show TABLE.tsv, aligned
show() { expand -t "${2:-16}" "$1"; }

# check WHAT CONDITION: the awk condition must hold, or the experiment fails saying what.
check() {
    awk "BEGIN { exit !($2) }" && echo "holds: $1" || { echo "DOES NOT HOLD: $1 ($2)"; failed=1; }
}
failed=0

# mean NUMBER... with four decimals
mean() { printf '%s\n' "$@" | awk '{ total += $1 } END { printf "%.4f\n", total / NR }'; }
