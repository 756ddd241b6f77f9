"""Groups: several on one host, their names, who may join, and how they come and go (R-GRP).

              eth0 --- sw0 --- peer 192.0.2.9
    host <    eth1 --- sw1
              eth2 --- another switch --- other peer 198.51.100.9
              eth3 --- "
"""

import json

import pytest
from netns import CommandFailed, wait_until
from test_assertions import Arp, advertised, arp_of, sent

PEER, OTHER_PEER = "192.0.2.9", "198.51.100.9"
FIRST, SECOND = ["192.0.2.1", "192.0.2.2"], ["198.51.100.1", "198.51.100.2"]
SERIES = 5  # announcements of an address that came to a NIC
ODD_NAME = "our first: group \\ of 31 bytes."


def make_host(lab, nics=4):
    switches = [lab.switch(bridges=2), lab.switch()]
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(nics):
        host.add_nic(f"eth{number}", "veth", switches[number // 2], bridge=number if number < 2 else 0)
    peers = lab.peer(switches[0], f"{PEER}/24"), lab.peer(switches[1], f"{OTHER_PEER}/24")
    host.start_daemon()
    return host, *peers


def refused(host, *words):
    result = host.tool("ifconfig", *words, check=False)
    assert (result.returncode, result.stdout) == (1, ""), result
    return result.stderr


def groupname(host, nic):
    """The group that ifconfig shows for it, or None."""
    names = {line.split(maxsplit=1)[1] for line in host.ifconfig(nic).splitlines() if line.startswith("\tgroupname ")}
    return names.pop() if names else None


def test_R_GRP_12_what_happens_to_one_group_is_nothing_to_another(lab):
    host, peer, other_peer = make_host(lab)
    host.make_group("ipmp0", [f"{address}/24" for address in FIRST], ["eth0", "eth1"])
    sniffers = [host.nics[name].sniff("arp or icmp6") for name in ("eth2", "eth3")]
    host.make_group("ipmp1", [f"{address}/24" for address in SECOND], ["eth2", "eth3"])

    def announcements():
        frames = [frame for sniffer in sniffers for frame in sent(sniffer)]
        arps = [arp for arp in map(arp_of, frames) if arp]
        return [arp for arp in arps if arp.sender == arp.target] + [found for found in map(advertised, frames) if found]

    def series_is_over():
        macs = {address: host.nics[host.inbound(address)].mac for address in SECOND}
        said = [(arp.sender, arp.sender_mac) for arp in announcements() if isinstance(arp, Arp)]
        return all(said.count((address, mac)) >= SERIES for address, mac in macs.items())

    wait_until(series_is_over, 15, "the series after the start is over")
    meters = [host.meter("udp", address, other_peer) for address in SECOND]
    for meter in meters:
        meter.wait_messages(100)

    def second():
        addresses, interfaces = host.addresses(), host.interfaces()
        return (host.groups()["ipmp1"], [addresses[address] for address in SECOND],
                [interfaces[name] for name in ("eth2", "eth3")])

    before, announced = second(), len(announcements())
    assert before[0]["interfaces"] == "eth2 eth3"
    for name in ("eth0", "eth1"):
        host.nics[name].cut()
        host.wait_state(name, "failed")
    assert host.groups()["ipmp0"]["state"] == "failed"
    assert not peer.ping(FIRST[0])
    assert second() == before and other_peer.ping(SECOND[0])
    for name in ("eth0", "eth1"):
        host.nics[name].heal()
    host.wait_ok("ipmp0")
    host.tool("if_mpadm", "-d", "eth0")
    host.ifconfig("ipmp0", "group", "first")
    host.ifconfig("eth0", "group", "")
    wait_until(lambda: peer.ping(FIRST[0]), 5, "the first group works again")
    assert second() == before
    assert len(announcements()) == announced
    for meter in meters:
        meter.wait_messages(100)
        report = meter.stop()
        assert (report["a_to_b"]["missing"], report["b_to_a"]["missing"]) == (0, 0)
        assert (report["a_to_b"]["reordered"], report["b_to_a"]["reordered"]) == (0, 0)


def test_R_GRP_15_names_with_blanks_and_colons_survive_everything(lab):
    host, peer, _ = make_host(lab)
    assert len(ODD_NAME) == 31
    host.make_group("ipmp0", [f"{FIRST[0]}/24"], ["eth0", "eth1"])
    host.ifconfig("ipmp0", "group", ODD_NAME)
    host.ifconfig("eth2", "plumb", "up", "group", ODD_NAME)

    def check():
        assert host.groups()["ipmp0"]["groupname"] == ODD_NAME
        assert host.ipmpstat("-gPo", "groupname,state") == "our first\\: group \\\\ of 31 bytes.:ok\n"
        assert f"ipmp0       {ODD_NAME}" in host.ipmpstat("-g")
        assert json.loads(host.tool("ipmp", "status", "--json").stdout)["groups"][0]["name"] == ODD_NAME
        assert host.interfaces()["eth2"]["group"] == "ipmp0"
        assert groupname(host, "eth2") == ODD_NAME
        assert peer.ping(FIRST[0])

    check()
    host.kill_daemon()
    host.start_daemon()
    host.wait_ok("ipmp0")
    check()
    host.ifconfig("ipmp0", "group", "two  blanks")
    assert groupname(host, "eth2") == "two  blanks"
    assert "eth2 has joined group " + ODD_NAME in host.log()


def test_R_GRP_2_an_unknown_group_gets_the_lowest_free_name(lab):
    host, _, _ = make_host(lab)
    host.ns.ip_batch("link add ipmp0 type veth peer name foreign", "link set ipmp0 up")
    wait_until(lambda: host.tool("ifconfig", "ipmp0", check=False).returncode == 0, 5, "in.mpathd knows of it")
    host.ifconfig("eth0", "plumb", "up", "group", "ipmp2")  # a group name is taken as well
    host.ifconfig("eth1", "plumb", "up", "group", "b")
    host.ifconfig("eth2", "plumb", "up", "group", "b")
    host.ifconfig("eth3", "inet6", "plumb", "up", "group", "c")
    wait_until(lambda: {row["state"] for row in host.groups().values()} == {"ok"}, 10, "all groups are ok")
    rows = {row["group"]: (row["groupname"], row["interfaces"]) for row in host.groups().values()}
    assert rows == {"ipmp1": ("ipmp2", "eth0"), "ipmp3": ("b", "eth1 eth2"), "ipmp4": ("c", "eth3")}
    assert "IPMP" not in host.ifconfig("ipmp0")
    for name in ("eth3", "ipmp4"):  # plumbed for IPv6 only
        assert "IPv6" in host.ifconfig(name, "inet6") and refused(host, name, "inet")


def test_R_GRP_4_a_group_is_renamed_under_traffic(lab):
    host, peer, _ = make_host(lab, nics=2)
    host.add_nic("eth2", "veth", host.nics["eth0"].switch)  # a way to the same peer
    host.make_group("ipmp0", [f"{address}/24" for address in FIRST], ["eth0", "eth1"])
    host.ifconfig("ipmp1", "ipmp", "group", "second")
    meter = host.meter("udp", FIRST[0], peer)
    meter.wait_messages(100)
    before = {address: host.inbound(address) for address in FIRST}
    host.ifconfig("ipmp0", "group", "first")
    assert host.groups()["ipmp0"]["groupname"] == "first"
    assert {groupname(host, name) for name in ("ipmp0", "eth0", "eth1")} == {"first"}
    assert "already exists" in refused(host, "ipmp0", "group", "second")
    assert "Invalid argument" in refused(host, "ipmp0", "group", "")
    assert host.groups()["ipmp0"]["groupname"] == "first"
    assert {address: host.inbound(address) for address in FIRST} == before
    host.ifconfig("eth2", "plumb", "up", "group", "first")  # it is known by its new name only
    assert host.interfaces()["eth2"]["group"] == "ipmp0"
    meter.wait_messages(100)
    report = meter.stop()
    assert (report["a_to_b"]["missing"], report["b_to_a"]["missing"]) == (0, 0)


def test_R_GRP_3_R_GRP_8_R_GRP_16_leaving_and_unplumbing(lab):
    host, peer, _ = make_host(lab)
    host.make_group("ipmp0", [f"{FIRST[0]}/24"], ["eth0", "eth1"])
    host.ifconfig("ipmp0", "group", "a")
    host.ifconfig("eth3", "plumb", "up")
    host.ifconfig("eth3", "group", "")  # in no group: nothing to do
    assert "left" not in host.log()
    assert refused(host, "ipmp0", "unplumb") == "ifconfig: cannot unplumb ipmp0: IPMP group is not empty\n"
    assert peer.ping(FIRST[0])

    host.ifconfig("eth1", "group", "b")  # leaves the one, joins the other
    assert (groupname(host, "eth1"), host.interfaces()["eth1"]["group"]) == ("b", "ipmp1")
    assert host.groups()["ipmp0"]["interfaces"] == "eth0"
    assert host.log().splitlines()[-2:] == ["in.mpathd: eth1 has left group a", "in.mpathd: eth1 has joined group b"]
    host.ifconfig("eth1", "unplumb")
    assert host.interfaces()["eth1"]["group"] == "ipmp1"  # for IPv6 it still is
    host.ifconfig("eth1", "inet6", "unplumb")
    assert host.log().splitlines()[-2:] == ["in.mpathd: eth1 has left group b",
                                            "in.mpathd: All IP interfaces in group b are now unusable"]
    assert host.interfaces().get("eth1") is None and not host.ns.has_carrier("eth1")

    host.ifconfig("eth0", "group", "")
    assert host.groups()["ipmp0"]["interfaces"] == "" and host.groups()["ipmp0"]["state"] == "failed"
    assert host.addresses()[FIRST[0]]["inbound"] == ""
    for group in ("ipmp0", "ipmp1"):
        for family in ("inet", "inet6"):
            host.ifconfig(group, family, "unplumb")
    wait_until(lambda: not [link for link in host.ns.ip("link", "show") if "ipmp" in link["ifname"]], 5,
               "nothing is left of the groups")
    assert host.groups() == {}
    for name in ("eth0", "eth1"):
        assert "bpf" not in host.ns.run("tc", "filter", "show", "dev", name, "ingress").stdout


def test_A14_R_GRP_9_the_mtu_is_the_least_of_all_members(lab):
    host, _, _ = make_host(lab)
    host.make_group("ipmp0", [f"{FIRST[0]}/24"], ["eth0", "eth1"])

    def settle(mtu_bytes, what):
        wait_until(lambda: {host.ns.link(link)["mtu"] for link in ("ipmp0", "ipmpl0")} == {mtu_bytes}, 5,
                   f"MTU of the group is {mtu_bytes}: {what}")
        wait_until(lambda: f" mtu {mtu_bytes} " in host.ifconfig("ipmp0"), 5, "ifconfig says so too")

    settle(1500, "at first")
    host.ns.ip_batch("link set eth1 mtu 1400")
    settle(1400, "one NIC has less")
    host.nics["eth1"].cut()
    host.wait_state("eth1", "failed")
    host.ns.ip_batch("link set eth1 mtu 1380")
    settle(1380, "a failed NIC counts")
    host.nics["eth1"].heal()
    host.wait_ok("ipmp0")
    host.ifconfig("eth1", "standby")
    assert "i" in host.interfaces()["eth1"]["flags"]
    host.ns.ip_batch("link set eth1 mtu 1360")
    settle(1360, "a resting standby counts")
    host.ifconfig("eth1", "group", "")
    settle(1500, "it left")
    host.ifconfig("eth1", "group", "ipmp0")
    settle(1360, "it joined again")
    host.ns.ip_batch("link set eth0 mtu 9000", "link set eth1 mtu 9000")
    settle(9000, "all have more")


def test_R_GRP_7_who_may_not_join(lab):
    host, _, _ = make_host(lab)
    host.ns.ip_batch("link add br0 type bridge", "link set br0 up", "link set eth1 master br0", "link set eth1 up",
                     "link add mute0 type veth peer name mute1", "link set mute0 arp off up", "link set mute1 up")
    host.make_group("ipmp0", [f"{FIRST[0]}/24"], ["eth0"])
    before = host.groups()
    for nic, why in (("eth1", "is a port of br0; take it out first"), ("lo", ""), ("mute0", "needs ARP and multicast"),
                     ("br0:1", "Invalid argument")):
        text = refused(host, nic, "group", "ipmp0")
        assert text.startswith(f"ifconfig: {nic}: ") and why in text and text.count("\n") == 1, text
        assert host.groups() == before
        assert nic not in host.interfaces()
    host.ns.ip_batch("link set eth1 nomaster")
    host.ifconfig("eth1", "plumb", "up")
    wait_until(lambda: host.tool("ifconfig", "eth1", "group", "ipmp0", check=False).returncode == 0, 5,
               "out of the bridge it may join")
    host.wait_ok("ipmp0")
    assert host.groups()["ipmp0"]["interfaces"] == "eth0 eth1"


def test_R_GRP_1_R_GRP_2_no_name_is_used_twice(lab):
    host, _, _ = make_host(lab)
    host.ns.ip_batch("link add taken type veth peer name other", "link set taken up")
    wait_until(lambda: host.tool("ifconfig", "taken", check=False).returncode == 0, 5, "in.mpathd knows of it")
    assert "already exists" in refused(host, "taken", "ipmp")
    host.ifconfig("eth0", "plumb", "up", "group", "prod")
    assert "already exists" in refused(host, "prod", "ipmp")
    host.ifconfig("ipmp1", "ipmp")
    with pytest.raises(CommandFailed):
        host.ns.ip_batch("link add ipmp1 type veth peer name another")
    assert {row["groupname"] for row in host.groups().values()} == {"prod", "ipmp1"}
