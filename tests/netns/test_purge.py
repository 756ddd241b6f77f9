"""`ipmp stop --purge` under traffic: what the group had is on a plain NIC afterwards, and nobody has lost a connection.

    host (eth0, eth1) --- switch --- router 192.0.2.254 --- far switch --- peer 198.51.100.9
"""

import contextlib
import json
import socket

import pytest
from netns import build_dir, wait_until
from test_dhcp import address_on, build, default_routes, dhcp
from test_join import GATEWAY, OWN, OWN6, PEER, PEER6, Network, data_addresses, finish

SECOND = "192.0.2.2"


@pytest.fixture
def network(lab):
    network = Network(lab, nics=2, kind="tap")
    network.give(f"addr add {OWN}/24 brd + dev eth0", f"addr add {OWN6}/64 dev eth0 nodad",
                 f"route add default via {GATEWAY}", "route add default via 2001:db8::254 dev eth0")
    host = network.host
    network.join()
    host.ifconfig("eth1", "plumb", "up", "group", "ipmp0")
    host.ifconfig("ipmp0", "addif", f"{SECOND}/24", "up")
    host.ifconfig("eth1", "192.0.2.20/24", "-failover", "up")
    host.wait_ok("ipmp0")
    return network


def purge_under_traffic(network):
    host = network.host
    meters = [host.meter("tcp", own, network.peer, peer) for own, peer in ((OWN, PEER), (SECOND, PEER), (OWN6, PEER6))]
    for meter in meters:
        meter.wait_messages(100)
    host.tool("ipmp", "stop", "--purge")
    assert host.daemon.wait(timeout=10) == 0
    for meter in meters:
        meter.wait_messages(300)
        finish(meter)
    assert sorted(link["ifname"] for link in host.ns.ip("link", "show")) == ["eth0", "eth1", "lo"]
    heirs = {info["local"]: nic for nic in ("eth0", "eth1") for info in data_addresses(host, nic)}
    assert set(heirs) == {OWN, SECOND, OWN6, "192.0.2.20"}
    assert heirs[OWN] == heirs[SECOND] == heirs[OWN6] and heirs["192.0.2.20"] == "eth1"
    for family in ("-4", "-6"):
        assert f"dev {heirs[OWN]}" in host.ns.run("ip", family, "route", "show", "default").stdout
    assert network.peer.ping(SECOND)


def test_purge_leaves_addresses_routes_and_connections_on_a_plain_nic(network):
    purge_under_traffic(network)
    network.host.start_daemon()  # and from there a group can be made anew
    network.host.ifconfig("eth0", "group", "again")
    network.host.ifconfig("eth1", "group", "again")
    wait_until(lambda: network.peer.ping(OWN), 10, "the host is reachable by the new group")


def test_purge_ends_isolation_before_it_gives_anything_back(lab):
    network = Network(lab)
    host = network.host
    network.give_own()
    network.join()
    host.tool("ipmp", "isolate", "ipmp0", "on", "-f")
    host.wait_ok("ipmp0")
    host.tool("ipmp", "stop", "--purge")
    assert [info["local"] for info in data_addresses(host, "eth0")] == [OWN]
    assert "dev eth0" in host.ns.run("ip", "route", "show", "default").stdout
    wait_until(lambda: network.peer.ping(OWN), 10, "the host is reachable")


def test_purge_keeps_a_leased_address_for_what_is_left_of_its_time(lab):
    """With its routes, and the server is not told: the next client asks for the same one."""
    host, peer, server = build(lab, "192.0.2.100,192.0.2.150,120")
    assert dhcp(host, "ipmp0", "dhcp", "wait", "30") == (0, "")
    leased = address_on(host, "ipmp0")
    [heir] = [nic for nic, row in host.interfaces().items() if "b" in row["flags"]]
    gateway = default_routes(host)[0][0]
    host.tool("ipmp", "stop", "--purge")
    [entry] = data_addresses(host, heir)
    assert entry["local"] == leased and 60 < entry["valid_life_time"] <= 121
    assert server.count("DHCPRELEASE") == 0 and default_routes(host) == [(gateway, heir)]
    wait_until(lambda: peer.ping(leased), 10, "the host is reachable")


def test_wait_online_and_the_service_manager(lab):
    """The daemon says READY, that it lives, STOPPING; wait-online ends once a group can be used, and not before."""
    host = lab.host()
    switch = lab.switch()
    host.add_nic("eth0", "veth", switch)
    with host.ns.entered():  # where names without a file are each namespace's own
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("\0notify")
    manager.settimeout(10)
    host.environment |= {"NOTIFY_SOCKET": "@notify", "WATCHDOG_USEC": "300000"}
    host.start_daemon()
    assert {manager.recv(99) for _ in range(5)} == {b"READY=1", b"WATCHDOG=1"}

    early = host.tool("ipmp", "wait-online", "-t", "1", "ipmp0", check=False)
    assert (early.returncode, early.stderr) == (1, "ipmp: after 1 s: there is no group ipmp0\n")
    assert host.tool("ipmp", "wait-online", "-t", "1").returncode == 0  # no group, nothing to wait for
    waiting = host.ns.popen(build_dir() / "bin/ipmp", "wait-online", "ipmp0", env=host.environment)
    host.ifconfig("ipmp0", "ipmp")
    host.ifconfig("eth0", "plumb", "up", "group", "ipmp0")
    host.wait_ok("ipmp0")
    assert waiting.poll() is None
    host.ifconfig("ipmp0", f"{OWN}/24", "up")
    assert waiting.wait(timeout=10) == 0
    assert json.loads(host.tool("ipmp", "status", "--json").stdout)["groups"][0]["state"] == "ok"

    manager.setblocking(False)  # nobody has read for a while, and nobody has waited for that
    with contextlib.suppress(BlockingIOError):
        while manager.recv(99):
            pass
    host.kill_daemon(15)
    manager.setblocking(True)
    manager.settimeout(10)
    told = [manager.recv(99)]
    while told[-1] == b"WATCHDOG=1":
        told.append(manager.recv(99))
    assert told[-1] == b"STOPPING=1"
