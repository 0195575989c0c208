#!/usr/bin/env bash
# restart.sh DIR [SECONDS]: kills the gateway alone (SIGKILL), leaves clients without one for so
# long (0), and starts it again with everything it had acknowledged.
set -euo pipefail
. "$(dirname "$0")/server.sh"
[ -e "${1:-}/place" ] || { say "no server in '${1:-}'"; exit 2; }
end "$1" gateway
sleep "${2:-0}"
start_gateway "$1"
