#!/bin/bash
# Runs in the machine that test_stranger.py boots, after network-online.target; the first step that fails ends it.
#
#   host (eth0, eth1) --- sw0, a bridge in the namespace "switch", which is the router 192.0.2.254 as well
#
#   stranger.sh MANAGER first      eth0 is MANAGER's; what the guide says (/guide) makes a group of it and eth1
#   stranger.sh MANAGER rebooted   with the files that are there now
#
# MANAGER: systemd-networkd or ifupdown.
manager=$1 boot=$2
show_state() {
    ip -br addr; ip route; ipmpstat -i; ipmpstat -an; [[ $manager == ifupdown ]] || networkctl --no-pager list
}
# shellcheck source=tests/packages/in_machine.sh
. /in_machine.sh

cut() { there ip link set "port-$1" down; }
heal() { there ip link set "port-$1" up; }
group_is() { [[ $(ipmpstat -gP -o state) == "$1" ]]; }

# A command of the guide, its status, and what each of the lines it prints is to hold. Times are as may be.
squeeze() { tr -s ' \t' ' ' | sed -E 's/\b[0-9]+\.[0-9]{2}s/N.NNs/'; }
follow() {
    local command=$1 status=$2 deadline=$((SECONDS + limit_s)) result line missing
    shift 2
    echo "# $command"
    while true; do
        result=0 missing=
        bash -c "$command" </dev/null >/tmp/shown 2>&1 || result=$?
        ((result == status)) || missing="status $status but $result"
        for line in "$@"; do
            squeeze </tmp/shown | grep -qF -- "$(squeeze <<<"$line")" || missing=$line
        done
        [[ -n $missing ]] || return 0
        (($# > 0 && SECONDS < deadline)) || fail "$(cat /tmp/shown): not: $missing"
        sleep 0.5
    done
}

# The session: numbered messages each way, 20 a second.
begin_session() {
    coproc METER { /meter tcp /proc/1/ns/net 192.0.2.1 /run/netns/switch 192.0.2.254 20; }
    exec 7<&"${METER[0]}" 8>&"${METER[1]}"  # subshells have these, too
    read -r -t 60 -u 7 _
}
report() {
    local answer
    echo "$1" >&8
    read -r -t 60 -u 7 answer
    echo "$answer"
}
received() { report report | grep -o '"received":[0-9]*' | head -n 1 | grep -o '[0-9]*'; }
goes_on() { (($(received) >= $1)); }
await_session() { await goes_on $(($(received) + 40)); }
end_session() {
    await_session
    local told
    told=$(report stop)
    echo "$told"
    [[ $told == *'"error":null'* ]] || fail "the session broke"
    [[ $(grep -o '"missing":0,' <<<"$told" | wc -l) == 2 ]] || fail "the session lost something"
}

# networkd has nothing to do with the members and ipmp0; ifupdown knows what it has brought up.
is_as_told() {
    if [[ $manager == ifupdown ]]; then
        [[ $(ifquery --state | sort | tr '\n' ' ') == "eth0=eth0 eth1=eth1 ipmp0=ipmp0 lo=lo " ]]
    else
        [[ $(networkctl --no-legend | awk '$2 ~ /^(eth|ipmp)/ { print $NF }' | sort -u) == unmanaged ]]
    fi
}
restart_manager() {
    if [[ $manager == ifupdown ]]; then
        systemctl restart networking.service
    else
        systemctl restart systemd-networkd.service
        networkctl reload
    fi
    await is_as_told
}
is_whole() {
    await group_is ok
    local data targets
    data=$(ipmpstat -an -P -o address | grep -v fe80)
    targets=$(ipmpstat -tnP -o interface,testaddr,targets | grep 192)
    [[ $data == $'192.0.2.1\n192.0.2.2' ]] || fail "the data addresses are others"
    [[ $(ip -o route show default) == "default via 192.0.2.254 dev ipmp0"* ]] || fail "the default route is another"
    [[ $(ip route show default | wc -l) == 1 ]] || fail "there are more default routes"
    [[ $targets == $'eth0:192.0.2.21:192.0.2.254\neth1:192.0.2.22:192.0.2.254' ]] || fail "the targets are others"
    is_as_told || fail "$manager manages something else"
}
cut_and_heal() {
    local former
    former=$(bound)
    cut "$former"
    await moved_from "$former"
    await_session
    heal "$former"
    await group_is ok
}

step "boot: $(systemctl --version | head -n 1), Linux $(uname -r)"
systemctl is-active --quiet network-online.target || fail "the network is not online"
if [[ $boot == first ]]; then
    [[ $(ip -br addr show eth0) == *192.0.2.1/24* ]] || fail "eth0 is not in use"
    begin_session
    await_session
    step "the guide"
    # shellcheck disable=SC1091
    . /guide
    is_whole
    await_session

    step "$manager is restarted"
    restart_manager
    is_whole
    cut_and_heal
    is_whole
    end_session
    step "all is well"
    step "/etc"
    tar -C / -cz etc | base64
else
    if [[ $manager == systemd-networkd ]]; then
        systemctl is-active --quiet ipmp-wait-online.service || fail "nobody waited for the group"
        systemctl is-active --quiet systemd-networkd.service || fail "networkd does not run"
    fi
    [[ -z $(systemctl --failed --plain --no-legend) ]] || fail "$(systemctl --failed)"
    is_whole
    begin_session
    await_session
    restart_manager
    cut_and_heal
    is_whole
    step "back again"
    # shellcheck disable=SC1091
    . /back
    end_session
    step "all is well"
fi
