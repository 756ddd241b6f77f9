#!/bin/bash
# Runs in the machine that test_systemd.py boots, after network-online.target; the first step that fails ends it.
#
#   host (eth0, eth1) --- sw0, a bridge in the namespace "switch", which is the peer 192.0.2.9 as well
show_state() { ipmpstat -i; }
# shellcheck source=tests/packages/in_machine.sh
. /in_machine.sh

main_pid() { systemctl show -p MainPID --value in.mpathd.service; }
restarted() { [[ $(main_pid) != "$1" ]] && ipmp status >/dev/null 2>&1; }
reachable() { there ping -q -c 1 -W 1 192.0.2.1 >/dev/null; }
adopted() { [[ $(ip -br addr show other) == *203.0.113* ]]; }

step "boot: $(systemctl --version | head -n 1), Linux $(uname -r)"
for unit in in.mpathd ipmp-boot ipmp-wait-online; do
    systemctl is-active --quiet $unit.service || fail "$unit is not active"
done
ipmpstat -i
reachable
after=$(systemctl show -p ActiveEnterTimestampMonotonic --value ipmp-wait-online.service)
online=$(systemctl show -p ActiveEnterTimestampMonotonic --value network-online.target)
((online >= after))

step "the daemon is in time: priority and memory by limits, not by capabilities"
chrt -p "$(main_pid)" | tee /dev/stderr | grep -q SCHED_FIFO
awk '/^VmLck/ { print; exit !($2 > 0) }' "/proc/$(main_pid)/status"
grep -E '^(CapBnd|NoNewPrivs|Seccomp):' "/proc/$(main_pid)/status"
systemd-analyze security --no-pager in.mpathd.service | tail -n 1 | tee /dev/stderr | grep -q OK

step "failover"
former=$(bound)
there ip link set "port-$former" down
await moved_from "$former"
reachable
there ip link set "port-$former" up

step "a daemon that is killed, and one that hangs, is started again"
pid=$(main_pid)
kill -KILL "$pid"
await restarted "$pid"
pid=$(main_pid)
kill -STOP "$pid"
await restarted "$pid"

step "a command that needs the daemon starts the service"
ipmp stop
[[ $(systemctl is-active in.mpathd.service) == inactive ]]
/usr/lib/ipmp/bin/ifconfig ipmp0 192.0.2.1/24 up
systemctl is-active --quiet in.mpathd.service

step "a restart under traffic loses nothing"
there ping -q -i 0.1 -c 80 192.0.2.1 >/tmp/ping &
ping=$!
systemctl restart in.mpathd.service
wait $ping
tail -n 2 /tmp/ping
grep -q ' 0% packet loss' /tmp/ping

step "so does an upgrade"
pid=$(main_pid)
there ping -q -i 0.1 -c 150 192.0.2.1 >/tmp/ping &
ping=$!
dpkg -i /higher.deb
restarted "$pid"
wait $ping
tail -n 2 /tmp/ping
grep -q ' 0% packet loss' /tmp/ping

step "systemd-networkd and NetworkManager, which want every link, leave ours alone"
ip link add other type veth peer name another
ip link set another up
systemctl start systemd-networkd.service
await adopted
networkctl --no-pager --no-legend
[[ $(networkctl --no-legend | awk '$2 ~ /^(eth|ipmp)/ { print $NF }' | sort -u) == unmanaged ]]
systemctl stop systemd-networkd.socket systemd-networkd.service
systemctl start NetworkManager.service
nmcli -t -f DEVICE,STATE device
[[ $(nmcli -t -f DEVICE,STATE device | awk -F: '/^(eth|ipmp)/ { print $2 }' | sort -u) == unmanaged ]]
[[ $(nmcli -t -f DEVICE,STATE device) != *other:unmanaged* ]]
systemctl stop NetworkManager.service
ip link del other
[[ $(ip -br addr) != *203.0.113* ]]
await reachable

step "isolation outlives the service"
ipmp isolate ipmp0 on -f
await reachable
[[ $(ip -br link) != *eth0* ]]
systemctl stop in.mpathd.service
reachable
ip netns exec ipmp ip -br link show eth0
systemctl start in.mpathd.service
ipmp isolate ipmp0 off -f
await reachable

step "a lease, by dhcpcd below the same confinement"
there dnsmasq --interface=sw0 --bind-interfaces --port=0 --dhcp-range=192.0.2.100,192.0.2.110,120 \
    --pid-file=/tmp/dnsmasq.pid --leasefile-ro --log-facility=/tmp/dnsmasq
/usr/lib/ipmp/bin/ifconfig eth0 dhcp wait 50
ip -br addr show eth0 | grep -o '192\.0\.2\.1[0-9]*'

kill "$(cat /tmp/dnsmasq.pid)"

step "removal"
DEBIAN_FRONTEND=noninteractive apt-get -y purge ipmp >/tmp/apt 2>&1 || { cat /tmp/apt; exit 1; }
[[ $(ip -br link) != *ipmp* ]]
await reachable
[[ $(systemctl is-active in.mpathd.service) != active ]]
step "all is well"
