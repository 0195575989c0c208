#!/usr/bin/env bash
# An S3 server for tests: Ceph's object gateway with one monitor and one store in memory, all on
# this machine, under DIR. Ready in about three seconds; needs no root, no service, no container.
#
#   up.sh DIR [--port N] [--tls] [--address A] [--gib N] [--owner PID] [--like DIR]
#
#   --port N      of the gateway; free ones are chosen otherwise, so that several servers run at once
#   --tls         a second port with TLS, from an authority made for it: DIR/ca.pem
#   --address A   the gateway listens there instead of 127.0.0.1, the only address otherwise used
#   --gib N       what the store may hold, in memory (4)
#   --owner PID   ends the server when that process has ended, however it ended; `parent`: the caller
#   --like DIR    with the keys of the server there, instead of fresh ones
#
# Prints one line, the bucket's address for a config. DIR/env has that and fresh random keys.
# Exit 77: the packages are missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/server.sh"

dir=${1:-}
[ -n "$dir" ] && [ "${dir#-}" = "$dir" ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
shift
address=127.0.0.1 port= tls= gib=4 owner= like=
while [ $# -gt 0 ]; do
    case "$1" in
        --tls) tls=yes ;;
        --port | --address | --gib | --owner | --like)
            [ $# -gt 1 ] || { say "$1 needs a value"; exit 2; }
            declare "${1#--}=$2"
            shift
            ;;
        *) say "unknown option $1"; exit 2 ;;
    esac
    shift
done
[ "$owner" != parent ] || owner=$PPID
needs_packages
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
for part in monitor store gateway; do
    ! is_running "$dir" $part || { say "a server runs in $dir; down.sh $dir ends it"; exit 2; }
done
[ ! -e "$dir/ceph.conf" ] || "$here/down.sh" "$dir"  # what a killed one left
mkdir -p "$dir"

# Below the ports that the kernel lends to outgoing connections. Another process may take the port
# before its server does; the server then says so and ends.
free_port() {
    local candidate
    while :; do
        candidate=$((10000 + (RANDOM * 32768 + RANDOM) % 20000))
        accepts "$1" $candidate || break
    done
    echo $candidate
}
port=${port:-$(free_port "$address")}
monitor_port=$(free_port 127.0.0.1)
tls_port=${tls:+$(free_port "$address")}

cleanup() {
    [ -n "${is_up:-}" ] || end_all "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

umask 077
id=$(cat /proc/sys/kernel/random/uuid)
# Loopback alone, but for the gateway. The paxos waits are what makes the start quick, tcp_nodelay
# what makes a small GET take 1 ms instead of 45; the gateway's upkeep threads have nothing to do
# in a store this young.
cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $id
mon host = v2:127.0.0.1:$monitor_port
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
keyring = $dir/keyring
auth allow insecure global id reclaim = false
run dir = $dir
admin socket =
crash dir = $dir
log file =
log to stderr = true
err to stderr = true
log to file = false
mon cluster log to file = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
paxos propose interval = 0.02
paxos min wait = 0.01
debug default = 0
[mon]
mon data = $dir/monitor
mon data avail warn = 2
mon data avail crit = 1
[osd]
osd data = $dir/store
osd objectstore = memstore
memstore device bytes = $((gib << 30))
[client.rgw]
rgw frontends = beast endpoint=$address:$port tcp_nodelay=1\
${tls:+ ssl_endpoint=$address:$tls_port ssl_certificate=$dir/server.pem ssl_private_key=$dir/server.key}
rgw thread pool size = 64
rgw dns name = localhost
rgw run sync thread = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw enable usage log = false
CONF
printf 'S3_ADDRESS=%s\nS3_PORT=%s\nS3_TLS_PORT=%s\n' "$address" "$port" "$tls_port" >"$dir/place"

make_certificate() {
    local name=DNS:localhost,DNS:*.localhost,IP:$address quiet
    quiet=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=test authority" -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>&1 &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=test server" \
            -keyout "$dir/server.key" -out "$dir/server.csr" 2>&1 &&
        openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days 30 \
            -CAcreateserial -extfile <(echo "subjectAltName=$name") -out "$dir/server.pem" 2>&1) || {
        say "no certificate: $quiet"
        return 1
    }
}
[ -z "$tls" ] || make_certificate

export CEPH_CONF=$dir/ceph.conf
key() { ceph-authtool "$dir/keyring" --gen-key "$@" >>"$dir/setup.log" 2>&1; }
ceph-authtool "$dir/keyring" --create-keyring >"$dir/setup.log" 2>&1
key -n mon. --cap mon 'allow *'
key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'
key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'

mkdir "$dir/monitor" "$dir/store"
monmaptool --create --addv a "[v2:127.0.0.1:$monitor_port]" --fsid "$id" "$dir/monitor.map" \
    >>"$dir/setup.log" 2>&1
ceph-mon -i a --mkfs --monmap "$dir/monitor.map" --keyring "$dir/keyring" >>"$dir/setup.log" 2>&1
start "$dir" monitor ceph-mon -f -i a
[ -z "$owner" ] || start "$dir" keeper bash "$here/keep.sh" "$dir" "$owner"

store_id=$(cat /proc/sys/kernel/random/uuid)
wait_for "$dir" monitor 30 "the monitor admits a store" ceph --connect-timeout 5 osd new "$store_id"
ceph-osd -i 0 --mkfs --osd-uuid "$store_id" >>"$dir/setup.log" 2>&1
start "$dir" store ceph-osd -f -i 0
store_is_up() { ceph --connect-timeout 5 osd stat 2>/dev/null | grep -q ' 1 up'; }
wait_for "$dir" store 30 "the store is up" store_is_up
start_gateway "$dir"

# One user, with keys that the server draws unless they are given, and one bucket.
given=()
if [ -n "$like" ]; then
    . "$like/env"
    given=("--access-key=$AWS_ACCESS_KEY_ID" "--secret-key=$AWS_SECRET_ACCESS_KEY")
fi
user=$(radosgw-admin user create --uid=dws --display-name=dws "${given[@]}" 2>>"$dir/setup.log")
field() { sed -n "s/^ *\"$1\": \"\(.*\)\",*\$/\1/p" <<<"$user" | sed 's|\\/|/|g'; }
key_id=$(field access_key) secret=$(field secret_key)
curl --silent --show-error --fail --noproxy '*' --config - <<CURL >>"$dir/setup.log" 2>&1
url = "http://$address:$port/dws"
request = PUT
aws-sigv4 = "aws:amz:us-east-1:s3"
user = "$key_id:$secret"
header = "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CURL

uri() { echo "s3://dws?endpoint=$1&region=us-east-1&style=path"; }
{
    echo "export DWS_S3_URI='$(uri "http://$address:$port")'"
    echo "export DWS_S3_ENDPOINT=http://$address:$port"
    if [ -n "$tls" ]; then
        echo "export DWS_S3_TLS_URI='$(uri "https://$address:$tls_port")&ca=$dir/ca.pem'"
        echo "export AWS_CA_BUNDLE='$dir/ca.pem'"
    fi
    echo "export AWS_ACCESS_KEY_ID=$key_id AWS_SECRET_ACCESS_KEY='$secret' AWS_REGION=us-east-1"
    echo "export AWS_EC2_METADATA_DISABLED=true"
    echo "unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"
} >"$dir/env"
is_up=yes
uri "http://$address:$port"
