"""VLAN interfaces and dummies as members (R-GRP-14), ports of bonds and teams (R-GRP-7). Where the kernel has no such
interfaces the tests are skipped; ./check --vm runs them under one that has them.

              eth0, eth0.100 --- sw0 --- peer 192.0.2.9, fd00::9 untagged
    host <                        |           198.51.100.9, fd64::9 in VLAN 100
              eth1, eth1.100 --- sw1          203.0.113.9 in VLAN 200

Both switches, and the link between them, carry all three.
"""

import pytest
from netns import CommandFailed, wait_until

UNTAGGED, PEER = ["192.0.2.1", "192.0.2.2", "fd00::1"], "192.0.2.9"
VLAN, VLAN_ID, VLAN_PEER = ["198.51.100.1", "198.51.100.2", "fd64::1"], 100, "198.51.100.9"
OTHER, OTHER_ID, OTHER_PEER = "203.0.113.1", 200, "203.0.113.9"
PEER_VLANS = {VLAN_ID: [f"{VLAN_PEER}/24", "fd64::9/64"], OTHER_ID: [f"{OTHER_PEER}/24"]}
MEMBERS, PARENTS = ["eth0.100", "eth1.100"], ["eth0", "eth1"]

pytestmark = pytest.mark.core(first=True)


def add(namespace, *words):
    """`ip link add WORDS`; skips the test where the kernel has no such kind of interface."""
    try:
        namespace.run("ip", "link", "add", *words)
    except CommandFailed as error:
        if "Unknown device type" not in error.stderr:
            raise
        pytest.skip(f"this kernel has no interfaces of type {words[words.index('type') + 1]}")


def prefixed(addresses):
    return [address + ("/64" if ":" in address else "/24") for address in addresses]


def add_vlan(namespace, parent, vlan):
    add(namespace, "link", parent, "name", f"{parent}.{vlan}", "type", "vlan", "id", vlan)
    namespace.sysctl(f"ipv6/conf/{parent}.{vlan}/accept_dad", 0)
    namespace.ip_batch(f"link set {parent}.{vlan} up")


def build(lab, kind="veth"):
    """Host and peer with all VLANs, and the daemon; no group yet."""
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number, name in enumerate(PARENTS):
        host.add_nic(name, kind, switch, bridge=number)
        host.ns.ip_batch(f"link set {name} up")
        add_vlan(host.ns, name, VLAN_ID)
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    for vlan, addresses in PEER_VLANS.items():
        add_vlan(peer.ns, "e0", vlan)
        peer.ns.ip_batch(*(f"addr add {address} dev e0.{vlan}" for address in addresses))
    trunks = [*switch.ports, "isl1a", "isl1b"]
    for vlan in PEER_VLANS:
        switch.ns.run("bridge", "-batch", "-", input="".join(f"vlan add vid {vlan} dev {port}\n" for port in trunks))
    switch.ns.ip_batch(*(f"link set sw{number} type bridge vlan_filtering 1" for number in range(2)))
    host.start_daemon()
    return host, peer


def reached(peer, addresses):
    wait_until(lambda: all(peer.ping(address) for address in addresses), 5, f"{addresses} answer")


def bound(host, addresses):
    """The members that the addresses are bound to."""
    rows = host.addresses()
    return {rows[address]["inbound"] for address in addresses}


def unharmed(meter):
    report = meter.stop()
    assert report["error"] is None
    assert (report["a_to_b"]["missing"], report["b_to_a"]["missing"]) == (0, 0), report


@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_GRP_14_vlan_interfaces_on_two_trunks_carry_a_group(lab, kind):
    host, peer = build(lab, kind)
    host.make_group("ipmp0", prefixed(VLAN), MEMBERS)
    wires = {name: host.nics[name].sniff("arp or icmp or icmp6") for name in PARENTS}
    peer.ns.run("ip", "neigh", "flush", "dev", f"e0.{VLAN_ID}")
    reached(peer, VLAN)
    for name, wire in wires.items():
        sent = [frame for frame in wire.frames() if not frame.outgoing and frame.vlan]
        assert {frame.vlan for frame in sent} == {VLAN_ID}, name
        assert {frame.data[6:12].hex(":") for frame in sent} == {host.nics[name].mac}
    meter = host.meter("tcp", VLAN[0], peer, VLAN_PEER)
    for find in (lambda: host.outbound_nic(meter), lambda: host.inbound(VLAN[0]).split(".")[0]):
        meter.wait_messages(100)
        victim = find()
        host.nics[victim].cut()
        host.wait_state(f"{victim}.{VLAN_ID}", "failed")
        assert meter.wait_messages(100)["error"] is None
        assert bound(host, VLAN) == set(MEMBERS) - {f"{victim}.{VLAN_ID}"}
        reached(peer, VLAN)
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
    unharmed(meter)
    reached(peer, VLAN)


