# shellcheck shell=bash
# What the scripts have in common that run in an emulated machine, whose host is one of a namespace "switch" away: bash
# that ends at the first step that fails, words for the peer's side, and waits with a limit. They source it, having
# defined show_state(): what to show of a failure besides the journal.
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
limit_s=90

trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
step() { echo "== $*"; }
fail() {
    echo "$*"
    show_state
    journalctl -b --no-pager | tail -n 80
    exit 1
}
there() { ip netns exec switch "$@"; }
bound() { ipmpstat -an -P -o address,inbound | sed -n 's/^192\.0\.2\.1://p'; }
moved_from() { [[ $(bound) != "$1" ]]; }
await() {
    local deadline=$((SECONDS + limit_s))
    until "$@"; do
        sleep 0.2
        ((SECONDS < deadline)) || fail "not within $limit_s s: $*"
    done
}
