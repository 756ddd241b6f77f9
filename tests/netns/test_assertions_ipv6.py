"""The assertions of test_assertions.py for IPv6, and those about multicast, echoes and counters for both families.

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, 192.0.2.2, fd00::1 ... fd00::4
"""

import collections
import socket
import struct
import time

import pytest
from clients import Multicast, Workshop
from netns import PATIENCE, wait_until
from sniff import Sniffer, mac_text
from test_assertions import CONVERGENCE_S, PORT, build, flags, sent
from test_variants import build as build_with_switch

DATA = ["192.0.2.1", "192.0.2.2"]
DATA6 = [f"fd00::{number}" for number in range(1, 5)]
PEER, PEER6 = "192.0.2.9", "fd00::9"
SOLICITATION = 135

Solicitation = collections.namedtuple("Solicitation", "source_mac sender target stated_mac")


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def solicitation_of(frame):
    """The neighbour solicitation in a frame, or None; `stated_mac`: its link-layer address option."""
    data = frame.data
    if data[12:14] != b"\x86\xdd" or data[20] != 58 or data[54] != SOLICITATION:
        return None
    stated = mac_text(data[80:86]) if data[78:80] == b"\x01\x01" else None
    return Solicitation(mac_text(data[6:12]), socket.inet_ntop(socket.AF_INET6, data[22:38]),
                        socket.inet_ntop(socket.AF_INET6, data[62:78]), stated)


def udp6_socket(namespace, address="::", port=0):
    with namespace.entered():
        end = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    end.bind((address, port))
    end.settimeout(3)
    return end


def link_local(namespace, link):
    """Once the kernel knows that nobody else has it."""
    def own():
        return [info["local"] for info in namespace.ip("-6", "addr", "show", "dev", link)[0]["addr_info"]
                if info["local"].startswith("fe80") and not info.get("tentative")]

    [address] = wait_until(own, 5, f"{link} has a link-local address")
    return address


def dealt(host):
    """How many IPv6 addresses, ipmp0's link-local one among them, each NIC has."""
    return collections.Counter(row["inbound"] for address, row in host.addresses().items()
                               if ":" in address and row["state"] == "up")


def test_A1_ipv6_peers_are_spread_and_one_flow_is_not(lab):
    peers = [f"fd00::{number:x}" for number in range(0x101, 0x111)]
    host, peer = build(lab, data=DATA6, peers=[f"{address}/64" for address in [PEER6, *peers]])
    sniffers = {name: nic.sniff(f"udp port {PORT}") for name, nic in host.nics.items()}
    with udp6_socket(host.ns) as end:
        for address in peers:
            end.sendto(b"x", (address, PORT))
    wait_until(lambda: sum(len(sent(sniffer)) for sniffer in sniffers.values()) >= len(peers), 5, "all are on a wire")
    assert all(sent(sniffer) for sniffer in sniffers.values())

    meter = host.meter("udp", DATA6[0], peer)
    flow = {name: nic.sniff(f"src host {DATA6[0]} and udp port {meter.port}") for name, nic in host.nics.items()}
    meter.wait_messages(300)
    report = meter.stop()
    assert sorted(bool(sent(sniffer)) for sniffer in flow.values()) == [False, True]
    for way in ("a_to_b", "b_to_a"):
        assert (report[way]["reordered"], report[way]["missing"], report[way]["duplicated"]) == (0, 0, 0)


def test_A3_a_solicitation_states_and_leaves_by_the_senders_nic(lab):
    targets = [f"fd00::20{number}" for number in range(len(DATA6))]
    host, _ = build(lab, data=DATA6, peers=[f"{address}/64" for address in [PEER6, *targets]])
    sniffers = {name: nic.sniff("icmp6") for name, nic in host.nics.items()}
    assert len({host.inbound(address) for address in DATA6}) == 2
    for address, target in zip(DATA6, targets):
        with udp6_socket(host.ns, address) as end:
            end.sendto(b"x", (target, PORT))
    for address, target in zip(DATA6, targets):
        nic = host.inbound(address)

        def asked(name):
            found = map(solicitation_of, sent(sniffers[name]))
            return [solicitation for solicitation in found if solicitation and solicitation.target == target]

        wait_until(lambda: asked(nic), 3, f"{nic} asks for {target}")
        mac = host.nics[nic].mac
        assert {(found.sender, found.source_mac, found.stated_mac) for found in asked(nic)} == {(address, mac, mac)}
        for other in set(host.nics) - {nic}:
            assert asked(other) == []


