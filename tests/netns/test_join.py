"""A NIC that is in use joins a group, and whoever talks over it notices nothing (R-GRP-5, R-GRP-6, R-CMD-4).

    host (eth0, eth1) --- switch --- router 192.0.2.254 --- far switch --- peer 198.51.100.9

The host's own address, 192.0.2.1, is on eth0 and so are its routes, before the join. Each test compares the host's
routes before and after: they must be the same but for the interface.
"""

import re

import pytest
from netns import PATIENCE, wait_until

OWN, GATEWAY, PEER = "192.0.2.1", "192.0.2.254", "198.51.100.9"
OWN6, GATEWAY6, PEER6 = "2001:db8::1", "2001:db8::254", "2001:db8:9::9"
STALL_MS_MAX = 50 * PATIENCE
JOINS = 5


class Network:
    def __init__(self, lab, nics=1, kind="veth"):
        switch, far = lab.switch(), lab.switch()
        self.host = lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(nics):
            self.host.add_nic(f"eth{number}", kind, switch)
            self.host.ns.ip_batch(f"link set eth{number} up")
        self.router = lab.router((switch, [f"{GATEWAY}/24", f"{GATEWAY6}/64"]),
                                 (far, ["198.51.100.1/24", "2001:db8:9::1/64"]))
        self.peer = lab.peer(far, f"{PEER}/24", f"{PEER6}/64")
        self.peer.ns.ip_batch("route add default via 198.51.100.1", "route add default via 2001:db8:9::1")

    def give(self, *lines):
        """Configures the host by `ip` and starts the daemon."""
        self.host.ns.ip_batch(*lines)
        self.host.start_daemon()

    def give_own(self):
        self.give(f"addr add {OWN}/24 brd + dev eth0", f"route add default via {GATEWAY}")
        assert self.peer.ping(OWN)

    def join(self, nic="eth0", group="ipmp0"):
        self.host.ifconfig(nic, "group", group)
        wait_until(lambda: not data_addresses(self.host, nic), 10, f"{nic} has given its addresses away")


def data_addresses(host, link):
    entries = host.ns.ip("addr", "show", "dev", link)
    return [info for info in entries[0]["addr_info"] if info.get("local") and not info["local"].startswith("fe80")]


def routes(host, rename=None):
    """All routes of both families but those that come and go with addresses; lifetimes left out."""
    lines = []
    for family in ("-4", "-6"):
        text = host.ns.run("ip", family, "-d", "route", "show", "table", "all").stdout.replace("\n\t", " ")
        for line in text.splitlines():
            if "table local" in line or "proto kernel" in line or "proto 73" in line:
                continue
            line = re.sub(r" expires \d+sec| linkdown", "", line)
            lines.append(re.sub(r"\beth\d\b", rename, line) if rename else line)
    return sorted(" ".join(line.split()) for line in lines)


def check_stream(report, say, what):
    assert report["error"] is None
    stall_ms = max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a"))
    say(f"{what}: longest stall {stall_ms:.1f} ms")
    assert stall_ms <= STALL_MS_MAX
    return stall_ms


def finish(meter):
    report = meter.stop()
    assert report["error"] is None
    assert report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0


@pytest.mark.timing
@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_GRP_5_R_GRP_6_a_stream_survives_the_join_of_its_nic(lab, say, kind):
    network = Network(lab, kind=kind)
    host = network.host
    network.give_own()
    before = routes(host, "ipmp0")
    meter = host.meter("tcp", OWN, network.peer)
    meter.wait_messages(300)
    meter.mark()
    network.join()
    check_stream(meter.wait_messages(500), say, f"join of a {kind} with a stream through a router")
    finish(meter)
    assert routes(host) == before
    [address] = data_addresses(host, "ipmp0")
    assert (address["local"], address["prefixlen"], address["broadcast"]) == (OWN, 24, "192.0.2.255")
    [route] = host.ns.ip("route", "get", PEER)
    assert (route["dev"], route["prefsrc"]) == ("ipmp0", OWN)


@pytest.mark.timing
def test_R_GRP_6_the_longest_stall_of_five_joins(lab, say):
    """The NIC leaves the group and gets its address and route back between joins; the stream lives through all."""
    network = Network(lab)
    host = network.host
    network.give_own()
    meter = host.meter("tcp", OWN, network.peer)
    stalls_ms = []
    for number in range(JOINS):
        meter.wait_messages(300)
        meter.mark()
        network.join()
        stalls_ms.append(check_stream(meter.wait_messages(300), lambda text: None, ""))
        host.ifconfig("eth0", "group", "")
        host.ifconfig("ipmp0", "unplumb")
        host.ifconfig("ipmp0", "inet6", "unplumb")
        wait_until(lambda: not host.ns.link("ipmp0"), 10, "the IPMP interface is gone")
        host.ns.ip_batch(f"addr add {OWN}/24 brd + dev eth0", f"route replace default via {GATEWAY}")
    finish(meter)
    say(f"{JOINS} joins, longest stall of each in ms: " + " ".join(f"{stall:.1f}" for stall in sorted(stalls_ms)))


