"""Addresses that somebody else has, asks for, or says to have (R-ADR-6), with the real daemon.

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9: has what we want, or claims it
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, fd00::1

When the daemon asks, and what it makes of the answers, is tested to the millisecond in src/core/duplicates_test.cpp;
here the frames, and that the claims of others get through.
"""

import os
import socket
import struct
import sys
import time

import pytest
from netns import wait_until
from test_assertions import advertised, arp_of, sent

DATA, DATA6 = "192.0.2.1", "fd00::1"
PEER, PEER6 = "192.0.2.9", "fd00::9"
PREFIX = {DATA: f"{DATA}/24", DATA6: f"{DATA6}/64"}
INET = {DATA: "inet", DATA6: "inet6"}
BROADCAST = b"\xff" * 6
ALL_NODES = bytes.fromhex("333300000001")
DETECTION_S = {DATA: 0.36, DATA6: 0.36}  # three intervals of 150 ms, less 20 %
DEFENCES = 3
SETTLING_S = 0.6  # a claim right after a defence counts for the same conflict
both_families = pytest.mark.parametrize("address", [DATA, DATA6], ids=["IPv4", "IPv6"])


def build(lab, data=(), **settings):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0, DUPLICATE_ADDRESS_PROBES=3, **settings)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number)
    peer = lab.peer(switch, f"{PEER}/24", f"{PEER6}/64")
    host.start_daemon()
    for family in ("inet", "inet6"):
        host.ifconfig("ipmp0", family, "ipmp")
        for nic in host.nics:
            host.ifconfig(nic, family, "plumb", "up")
    for nic in host.nics:
        host.ifconfig(nic, "group", "ipmp0")
    host.wait_ok("ipmp0")
    for address in data:
        set_up(host, address)
    return host, peer


def set_up(host, address, check=True):
    return host.tool("ifconfig", "ipmp0", INET[address], "addif", PREFIX[address], "up", check=check)


def give(peer, address):
    peer.ns.run("ip", "addr", "add", PREFIX[address], "dev", "e0", *(["nodad"] if ":" in address else []))


def take(peer, address):
    peer.ns.run("ip", "addr", "del", PREFIX[address], "dev", "e0")


def on_ipmp0(host, address):
    return address in {entry["local"] for entry in host.ns.ip("addr", "show", "dev", "ipmp0")[0]["addr_info"]}


