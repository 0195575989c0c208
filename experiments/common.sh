# Sourced by the run.sh files: runs of the demo's loop, and the tables made of their summaries.

# value SUMMARY.json NAME
value() { sed -n "s/^ *\"$2\": *\([^,]*\),*$/\1/p" "$1"; }

machine() {
    local changed=
    [ -z "$(git status --porcelain --untracked-files=normal -- . ':!experiments/*/results')" ] || changed=+
    echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(nproc) cores, $(date +%F)," \
        "commit $(git rev-parse --short HEAD)$changed"
}

# sum NUMBER...
sum() { printf '%s\n' "$@" | awk '{ total += $1 } END { print total }'; }

# check WHAT CONDITION: the awk condition must hold, or the experiment fails saying what.
check() {
    awk "BEGIN { exit !($2) }" && echo "holds: $1" || { echo "DOES NOT HOLD: $1 ($2)"; failed=1; }
}
failed=0

# begin_table FILE LABELS COLUMNS: labels name a row, columns are numbers of its summary.
begin_table() {
    table=$1
    columns=$3
    mkdir -p "$(dirname "$table")"
    echo "# $(machine)" >"$table"
    echo "$2 $3" | tr ' ' '\t' >>"$table"
}

# launch_row OUT LABELS [FLAG...]: one run of the demo's loop, and its row.
launch_row() {
    local out=$1 labels=$2 column
    shift 2
    build/bin/launch_loop --config experiments/01_wordle_tiny/demo.yaml --out "$out" \
        --picture experiments/curves.gp "$@"
    {
        echo -n "$labels" | tr ' ' '\t'
        for column in $columns; do printf '\t%s' "$(value "$out/summary.json" "$column")"; done
        echo
    } >>"$table"
}

# column NAME [LABEL]: that column of the table's rows, or of those whose first label it is.
column() {
    awk -F '\t' -v name="$1" -v label="${2:-}" '
        /^#/ || NF < 2 { next }
        !at { for (i = 1; i <= NF; ++i) if ($i == name) at = i; next }
        label == "" || $1 == label { print $at }' "$table"
}

# mean NUMBER... with four decimals
mean() { printf '%s\n' "$@" | awk '{ total += $1 } END { printf "%.4f\n", total / NR }'; }