@pytest.mark.timing
def test_R_GRP_5_R_GRP_6_everything_that_names_the_nics_follows(lab, say):
    network = Network(lab, nics=2)
    host = network.host
    network.give(
        f"addr add {OWN}/24 brd + dev eth0", "addr add 192.0.2.2/24 brd + dev eth0",
        "addr add 192.0.2.3/24 brd + dev eth0", "addr add 10.1.0.1/16 brd 10.1.255.254 dev eth0",
        "addr add 169.254.7.7/16 scope link dev eth0", "addr add 10.2.0.1/16 brd + dev eth1",
        f"addr add {OWN6}/64 dev eth0 nodad",
        f"route add default via {GATEWAY} metric 50 mtu 1400 proto static",
        f"route add default via {GATEWAY} table 77 src 192.0.2.2", "rule add from 192.0.2.2 lookup 77",
        f"route add 203.0.113.0/24 via {GATEWAY} src 192.0.2.3 advmss 1000 initcwnd 20",
        f"nexthop add id 5 via {GATEWAY} dev eth0", "route add 203.0.114.0/24 nhid 5",
        "route add 203.0.115.0/24 nexthop via 10.1.0.254 dev eth0 weight 3 nexthop via 10.2.0.254 dev eth1 weight 2",
        "route add 203.0.116.0/24 dev eth0 scope link", "route append 203.0.116.0/24 dev eth1 scope link",
        f"route add default via {GATEWAY6} metric 50",
        "route add 2001:db8:5::/48 nexthop via 2001:db8::fe dev eth0 nexthop via fe80::77 dev eth1",
        f"route add 2001:db8:6::/48 via {GATEWAY6} mtu 1300 expires 300",
        "route add 2001:db8:7::/48 dev eth0", "route append 2001:db8:7::/48 dev eth1")
    before = routes(host)
    assert len([line for line in before if "eth0" in line]) >= 10, before
    meter = host.meter("tcp", OWN, network.peer)
    other = host.meter("tcp", "192.0.2.2", network.peer)
    six = host.meter("tcp", OWN6, network.peer, PEER6)
    for one in (meter, other, six):
        one.wait_messages(300)
        one.mark()
    network.join("eth0")
    for one, what in ((meter, "main table"), (other, "policy route"), (six, "IPv6")):
        check_stream(one.wait_messages(300), say, f"join, stream by {what}")
        one.mark()
    joined = [re.sub(r"\beth0\b", "ipmp0", line) for line in before]
    assert routes(host) == sorted(joined)
    network.join("eth1")
    for one, what in ((meter, "main table"), (other, "policy route"), (six, "IPv6")):
        check_stream(one.wait_messages(300), say, f"join of the second, stream by {what}")
        finish(one)
    both = sorted({re.sub(r"\beth1\b", "ipmp0", line) for line in joined})  # one of two twins is enough
    assert routes(host) == both
    assert not [line for line in routes(host) if re.search(r"\beth\d\b", line)]
    addresses = {info["local"]: info for info in data_addresses(host, "ipmp0")}
    assert [address for address in addresses if address.startswith("192.0.2.")] == [OWN, "192.0.2.2", "192.0.2.3"]
    assert [info["local"] for info in addresses.values() if info.get("secondary")] == ["192.0.2.2", "192.0.2.3"]
    assert addresses["10.1.0.1"]["broadcast"] == "10.1.255.254"
    assert addresses["169.254.7.7"]["scope"] == "link" and addresses["10.1.0.1"]["scope"] == "global"
    assert set(addresses) == {"169.254.7.7", OWN, "192.0.2.2", "192.0.2.3", "10.1.0.1", "10.2.0.1", OWN6}
    [nexthop] = host.ns.ip("nexthop", "show")
    assert (nexthop["id"], nexthop["dev"], nexthop["gateway"]) == (5, "ipmp0", GATEWAY)


def test_R_GRP_6_a_route_that_cannot_move_is_named_and_the_join_goes_on(lab):
    network = Network(lab)
    host = network.host
    network.give(f"addr add {OWN}/24 brd + dev eth0", f"route add default via {GATEWAY}",
                 "route add 10.8.0.0/24 dev eth0 scope link proto kernel",  # is nobody's to move
                 "route add 203.0.113.0/24 via 10.8.0.1")
    network.join()
    wait_until(lambda: network.peer.ping(OWN), 5, "the host is reachable")
    text = "ignoring route 203.0.113.0/24 via 10.8.0.1 table 254 of eth0, which cannot go by ipmp0: "
    assert host.log().count(text) == 1
    assert "dev ipmp0" in host.ns.run("ip", "route", "show", "default").stdout


