"""What a group does on the wire, assertion by assertion (the reference of the data path, its section 12).

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1 ... 192.0.2.4, fd00::1, fd00::2

Others are elsewhere: A2 in test_visibility.py, A14 in test_groups.py, more of A1 and A5 in test_spread.py.
"""

import collections
import socket
import struct
import time

import pytest
from netns import wait_until
from sniff import Sniffer, mac_text

DATA = [f"192.0.2.{number}" for number in range(1, 5)]
DATA6 = ["fd00::1", "fd00::2"]
PEER, PEER6 = "192.0.2.9", "fd00::9"
PORT = 6000
BROADCAST = "ff:ff:ff:ff:ff:ff"
CONVERGENCE_S = 1  # A4

pytestmark = pytest.mark.core

Arp = collections.namedtuple("Arp", "source destination operation sender_mac sender target")


def arp_of(frame):
    """The ARP message of a frame, or None."""
    data = frame.data
    if data[12:14] != b"\x08\x06":
        return None
    return Arp(mac_text(data[6:12]), mac_text(data[0:6]), struct.unpack("!H", data[20:22])[0], mac_text(data[22:28]),
               socket.inet_ntoa(data[28:32]), socket.inet_ntoa(data[38:42]))


def advertised(frame):
    """(address, link-layer address) of an unsolicited neighbour advertisement to all nodes, or None."""
    data = frame.data
    if data[12:14] != b"\x86\xdd" or data[20] != 58 or data[54] != 136 or data[38:54] != socket.inet_pton(
            socket.AF_INET6, "ff02::1"):
        return None
    return socket.inet_ntop(socket.AF_INET6, data[62:78]), mac_text(data[80:86])


def sent(sniffer):
    """What the NIC sent: at the switch's port it comes in."""
    return [frame for frame in sniffer.frames() if not frame.outgoing]


def build(lab, nics=2, data=DATA + DATA6, kind="veth", peers=(f"{PEER}/24", f"{PEER6}/64")):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(nics):
        host.add_nic(f"eth{number}", kind, switch, bridge=number % 2)
    peer = lab.peer(switch, *peers)
    host.start_daemon()
    host.make_group("ipmp0", [address + ("/64" if ":" in address else "/24") for address in data])
    host.wait_slots_level("ipmp0")
    return host, peer


def udp_socket(namespace, address, port=0):
    with namespace.entered():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind((address, port))
    end.settimeout(3)
    return end


def bound(host, addresses=DATA):
    return collections.Counter(host.inbound(address) for address in addresses)


def flags(host, nic):
    return host.interfaces()[nic]["flags"]


def test_A1_peers_are_spread_and_one_flow_is_not(lab):
    peers = [f"192.0.2.{number}" for number in range(101, 117)]
    host, peer = build(lab, peers=[f"{address}/24" for address in [PEER, *peers]])
    sniffers = {name: nic.sniff(f"udp port {PORT}") for name, nic in host.nics.items()}
    with udp_socket(host.ns, "0.0.0.0") as end:
        for address in peers:
            end.sendto(b"x", (address, PORT))
    wait_until(lambda: sum(len(sent(sniffer)) for sniffer in sniffers.values()) >= len(peers), 5, "all are on a wire")
    assert all(sent(sniffer) for sniffer in sniffers.values())

    meter = host.meter("udp", DATA[0], peer)
    flow = {name: nic.sniff(f"src host {DATA[0]} and udp port {meter.port}") for name, nic in host.nics.items()}
    meter.wait_messages(300)
    report = meter.stop()
    assert sorted(bool(sent(sniffer)) for sniffer in flow.values()) == [False, True]
    for way in ("a_to_b", "b_to_a"):
        assert (report[way]["reordered"], report[way]["missing"], report[way]["duplicated"]) == (0, 0, 0)


def test_A3_an_arp_request_states_and_leaves_by_the_senders_nic(lab):
    targets = [f"192.0.2.{number}" for number in range(201, 205)]
    host, _ = build(lab, peers=[f"{address}/24" for address in [PEER, *targets]])
    sniffers = {name: nic.sniff("arp") for name, nic in host.nics.items()}
    for address, target in zip(DATA, targets):
        with udp_socket(host.ns, address) as end:
            end.sendto(b"x", (target, PORT))
    for address, target in zip(DATA, targets):
        nic = host.inbound(address)

        def requests(name):
            return [arp for arp in map(arp_of, sent(sniffers[name])) if arp.operation == 1 and arp.target == target]

        wait_until(lambda: requests(nic), 3, f"{nic} asks for {target}")
        mac = host.nics[nic].mac
        assert {(arp.sender, arp.sender_mac, arp.source) for arp in requests(nic)} == {(address, mac, mac)}
        for other in set(host.nics) - {nic}:
            assert requests(other) == []