def state(host, address):
    return host.addresses()[address]["state"]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def claim_frame(address, mac_text):
    """A gratuitous ARP request, or an unsolicited overriding neighbour advertisement, in a stranger's name."""
    mac = bytes.fromhex(mac_text.replace(":", ""))
    if ":" not in address:
        ip = socket.inet_aton(address)
        return BROADCAST + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + ip + bytes(6) + ip
    ip, all_nodes = socket.inet_pton(socket.AF_INET6, address), socket.inet_pton(socket.AF_INET6, "ff02::1")
    message = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip + b"\x02\x01" + mac
    total = checksum(ip + all_nodes + struct.pack("!II", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + ip + all_nodes
    return ALL_NODES + mac + b"\x86\xdd" + header + message


class Claimer:
    """Sends claims from the peer, one at a time."""

    def __init__(self, peer):
        self.mac = peer.mac
        with peer.ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind(("e0", 0))

    def claim(self, address):
        self.socket.send(claim_frame(address, self.mac))

    def ask(self, address):
        """An ARP probe."""
        frame = claim_frame(address, self.mac)
        self.socket.send(frame[:28] + bytes(4) + frame[32:])


def announcements(sniffer, address):
    """The frames by which a NIC announced an address."""
    found = []
    for frame in sent(sniffer):
        arp = arp_of(frame)
        is_arp = arp and arp.sender == arp.target == address
        if is_arp or (advertised(frame) or ("",))[0] == address:
            found.append(frame)
    return found


def probes(sniffer, address):
    """The frames by which a NIC asked whether an address is taken: ARP or neighbour solicitation from nobody."""
    found = []
    for frame in sent(sniffer):
        arp, data = arp_of(frame), frame.data
        is_arp = arp and arp.sender == "0.0.0.0" and arp.target == address
        is_nd = data[12:14] == b"\x86\xdd" and data[20] == 58 and data[54] == 135 and not any(data[22:38])
        if is_arp or (is_nd and data[62:78] == socket.inet_pton(socket.AF_INET6, DATA6) and address == DATA6):
            found.append(frame)
    return found


def on_wire(sniffers, of_kind, address):
    return sorted((frame for sniffer in sniffers for frame in of_kind(sniffer, address)), key=lambda frame: frame.at_s)


def expect_probes_then_announcement(sniffers, address, timeout_s=10):
    wait_until(lambda: on_wire(sniffers, announcements, address), timeout_s, f"{address} is announced")
    asked, told = (on_wire(sniffers, kind, address) for kind in (probes, announcements))
    assert len(asked) == 3, asked
    times = [frame.at_s for frame in [*asked, told[0]]]
    assert times == sorted(times), times
    assert times[-1] - times[0] >= DETECTION_S[address], times


@both_families
def test_R_ADR_6_an_address_is_asked_for_then_used_then_announced(lab, address):
    host, peer = build(lab)
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    set_up(host, address)
    assert on_ipmp0(host, address)
    expect_probes_then_announcement(sniffers, address)
    assert peer.ping(address)


@both_families
def test_R_ADR_6_an_address_that_a_peer_has_is_refused_until_he_leaves(lab, address):
    host, peer = build(lab)
    give(peer, address)
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    result = set_up(host, address, check=False)
    assert result.returncode == 1
    assert f"{address} is a duplicate address: {peer.mac} uses it" in result.stderr
    assert f"{address} of ipmp0 is a duplicate address: {peer.mac} uses it" in host.log()
    assert not on_ipmp0(host, address)
    assert host.addresses()[address] == {"address": address, "state": "down", "group": "ipmp0", "inbound": "",
                                         "outbound": ""}
    flags = host.ifconfig("ipmp0:1", INET[address]).splitlines()[0]
    assert "DUPLICATE" in flags and "<UP" not in flags, flags
    assert on_wire(sniffers, announcements, address) == []

    take(peer, address)
    host.nics["eth1"].cut()  # a link that comes up is a reason to ask again
    host.wait_state("eth1", "failed")
    host.nics["eth1"].heal()
    wait_until(lambda: state(host, address) == "up" and on_ipmp0(host, address), 15, "the address is back")
    wait_until(lambda: peer.ping(address), 5, "the peer reaches it")
    assert f"{address} of ipmp0 is no duplicate address any more" in host.log()


@both_families
def test_R_ADR_6_claims_are_contested_three_times(lab, address):
    host, peer = build(lab, [address])
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    wait_until(lambda: len(on_wire(sniffers, announcements, address)) >= (2 if ":" in address else 4), 15,
               "the series of announcements is over")
    claimer = Claimer(peer)
    for number in range(DEFENCES):
        before = len(on_wire(sniffers, announcements, address))
        claimer.claim(address)
        wait_until(lambda: len(on_wire(sniffers, announcements, address)) > before, 3, f"defence {number + 1}")
        assert state(host, address) == "up"
        heard_s = time.monotonic() + SETTLING_S
        wait_until(lambda: time.monotonic() > heard_s, 3, "a claim would be another conflict")
    claimer.claim(address)
    wait_until(lambda: state(host, address) == "down", 3, "the fourth claim within 30 s has it")
    wait_until(lambda: not on_ipmp0(host, address), 3, "it is off ipmp0")
    lines = [line for line in host.log().splitlines() if peer.mac in line]
    assert len(lines) == 2, lines  # the first claim, and the end


def test_R_ADR_6_who_only_asks_is_answered_and_nothing_else(lab):
    host, peer = build(lab, [DATA])
    claimer, heard = Claimer(peer), peer.links[0][2].sniff(peer.port, "arp")
    for _ in range(DEFENCES + 2):
        heard.clear()
        claimer.ask(DATA)
        wait_until(lambda: any(arp.operation == 2 and arp.sender == DATA for arp in map(arp_of, heard.frames())), 3,
                   "our stack says that the address is taken")
    assert state(host, DATA) == "up"
    assert peer.mac not in host.log()


@both_families
def test_R_ADR_6_set_up_without_a_nic_it_is_asked_for_when_one_is_there(lab, address):
    host, peer = build(lab)
    for nic in host.nics.values():
        nic.cut()
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 5, "the group is failed")
    set_up(host, address)
    assert on_ipmp0(host, address)  # for local use
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    host.nics["eth1"].heal()
    expect_probes_then_announcement(sniffers, address)
    assert peer.ping(address)


def test_R_ADR_6_A12_all_nics_lost_and_one_back_probes_then_announcements(lab):
    host, peer = build(lab, [DATA, DATA6])
    for nic in host.nics.values():
        nic.cut()
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 5, "the group is failed")
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    host.nics["eth0"].heal()
    for address in (DATA, DATA6):
        expect_probes_then_announcement(sniffers, address)
        assert on_ipmp0(host, address)
    assert peer.ping(DATA) and peer.ping(DATA6)


