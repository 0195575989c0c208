#!/usr/bin/env bash
# down.sh DIR [--keep]: ends the server that up.sh started there, and removes what it left unless
# told to keep it. A server that has ended already is no failure.
set -euo pipefail
. "$(dirname "$0")/server.sh"
[ -n "${1:-}" ] || { say "which folder?"; exit 2; }
end_all "$1"
[ "${2:-}" = --keep ] || ! [ -e "$1/ceph.conf" ] || rm -rf -- "$1"
