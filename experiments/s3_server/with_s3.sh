#!/usr/bin/env bash
# with_s3.sh COMMAND...: runs the command beside an S3 server of its own, with TLS, and ends that
# afterwards. The command's environment has DWS_S3_URI, DWS_S3_TLS_URI, AWS_ACCESS_KEY_ID and the
# rest; its exit code is this script's. 77: the packages are missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/dws-s3-XXXXXX")
command=
finish() {
    [ -z "$command" ] || kill -TERM $command 2>/dev/null || true
    "$here/down.sh" "$dir"
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$here/up.sh" "$dir" --tls --owner $$ >/dev/null
"$here/in_env.sh" "$dir" "$@" &
command=$!
status=0
wait $command || status=$?
command=
exit $status