def test_A5_ipv6_addresses_are_dealt_evenly_before_and_after_a_failure(lab):
    host, _ = build(lab, data=DATA6)
    total = len(DATA6) + 1

    def even():
        counts = dealt(host)
        return set(counts) == set(host.nics) and max(counts.values()) - min(counts.values()) <= 1

    wait_until(even, 5, "all NICs have as many")
    for victim, other in (("eth0", "eth1"), ("eth1", "eth0")):
        host.nics[victim].cut()
        wait_until(lambda: dealt(host) == {other: total}, 5, f"{other} has all")
        host.nics[victim].heal()
        wait_until(even, 10, "all NICs have as many again")


def test_A8_a_multicast_is_received_and_answered_once(lab):
    host, peer = build(lab, data=DATA6)
    echo, reply = "icmp6 and ip6[40] == 128", "icmp6 and ip6[40] == 129"
    upper = Sniffer(host.ns, "ipmp0", echo)
    answers = host.nics["eth0"].switch.sniff(peer.port, reply)
    wires = {name: nic.sniff(echo) for name, nic in host.nics.items()}

    def multicasts(sniffer):
        return [frame for frame in sniffer.frames() if mac_text(frame.data[0:6]) == "33:33:00:00:00:01"]

    def once(nics):
        for sniffer in [upper, answers, *wires.values()]:
            sniffer.clear()
        assert peer.ns.run("ping", "-n", "-L", "-c", "1", "-W", "1", "ff02::1%e0").returncode == 0
        assert peer.ping(DATA6[0])  # whatever was under way before it has arrived now
        assert len(multicasts(upper)) == 1
        assert len([frame for frame in answers.frames() if mac_text(frame.data[0:6]) == peer.mac]) == 2
        for name in nics:  # each NIC had a copy, so the surplus ones were dropped
            assert multicasts(wires[name]), name

    assert "M" in flags(host, "eth0")
    once(["eth0", "eth1"])
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    assert "M" in flags(host, "eth1")
    once(["eth1"])
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    assert "M" in flags(host, "eth1")  # the role does not go back
    once(["eth0", "eth1"])


def test_A9_what_the_group_sends_to_all_does_not_come_back(lab):
    host, peer = build(lab, data=DATA + DATA6)
    with host.ns.entered():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        index = socket.if_nametoindex("ipmp0")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    end.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
    upper = Sniffer(host.ns, "ipmp0", f"udp port {PORT} or icmp6 or arp")
    wires = {name: nic.sniff(f"udp port {PORT}") for name, nic in host.nics.items()}
    macs = {nic.mac for nic in host.nics.values()} | {host.ns.link("ipmp0")["address"]}
    for round_number in range(4):  # after the first, addresses and nominees move before each
        if round_number:
            victim = host.nics[f"eth{round_number % 2}"]
            victim.cut()
            host.wait_state(victim.name, "failed")
            victim.heal()
            host.wait_ok("ipmp0")
        for sniffer in [upper, *wires.values()]:
            sniffer.clear()
        for destination in ("192.0.2.255", "239.1.2.3"):
            end.sendto(b"x", (destination, PORT))
        end6.sendto(b"x", ("ff15::123", PORT, 0, index))
        wait_until(lambda: sum(frame.outgoing for wire in wires.values() for frame in wire.frames()) >= 3, 5,
                   "the other NIC hears all three")  # at the switch's port they go out, to the NIC
        assert all(peer.ping(address) for address in DATA + DATA6)  # what is under way has arrived
        echoes = [frame.data.hex() for frame in upper.frames()
                  if not frame.outgoing and mac_text(frame.data[6:12]) in macs]
        assert echoes == []
        assert not [info for link in host.ns.ip("-6", "addr") for info in link["addr_info"] if info.get("dadfailed")]
    for link in ("ipmp0", *host.nics):
        assert link_local(host.ns, link)  # their questions whether somebody else has them were not heard as answers
    end.close()
    end6.close()


def reports(sniffer, group):
    """Membership reports that the NIC sent for a group: IGMPv3 or MLDv2."""
    raw = packed(group) if ":" in group else socket.inet_aton(group)

    def is_report(data):
        if data[12:14] == b"\x08\x00":
            return data[23] == 2 and data[14 + 4 * (data[14] & 15)] == 0x22
        return data[12:14] == b"\x86\xdd" and data[20] == 0 and data[54] == 58 and data[62] == 143

    return [frame for frame in sent(sniffer) if is_report(frame.data) and raw in frame.data]


