"""How a group spreads what it sends (design D4), on the wire: policy `source`, and flows that save themselves.

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <    eth1 --- sw1               ipmp0: 192.0.2.1 to .4, fd00::1 to ::4

That each policy spreads evenly is shown with thousands of flows, packet by packet, in tests/bpf/policy_test.cpp.
"""

import socket
import statistics

import pytest
from netns import wait_until
from sniff import mac_text

DATA = [f"192.0.2.{number}" for number in range(1, 5)]
DATA6 = [f"fd00::{number}" for number in range(1, 5)]
PEER = {4: "192.0.2.9", 6: "fd00::9"}
FLOWS = 8
FIRST_ESCAPE_S_MAX, LAST_ESCAPE_S_MAX = 8, 120  # each retransmission timeout is twice the one before


def build(lab):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number)
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", [*(f"{address}/24" for address in DATA), *(f"{address}/64" for address in DATA6)])
    wait_until(lambda: all(peer.ping(address) for address in DATA + DATA6), 10, "every address answers")
    return host, peer


def source_of(frame):
    """The IP source of a frame, as text; nothing for what is neither IPv4 nor IPv6."""
    kind = int.from_bytes(frame.data[12:14], "big")
    if kind == 0x0800:
        return socket.inet_ntop(socket.AF_INET, frame.data[26:30])
    if kind == 0x86dd:
        return socket.inet_ntop(socket.AF_INET6, frame.data[22:38])
    return None


def test_D4_R_SPR_4_source_sends_what_a_strict_switch_expects(lab):
    """Every frame leaves by the NIC that ARP and ND say its source address is at, with that NIC's MAC."""
    host, peer = build(lab)
    host.tool("ipmp", "policy", "ipmp0", "source")
    meters = [host.meter("udp", address, peer, PEER[6 if ":" in address else 4], 200) for address in DATA + DATA6]
    for meter in meters:
        meter.wait_messages(20)

    def inspect(what):
        bound = {address: host.inbound(address) for address in DATA + DATA6}
        sniffers = {name: nic.sniff() for name, nic in host.nics.items()}
        for meter in meters:
            meter.wait_messages(50)
        seen = set()
        for name, sniffer in sniffers.items():
            for frame in sniffer.frames():
                address = source_of(frame)
                if frame.outgoing or address not in bound:
                    continue
                seen.add(address)
                assert (name, mac_text(frame.data[6:12])) == (bound[address], host.nics[name].mac), (what, address)
            sniffer.close()
        assert seen == set(bound), what

    inspect("both NICs")
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    inspect("one NIC")
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    wait_until(lambda: len({host.inbound(address) for address in DATA}) == 2, 5, "addresses are on both again")
    inspect("both again")
    for meter in meters:
        assert meter.stop()["error"] is None


@pytest.mark.long
@pytest.mark.timing
@pytest.mark.parametrize("family", [4, 6])
def test_D4_a_flow_leaves_a_silently_dead_nic_without_the_daemon(lab, say, family):
    """The kernel draws the socket's hash anew at every retransmission timeout; one in two draws is the other NIC."""
    host, peer = build(lab)
    source = next(address for address in (DATA if family == 4 else DATA6) if host.inbound(address) == "eth1")
    host.wait_slots_level("ipmp0")
    host.kill_daemon()
    meters = [host.meter("tcp", source, peer, PEER[family], 100) for _ in range(FLOWS)]
    for meter in meters:
        meter.wait_messages(20)
        meter.mark()
    host.nics["eth0"].silent("out")
    gaps_s = []
    for meter in meters:
        report = meter.wait_messages(100, timeout_s=LAST_ESCAPE_S_MAX)
        assert report["error"] is None
        gaps_s.append(report["a_to_b"]["longest_gap_ms"] / 1000)
        meter.stop()
    escaped = sorted(gap for gap in gaps_s if gap > 0.15)  # a retransmission timeout is at least 200 ms
    say(f"IPv{family}: {len(escaped)} of {FLOWS} flows left the dead NIC after "
        f"{', '.join(f'{gap:.2f}' for gap in escaped)} s"
        + (f", median {statistics.median(escaped):.2f} s" if escaped else ""))
    assert escaped, "no flow used the NIC"
    assert escaped[0] < FIRST_ESCAPE_S_MAX
