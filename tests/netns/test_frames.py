"""What is not the group's stays with the NICs: tagged frames, link protocols, filters of other programs. What is the
group's stays as it was sent: traffic class and congestion marks (R-GRP-14, R-SPR-5, design D12).

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, 192.0.2.2, fd00::1, fd00::2
"""

import socket
import struct

import pytest
from netns import build_dir, wait_until
from sniff import Sniffer
from test_assertions import build, sent

DATA, DATA6 = ["192.0.2.1", "192.0.2.2"], ["fd00::1", "fd00::2"]
PEER, PEER6 = "192.0.2.9", "fd00::9"
PORT = 6000
ETH_P_ALL, PACKET_OTHERHOST = 3, 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
LINK_PROTOCOLS = {  # EtherType and the address that it is sent to
    "LLDP": (0x88cc, "0180c200000e"), "802.1X": (0x888e, "0180c2000003"), "PTP": (0x88f7, "011b19000000"),
    "LACP": (0x8809, "0180c2000002")}
VLAN = 5
SYN, PSH, ACK, ECE, CWR, ECT0 = 0x02, 0x08, 0x10, 0x40, 0x80, 2
TESTS = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}


def packet_socket(namespace, link, ether_type=0):
    with namespace.entered():
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        end.bind((link, ether_type))
    end.settimeout(3)
    return end


def raw_mac(text):
    return bytes.fromhex(text.replace(":", ""))


def group(lab):
    return build(lab, data=DATA + DATA6)


@pytest.mark.parametrize("name", LINK_PROTOCOLS)
def test_D12_link_protocols_are_the_nics_own(lab, name):
    """Both ways, byte for byte, to the address of the protocol and to the NIC's own, on every NIC."""
    ether_type, group_mac = LINK_PROTOCOLS[name]
    host, peer = group(lab)
    upper = Sniffer(host.ns, "ipmp0", f"ether proto {ether_type}")
    payload = bytes(range(100))
    for nic in host.nics.values():
        ours = packet_socket(host.ns, nic.name, ether_type)
        wire, seen = packet_socket(nic.switch.ns, nic.port), nic.sniff(f"ether proto {ether_type}")
        for destination in (group_mac, nic.mac.replace(":", "")):
            frame = bytes.fromhex(destination) + raw_mac(peer.mac) + struct.pack("!H", ether_type) + payload
            wire.send(frame)
            assert ours.recv(2000) == frame, nic.name
        frame = bytes.fromhex(group_mac) + raw_mac(nic.mac) + struct.pack("!H", ether_type) + payload
        ours.send(frame)
        wait_until(lambda: frame in [other.data for other in sent(seen)], 3, f"{name} leaves {nic.name} as it is")
        ours.close()
        wire.close()
    assert peer.ping(DATA[0])
    assert upper.frames() == []


def tagged(destination, source, ether_type, payload):
    return raw_mac(destination) + raw_mac(source) + struct.pack("!HHH", 0x8100, VLAN, ether_type) + payload


def leaves_tagged(host, nic, frame):
    """A tagged frame that a program sends by a NIC of its own choice is not touched either."""
    wire = packet_socket(nic.switch.ns, nic.port, ETH_P_ALL)
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    end = packet_socket(host.ns, nic.name)
    end.send(frame)
    data = b""
    while data != frame[:12] + frame[16:]:  # Linux hands the tag over beside the frame
        data, auxiliary, _, _ = wire.recvmsg(2000, 100)
    status, _, _, _, _, tag, _ = struct.unpack("IIIHHHH", auxiliary[0][2])
    assert (status & TP_STATUS_VLAN_VALID, tag) == (TP_STATUS_VLAN_VALID, VLAN)
    wire.close()
    end.close()


def test_R_GRP_14_tagged_frames_are_left_alone(lab):
    """Also where what is inside the tag looks like the group's: broadcast, ARP for a data address, IP to one."""
    host, peer = group(lab)
    upper = Sniffer(host.ns, "ipmp0")
    address = socket.inet_aton(DATA[0])
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, raw_mac(peer.mac), socket.inet_aton(PEER), bytes(6), address)
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, 1, 0, 64, 253, 0, socket.inet_aton(PEER), address)
    for nic in host.nics.values():
        wire = packet_socket(nic.switch.ns, nic.port)
        for ether_type, destination, payload in ((0x806, "ff:ff:ff:ff:ff:ff", arp), (0x800, nic.mac, packet),
                                                 (0x800, "ff:ff:ff:ff:ff:ff", packet)):
            ours = packet_socket(host.ns, nic.name, ether_type)
            wire.send(tagged(destination, peer.mac, ether_type, payload))
            inside = raw_mac(destination) + raw_mac(peer.mac) + struct.pack("!H", ether_type) + payload
            data, (_, _, packet_type, *_) = ours.recvfrom(2000)
            while packet_type != PACKET_OTHERHOST:  # other traffic; this is how Linux marks an unknown VLAN's
                data, (_, _, packet_type, *_) = ours.recvfrom(2000)
            assert data == inside
            ours.close()
        wire.close()
        leaves_tagged(host, nic, tagged(peer.mac, nic.mac, 0x800, packet))
    assert peer.ping(DATA[0])
    strange = [frame.data.hex() for frame in upper.frames() if b"\x81\x00" in frame.data[12:14] or packet in frame.data]
    assert strange == []


