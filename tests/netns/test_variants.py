"""The same failover in other surroundings: kinds of NICs and switches, hardened hosts and peers, packet filters,
large frames (R-POL-4, R-SPR-3, R-SPR-4, R-SPR-5, R-ADR-3).

              eth0 --- sw0 --- peer 192.0.2.9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, 192.0.2.2
"""

import re
import socket
import struct
import time

import pytest
from netns import PATIENCE, wait_until

DATA = ["192.0.2.1", "192.0.2.2"]
PEER = "192.0.2.9"
TESTS = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}
PORT, STREAM_PORT = 6000, 6002
BROADCAST = "192.0.2.255"
GROUP = "239.1.2.3"
GAP_MS_MAX = 250 * PATIENCE  # tells a failover by the carrier from one by a late message; test_failover.py measures
CONVERGENCE_S = 1
STREAM_PERIOD_S = 0.01


def build(lab, kind="veth", data=DATA, prefix_length=24, peer_settings=(), host_settings=(), bridges=2, **switch):
    """Host, peer and group; settings are (name below net/, value) and are made before the daemon starts."""
    switch = lab.switch(bridges=bridges, **switch)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", kind, switch, bridge=number % bridges)
        host.ns.ip_batch(f"link set eth{number} mtu {switch.mtu_bytes}")
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    for station, settings in ((host, host_settings), (peer, peer_settings)):
        for name, value in settings:
            station.ns.sysctl(name, value)
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/{64 if ':' in address else prefix_length}" for address in data])
    return host, peer


def udp_socket(namespace, address="0.0.0.0", port=PORT):
    with namespace.entered():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    end.bind((address, port))
    end.settimeout(3)
    return end


def broadcasts_arrive_once(host, peer):
    with udp_socket(host.ns) as ours, udp_socket(peer.ns) as theirs:
        for sender, receiver, name in ((ours, theirs, b"host"), (theirs, ours, b"peer")):
            sender.sendto(name, (BROADCAST, PORT))
            while receiver.recv(100) != name:  # a sender hears its own broadcast too
                pass
        assert all(peer.ping(address) for address in DATA)  # by each NIC, and so later than any further copy
        for receiver, name in ((theirs, b"host"), (ours, b"peer")):
            receiver.settimeout(0)
            with pytest.raises(BlockingIOError):
                while receiver.recv(100) != name:
                    pass


def peer_agrees(host, peer, data):
    known, rows = peer.neighbours(), host.addresses()
    return all(known.get(address) == host.nics[rows[address]["inbound"]].mac for address in data)


