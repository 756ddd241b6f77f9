"""Peers learn of a rebind whatever gets lost, and switches of a renomination (R-SPR-3, R-SPR-4, design D5 and D12).

              eth0 --- sw0 --- 25 peers, and 25 whose port loses every broadcast and multicast
    host <             |
              eth1 ----+            ipmp0: 192.0.2.1, 192.0.2.2, fd00::1:1 ... fd00::1:3

A peer is a macvlan with addresses, MAC and neighbour entries of its own.
"""

import json
import re
import socket
import struct
import time

import pytest
from crowd import Crowd, sink
from netns import PATIENCE, wait_until
from sniff import mac_text

# With the link-local address of ipmp0 two of either family for each NIC, or one. Their solicited-node groups are none
# of those that the NICs' own link-local addresses have.
DATA4, DATA6 = ["192.0.2.1", "192.0.2.2"], ["fd00::1:1", "fd00::1:2", "fd00::1:3"]
SOLICITED = ["ff02::1:ff01:1", "ff02::1:ff01:2", "ff02::1:ff01:3"]
DATA = [*DATA4, *DATA6]
CROWD = 25  # behind each of two ports
MOVED_WITHIN_MS = 150
QUESTIONS = 7
ASKING_S = 1.9  # 20 + 40 + ... + 640 + 640 ms
GROUP4, GROUP6, STREAM_PORT = "239.1.2.3", "ff15::123", 6002
STREAM_PERIOD_S = 0.01


def build(lab, data=DATA, **switch_options):
    switch = lab.switch(**switch_options)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch)
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/{64 if ':' in address else 24}" for address in data])
    host.sinks = [sink(host.ns, family) for family in (socket.AF_INET, socket.AF_INET6)]
    return host, switch


def rebinds(host):
    """Address -> its last rebind, of those that had one."""
    status = json.loads(host.tool("ipmp", "status", "--json").stdout)
    return {address["address"]: address["rebind"] for address in status["addresses"] if address.get("rebind")}


def bound_to(host, nic):
    return [address for address, row in host.addresses().items() if row["inbound"] == nic]


def nominee(host):
    [name] = [nic for nic, row in host.interfaces().items() if "m" in row["flags"]]
    return name


def speaks_for(frame, address):
    """The frame states where the address is: ARP with it as the sender, or an NA for it, or an NS from it."""
    data = frame.data
    if data[12:14] == b"\x08\x06":
        return data[28:32] == socket.inet_pton(socket.AF_INET, address) if ":" not in address else False
    if ":" not in address or data[12:14] != b"\x86\xdd" or data[20] != 58:
        return False
    own = socket.inet_pton(socket.AF_INET6, address)
    return (data[54] == 136 and data[62:78] == own) or (data[54] == 135 and data[22:38] == own)


@pytest.mark.timing
def test_R_SPR_4_fifty_peers_learn_of_a_rebind_though_half_hear_no_broadcast(lab, say):
    host, switch = build(lab)
    crowds = [Crowd(lab, switch, first, CROWD) for first in (50, 100)]
    for crowd in crowds:
        crowd.greet(DATA)
    switch.set_filter(crowds[1].port, "egress", "drop_group")
    for victim, survivor in (("eth0", "eth1"), ("eth1", "eth0")):
        addresses = [address for address in bound_to(host, victim) if address in DATA]
        assert {":" in address for address in addresses} == {True, False}, "some of each family are to move"
        host.nics[victim].cut()
        wait_until(lambda: all(rebinds(host).get(address, {}).get("peers_moved", 0) >= 2 * CROWD
                               for address in addresses), 3, "the peers have answered")
        for address in addresses:
            result = rebinds(host)[address]
            say(f"{address} to {survivor}: {result['peers_moved']} peers in {result['slowest_answer_ms']} ms")
            assert result["interface"] == survivor
            assert result["peers_asked"] == result["peers_moved"] == 2 * CROWD and result["peers_silent"] == 0
            assert result["slowest_answer_ms"] <= MOVED_WITHIN_MS
            for crowd in crowds:
                assert crowd.believed(address) == {host.nics[survivor].mac}
        line = r"ipmp0: (\d+) peers moved in \d+ ms, 0 silent\n"  # those of a repair a moment ago as well
        wait_until(lambda: any(int(count) >= len(addresses) * 2 * CROWD for count in re.findall(line, host.log())), 5,
                   "the log tells")
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        wait_until(lambda: all({host.inbound(address) for address in data} == {"eth0", "eth1"}
                               for data in (DATA4, DATA6)), 5, "addresses are on both NICs again")


def test_R_SPR_4_a_peer_that_is_off_costs_seven_frames_and_the_old_nic_is_quiet(lab):
    """The NIC goes offline, so it could speak still. The answering peer gets one question, the other all of them."""
    host, switch = build(lab)
    here, off = Crowd(lab, switch, 50, count=1), Crowd(lab, switch, 100, count=1)
    for crowd in (here, off):
        crowd.greet(DATA)
    [here_mac], [off_mac] = here.macs.values(), off.macs.values()
    switch.ns.run("ip", "link", "set", off.port, "down")
    moving = [address for address in bound_to(host, "eth0") if address in DATA]
    sniffers = {name: nic.sniff("arp or icmp6") for name, nic in host.nics.items()}
    host.tool("if_mpadm", "-d", "eth0")
    wait_until(lambda: all(rebinds(host).get(address, {}).get("peers_silent") == 1 for address in moving), 5,
               "the silent peer is given up")
    until = time.monotonic() + ASKING_S  # as long again: long enough for a question too many
    while time.monotonic() < until:
        assert all(rebinds(host)[address]["peers_moved"] == 1 for address in moving)

    for address in moving:
        said = [frame.data for frame in sniffers["eth1"].frames() if not frame.outgoing and speaks_for(frame, address)]
        to_off = [frame for frame in said if mac_text(frame[:6]) == off_mac]
        assert len(to_off) == QUESTIONS, address
        assert any(mac_text(frame[:6]) == here_mac for frame in said)
        assert {mac_text(frame[6:12]) for frame in said} == {host.nics["eth1"].mac}
        assert not [frame for frame in sniffers["eth0"].frames() if not frame.outgoing and speaks_for(frame, address)]
        assert here.believed(address) == {host.nics["eth1"].mac}