@pytest.mark.timing
def test_A4_peers_know_the_bound_nic_within_a_second_of_any_event(lab):
    host, peer = build(lab, nics=3)
    addresses = DATA + DATA6

    def settled(what):
        def agree():
            known, rows = peer.neighbours(), host.addresses()
            return all(known[address] == host.nics[rows[address]["inbound"]].mac for address in addresses)

        wait_until(agree, CONVERGENCE_S, f"the peer knows where the addresses are after: {what}")

    assert all(peer.ping(address) for address in addresses)
    events = [
        ("failure", lambda: host.nics["eth0"].cut(), lambda: host.wait_state("eth0", "failed")),
        ("repair", lambda: host.nics["eth0"].heal(), lambda: host.wait_ok("ipmp0")),
        ("offline", lambda: host.tool("if_mpadm", "-d", "eth1"), None),
        ("undo", lambda: host.tool("if_mpadm", "-r", "eth1"), None),
        ("standby", lambda: host.ifconfig("eth2", "standby"), None),
        ("-standby", lambda: host.ifconfig("eth2", "-standby"), None),
        ("leave", lambda: host.ifconfig("eth0", "group", ""), None),
        ("join", lambda: host.ifconfig("eth0", "group", "ipmp0"), None),
        ("down", lambda: host.ns.ip_batch("link set eth2 down"), lambda: host.wait_state("eth2", "failed")),
        ("up", lambda: host.ns.ip_batch("link set eth2 up"), lambda: host.wait_ok("ipmp0")),
    ]
    moved = set()
    for what, act, done in events:
        before = host.addresses()
        act()
        if done:
            done()
        settled(what)
        if host.addresses() != before:
            moved.add(what)
    assert moved == {what for what, _, _ in events}  # so every event did put it to the test


def test_A5_addresses_are_dealt_2_2_then_4_0_then_2_2(lab):
    host, _ = build(lab)
    assert bound(host) == {"eth0": 2, "eth1": 2}
    for victim, other in (("eth0", "eth1"), ("eth1", "eth0")):
        host.nics[victim].cut()
        wait_until(lambda: bound(host) == {other: 4}, 5, f"{other} has all")
        host.nics[victim].heal()
        wait_until(lambda: bound(host) == {"eth0": 2, "eth1": 2}, 10, "two each again")


def test_A5_a_lone_address_does_not_move_at_a_repair(lab):
    host, _ = build(lab, data=DATA[:1])
    first = host.inbound(DATA[0])
    [second] = set(host.nics) - {first}
    host.nics[first].cut()
    wait_until(lambda: host.inbound(DATA[0]) == second, 5, "the address moved")
    host.nics[first].heal()
    host.wait_ok("ipmp0")
    host.wait_slots_level("ipmp0")  # which follows the repair by a second
    assert host.inbound(DATA[0]) == second


def test_A6_A17_moved_addresses_are_announced_and_the_former_nic_is_quiet(lab):
    """eth0 fails and eth1 is taken offline while it still announces: eth2 has everything."""
    host, _ = build(lab, nics=3)
    moved = [address for address in DATA + DATA6 if host.inbound(address) != "eth2"]
    sniffers = {name: nic.sniff("arp or icmp6") for name, nic in host.nics.items()}
    seen = collections.defaultdict(list)  # address -> when eth2 announced it, by the kernel's clock
    counted = 0

    def collect():
        nonlocal counted
        frames = sent(sniffers["eth2"])
        for frame in frames[counted:]:
            arp, advertisement = arp_of(frame), advertised(frame)
            if arp and arp.destination == BROADCAST and arp.sender == arp.target:
                assert (arp.operation, arp.source, arp.sender_mac) == (1, host.nics["eth2"].mac, host.nics["eth2"].mac)
                seen[arp.sender].append(frame.at_s)
            elif advertisement:
                assert advertisement[1] == host.nics["eth2"].mac
                seen[advertisement[0]].append(frame.at_s)
        counted = len(frames)
        return all(len(seen[address]) >= (3 if ":" in address else 5) for address in moved)

    host.nics["eth0"].cut()
    host.tool("if_mpadm", "-d", "eth1")
    former = {name: len(sent(sniffers[name])) for name in ("eth0", "eth1")}
    wait_until(collect, 10, "all announcements of the moved addresses")
    for address in moved:
        assert len(seen[address]) == (3 if ":" in address else 5), address
        spaces_s = [later - earlier for earlier, later in zip(seen[address], seen[address][1:])]
        assert all(1.7 <= space_s <= 2.3 for space_s in spaces_s), (address, spaces_s)
    for name, count in former.items():
        for frame in sent(sniffers[name])[count:]:
            arp, advertisement = arp_of(frame), advertised(frame)
            assert not (arp and arp.sender in moved) and not advertisement, (name, frame)
    for sniffer in sniffers.values():  # they were ours all along: nothing asks whether somebody else has them
        for frame in sent(sniffer):
            assert not (arp_of(frame) and arp_of(frame).sender == "0.0.0.0")
            if frame.data[12:14] == b"\x86\xdd" and frame.data[54] == 135:
                assert frame.data[22:38] != bytes(16) or frame.data[62:64] == b"\xfe\x80"