def check_failover(host, peer, say, what, data=DATA, probe=lambda: None):
    """Cuts the NIC a flow leaves by, then the one it arrives on; probe() is more that has to hold all the time."""
    assert all(peer.ping(address) for address in data)
    broadcasts_arrive_once(host, peer)
    probe()
    meter, gaps_ms = host.meter("tcp", DATA[0], peer), []
    for find in (lambda: host.outbound_nic(meter), lambda: host.inbound(DATA[0])):
        meter.wait_messages(300)
        victim = find()
        meter.mark()
        host.nics[victim].cut()
        report = meter.wait_messages(300)
        assert report["error"] is None
        gaps_ms.append(max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a")))
        host.wait_state(victim, "failed")
        wait_until(lambda: peer_agrees(host, peer, data), CONVERGENCE_S, f"the peer knows of the failure of {victim}")
        assert all(peer.ping(address) for address in data)
        broadcasts_arrive_once(host, peer)
        probe()
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        wait_until(lambda: peer_agrees(host, peer, data), CONVERGENCE_S, f"the peer knows of the repair of {victim}")
        assert all(peer.ping(address) for address in data)
    broadcasts_arrive_once(host, peer)
    report = meter.stop()
    assert report["error"] is None and report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0
    say(f"{what}: gaps of " + ", ".join(f"{gap_ms:.1f} ms" for gap_ms in gaps_ms))
    assert max(gaps_ms) <= GAP_MS_MAX


@pytest.mark.parametrize("kind", ["veth", "tap", "macvlan"])
def test_R_POL_4_kinds_of_nics(lab, say, kind):
    """A macvlan filters multicast, as hardware does: neighbour solicitations reach only who lets them in."""
    data = [*DATA, "fd00::1", "fd00::2"]
    host, peer = build(lab, kind, data=data)

    def solicitations_arrive():
        peer.ns.run("ip", "-6", "neigh", "flush", "dev", "e0")
        assert all(peer.ping(address) for address in data)

    check_failover(host, peer, say, kind, data, solicitations_arrive)


def test_R_POL_4_a_peer_that_is_strict_about_arp(lab, say):
    """It takes no address from a stranger, answers only for its own subnet and filters by reverse path."""
    strict = [(f"ipv4/conf/{link}/{name}", value) for link in ("all", "e0") for name, value in
              (("arp_ignore", 2), ("arp_announce", 2), ("arp_filter", 1), ("arp_accept", 0), ("rp_filter", 1))]
    host, peer = build(lab, peer_settings=strict)
    check_failover(host, peer, say, "strict peer")


def ordinary_sources(host, destinations):
    """The sources that sockets get which name none."""
    sources = set()
    for destination in destinations:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        with host.ns.entered(), socket.socket(family, socket.SOCK_DGRAM) as end:
            try:
                end.connect((destination, PORT))
            except OSError:
                continue
            sources.add(end.getsockname()[0])
    return sources


@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_ADR_3_test_addresses_on_a_host_that_filters_by_reverse_path(lab, say, kind):
    strict = [(f"ipv4/conf/{scope}/rp_filter", 1) for scope in ("all", "default")]
    host, peer = build(lab, kind, host_settings=strict)
    for nic, address in TESTS.items():
        host.ifconfig(nic, f"{address}/24", "-failover", "up")
    host.ns.run("ip", "route", "add", "default", "via", PEER)

    def answers_by_its_own_nic():
        for nic, address in TESTS.items():
            if host.interfaces()[nic]["state"] != "ok":
                continue
            wires = {name: other.sniff(f"host {address}") for name, other in host.nics.items()}
            peer.ns.run("ip", "neigh", "flush", "dev", "e0")
            assert peer.ping(address), address
            assert peer.neighbours()[address] == host.nics[nic].mac
            used = {name for name, wire in wires.items() if any(not frame.outgoing for frame in wire.frames())}
            assert used == {nic}
        assert all(peer.ping(address) for address in DATA)  # and so the peer has them in its table

    answers_by_its_own_nic()
    assert ordinary_sources(host, [PEER, "198.51.100.1", BROADCAST]) <= set(DATA)
    check_failover(host, peer, say, f"rp_filter 1, {kind}", probe=answers_by_its_own_nic)


def test_R_ADR_3_without_data_addresses_test_addresses_are_no_source_either(lab):
    host, peer = build(lab)
    for nic, address in TESTS.items():
        host.ifconfig(nic, f"{address}/24", "-failover", "up")
    for nic, address in (("eth0", "fd00::20"), ("eth1", "fd00::21")):
        host.ifconfig(nic, "inet6", "plumb", "up")
        host.ifconfig(nic, "inet6", "addif", f"{address}/64", "-failover", "up")
    tests = {*TESTS.values(), "fd00::20", "fd00::21"}
    for address in DATA:
        host.ifconfig("ipmp0", "removeif", address)
    wait_until(lambda: not set(DATA) & set(host.addresses()), 5, "the group has no IPv4 address")
    assert [address for address in tests if not peer.ping(address)] == []  # still answered for
    # Without any route IPv6 would choose a source before the way, so only IPv4 is tried.
    assert not ordinary_sources(host, [PEER, "198.51.100.1", BROADCAST, "224.0.0.9"]) & tests
    host.ns.ip_batch(f"route add {PEER} dev ipmp0", "route add default dev ipmp0")
    host.ns.run("ip", "-6", "route", "add", "default", "dev", "ipmp0")
    destinations = [PEER, "198.51.100.1", BROADCAST, "224.0.0.9", "fd00::9", "2001:db8::1", "ff02::9"]
    assert not ordinary_sources(host, destinations) & tests


RULES = """
table inet guard {
    chain input {
        type filter hook input priority 0; policy drop;
        iif "lo" accept
        iifname "eth*" meta l4proto { tcp, udp, icmp } counter comment "members"
        iifname "ipmp0" ct state established,related accept
        iifname "ipmp0" ip protocol icmp icmp type echo-request accept
        iifname "ipmp0" udp dport 6000 accept
        counter comment "dropped"
    }
    chain output {
        type filter hook output priority 0; policy drop;
        oif "lo" accept
        oifname "ipmp0" accept
        counter comment "dropped"
    }
}
"""


@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_SPR_5_a_packet_filter_sees_the_group_and_no_member(lab, say, kind):
    host, peer = build(lab, kind)
    host.ns.run("nft", "-f", "-", input=RULES)
    check_failover(host, peer, say, f"nftables, {kind}")
    rules = host.ns.run("nft", "list", "ruleset").stdout
    [members] = re.findall(r'counter packets (\d+) bytes \d+ comment "members"', rules)
    assert members == "0", rules
    with udp_socket(host.ns, port=6001) as end:  # what it does not allow stays out
        end.setblocking(False)
        with udp_socket(peer.ns, port=6001) as other:
            other.sendto(b"x", (DATA[0], 6001))
        assert peer.ping(DATA[0])
        with pytest.raises(BlockingIOError):
            end.recv(10)


def test_R_SPR_5_jumbo_frames(lab, say):
    host, peer = build(lab, data=[*DATA, "fd00::1"], mtu_bytes=9000)
    assert {host.ns.link(link)["mtu"] for link in ("ipmp0", "ipmpl0")} == {9000}

    def large_frames_pass_whole():
        wires = [nic.sniff("greater 9000") for nic in host.nics.values()]
        for station, source, destination, bytes_ in ((host, DATA[0], PEER, 8972), (host, DATA[1], PEER, 8972),
                                                     (host, "fd00::1", "fd00::9", 8952), (peer, PEER, DATA[0], 8972),
                                                     (peer, PEER, DATA[1], 8972), (peer, "fd00::9", "fd00::1", 8952)):
            result = station.ns.run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "1", "-M", "do", "-s", bytes_,
                                    "-I", source, destination, check=False)
            assert result.returncode == 0, result.stdout
        assert any(len(frame.data) == 9014 for wire in wires for frame in wire.frames())

    check_failover(host, peer, say, "MTU 9000", data=[*DATA, "fd00::1"], probe=large_frames_pass_whole)


