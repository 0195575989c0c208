#!/usr/bin/env bash
# Has check_compact.py, a second decoder written from FORMAT_COMPACT.md, decode the golden compact
# delta and 27 new examples: check_compact.sh MAKE_COMPACT [SEED]. MAKE_COMPACT is the program built
# from make_compact.cpp. Exits 77 (ctest: "Skipped") where there is no python3 with numpy, which
# nothing else here needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seed=${2:-20260101}

python=
for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import numpy' 2>/dev/null && { python=$candidate; break; }
done
[ -n "$python" ] || {
    echo "NOT CHECKED: no python3 with numpy (Debian: python3-numpy), so FORMAT_COMPACT.md was not" \
        "compared with what the encoder writes" >&2
    exit 77
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" "$folder" "$seed"
echo "seed $seed"
"$python" "$here/check_compact.py" "$folder"
