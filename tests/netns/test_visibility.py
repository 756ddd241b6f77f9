"""What people and programs see of a group (design D3, R-SPR-4).

              eth0 --- switch --- peer
    host <     |
              eth1                 ipmp0: 192.0.2.1, 192.0.2.2, fd00::1
"""

import subprocess

import pytest
from netns import wait_until

DATA, PEER = "192.0.2.1", "192.0.2.9"

pytestmark = pytest.mark.core


@pytest.fixture(params=["veth", "tap"])
def group(lab, request):
    switch = lab.switch()
    host = lab.host()
    for number in range(2):
        host.add_nic(f"eth{number}", request.param, switch)
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", "192.0.2.2/24", "fd00::1/64"])
    return host, peer


def test_tcpdump_on_the_group_sees_both_directions(group):
    host, peer = group
    tcpdump = host.ns.popen("tcpdump", "-n", "-l", "--immediate-mode", "-i", "ipmp0", "-c", "8", "icmp",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: "listening" in tcpdump.stderr.readline(), 5, "tcpdump listens")
    assert peer.ping(DATA, count=2)
    assert host.ns.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "1", PEER).returncode == 0
    out, _ = tcpdump.communicate(timeout=10)
    for line in (f"{PEER} > {DATA}: ICMP echo request", f"{DATA} > {PEER}: ICMP echo reply",
                 f"> {PEER}: ICMP echo request", f"{PEER} > "):
        assert line in out


def test_counters_of_the_group_count_both_directions(group):
    host, peer = group
    received, sent = host.ns.packets("ipmp0")
    meter = host.meter("udp", DATA, peer)
    meter.wait_messages(300)
    report = meter.stop()
    received_now, sent_now = host.ns.packets("ipmp0")
    for way, counted in (("b_to_a", received_now - received), ("a_to_b", sent_now - sent)):
        arrived = report[way]["sent"] - report[way]["missing"]
        assert arrived <= counted < 1.5 * arrived, way  # once each, beside some ARP and ND


def test_R_SPR_4_the_groups_own_mac_is_on_no_wire(group):
    host, peer = group
    own_mac = host.ns.link("ipmp0")["address"]
    sniffers = [nic.sniff() for nic in host.nics.values()] + [host.nics["eth0"].switch.sniff(peer.port)]
    assert own_mac not in [nic.mac for nic in host.nics.values()]
    for family, destination, source in (("-4", PEER, DATA), ("-6", "fd00::9", "fd00::1")):
        for station, link in ((host, "ipmp0"), (peer, "e0")):
            station.ns.run("ip", family, "neigh", "flush", "dev", link)  # ARP and ND are to be seen too
        assert host.ns.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", "-I", source, destination).returncode == 0
        peer.ns.run("ip", family, "neigh", "flush", "dev", "e0")
        assert peer.ping(source, count=3)
    meters = [host.meter("tcp", DATA, peer), host.meter("tcp", "fd00::1", peer, "fd00::9")]
    for meter in meters:
        meter.wait_messages(200)
        meter.stop()  # else a slow machine never reads as fast as frames come
    assert peer.ping("192.0.2.2")
    seen = set().union(*(sniffer.macs() for sniffer in sniffers))
    assert {nic.mac for nic in host.nics.values()} <= seen  # so the sniffers do see the group's traffic
    for sniffer in sniffers:
        assert [frame.data.hex() for frame in sniffer.contains(own_mac)] == []