def test_A10_R_SPR_3_streams_outlive_the_nominee_and_it_is_replaced_with_reports(lab):
    """Streams both ways, before, during and after: each datagram once, with one gap for each nominee that dies."""
    groups, broadcast = {"239.1.2.3": 6100, "ff15::123": 6200}, "192.0.2.255"
    host, peer = build(lab, kind="tap", data=DATA + DATA6)
    workshop, seconds, cuts = Workshop(host), 8, 3
    streams = [stream for group, port in {**groups, broadcast: 6300}.items() for stream in (
        Multicast(workshop, f"{group} to us", peer, "e0", host, "ipmp0", group, port, seconds),
        Multicast(workshop, group, host, "ipmp0", peer, "e0", group, port + 1, seconds))]
    for _ in range(cuts):
        [victim] = [nic for nic, row in host.interfaces().items() if "m" in row["flags"]]
        [other] = set(host.nics) - {victim}
        assert "M" in flags(host, victim)
        sniffer = host.nics[other].sniff("igmp or ip6")
        host.nics[victim].cut()
        for group in groups:
            wait_until(lambda: reports(sniffer, group), 2, f"a report about {group} from {other}")
        assert {"m", "b", "M"} <= set(flags(host, other))
        host.wait_state(victim, "failed")
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        sniffer.close()
    assert all(stream.running() for stream in streams), "the streams ended too early: a slow machine"
    assert [f"{stream.name}: {text}" for stream in streams for text in stream.complaints(cuts)] == []


def test_A10_an_ipv6_stream_returns_within_a_second_on_a_switch_that_snoops(lab, say):
    """The switch passes it on to nobody who has not reported, and does not ask again meanwhile."""
    group = "ff15::123"
    host, peer = build_with_switch(lab, data=[*DATA, *DATA6], bridges=1, snooping=True, query_interval_s=60)
    switch = host.nics["eth0"].switch
    stream = Multicast(Workshop(host), "stream", peer, "e0", host, "ipmp0", group, 6200, 4)

    def nominee():
        [name] = [nic for nic, row in host.interfaces().items() if "M" in row["flags"]]
        return name

    wait_until(lambda: switch.listening_ports(group) == {host.nics[nominee()].port}, 10, "the switch has learnt")
    switch.forward_only_to_listeners()
    for _ in range(2):
        victim, began = nominee(), time.monotonic()
        host.nics[victim].cut()
        wait_until(lambda: nominee() != victim, 1, "another NIC is the nominee")
        port = host.nics[nominee()].port
        wait_until(lambda: port in switch.listening_ports(group), CONVERGENCE_S, "the switch knows its port")
        heard = len(stream.numbers())
        wait_until(lambda: len(stream.numbers()) > heard, CONVERGENCE_S, "the stream comes by the other NIC")
        took_s = time.monotonic() - began
        say(f"IPv6 multicast {1000 * took_s:.0f} ms after the nominee failed")
        assert took_s <= CONVERGENCE_S * PATIENCE
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
    stream.process.wait(timeout=30)
    numbers = stream.numbers()
    assert numbers == sorted(set(numbers)), "each once, in order"


def fragments6(peer, destination, macs, payload):
    """One UDP datagram over IPv6 as frames of fragments, each to the next of `macs`."""
    addresses = packed(PEER6) + packed(destination)
    length = 8 + len(payload)
    words = struct.pack("!16s16sIIHHHH", addresses[:16], addresses[16:], length, 17, PORT, PORT, length, 0) + payload
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total >> 16) + (total & 0xffff)
    datagram = struct.pack("!HHHH", PORT, PORT, length, ~total & 0xffff or 0xffff) + payload
    frames, size = [], 1400
    for number, offset in enumerate(range(0, len(datagram), size)):
        part = datagram[offset:offset + size]
        header = struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) + addresses
        header += struct.pack("!BBHI", 17, 0, offset | int(offset + size < len(datagram)), 77)
        mac = bytes.fromhex((macs[number % len(macs)] + peer.mac).replace(":", ""))
        frames.append(mac + b"\x86\xdd" + header + part)
    return frames