def test_R_GRP_14_tagged_frames_on_a_member_are_left_alone(lab):
    """An address in VLAN 200 on one member needs nothing of the group, and the group sees nothing of it."""
    host, peer = build(lab)
    add_vlan(host.ns, "eth0", OTHER_ID)
    host.ns.ip_batch(f"addr add {OTHER}/24 dev eth0.{OTHER_ID}")
    host.make_group("ipmp0", prefixed(UNTAGGED), PARENTS)
    reached(peer, [OTHER, *UNTAGGED])
    assert peer.neighbours()[OTHER] == host.nics["eth0"].mac
    meter = host.meter("tcp", OTHER, peer, OTHER_PEER)
    meter.wait_messages(100)
    seen, sent = host.ns.packets("ipmp0")
    meter.wait_messages(500)
    assert [now - then < 250 for now, then in zip(host.ns.packets("ipmp0"), (seen, sent))] == [True, True]
    for change in (lambda: host.nics["eth1"].cut(), lambda: host.nics["eth1"].heal(),
                   lambda: host.tool("if_mpadm", "-d", "eth0"), lambda: host.tool("if_mpadm", "-r", "eth0"),
                   host.kill_daemon, host.start_daemon):
        change()
        assert meter.wait_messages(100)["error"] is None
        reached(peer, UNTAGGED)
    unharmed(meter)


def test_R_GRP_14_an_untagged_and_a_vlan_group_share_their_nics(lab):
    host, peer = build(lab)
    host.make_group("ipmp0", prefixed(UNTAGGED), PARENTS)
    host.make_group("ipmp1", prefixed(VLAN), MEMBERS)
    reached(peer, UNTAGGED + VLAN)
    meters = [host.meter("tcp", UNTAGGED[0], peer), host.meter("tcp", VLAN[0], peer, VLAN_PEER)]
    for meter in meters:
        meter.wait_messages(100)
    host.tool("if_mpadm", "-d", "eth0.100")  # is nothing to the group of its parent
    assert bound(host, VLAN) == {"eth1.100"}
    assert bound(host, UNTAGGED) == set(PARENTS)
    host.tool("if_mpadm", "-r", "eth0.100")
    host.nics["eth0"].cut()  # takes both along
    for name in ("eth0", "eth0.100"):
        host.wait_state(name, "failed")
    for meter in meters:
        assert meter.wait_messages(100)["error"] is None
    reached(peer, UNTAGGED + VLAN)
    host.nics["eth0"].heal()
    for group in ("ipmp0", "ipmp1"):
        host.wait_ok(group)
    host.kill_daemon()
    host.start_daemon()
    for group in ("ipmp0", "ipmp1"):
        host.wait_ok(group)
    for meter in meters:
        unharmed(meter)
    reached(peer, UNTAGGED + VLAN)
    host.ns.ip_batch("link del eth1.100")
    host.wait_state("eth0.100", "ok")
    reached(peer, UNTAGGED + VLAN)


def test_R_GRP_14_a_dummy_is_a_member_only_with_arp_and_multicast(lab):
    """Without them it is refused. With them it is a NIC that takes every frame and tells of its carrier as told."""
    switch, host = lab.switch(), lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.add_nic("eth0", "veth", switch)
    add(host.ns, "dummy0", "type", "dummy")
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", prefixed(UNTAGGED))
    host.ifconfig("dummy0", "plumb", "up")
    refusal = host.tool("ifconfig", "dummy0", "group", "ipmp0", check=False)
    assert refusal.returncode == 1 and "(dummy0: needs ARP and multicast)" in refusal.stderr
    assert host.groups()["ipmp0"]["interfaces"] == "eth0"

    host.ns.ip_batch("link set dummy0 arp on multicast on")
    host.ifconfig("dummy0", "standby")
    wait_until(lambda: host.tool("ifconfig", "dummy0", "group", "ipmp0", check=False).returncode == 0, 5,
               "with ARP and multicast it may join")
    host.wait_ok("ipmp0")
    reached(peer, UNTAGGED)
    for carrier, state in (("off", "failed"), ("on", "ok")):
        host.ns.ip_batch(f"link set dummy0 carrier {carrier}")
        host.wait_state("dummy0", state)
        reached(peer, UNTAGGED)
    host.nics["eth0"].cut()
    wait_until(lambda: bound(host, UNTAGGED) == {"dummy0"}, 5, "the dummy takes over")
    assert not peer.ping(UNTAGGED[0])
    host.nics["eth0"].heal()
    host.wait_state("eth0", "ok")
    reached(peer, UNTAGGED)
    host.ns.ip_batch("link del dummy0")
    wait_until(lambda: bound(host, UNTAGGED) == {"eth0"}, 5, "the dummy is gone")
    reached(peer, UNTAGGED)


@pytest.mark.parametrize("kind", ["bond", "team"])
def test_R_GRP_7_a_port_of_a_bond_or_team_may_not_join(lab, kind):
    host = lab.host()
    host.add_nic("eth0", "veth", lab.switch())
    add(host.ns, "master0", "type", kind)
    host.ns.ip_batch("link set eth0 master master0", "link set master0 up", "link set eth0 up")
    host.start_daemon()
    host.ifconfig("ipmp0", "ipmp")
    host.ifconfig("eth0", "plumb", "up")
    refusal = host.tool("ifconfig", "eth0", "group", "ipmp0", check=False)
    assert refusal.returncode == 1 and "(eth0 is a port of master0; take it out first)" in refusal.stderr
    assert host.groups()["ipmp0"]["interfaces"] == ""
    host.ns.ip_batch("link set eth0 nomaster", "link set eth0 up")
    wait_until(lambda: host.tool("ifconfig", "eth0", "group", "ipmp0", check=False).returncode == 0, 5,
               f"out of the {kind} it may join")
    host.wait_state("eth0", "ok")
