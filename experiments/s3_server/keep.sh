#!/usr/bin/env bash
# keep.sh DIR PID: ends the server in DIR when the process PID has ended, or DIR is gone. Started by
# up.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"
begin=$(born "$2")
parts=()
while [ -n "$begin" ] && [ "$(born "$2")" = "$begin" ] && [ -e "$1/ceph.conf" ]; do
    mapfile -t parts < <(cat "$1"/{monitor,store,gateway}.pid 2>/dev/null || true)
    sleep 0.5
done
rm -f "$1/keeper.pid"
[ ! -e "$1/ceph.conf" ] || exec "$here/down.sh" "$1"
for part in "${parts[@]}"; do
    read -r pid begin <<<"$part"
    [ "$(born "$pid")" != "$begin" ] || kill -KILL "$pid" 2>/dev/null || true
done
