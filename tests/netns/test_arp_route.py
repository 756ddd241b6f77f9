"""arp and route with the grammar of Solaris (R-CMD-3, R-CMD-4): what they show of data and test addresses, what they
refuse, and where entries and routes for an underlying interface end up.

    host: ipmp0 192.0.2.1, .2 over eth0 (test address .20), eth1 (.21); eth2 198.51.100.1 --- switch --- peer .9
"""

import re

import pytest
from netns import wait_until

DATA, SECOND, TEST, PEER = "192.0.2.1", "192.0.2.2", "192.0.2.20", "192.0.2.9"


@pytest.fixture
def site(lab):
    switch = lab.switch()
    host = lab.host()
    for number in range(3):
        host.add_nic(f"eth{number}", "veth", switch)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.peer = lab.peer(switch, f"{PEER}/24")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", f"{SECOND}/24"], ["eth0", "eth1"])
    host.ifconfig("eth0", f"{TEST}/24", "-failover", "up")
    host.ifconfig("eth1", "192.0.2.21/24", "-failover", "up")
    host.ifconfig("eth2", "plumb", "198.51.100.1/24", "up")
    return host


def ran(host, tool, *words):
    result = host.tool(tool, *words, check=False)
    return result.returncode, result.stdout, result.stderr


def solaris_mac(mac):
    return ":".join(part.lstrip("0") or "0" for part in mac.split(":"))


def bound_mac(host, address):
    return solaris_mac(host.nics[host.inbound(address)].mac)


def test_R_CMD_3_mappings_of_own_addresses_can_be_read_and_not_be_changed(site):
    host = site
    for address in (DATA, SECOND):
        assert ran(host, "arp", address) == (
            0, f"{address} ({address}) at {bound_mac(host, address)} permanent published\n", "")
    assert ran(host, "arp", TEST) == (
        0, f"{TEST} ({TEST}) at {solaris_mac(host.nics['eth0'].mac)} permanent published\n", "")
    table = host.tool("arp", "-an").stdout
    assert table.startswith("Net to Media Table: IPv4\n"
                            "Device   IP Address           Mask            Flags    Phys Addr\n")
    for device, address, mac in (("ipmp0", DATA, bound_mac(host, DATA)), ("ipmp0", SECOND, bound_mac(host, SECOND)),
                                 ("eth0", TEST, solaris_mac(host.nics["eth0"].mac))):
        assert re.search(rf"^{device} +{address} +255.255.255.255 +SPLA +{mac}$", table, re.MULTILINE), table
    mac = "2:0:0:0:0:9"
    assert ran(host, "arp", "-s", TEST, mac) == (1, "", f"{TEST}: Operation not permitted\n")
    assert ran(host, "arp", "-s", DATA, mac) == (1, "", f"{DATA}: Operation not supported\n")
    assert ran(host, "arp", "-s", DATA, mac, "pub") == (1, "", f"{DATA}: Operation not supported\n")
    assert ran(host, "arp", "-d", TEST) == (1, "", "SIOCDXARP: Operation not permitted\n")
    assert ran(host, "arp", "-d", DATA) == (1, "", "SIOCDXARP: Operation not supported\n")
    assert host.tool("ipmp", "arp", DATA).stdout == host.tool("arp", DATA).stdout


def test_R_CMD_3_the_mac_shown_follows_the_binding(site):
    host = site
    former = host.inbound(DATA)
    host.nics[former].cut()
    wait_until(lambda: host.inbound(DATA) != former, 10, "the address has moved")
    assert ran(host, "arp", DATA)[1] == f"{DATA} ({DATA}) at {bound_mac(host, DATA)} permanent published\n"


