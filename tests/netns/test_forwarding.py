"""A host that forwards between a group and another interface (R-GRP-10).

    inner peer 10.1.0.9 --- inner switch --- (eth2) host (eth0, eth1) --- switch --- outer peer 192.0.2.9
                                             10.1.0.1    ipmp0: 192.0.2.1
"""

import pytest
from meter import Meter
from netns import wait_until

OUTER, INNER = {4: "192.0.2.9", 6: "fd00::9"}, {4: "10.1.0.9", 6: "fd01::9"}
FORWARDING = {4: "ipv4/conf/{}/forwarding", 6: "ipv6/conf/{}/forwarding"}


class Site:
    def __init__(self, lab):
        switch, inner_switch = lab.switch(bridges=2), lab.switch()
        self.host = host = lab.host()
        host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(2):
            host.add_nic(f"eth{number}", "tap", switch, bridge=number)
        host.add_nic("eth2", "veth", inner_switch)
        host.ns.sysctl("ipv6/conf/eth2/accept_dad", 0)
        host.ns.ip_batch("link set eth2 up", "addr add 10.1.0.1/24 dev eth2", "addr add fd01::1/64 dev eth2")
        self.outer = lab.peer(switch, f"{OUTER[4]}/24", f"{OUTER[6]}/64")
        self.inner = lab.peer(inner_switch, f"{INNER[4]}/24", f"{INNER[6]}/64")
        self.outer.ns.ip_batch("route add 10.1.0.0/24 via 192.0.2.1", "route add fd01::/64 via fd00::1")
        self.inner.ns.ip_batch("route add default via 10.1.0.1", "route add default via fd01::1")
        host.start_daemon()
        host.make_group("ipmp0", ["192.0.2.1/24", "fd00::1/64"], ["eth0", "eth1"])

    def settings(self, family):
        return [self.host.ns.sysctl(FORWARDING[family].format(link)) for link in ("ipmp0", "eth0", "eth1")]

    def wait_settings(self, family, value):
        wait_until(lambda: self.settings(family) == [value] * 3, 5, f"the whole group forwards IPv{family}: {value}")

    def through(self, family):
        return self.inner.ping(OUTER[family]) and self.outer.ping(INNER[family])

    def flags(self, link, family):
        text = self.host.ifconfig(link, {4: "inet", 6: "inet6"}[family])
        return text.split("<")[1].split(">")[0].split(",")


def test_R_GRP_10_router_on_one_applies_to_the_whole_group(lab):
    site = Site(lab)
    host = site.host
    for family, words in ((4, ["inet"]), (6, ["inet6"])):
        assert site.settings(family) == ["0"] * 3
        assert "ROUTER" not in site.flags("ipmp0", family)
        host.ifconfig("eth1", *words, "router")
        site.wait_settings(family, "1")
        for link in ("ipmp0", "eth0", "eth1"):
            assert "ROUTER" in site.flags(link, family), (link, family)
        host.ns.sysctl(FORWARDING[family].format("eth0"), 0)  # a member does as the group does
        site.wait_settings(family, "1")
    # A NIC that joins takes the group's value, and gets its own back.
    host.ifconfig("eth0", "group", "")
    wait_until(lambda: site.settings(4) == ["1", "0", "1"] and site.settings(6) == ["1", "0", "1"], 5, "eth0's own")
    host.ifconfig("eth0", "group", "ipmp0")
    site.wait_settings(4, "1")
    # An IPMP interface made anew forwards as the former one did.
    host.ns.run("ip", "link", "del", "ipmp0")
    wait_until(lambda: host.ns.link("ipmp0"), 5, "ipmp0 is back")
    for family in (4, 6):
        site.wait_settings(family, "1")
    for family, words in ((4, ["inet"]), (6, ["inet6"])):
        host.ifconfig("ipmp0", *words, "-router")
        site.wait_settings(family, "0")
        assert "ROUTER" not in site.flags("ipmp0", family)