def test_A7_unicast_to_a_resting_or_offline_member_is_answered(lab):
    host, peer = build(lab)
    host.ifconfig("eth1", "standby")
    assert "i" in flags(host, "eth1")

    def answers(nic):
        before = host.ns.packets(nic)[0]
        for address in DATA + DATA6:
            peer.ns.ip_batch(f"neigh replace {address} lladdr {host.nics[nic].mac} nud permanent dev e0")
            assert peer.ping(address), (nic, address)
        return host.ns.packets(nic)[0] - before >= len(DATA + DATA6)

    assert answers("eth1")
    host.ifconfig("eth1", "-standby")
    host.tool("if_mpadm", "-d", "eth0")
    assert "d" in flags(host, "eth0")
    assert answers("eth0")


def test_A8_a_broadcast_is_received_and_answered_once(lab):
    host, peer = build(lab)
    host.ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
    upper = Sniffer(host.ns, "ipmp0", "icmp[icmptype] == icmp-echo")
    answers = host.nics["eth0"].switch.sniff(peer.port, "icmp[icmptype] == icmp-echoreply")
    wires = {name: nic.sniff("icmp[icmptype] == icmp-echo") for name, nic in host.nics.items()}

    def once(nics):
        for sniffer in [upper, answers, *wires.values()]:
            sniffer.clear()
        assert peer.ns.run("ping", "-n", "-b", "-c", "1", "-W", "1", "192.0.2.255").returncode == 0
        assert peer.ping(DATA[0])  # whatever was under way before it has arrived now
        broadcasts = [frame for frame in upper.frames() if mac_text(frame.data[0:6]) == BROADCAST]
        assert len(broadcasts) == 1
        assert len([frame for frame in answers.frames() if mac_text(frame.data[0:6]) == peer.mac]) == 2
        for name in nics:  # each NIC had a copy, so the surplus ones were dropped
            assert any(mac_text(frame.data[0:6]) == BROADCAST for frame in wires[name].frames()), name

    assert "b" in flags(host, "eth0") and "b" not in flags(host, "eth1")
    once(["eth0", "eth1"])
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    assert "b" in flags(host, "eth1")
    once(["eth1"])
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    assert "b" in flags(host, "eth1")  # the role does not go back
    once(["eth0", "eth1"])


def fragments(peer, destination, macs, payload):
    """One UDP datagram as frames of fragments, each to the next of `macs`."""
    datagram = struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0) + payload
    frames, size = [], 1400
    for number, offset in enumerate(range(0, len(datagram), size)):
        part = datagram[offset:offset + size]
        more = 0x2000 if offset + size < len(datagram) else 0
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), 77, more | offset // 8, 64, 17, 0,
                             socket.inet_aton(PEER), socket.inet_aton(destination))
        total = sum(struct.unpack("!10H", header))
        total = (total >> 16) + (total & 0xffff)
        header = header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + header[12:]
        mac = bytes.fromhex((macs[number % len(macs)] + peer.mac).replace(":", ""))
        frames.append(mac + b"\x08\x00" + header + part)
    return frames


def test_A11_fragments_over_different_nics_are_reassembled(lab):
    host, peer = build(lab)
    payload = bytes(range(256)) * 20
    with peer.ns.entered():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        wire.bind(("e0", 0))
    with udp_socket(host.ns, DATA[0], PORT) as end, wire:
        before = host.ns.packets("eth0")[0], host.ns.packets("eth1")[0]
        for frame in fragments(peer, DATA[0], [nic.mac for nic in host.nics.values()], payload):
            wire.send(frame)
        assert end.recv(65536) == payload
        assert all(host.ns.packets(nic)[0] > count for nic, count in zip(("eth0", "eth1"), before))

    sniffers = {name: nic.sniff("ip[6:2] & 0x3fff != 0") for name, nic in host.nics.items()}
    with udp_socket(peer.ns, PEER, PORT) as end:
        for address in DATA:  # each datagram leaves by one NIC, whole
            with udp_socket(host.ns, address) as source:
                source.sendto(payload, (PEER, PORT))
                assert end.recv(65536) == payload
            senders = {name for name, sniffer in sniffers.items()
                       if any(frame.data[26:30] == socket.inet_aton(address) for frame in sent(sniffer))}
            assert len(senders) == 1, senders