class Listener:
    """A program on the host that has joined a multicast group without naming an interface but an address."""

    def __init__(self, host):
        self.socket = udp_socket(host.ns, port=STREAM_PORT)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               struct.pack("=4s4s", socket.inet_aton(GROUP), socket.inet_aton(DATA[0])))
        self.socket.settimeout(0)

    def numbers(self):
        seen = []
        while True:
            try:
                seen.append(int(self.socket.recv(100)))
            except BlockingIOError:
                return seen


STREAM = f"""
import itertools, socket, time
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("{PEER}"))
for number in itertools.count():
    end.sendto(str(number).encode(), ("{GROUP}", {STREAM_PORT}))
    time.sleep({STREAM_PERIOD_S})  # the stream's pace
"""


def nominee(host):
    [name] = [nic for nic, row in host.interfaces().items() if "m" in row["flags"]]
    return name


QUERY_INTERVAL_S = 2


def test_R_SPR_3_a_switch_that_snoops(lab, say):
    """The switch asks every two seconds and forgets who is silent for five: neighbour solicitations and a multicast
    stream keep coming."""
    data = [*DATA, "fd00::1", "fd00::2"]
    host, peer = build(lab, data=data, bridges=1, snooping=True, query_interval_s=QUERY_INTERVAL_S)
    switch = host.nics["eth0"].switch
    listener = Listener(host)
    peer.ns.popen("/usr/bin/python3", "-c", STREAM)
    wait_until(lambda: switch.listening_ports(GROUP) == {host.nics[nominee(host)].port}, 10, "the switch has learnt")
    switch.forward_only_to_listeners()
    listener.numbers()  # what it heard before it was known
    seen = wait_until(listener.numbers, 5, "the stream plays")
    until = time.monotonic() + 3.5 * QUERY_INTERVAL_S  # more than a membership lives without a report
    while time.monotonic() < until:
        time.sleep(0.1)  # the stream plays
        seen += listener.numbers()
    assert seen == list(range(seen[0], seen[0] + len(seen))), "each once, none missing"
    peer.ns.run("ip", "-6", "neigh", "flush", "dev", "e0")
    assert all(peer.ping(address) for address in data)
    check_failover(host, peer, say, "snooping switch")


@pytest.mark.parametrize("kind", ["veth", "tap", "macvlan"])
def test_R_SPR_3_memberships_are_reported_by_the_new_nominee(lab, say, kind):
    """Long before the switch asks again, the stream is back and neighbour solicitations arrive."""
    addresses6 = ["fd00::1", "fd00::2"]
    host, peer = build(lab, kind, data=[*DATA, *addresses6], bridges=1, snooping=True, query_interval_s=60)
    switch = host.nics["eth0"].switch
    listener = Listener(host)
    peer.ns.popen("/usr/bin/python3", "-c", STREAM)
    wait_until(lambda: switch.listening_ports(GROUP) == {host.nics[nominee(host)].port}, 10, "the switch has learnt")
    switch.forward_only_to_listeners()
    for _ in range(2):
        victim = nominee(host)
        wait_until(listener.numbers, 5, "the stream plays")
        began = time.monotonic()
        host.nics[victim].cut()
        wait_until(lambda: nominee(host) != victim, 1, "another NIC is the nominee")
        listener.numbers()
        wait_until(listener.numbers, 2, "the stream comes by the other NIC")
        took_ms = 1000 * (time.monotonic() - began)
        say(f"{kind}: multicast {took_ms:.0f} ms after the nominee failed")
        assert took_ms <= 1000 * CONVERGENCE_S * PATIENCE
        peer.ns.run("ip", "-6", "neigh", "flush", "dev", "e0")
        wait_until(lambda: all(peer.ping(address, timeout_s=0.2) for address in addresses6), CONVERGENCE_S,
                   "solicitations arrive")
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