def test_A11_ipv6_fragments_over_different_nics_are_reassembled(lab):
    host, peer = build(lab, data=DATA6)
    payload = bytes(range(256)) * 20
    with peer.ns.entered():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        wire.bind(("e0", 0))
    with udp6_socket(host.ns, DATA6[0], PORT) as end, wire:
        before = host.ns.packets("eth0")[0], host.ns.packets("eth1")[0]
        for frame in fragments6(peer, DATA6[0], [nic.mac for nic in host.nics.values()], payload):
            wire.send(frame)
        assert end.recv(65536) == payload
        assert all(host.ns.packets(nic)[0] > count for nic, count in zip(("eth0", "eth1"), before))

    sniffers = {name: nic.sniff("ip6[6] == 44") for name, nic in host.nics.items()}
    with udp6_socket(peer.ns, PEER6, PORT) as end:
        for address in DATA6:  # each datagram leaves by one NIC, whole
            with udp6_socket(host.ns, address) as source:
                source.sendto(payload, (PEER6, PORT))
                assert end.recv(65536) == payload
            senders = {name for name, sniffer in sniffers.items()
                       if any(frame.data[22:38] == packed(address) for frame in sent(sniffer))}
            assert len(senders) == 1, senders


def test_A13_R_ADR_4_link_local_addresses_of_group_and_nics_are_usable(lab):
    """A NIC's is its test address and answers for itself with its own MAC, whoever the nominee is."""
    host, peer = build(lab, data=DATA6)
    assert "M" not in flags(host, "eth1")
    own = {name: link_local(host.ns, name) for name in host.nics}
    for nic, address in own.items():
        sniffers = {name: other.sniff(f"src host {address} and icmp6") for name, other in host.nics.items()}
        peer.ns.run("ip", "-6", "neigh", "flush", "dev", "e0")
        assert peer.ping(f"{address}%e0")
        assert peer.neighbours()[address] == host.nics[nic].mac
        assert {name for name, sniffer in sniffers.items() if sent(sniffer)} == {nic}
    assert set(own.values()).isdisjoint(host.addresses())
    group, theirs = link_local(host.ns, "ipmp0"), link_local(peer.ns, "e0")
    assert peer.ping(f"{group}%e0")
    assert peer.neighbours()[group] == host.nics[host.inbound(group)].mac
    for link in ("ipmp0", *host.nics):
        assert host.ns.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", f"{theirs}%{link}").returncode == 0, link


def test_A15_R_GRP_5_an_ipv6_address_that_comes_up_on_a_member_moves(lab):
    host, peer = build(lab, data=DATA6)
    local = link_local(host.ns, "eth0")
    host.ns.ip_batch("addr add fd00::50/64 dev eth0 nodad")

    def on(link):
        return {info["local"] for info in host.ns.ip("-6", "addr", "show", "dev", link)[0]["addr_info"]}

    wait_until(lambda: "fd00::50" in on("ipmp0") and "fd00::50" not in on("eth0"), 5, "the address has moved")
    assert on("eth0") == {local} and local not in on("ipmp0")
    wait_until(lambda: peer.ping("fd00::50"), 5, "the peer reaches it")
    for nic in host.nics:
        host.ifconfig(nic, "group", "")
    wait_until(lambda: not host.ns.has_carrier("ipmp0"), 5, "the group is empty")
    assert on("eth0") == {local}
    assert "fd00::50" in on("ipmp0")


def test_A18_the_counters_of_the_group_never_decrease(lab):
    host, peer = build(lab, data=DATA[:1] + DATA6[:1])
    addresses = DATA[0], DATA6[0]
    events = [lambda: host.ifconfig("eth0", "group", ""), lambda: host.ifconfig("eth0", "group", "ipmp0"),
              host.nics["eth1"].cut, host.nics["eth1"].heal, lambda: host.ifconfig("eth1", "group", ""),
              host.kill_daemon, host.start_daemon, lambda: host.ifconfig("eth1", "group", "ipmp0")]

    def counters():
        stats = host.ns.link("ipmp0")["stats64"]
        return [stats[way][what] for way in ("rx", "tx") for what in ("packets", "bytes")]

    last = counters()
    for event in [lambda: None, *events]:
        event()
        wait_until(lambda: all(peer.ping(address) for address in addresses), 5, "the peer reaches both addresses")
        now = counters()
        assert all(later > earlier for later, earlier in zip(now, last)), (last, now)
        last = now
