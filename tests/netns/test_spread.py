"""Load spreading and the group's carrier (R-SPR-1, R-SPR-2, R-SPR-4, R-GRP-9).

              eth0 --- sw0 --- peer
    host <             |
              eth1 --- sw1          ipmp0: four IPv4 and two IPv6 data addresses
"""

import collections
import socket

import pytest
from netns import wait_until

DATA = [f"192.0.2.{number}" for number in range(1, 5)]
DATA6 = ["fd00::1", "fd00::2"]
PEER = "192.0.2.9"

pytestmark = pytest.mark.core


@pytest.fixture(params=["veth", "tap"])
def group(lab, request):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", request.param, switch, bridge=number)
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/24" for address in DATA] + [f"{address}/64" for address in DATA6])
    host.wait_slots_level("ipmp0")
    return host, peer


def test_R_SPR_1_flows_leave_by_both_nics(group):
    host, peer = group
    with peer.ns.entered():
        listener = socket.create_server((PEER, 5000), backlog=32)
    before = host.sent_by_nic()
    flows = []
    for _ in range(32):
        with host.ns.entered():
            flows.append(socket.create_connection((PEER, 5000), timeout=5))
        flows.append(listener.accept()[0])
    for flow in flows[::2]:
        flow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(20):
            flow.send(b"x" * 100)
    sent = {name: count - before[name] for name, count in host.sent_by_nic().items()}
    assert all(count > 0.1 * sum(sent.values()) for count in sent.values()), sent
    for flow in [*flows, listener]:
        flow.close()


def test_R_SPR_1_one_flow_stays_on_its_nic(group):
    host, peer = group
    meter = host.meter("tcp", DATA[0], peer)
    meter.wait_messages(50)
    before = host.sent_by_nic()
    meter.wait_messages(500)
    sent = sorted(count - before[name] for name, count in host.sent_by_nic().items())
    meter.stop()
    assert sent[0] < 20 and sent[-1] >= 500, sent


def test_R_SPR_2_data_addresses_are_dealt_evenly(group):
    host, _ = group
    bound = collections.Counter(host.inbound(address) for address in DATA)
    assert bound == {"eth0": 2, "eth1": 2}
    assert {host.inbound(address) for address in DATA6} == {"eth0", "eth1"}


def test_R_SPR_4_peers_see_each_data_address_at_its_own_nics_mac(group):
    host, peer = group
    for address in DATA + DATA6:
        assert peer.ping(address)
        assert peer.neighbours()[address] == host.nics[host.inbound(address)].mac


def test_R_SPR_2_after_a_failure_peers_follow_at_once(group):
    host, peer = group
    everything = DATA + DATA6
    assert all(peer.ping(address) for address in everything)
    host.nics["eth0"].cut()
    wait_until(lambda: {peer.neighbours()[address] for address in everything} == {host.nics["eth1"].mac}, 2,
               "the peer's neighbour entries name eth1 only")
    assert all(peer.ping(address) for address in everything)
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    wait_until(lambda: collections.Counter(host.inbound(address) for address in DATA) == {"eth0": 2, "eth1": 2}, 10,
               "addresses are dealt over both NICs again")
    for address in everything:
        wait_until(lambda: peer.neighbours()[address] == host.nics[host.inbound(address)].mac, 2,
                   f"the peer knows where {address} is now")
        assert peer.ping(address)


def test_R_GRP_9_the_groups_carrier_follows_its_nics(group):
    host, peer = group
    assert host.ns.has_carrier("ipmp0")
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    assert host.ns.has_carrier("ipmp0")
    assert host.groups()["ipmp0"]["state"] == "degraded"
    host.nics["eth1"].cut()
    wait_until(lambda: not host.ns.has_carrier("ipmp0"), 5, "NO-CARRIER on ipmp0")
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 5, "the group is failed")
    host.nics["eth1"].heal()
    wait_until(lambda: host.ns.has_carrier("ipmp0"), 10, "carrier back on ipmp0")
    wait_until(lambda: all(peer.ping(address) for address in DATA), 10, "the peer reaches every data address")
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