def test_R_GRP_5_a_leased_address_is_refused_and_nothing_changes(lab):
    network = Network(lab)
    host = network.host
    network.give(f"addr add {OWN}/24 brd + dev eth0 valid_lft 3600 preferred_lft 3600",
                 f"route add default via {GATEWAY}")
    before = routes(host), data_addresses(host, "eth0")[0]["local"]
    result = host.tool("ifconfig", "eth0", "group", "ipmp0", check=False)
    assert result.returncode == 1
    assert "eth0 has data addresses managed by a DHCP client (192.0.2.1)" in result.stderr
    assert "dhcp start" in result.stderr
    assert (routes(host), data_addresses(host, "eth0")[0]["local"]) == before
    assert host.interfaces() == {} and host.groups() == {}
    assert network.peer.ping(OWN)


def test_R_CMD_4_routes_that_others_add_to_a_member_move(lab):
    network = Network(lab)
    host = network.host
    network.give_own()
    network.join()

    def moved(destination, family="-4", *more):
        text = host.ns.run("ip", family, "route", "show", destination, *more).stdout
        return "dev ipmp0" in text and "eth0" not in text

    host.ns.ip_batch(f"route add 203.0.113.0/24 via {GATEWAY} dev eth0 onlink metric 7 mtu 1300")
    wait_until(lambda: moved("203.0.113.0/24"), 5, "the route is the group's")
    assert "metric 7 onlink mtu 1300" in host.ns.run("ip", "route", "show", "203.0.113.0/24").stdout
    host.ns.ip_batch("route add 2001:db8:7::/48 dev eth0 table 9")
    wait_until(lambda: moved("2001:db8:7::/48", "-6", "table", "9"), 5, "the IPv6 route is the group's")
    host.ns.ip_batch(f"nexthop add id 8 via {GATEWAY} dev eth0 onlink", "route add 203.0.114.0/24 nhid 8")
    wait_until(lambda: host.ns.ip("nexthop", "show", "id", "8")[0]["dev"] == "ipmp0", 5, "the object is the group's")
    for destination in ("203.0.113.0/24", "2001:db8:7::/48"):
        assert host.log().count(f"route {destination}") == 1, "each is reported once"


ADVERTISE = """
import sys
from scapy.all import Ether, ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6, get_if_hwaddr, sendp
mac, lifetime = get_if_hwaddr("e0"), int(sys.argv[2])
sendp(Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src=sys.argv[1], dst="ff02::1", hlim=255)
      / ICMPv6ND_RA(routerlifetime=lifetime, prf=1) / ICMPv6NDOptSrcLLAddr(lladdr=mac)
      / ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64, L=1, A=1, validlifetime=lifetime,
                              preferredlifetime=lifetime), iface="e0", verbose=False)
"""


@pytest.mark.timing
def test_R_GRP_5_autoconfigured_addresses_move_and_are_renewed(lab, say):
    """Router advertisements gave eth0 its address and default route; after the join they renew both on ipmp0, and
    when the router takes itself back the default route goes."""
    network = Network(lab)
    host, router = network.host, network.router
    network.give()
    [own] = [info["local"] for info in router.ns.ip("-6", "addr", "show", "dev", "e0")[0]["addr_info"]
             if info["local"].startswith("fe80")]

    def advertise(lifetime_s):
        router.ns.run("/usr/bin/python3", "-c", ADVERTISE, own, lifetime_s)

    def addresses(link):
        return {info["local"]: info for info in data_addresses(host, link) if not info.get("tentative")}

    def ipv6_routes(link):
        return {route["dst"]: route for route in host.ns.ip("-6", "route", "show", "dev", link)
                if not route["dst"].startswith("fe80")}

    advertise(600)
    [address] = wait_until(lambda: addresses("eth0"), 10, "an address by autoconfiguration")
    assert set(ipv6_routes("eth0")) == {"default", "2001:db8::/64"}
    meter = host.meter("tcp", address, network.peer, PEER6)
    meter.wait_messages(300)
    meter.mark()
    network.join()
    wait_until(lambda: not ipv6_routes("eth0"), 5, "no route of the advertisements is on eth0")
    check_stream(meter.wait_messages(300), say, "join of a NIC with an autoconfigured address")
    moved = addresses("ipmp0")[address]
    assert 500 < moved["valid_life_time"] <= 600
    before = ipv6_routes("ipmp0")
    assert set(before) == {"default", "2001:db8::/64"}
    assert before["default"]["metric"] == 1024 and 500 < before["default"]["expires"] <= 600
    assert host.ns.sysctl("ipv6/conf/ipmp0/accept_ra") == "2" and host.ns.sysctl("ipv6/conf/eth0/accept_ra") == "0"

    advertise(9000)
    wait_until(lambda: addresses("ipmp0")[address]["valid_life_time"] > 8000, 5, "the address is renewed")
    assert list(addresses("ipmp0")) == [address], "and no second one came"
    assert ipv6_routes("ipmp0")["default"]["expires"] > 8000
    assert ipv6_routes("ipmp0")["2001:db8::/64"]["expires"] > 8000
    defaults = [route for route in host.ns.ip("-6", "route", "show", "default")]
    assert len(defaults) == 1, defaults
    assert addresses("eth0") == {} and ipv6_routes("eth0") == {}
    meter.wait_messages(300)
    finish(meter)
    advertise(0)
    wait_until(lambda: "default" not in ipv6_routes("ipmp0"), 5, "the router that took itself back is forgotten")