def attach(host, link, direction, preference, section):
    host.ns.run("tc", "filter", "add", "dev", link, direction, "prio", preference, "handle", "7", "bpf", "da", "obj",
                build_dir() / "lab" / "port.bpf.o", "sec", section)


def detach(host, link, direction, preference):
    host.ns.run("tc", "filter", "del", "dev", link, direction, "prio", preference)


def present(host, link, direction, section):
    return f"handle 0x7 port.bpf.o:[{section}]" in host.ns.run("tc", "filter", "show", "dev", link, direction).stdout


def test_D12_filters_of_others_behind_ours_stay_and_run(lab):
    """On the way in they see what is the NIC's own, on the way out everything."""
    host, peer = group(lab)
    for nic, address in TESTS.items():
        host.ifconfig(nic, f"{address}/24", "-failover", "up")
    wait_until(lambda: all(peer.ping(address) for address in [*DATA, *DATA6, *TESTS.values()]), 5, "all answers")
    attach(host, "eth0", "ingress", 60000, "drop_long")  # what probes are not
    attach(host, "eth1", "egress", 10, "forget")

    def stays_and_runs(what):
        assert all(peer.ping(address) for address in DATA + DATA6), what
        assert peer.ping(TESTS["eth0"]), what
        assert not peer.ping(TESTS["eth0"], timeout_s=0.2, size_bytes=1000), what
        assert peer.ping(TESTS["eth1"]), what
        assert present(host, "eth0", "ingress", "drop_long") and present(host, "eth1", "egress", "forget"), what

    stays_and_runs("attached")
    for nic in host.nics.values():
        nic.cut()
        host.wait_state(nic.name, "failed")
        nic.heal()
        host.wait_ok("ipmp0")
    stays_and_runs("failovers")
    host.kill_daemon()
    host.start_daemon()
    host.wait_ok("ipmp0")
    stays_and_runs("restart")
    detach(host, "eth0", "ingress", 60000)
    assert peer.ping(TESTS["eth0"], size_bytes=1000)

    attach(host, "eth0", "egress", 20, "drop")
    wire = host.nics["eth0"].sniff()
    for address in DATA:
        peer.ping(address, count=3, timeout_s=0.2)
    assert sent(wire) == []
    detach(host, "eth0", "egress", 20)
    host.ifconfig("eth1", "group", "")
    assert present(host, "eth1", "egress", "forget")
    assert all(peer.ping(address) for address in DATA + DATA6)


FAMILIES = {"IPv4": (socket.AF_INET, DATA, PEER, socket.IPPROTO_IP, socket.IP_TOS, socket.IP_RECVTOS),
            "IPv6": (socket.AF_INET6, DATA6, PEER6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_RECVTCLASS)}


@pytest.mark.parametrize("family", FAMILIES)
def test_R_SPR_5_traffic_class_and_congestion_marks_pass_unchanged(lab, family):
    kind, data, peer_address, level, mark, receive_mark = FAMILIES[family]
    host, peer = group(lab)
    ends = []
    for station, address in [(host, address) for address in data] + [(peer, peer_address)]:
        with station.ns.entered():
            end = socket.socket(kind, socket.SOCK_DGRAM)
        end.bind((address, PORT))
        end.setsockopt(level, receive_mark, 1)
        end.settimeout(3)
        ends.append(end)
    *ours, theirs = ends

    def marked(sender, receiver, value):
        sender.setsockopt(level, mark, value)
        sender.sendto(bytes([value]), receiver.getsockname())
        payload, [(_, _, received)], _, _ = receiver.recvmsg(10, 100)
        return payload[0], received[0]

    for end in ours:
        for value in range(256):  # every class, and with it every mark
            assert marked(end, theirs, value) == (value, value)
            assert marked(theirs, end, value) == (value, value)
    for end in ends:
        end.close()


def test_R_SPR_5_tcp_negotiates_congestion_marks_through_the_group(lab):
    host, peer = group(lab)
    for station in (host, peer):
        station.ns.sysctl("ipv4/tcp_ecn", 1)
    for address, peer_address, tcp, traffic_class in ((DATA[0], PEER, 34, lambda data: data[15]),
                                                      (DATA6[0], PEER6, 54, lambda data: data[15] >> 4)):
        wire = host.nics["eth0"].switch.sniff(peer.port, f"tcp and host {address}")
        meter = host.meter("tcp", address, peer, peer_address)
        meter.wait_messages(100)
        meter.stop()
        for from_peer in (False, True):  # at the peer's port of the switch, what the host sends goes out
            frames = [frame.data for frame in wire.frames() if frame.outgoing != from_peer]
            [opening] = {data[tcp + 13] for data in frames if data[tcp + 13] & SYN}
            assert opening == (SYN | ACK | ECE if from_peer else SYN | ECE | CWR)
            assert {traffic_class(data) & 3 for data in frames if data[tcp + 13] & PSH} == {ECT0}