def test_A12_without_any_nic_the_group_is_failed_and_keeps_its_addresses(lab):
    host, peer = build(lab)
    for nic in host.nics.values():
        nic.cut()
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 5, "the group is failed")
    wait_until(lambda: not host.ns.has_carrier("ipmp0"), 5, "NO-CARRIER on ipmp0")
    shown = host.ifconfig("ipmp0", "inet")
    assert "FAILED" in shown and "RUNNING" not in shown
    assert {host.addresses()[address]["inbound"] for address in DATA + DATA6} == {""}
    assert {host.addresses()[address]["state"] for address in DATA + DATA6} == {"up"}
    present = {entry["local"] for entry in host.ns.ip("addr", "show", "dev", "ipmp0")[0]["addr_info"]}
    assert {*DATA, *DATA6} <= present
    assert host.ns.run("ping", "-n", "-c", "1", "-W", "1", DATA[0]).returncode == 0  # for local use they are there
    peer.ns.run("ip", "neigh", "flush", "dev", "e0")
    assert not peer.ping(DATA[0])

    sniffer = host.nics["eth1"].sniff("arp or icmp6")
    host.nics["eth1"].heal()
    wait_until(lambda: {arp.sender for arp in map(arp_of, sent(sniffer)) if arp and arp.sender == arp.target}
               >= set(DATA), 5, "every IPv4 address is announced")
    wait_until(lambda: {found[0] for found in map(advertised, sent(sniffer)) if found} >= set(DATA6), 5,
               "every IPv6 address is announced")
    wait_until(lambda: all(peer.ping(address) for address in DATA + DATA6), 5, "the peer reaches them all")
    assert "RUNNING" in host.ifconfig("ipmp0", "inet")


def test_A13_R_ADR_3_a_test_address_answers_on_its_own_nic(lab):
    host, peer = build(lab)
    tests = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}
    for nic, address in tests.items():
        host.ifconfig(nic, f"{address}/24", "-failover", "up")
    assert "b" not in flags(host, "eth1")  # so eth1 gets its ARP request though others take broadcasts
    for nic, address in tests.items():
        sniffers = {name: other.sniff(f"host {address}") for name, other in host.nics.items()}
        peer.ns.run("ip", "neigh", "flush", "dev", "e0")
        assert peer.ping(address)
        assert peer.neighbours()[address] == host.nics[nic].mac
        assert {name for name, sniffer in sniffers.items() if sent(sniffer)} == {nic}
    assert set(tests.values()).isdisjoint(host.addresses())


@pytest.mark.parametrize("how", ["ifconfig", "ip"])
def test_A15_R_GRP_5_an_address_that_comes_up_on_a_member_moves(lab, how):
    host, peer = build(lab)
    local = {info["local"] for info in host.ns.ip("addr", "show", "dev", "eth0")[0]["addr_info"]}
    assert local and all(address.startswith("fe80") for address in local)
    host.ifconfig("eth0", "192.0.2.20/24", "-failover", "up")
    if how == "ifconfig":
        host.ifconfig("eth0", "addif", "192.0.2.50/24", "up")
    else:
        host.ns.ip_batch("addr add 192.0.2.50/24 brd + dev eth0")

    def on(link):
        return {info["local"] for info in host.ns.ip("addr", "show", "dev", link)[0]["addr_info"]}

    wait_until(lambda: "192.0.2.50" in on("ipmp0") and "192.0.2.50" not in on("eth0"), 5, "the address has moved")
    assert on("eth0") == local | {"192.0.2.20"} and not (local | {"192.0.2.20"}) & on("ipmp0")
    assert peer.ping("192.0.2.50")
    for nic in ("eth0", "eth1"):
        host.ifconfig(nic, "group", "")
    wait_until(lambda: not host.ns.has_carrier("ipmp0"), 5, "the group is empty")
    assert on("eth0") == local | {"192.0.2.20"}
    assert "192.0.2.50" in on("ipmp0")


def test_A16_the_families_have_nominees_of_their_own(lab):
    host, peer = build(lab)
    assert {"m", "b", "M"} <= set(flags(host, "eth0"))
    host.ifconfig("eth0", "inet", "unplumb")
    wait_until(lambda: {"m", "b"} <= set(flags(host, "eth1")), 5, "eth1 has IPv4 multicast and broadcast")
    assert "M" in flags(host, "eth0") and "M" not in flags(host, "eth1")
    assert not {"m", "b"} & set(flags(host, "eth0"))
    assert bound(host) == {"eth1": 4} and bound(host, DATA6) == {"eth0": 1, "eth1": 1}
    assert all(peer.ping(address) for address in DATA + DATA6)
    host.ifconfig("eth0", "inet", "plumb", "up")
    wait_until(lambda: bound(host) == {"eth0": 2, "eth1": 2}, 5, "eth0 serves IPv4 again")
    assert {"m", "b"} <= set(flags(host, "eth1"))