def test_R_CMD_3_entries_belong_to_the_group_interface(site, tmp_path):
    host = site
    mac = solaris_mac("02:00:00:00:00:09")
    assert ran(host, "arp", "192.0.2.77") == (1, "", "192.0.2.77 (192.0.2.77) -- no entry\n")
    assert ran(host, "arp", "-s", "192.0.2.77", mac) == (0, "", "")
    assert ran(host, "arp", "192.0.2.77") == (0, f"192.0.2.77 (192.0.2.77) at {mac} permanent\n", "")
    # A member may have one of its own, without a MAC: who is known to the group may be probed.
    [entry] = [entry for entry in host.ns.ip("neigh", "show", "192.0.2.77") if entry["dev"] == "ipmp0"]
    assert (entry["lladdr"], entry["state"]) == ("02:00:00:00:00:09", ["PERMANENT"])
    assert ran(host, "arp", "-s", "192.0.2.78", mac, "temp") == (0, "", "")
    assert ran(host, "arp", "192.0.2.78") == (0, f"192.0.2.78 (192.0.2.78) at {mac}\n", "")
    assert ran(host, "arp", "-d", "192.0.2.77") == (0, "192.0.2.77 (192.0.2.77) deleted\n", "")
    assert ran(host, "arp", "-d", "192.0.2.77") == (1, "", "192.0.2.77 (192.0.2.77) -- no entry\n")
    file = tmp_path / "entries"
    file.write_text(f"# ours\n192.0.2.79 {mac}\n\n192.0.2.80 {mac} temp\nonly-one-word\n")
    assert ran(host, "arp", "-f", file) == (1, "", "arp: bad line: only-one-word\n")
    assert {entry["dst"] for entry in host.ns.ip("neigh", "show", "dev", "ipmp0")} >= {"192.0.2.79", "192.0.2.80"}


def test_R_CMD_3_proxy_entries_have_a_members_mac(site):
    """It is recognised by the MAC of any member, dealt to an active NIC, and moves with it."""
    host = site
    mac = solaris_mac(host.nics["eth1"].mac)
    assert ran(host, "arp", "-s", "192.0.2.50", mac, "pub") == (0, "", "")
    assert [entry["dev"] for entry in host.ns.ip("neigh", "show", "proxy")] == ["ipmp0"]
    macs = [solaris_mac(host.nics[name].mac) for name in ("eth0", "eth1")]
    wait_until(lambda: ran(host, "arp", "192.0.2.50")[1] in [
        f"192.0.2.50 (192.0.2.50) at {mac} permanent published\n" for mac in macs], 5, "the MAC it is told with")
    assert "192.0.2.50" in host.tool("arp", "-an").stdout
    assert ran(host, "arp", "-s", "192.0.2.51", "2:0:0:0:0:9", "pub") == (
        1, "", "192.0.2.51: Operation not supported\n")
    assert ran(host, "arp", "-d", "192.0.2.50") == (0, "192.0.2.50 (192.0.2.50) deleted\n", "")
    assert host.ns.ip("neigh", "show", "proxy") == []


def test_R_CMD_3_what_arp_does_not_understand(site):
    host = site
    assert ran(host, "arp", "no.such.host.invalid") == (1, "", "arp: no.such.host.invalid: unknown host\n")
    assert ran(host, "arp", "-s", "192.0.2.77", "2:0:0:0:0:9", "forever") == (
        1, "", "arp: unknown keyword 'forever'\n")
    assert ran(host, "arp", "-s", "192.0.2.77", "x") == (1, "", "arp: x: bad hardware address\n")
    assert ran(host, "arp", "-s", "203.0.113.9", "2:0:0:0:0:9") == (1, "", "203.0.113.9: No such device or address\n")
    for words in ((), ("-d",), ("-s", "192.0.2.77"), ("-x",), ("a", "b")):
        assert ran(host, "arp", *words)[2].startswith("usage: arp hostname\n")


def device_of(host, destination):
    routes = host.ns.ip("route", "show", destination)
    return routes[0]["dev"] if routes else None


