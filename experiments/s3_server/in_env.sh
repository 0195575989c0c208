#!/usr/bin/env bash
# in_env.sh DIR COMMAND...: runs the command with the environment of the server in DIR, or with what
# there is when none runs.
set -euo pipefail
if [ -e "$1/env" ]; then
    . "$1/env"
    export DWS_S3_DIR=$1
fi
shift
exec "$@"