class Listener:
    """A program on the host that has joined one group of each family, and hears their streams of numbers."""

    def __init__(self, host):
        index = host.ns.link("ipmp0")["ifindex"]
        self.ends = []
        for family in (socket.AF_INET, socket.AF_INET6):
            with host.ns.entered():
                end = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET:
                end.bind((GROUP4, STREAM_PORT))
                request = struct.pack("=4s4si", socket.inet_aton(GROUP4), bytes(4), index)
                end.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            else:
                end.bind((GROUP6, STREAM_PORT))
                request = struct.pack("=16si", socket.inet_pton(family, GROUP6), index)
                end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
            end.settimeout(0)
            self.ends.append(end)
        self.numbers = [[], []]

    def listen(self):
        """What has come so far of each stream."""
        for end, numbers in zip(self.ends, self.numbers):
            try:
                while True:
                    numbers.append(int(end.recv(100)))
            except BlockingIOError:
                pass
        return self.numbers

    def wait_for_more(self, count=50):
        heard = [len(numbers) for numbers in self.listen()]
        wait_until(lambda: all(len(numbers) >= before + count for numbers, before in zip(self.listen(), heard)), 10,
                   "both streams play")


IGMPV2_LEAVE, IGMPV3_REPORT = 0x17, 0x22
STREAM = f"""
import itertools, socket, time
ends = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
ends[0].setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.9"))
ends[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("e0"))
for number in itertools.count():
    ends[0].sendto(str(number).encode(), ("{GROUP4}", {STREAM_PORT}))
    ends[1].sendto(str(number).encode(), ("{GROUP6}", {STREAM_PORT}))
    time.sleep({STREAM_PERIOD_S})  # the stream's pace
"""


@pytest.mark.parametrize("igmp_version", [3, 2])
def test_R_SPR_3_a_snooping_switch_moves_streams_and_forgets_the_former_nominee(lab, say, igmp_version):
    """The nominee goes offline and keeps its link. The switch's next query is a minute away. One that speaks IGMP
    version 2 understands no other."""
    host, switch = build(lab, snooping=True, query_interval_s=60, igmp_version=igmp_version)
    switch.ns.ip_batch("link set sw0 type bridge mcast_last_member_interval 25")
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    listener = Listener(host)
    peer.ns.popen("/usr/bin/python3", "-c", STREAM)
    groups = [GROUP4, GROUP6, *SOLICITED]
    ports = {name: nic.port for name, nic in host.nics.items()}

    def only_at(nic):
        return all(switch.listening_ports(group) == {ports[nic]} for group in groups)

    former = nominee(host)
    other = next(name for name in ports if name != former)
    wait_until(lambda: only_at(former), 10, "the switch has learnt")
    switch.forward_only_to_listeners()
    listener.wait_for_more()
    listener.numbers = [[], []]
    listener.wait_for_more()
    wire = host.nics[former].sniff("igmp")
    host.tool("if_mpadm", "-d", former)
    began = time.monotonic()
    wait_until(lambda: nominee(host) == other, 1, "the other NIC is the nominee")
    wait_until(lambda: only_at(other), 5, "the former nominee's port is forgotten")
    types = {frame.data[38] for frame in wire.frames() if not frame.outgoing}
    assert (IGMPV2_LEAVE in types, IGMPV3_REPORT in types) == (igmp_version == 2, igmp_version == 3)
    left_s = time.monotonic() - began
    sniffer = host.nics[former].sniff(f"udp port {STREAM_PORT}")
    listener.wait_for_more()
    listener.wait_for_more()
    say(f"the streams have left the former nominee's port {left_s:.2f} s after the command")
    assert left_s <= 2 * PATIENCE
    assert sniffer.frames() == [], "streams still come to the former nominee"
    for numbers in listener.listen():
        assert numbers == sorted(set(numbers)), "each once, in order"
        gaps = [(left, right) for left, right in zip(numbers, numbers[1:]) if right != left + 1]
        say(f"missing while the nominee changed: {sum(right - left - 1 for left, right in gaps)} of {len(numbers)}")
        assert len(gaps) <= 1
    peer.ns.run("ip", "-6", "neigh", "flush", "dev", "e0")
    assert all(peer.ping(address) for address in DATA6), "solicitations arrive"


@pytest.mark.long
def test_L11_3_a_nic_that_only_receives_is_heard_every_110_seconds(lab, say):
    """Nobody talks to the host. A switch that forgets a MAC after 120 s never forgets one that has addresses."""
    host, _ = build(lab)
    wires = {name: nic.sniff("arp or (icmp6 and ip6[40] == 136)") for name, nic in host.nics.items()}

    def pause_s(name):
        """Between the announcements when the addresses were new and the next one."""
        heard = [frame.at_s for frame in wires[name].frames() if not frame.outgoing]
        return max((later - earlier for earlier, later in zip(heard, heard[1:])), default=0)

    wait_until(lambda: all(pause_s(name) > 60 for name in wires), 150, "each NIC was silent for long and then heard")
    pauses_s = [pause_s(name) for name in wires]
    say(f"heard again after {' and '.join(f'{pause:.1f}' for pause in pauses_s)} s")
    assert all(100 < pause < 120 for pause in pauses_s)