def test_R_GRP_5_an_autoconfigured_address_that_expires_does_not_come_back(lab):
    network = Network(lab)
    host = network.host
    network.give("addr add 2001:db8::77/64 dev eth0 nodad valid_lft 4 preferred_lft 4")
    network.join()
    [address] = data_addresses(host, "ipmp0")
    assert address["local"] == "2001:db8::77" and address["valid_life_time"] <= 4
    wait_until(lambda: not data_addresses(host, "ipmp0"), 10, "the address has expired")
    wait_until(lambda: "2001:db8::77" not in host.addresses(), 5, "the group has forgotten it")
    assert data_addresses(host, "ipmp0") == []


SETTINGS = """for family in ipv4 ipv6; do for kind in conf neigh; do cd /proc/sys/net/$family/$kind/eth0
grep -H . * 2>/dev/null | sed "s:^:$family/$kind/:"; done; done"""


def test_D11_the_settings_of_a_nic_that_left_are_as_before_and_others_lose_nothing(lab):
    network = Network(lab, nics=2)
    host = network.host
    network.give(f"addr add {OWN}/24 brd + dev eth1", f"route add default via {GATEWAY}")
    host.ns.sysctl("ipv4/conf/eth0/rp_filter", 1)
    before = host.ns.run("sh", "-c", SETTINGS, check=False).stdout
    assert "ipv4/conf/rp_filter:1" in before and "ipv6/neigh/" in before
    network.join("eth1")
    meter = host.meter("tcp", OWN, network.peer)
    meter.wait_messages(200)
    for _ in range(2):
        host.ifconfig("eth0", "group", "ipmp0")
        wait_until(lambda: host.ns.sysctl("ipv4/conf/eth0/rp_filter") == "2", 5, "eth0 has a member's settings")
        host.wait_state("eth0", "ok")
        meter.wait_messages(200)
        host.ifconfig("eth0", "group", "")
        wait_until(lambda: host.ns.run("sh", "-c", SETTINGS, check=False).stdout == before, 5, "eth0's own settings")
        meter.wait_messages(200)
    finish(meter)


def test_R_DET_1_a_nic_set_up_just_before_its_join_is_not_said_to_have_failed(lab):
    """It has carrier; the kernel may take a second to open its queues (IFF_RUNNING), and until then it is not used. A
    carrier that changed twice within a second makes the kernel take its time."""
    switch = lab.switch()
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for name in ("eth0", "eth1"):
        host.add_nic(name, "tap", switch)
    host.start_daemon()
    host.make_group("ipmp0", [f"{OWN}/24"], ["eth0"])
    rounds, delayed = 0, 0
    while rounds < 4 or (not delayed and rounds < 20):  # on a busy machine the second change comes too late for that
        rounds += 1
        start = len(host.log())
        host.nics["eth1"].cut()
        wait_until(lambda: host.ns.link("eth1")["operstate"] == "DOWN", 5, "the kernel knows")
        host.nics["eth1"].heal()
        host.ifconfig("eth1", "plumb", "up", "group", "ipmp0")
        row = host.interfaces()["eth1"]
        delayed += (row["state"], row["link"], row["active"]) == ("unknown", "unknown", "no")
        host.wait_ok("ipmp0")
        host.ifconfig("eth1", "group", "")
        host.ifconfig("eth1", "unplumb")
        said = host.log()[start:]
        assert "eth1 has joined group ipmp0" in said and "eth1 has left group ipmp0" in said
        assert "link has" not in said and "detected" not in said, said
    assert delayed > 0, "the kernel never took its time: this has shown nothing"