def test_R_ADR_6_a_peer_that_took_an_address_while_all_nics_were_lost_keeps_it(lab):
    host, peer = build(lab, [DATA])
    for nic in host.nics.values():
        nic.cut()
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 5, "the group is failed")
    give(peer, DATA)
    host.nics["eth0"].heal()
    wait_until(lambda: state(host, DATA) == "down" and not on_ipmp0(host, DATA), 10, "the peer has it")


FLOOD = """
import socket, sys, time
end, frame = time.monotonic() + float(sys.argv[1]), bytes.fromhex(sys.argv[2])
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
link.bind(("e0", 0))
sent = 0
while time.monotonic() < end:
    try:
        link.send(frame)
        sent += 1
    except OSError:
        pass
print(sent)
"""
FLOOD_S = 10


def cpu_seconds(process):
    fields = open(f"/proc/{process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_R_ADR_6_a_flood_of_claims_is_no_faster_than_the_rules(lab, say):
    host, peer = build(lab, [DATA])
    claims = claim_frame(DATA, peer.mac).hex()
    cpu, start = cpu_seconds(host.daemon), time.monotonic()
    flood = peer.ns.popen(sys.executable, "-c", FLOOD, FLOOD_S, claims, text=True, stdout=-1)
    wait_until(lambda: not on_ipmp0(host, DATA), FLOOD_S, "the claims have the address")
    taken_after_s = time.monotonic() - start
    sent_frames = int(flood.communicate(timeout=FLOOD_S + 10)[0])
    share = (cpu_seconds(host.daemon) - cpu) / (time.monotonic() - start)
    say(f"{sent_frames} claims in {FLOOD_S} s; lost after {taken_after_s:.1f} s; daemon {100 * share:.1f} % of a core")
    assert taken_after_s >= 1.5  # three defences, each with time to be heard
    assert share < 0.05
    assert len([line for line in host.log().splitlines() if peer.mac in line]) <= 3


def test_R_ADR_6_nothing_of_our_own_is_taken_for_a_strangers(lab):
    """A switch that floods everything brings every frame of a NIC back to the other, through twenty rebinds."""
    host, peer = build(lab, [DATA, DATA6])
    for bridge in ("sw0", "sw1"):
        peer.links[0][2].ns.run("ip", "link", "set", bridge, "type", "bridge", "ageing_time", "0")
    for number in range(10):
        for option in ("-d", "-r"):
            host.tool("if_mpadm", option, f"eth{number % 2}")
            assert peer.ping(DATA, timeout_s=3) and peer.ping(DATA6, timeout_s=3)
    for address in (DATA, DATA6):
        assert state(host, address) == "up" and on_ipmp0(host, address)
    assert "duplicate" not in host.log() and "defending" not in host.log()
    entries = host.ns.ip("addr", "show", "dev", "ipmp0")[0]["addr_info"]
    assert not [entry for entry in entries if entry.get("dadfailed") or entry.get("tentative")]