def test_R_CMD_4_routes_by_a_member_go_by_the_group(site):
    host = site
    gateway = "192.0.2.254"
    assert ran(host, "route", "add", "-net", "10.0.0.0", gateway, "-ifp", "eth0") == (
        0, f"add net 10.0.0.0: gateway {gateway}\n", "")
    assert device_of(host, "10.0.0.0/8") == "ipmp0"
    assert ran(host, "route", "add", "host", "203.0.113.7", TEST, "-interface") == (
        0, f"add host 203.0.113.7: gateway {TEST}\n", "")
    assert device_of(host, "203.0.113.7") == "ipmp0"
    assert ran(host, "route", "delete", "net", "10.0.0.0", gateway, "-ifp", "eth0") == (
        1, "", f"delete net 10.0.0.0: gateway {gateway}: Invalid argument\n")
    assert ran(host, "route", "change", "net", "10.0.0.0", gateway, "-ifp", "eth1") == (
        1, "", f"change net 10.0.0.0: gateway {gateway}: Invalid argument\n")
    assert ran(host, "route", "delete", "203.0.113.7", TEST, "-interface") == (
        1, "", f"delete host 203.0.113.7: gateway {TEST}: Invalid argument\n")
    assert device_of(host, "10.0.0.0/8") == device_of(host, "203.0.113.7") == "ipmp0"
    assert ran(host, "route", "get", "10.1.2.3", "-ifp", "eth0") == (
        0, "   route to: 10.1.2.3\ndestination: 10.0.0.0\n       mask: 255.0.0.0\n"
        f"    gateway: {gateway}\n  interface: ipmp0\n      flags: <UP,GATEWAY,DONE,STATIC>\n", "")
    assert ran(host, "route", "-q", "delete", "10.0.0.0/8", gateway, "-ifp", "ipmp0") == (0, "", "")
    assert device_of(host, "10.0.0.0/8") is None


def test_R_CMD_4_endings_are_those_of_solaris(site):
    host = site
    add = ("route", "add", "default", "192.0.2.254")
    assert ran(host, *add) == (0, "add net default: gateway 192.0.2.254\n", "")
    assert ran(host, *add) == (1, "", "add net default: gateway 192.0.2.254: entry exists\n")
    assert ran(host, "route", "change", "default", "192.0.2.253", "-mtu", "1400") == (
        0, "change net default: gateway 192.0.2.253\n", "")
    assert host.ns.ip("route", "show", "default")[0]["gateway"] == "192.0.2.253"
    assert ran(host, "route", "change", "10.0.0.0/8", "192.0.2.254") == (
        1, "", "change net 10.0.0.0/8: gateway 192.0.2.254: not in table\n")
    assert ran(host, "route", "delete", "10.0.0.0/8", "192.0.2.254") == (
        1, "", "delete net 10.0.0.0/8: gateway 192.0.2.254: not in table\n")
    assert ran(host, "route", "add", "10.0.0.0/8", "203.0.113.1", "-ifp", "nosuch0") == (
        1, "", "route: nosuch0: no such interface\n")
    assert ran(host, "route", "add", "10.0.0.0", "198.51.100.254", "255.255.0.0") == (
        0, "add net 10.0.0.0: gateway 198.51.100.254\n", "")
    assert device_of(host, "10.0.0.0/16") == "eth2"
    assert ran(host, "route", "add", "-inet6", "2001:db8:1::/48", "::1", "-blackhole") == (
        0, "add net 2001:db8:1::/48: gateway ::1\n", "")
    assert ran(host, "route", "flush") == (
        0, "default              192.0.2.253          done\n10.0.0.0             198.51.100.254       done\n", "")
    assert host.ns.ip("route", "show", "default") == []
    for words in ((), ("add", "default"), ("fly",), ("get",), ("-x", "get", "1.1.1.1"), ("add", "1", "2", "3", "4")):
        assert ran(host, "route", *words)[2].startswith("usage: route ")
    assert ran(host, "route", "add", "10.0.0.0/33", "1.1.1.1") == (1, "", "route: 10.0.0.0/33: bad address\n")
    assert ran(host, "route", "add", "-far", "10.0.0.0/8", "1.1.1.1") == (1, "", "route: -far: unknown modifier\n")
    assert host.tool("ipmp", "route", "get", PEER).stdout == host.tool("route", "get", PEER).stdout