@pytest.mark.parametrize("family", [4, 6])
def test_R_GRP_10_a_forwarded_stream_survives_failovers(lab, say, family):
    """A plain sysctl makes the host a router; streams opened from either side go on while NICs are cut."""
    site = Site(lab)
    host = site.host
    assert host.ns.sysctl("ipv6/conf/ipmp0/accept_ra") == "2", "a router that goes on listening to advertisements"
    host.ns.sysctl({4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}[family], 1)
    site.wait_settings(family, "1")
    wait_until(lambda: site.through(family), 5, "packets pass")
    meters = [Meter("tcp", site.inner.ns, INNER[family], site.outer.ns, OUTER[family]),
              Meter("tcp", site.outer.ns, OUTER[family], site.inner.ns, INNER[family])]
    for victim in ("eth0", "eth1"):
        for meter in meters:
            meter.wait_messages(200)
        host.nics[victim].cut()
        host.wait_state(victim, "failed")
        for meter in meters:
            meter.wait_messages(500)
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        host.wait_slots_level("ipmp0")
    for meter in meters:
        report = meter.stop()
        assert report["error"] is None
        say(f"IPv{family}: longest stall {max(report[way]['longest_gap_ms'] for way in ('a_to_b', 'b_to_a')):.0f} ms")
    wait_until(lambda: site.through(family), 5, "packets pass")


def test_R_GRP_10_packets_too_big_are_heard_on_any_member(lab):
    """Each data address is bound to a NIC of its own, and the router's complaint comes by that one."""
    switch, far = lab.switch(), lab.switch(mtu_bytes=1300)
    host = lab.host()
    for nic in ("eth0", "eth1"):
        host.add_nic(nic, "veth", switch)
    lab.router((switch, ["192.0.2.254/24", "fd00::254/64"]), (far, ["10.9.0.1/24", "fd09::1/64"]))
    peer = lab.peer(far, "10.9.0.9/24", "fd09::9/64")
    peer.ns.ip_batch("route add default via 10.9.0.1", "route add default via fd09::1")
    host.start_daemon()
    data = [f"192.0.2.{n}/24" for n in (1, 2)] + [f"fd00::{n}/64" for n in (1, 2)]
    host.make_group("ipmp0", data)
    assert {host.inbound("192.0.2.1"), host.inbound("192.0.2.2")} == {"eth0", "eth1"}
    assert {host.inbound("fd00::1"), host.inbound("fd00::2")} == {"eth0", "eth1"}
    host.ns.ip_batch("route add 10.9.0.0/24 via 192.0.2.254", "route add fd09::/64 via fd00::254")
    for target, sources in (("10.9.0.9", data[:2]), ("fd09::9", data[2:])):
        for source in (address.split("/")[0] for address in sources):
            host.ns.run("ip", "-6" if ":" in target else "-4", "route", "flush", "cache")

            def learned():
                host.ns.run("ping", "-n", "-c", 1, "-W", 1, "-M", "do", "-s", 1400, "-I", source, target, check=False)
                return "mtu 1300" in host.ns.run("ip", "route", "get", target, "from", source).stdout

            wait_until(learned, 5, f"{source} knows the way's MTU")
            assert host.ns.run("ping", "-n", "-c", 1, "-W", 2, "-s", 1400, "-I", source, target).returncode == 0


def test_R_GRP_10_a_redirect_is_heeded(lab):
    """The gateway knows a better one on the same link and says so."""
    switch, far = lab.switch(), lab.switch()
    host = lab.host()
    for nic in ("eth0", "eth1"):
        host.add_nic(nic, "veth", switch)
    better = lab.router((switch, ["192.0.2.253/24"]), (far, ["10.9.0.1/24"]))
    gateway = lab.router((switch, ["192.0.2.254/24"]))
    gateway.ns.ip_batch("route add 10.9.0.0/24 via 192.0.2.253")
    peer = lab.peer(far, "10.9.0.9/24")
    peer.ns.ip_batch("route add default via 10.9.0.1")
    host.start_daemon()
    host.make_group("ipmp0", ["192.0.2.1/24", "192.0.2.2/24"])
    host.ns.ip_batch("route add default via 192.0.2.254")
    for source in ("192.0.2.1", "192.0.2.2"):
        def redirected():
            host.ns.run("ping", "-n", "-c", 1, "-W", 1, "-I", source, "10.9.0.9", check=False)
            return "via 192.0.2.253" in host.ns.run("ip", "route", "get", "10.9.0.9", "from", source).stdout

        wait_until(redirected, 10, f"{source} takes the better way")
    assert better.links


def link_local(station, link="e0"):
    [shown] = [entry for entry in station.ns.ip("addr", "show", "dev", link) if entry]
    return next(entry["local"] for entry in shown["addr_info"] if entry["local"].startswith("fe80:"))


def test_R_GRP_10_an_ipv6_redirect_is_heeded_on_any_member(lab):
    """As above. Each data address is bound to a NIC of its own, and the redirect comes by that one."""
    switch, far = lab.switch(), lab.switch()
    host = lab.host()
    for nic in ("eth0", "eth1"):
        host.add_nic(nic, "veth", switch)
    better = lab.router((switch, ["fd00::253/64"]), (far, ["fd09::1/64"]))
    gateway = lab.router((switch, ["fd00::254/64"]))
    better_one, first_one = link_local(better), link_local(gateway)
    gateway.ns.ip_batch(f"route add fd09::/64 via {better_one} dev e0")
    lab.peer(far, "fd09::9/64").ns.ip_batch("route add default via fd09::1")
    host.start_daemon()
    host.make_group("ipmp0", ["fd00::1/64", "fd00::2/64"])
    host.ns.ip_batch(f"route add default via {first_one} dev ipmp0")
    assert {host.inbound("fd00::1"), host.inbound("fd00::2")} == {"eth0", "eth1"}
    for source in ("fd00::1", "fd00::2"):
        host.ns.run("ip", "-6", "route", "flush", "cache")

        def way():
            return host.ns.run("ip", "route", "get", "fd09::9", "from", source).stdout

        def redirected():
            host.ns.run("ping", "-n", "-c", 1, "-W", 1, "-I", source, "fd09::9", check=False)
            return f"via {better_one} dev ipmp0" in way()

        assert f"via {first_one} dev ipmp0" in way()
        wait_until(redirected, 10, f"{source} takes the better way")


def test_R_GRP_10_a_host_that_forwards_sends_redirects(lab):
    """The peer's gateway is the group, and a better one is on the same link."""
    switch, far = lab.switch(), lab.switch()
    host = lab.host()
    for nic in ("eth0", "eth1"):
        host.add_nic(nic, "veth", switch)
    better = lab.router((switch, ["192.0.2.253/24", "fd00::253/64"]), (far, ["10.9.0.1/24", "fd09::1/64"]))
    lab.peer(far, "10.9.0.9/24", "fd09::9/64").ns.ip_batch("route add default via 10.9.0.1",
                                                           "route add default via fd09::1")
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", ["192.0.2.1/24", "fd00::1/64"])
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        host.ns.sysctl(name, 1)
    host.ns.ip_batch("route add 10.9.0.0/24 via 192.0.2.253",
                     f"route add fd09::/64 via {link_local(better)} dev ipmp0")
    peer.ns.ip_batch("route add 10.9.0.0/24 via 192.0.2.1",
                     f"route add fd09::/64 via {link_local(host, 'ipmp0')} dev e0")
    for target, gateway in (("10.9.0.9", "192.0.2.253"), ("fd09::9", link_local(better))):
        def redirected():
            peer.ping(target)
            return f"via {gateway} " in peer.ns.run("ip", "route", "get", target).stdout

        wait_until(redirected, 10, f"the peer was told the better way to {target}")
