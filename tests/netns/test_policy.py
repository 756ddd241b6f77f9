"""Which NICs are used, and what events do about it (R-POL, R-DET, R-DYN-6).

              eth0 --- sw0 --- peer 192.0.2.9
    host <    eth1 --- sw1
              eth2 --- sw0          ipmp0 (group a): 192.0.2.1 ... 192.0.2.3; eth2 is a standby where a test says so
"""

import json

import pytest
from netns import CommandFailed, wait_until

DATA, PEER = ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "192.0.2.9"


def build(lab, nics=3, kind="tap", standby=(), **settings):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(**{"LINK_UPS_PER_MINUTE": 0, **settings})
    for number in range(nics):
        host.add_nic(f"eth{number}", kind, switch, bridge=number % 2)
    peer = lab.peer(switch, f"{PEER}/24")
    host.start_daemon()
    for name in standby:
        host.ifconfig(name, "plumb", "standby", "up")
    host.make_group("ipmp0", [f"{address}/24" for address in DATA])
    host.ifconfig("ipmp0", "group", "a")
    return host, peer


def active(host):
    return {name for name, row in host.interfaces().items() if row["active"] == "yes"}


def resting(host):
    return {name for name, row in host.interfaces().items() if "i" in row["flags"]}


def expect(host, names, what):
    wait_until(lambda: active(host) == set(names), 5, f"{sorted(names)} are active: {what}")
    addresses = host.addresses()
    assert {addresses[address]["inbound"] for address in DATA} <= set(names), what
    assert all(set(addresses[address]["outbound"].split()) == set(names) for address in DATA), what


def fail(host, name):
    host.nics[name].cut()
    host.wait_state(name, "failed")


def repair(host, name):
    host.nics[name].heal()
    host.wait_state(name, "ok")


def lines(host, part):
    return [line for line in host.log().splitlines() if part in line]


def lossless(meter):
    report = meter.stop()
    assert report["error"] is None
    for way in ("a_to_b", "b_to_a"):
        assert (report[way]["missing"], report[way]["duplicated"], report[way]["send_errors"]) == (0, 0, 0), report


def test_R_POL_1_R_POL_2_a_standby_is_used_only_while_it_is_needed(lab):
    host, peer = build(lab, standby=["eth2"])
    expect(host, {"eth0", "eth1"}, "at first")
    assert resting(host) == {"eth2"}
    assert set(host.interfaces()["eth2"]["flags"]) >= {"s", "i"}
    steps = [
        (fail, "eth0", {"eth1", "eth2"}),
        (repair, "eth0", {"eth0", "eth1"}),
        (fail, "eth0", {"eth1", "eth2"}),
        (fail, "eth1", {"eth2"}),
        (repair, "eth0", {"eth0", "eth2"}),
        (repair, "eth1", {"eth0", "eth1"}),
        (fail, "eth2", {"eth0", "eth1"}),  # nobody is called for a resting one
        (fail, "eth1", {"eth0"}),
        (repair, "eth2", {"eth0", "eth2"}),
        (repair, "eth1", {"eth0", "eth1"}),
    ]
    for act, name, names in steps:
        act(host, name)
        expect(host, names, f"{act.__name__} {name}")
        assert all(peer.ping(address) for address in DATA)
    assert resting(host) == {"eth2"}
    host.ifconfig("eth2", "-standby")
    expect(host, {"eth0", "eth1", "eth2"}, "-standby")
    host.ifconfig("eth1", "standby")
    expect(host, {"eth0", "eth2"}, "another one is the standby")


def test_R_POL_3_without_failback_a_repaired_nic_rests(lab):
    host, peer = build(lab, standby=["eth2"], FAILBACK="no")
    steps = [
        (fail, "eth0", {"eth1", "eth2"}),
        (repair, "eth0", {"eth1", "eth2"}),
        (fail, "eth1", {"eth0", "eth2"}),  # and may be called later
        (repair, "eth1", {"eth0", "eth2"}),
        (fail, "eth2", {"eth0", "eth1"}),
        (fail, "eth0", {"eth1"}),
        (fail, "eth1", set()),
        (repair, "eth0", {"eth0"}),  # no other is active
        (repair, "eth1", {"eth0"}),
    ]
    for act, name, names in steps:
        act(host, name)
        wait_until(lambda: active(host) == names, 5, f"{sorted(names)} are active: {act.__name__} {name}")
        assert not names or all(peer.ping(address) for address in DATA)
    assert "eth1" in resting(host)
    assert host.groups()["ipmp0"]["state"] == "degraded"


def test_R_POL_4_R_POL_5_offline_and_undo_lose_no_packet(lab):
    host, peer = build(lab, standby=["eth2"])
    host.ifconfig("eth0", "192.0.2.20/24", "-failover", "up")
    assert peer.ping("192.0.2.20")
    meters = [host.meter("udp", address, peer) for address in DATA]
    for meter in meters:
        meter.wait_messages(200)
    for name in ("eth0", "eth1", "eth0"):
        host.tool("if_mpadm", "-d", name)
        expect(host, {"eth0", "eth1", "eth2"} - {name}, f"{name} is offline")
        row = host.interfaces()[name]
        assert (row["state"], "d" in row["flags"]) == ("offline", True)
        addresses = host.ns.run("ip", "-4", "addr", "show", "dev", name).stdout
        assert "inet " not in addresses  # its test address is down
        for meter in meters:
            meter.wait_messages(200)
        host.tool("if_mpadm", "-r", name)
        host.wait_state(name, "ok")
        expect(host, {"eth0", "eth1"}, f"{name} is back")
        for meter in meters:
            meter.wait_messages(200)
    assert "192.0.2.20" in host.ns.run("ip", "-4", "addr", "show", "dev", "eth0").stdout
    for meter in meters:
        lossless(meter)


def test_R_POL_5_offline_counts_those_who_could_take_over(lab):
    host, _ = build(lab, nics=2, kind="veth")
    refusal = "no other functioning interfaces are in its IPMP group"
    fail(host, "eth1")
    with pytest.raises(CommandFailed, match=f"cannot offline eth0: {refusal}"):
        host.tool("if_mpadm", "-d", "eth0")
    host.tool("if_mpadm", "-d", "eth1")
    assert host.interfaces()["eth1"]["state"] == "offline"
    expect(host, {"eth0"}, "the working one")
    host.nics["eth1"].heal()
    host.tool("if_mpadm", "-r", "eth1")
    host.wait_state("eth1", "ok")
    fail(host, "eth0")
    fail(host, "eth1")
    host.tool("if_mpadm", "-d", "eth0")  # nothing works: one more or less does not matter
    host.tool("if_mpadm", "-r", "eth0")
    assert host.interfaces()["eth0"]["state"] == "failed"
    with pytest.raises(CommandFailed, match="interface eth0 is not offline"):
        host.tool("if_mpadm", "-r", "eth0")


def flap(host, peer, name, ups):
    for number in range(ups):
        fail(host, name)
        repair(host, name)
    fail(host, name)
    host.nics[name].heal()
    text = (f"The link has come up on {name} more than {ups} times in the last minute; "
            "disabling repair until it stabilizes")
    wait_until(lambda: lines(host, text), 5, "the message")
    row = host.interfaces()[name]
    assert (row["state"], row["link"], row["active"]) == ("failed", "up", "no")
    assert all(peer.ping(address) for address in DATA)
    return text


def test_R_DET_7_the_third_link_up_within_a_minute_is_no_repair(lab):
    host, peer = build(lab, nics=2)
    host.configure()  # LINK_UPS_PER_MINUTE has its default, 2
    host.kill_daemon()
    host.start_daemon()
    host.wait_ok("ipmp0")
    text = flap(host, peer, "eth0", 2)
    host.nics["eth0"].cut()
    wait_until(lambda: host.interfaces()["eth0"]["link"] == "down", 5, "the link is down")
    host.nics["eth0"].heal()
    wait_until(lambda: host.interfaces()["eth0"]["link"] == "up", 5, "the link is up")
    assert len(lines(host, text)) == 1
    assert host.interfaces()["eth0"]["state"] == "failed"
    assert len(lines(host, "IP interface repair detected on eth0")) == 2


@pytest.mark.long
def test_R_DET_7_a_link_that_stays_up_is_repaired_a_minute_later(lab):
    host, peer = build(lab, nics=2, LINK_UPS_PER_MINUTE=1)
    flap(host, peer, "eth0", 1)
    host.wait_state("eth0", "ok", timeout_s=62)
    host.wait_ok("ipmp0")


def test_R_DET_13_failure_and_repair_of_nics_and_group_are_logged(lab):
    host, _ = build(lab, nics=2)
    start = len(host.log())

    def said(*texts):
        wait_until(lambda: all(text in host.log()[start:] for text in texts), 5, f"the log says {texts}")

    fail(host, "eth0")
    said("The link has gone down on eth0", "IP interface failure detected on eth0 of group a")
    fail(host, "eth1")
    said("The link has gone down on eth1", "All IP interfaces in group a are now unusable")
    assert not lines(host, "IP interface failure detected on eth1")  # it was the group
    repair(host, "eth1")
    said("The link has come up on eth1", "IP interface repair detected on eth1 of group a",
         "At least 1 IP interface (eth1) in group a is now usable")
    repair(host, "eth0")
    said("The link has come up on eth0", "IP interface repair detected on eth0 of group a")
    for part in ("All IP interfaces", "At least 1"):
        assert len(lines(host, part)) == 1


@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_DYN_6_R_DET_14_a_nic_that_vanishes_fails_and_its_return_is_a_repair(lab, kind):
    host, peer = build(lab, nics=2, kind=kind)
    host.ifconfig("eth0", "192.0.2.20/24", "-failover", "up")
    meters = [host.meter("tcp", address, peer) for address in DATA]
    for meter in meters:
        meter.wait_messages(100)
    host.nics["eth0"].delete()
    expect(host, {"eth1"}, "eth0 is gone")
    assert host.groups()["ipmp0"]["state"] == "degraded"
    assert host.interfaces()["eth0"]["state"] == "failed"
    assert lines(host, "IP interface failure detected on eth0 of group a")
    for meter in meters:
        assert meter.wait_messages(200)["error"] is None
    host.nics["eth0"].recreate()
    host.wait_state("eth0", "ok")
    expect(host, {"eth0", "eth1"}, "eth0 is back")
    wait_until(lambda: peer.ping("192.0.2.20"), 5, "its test address answers")
    for meter in meters:
        assert meter.wait_messages(200)["error"] is None
        report = meter.stop()
        assert (report["a_to_b"]["missing"], report["b_to_a"]["missing"]) == (0, 0)


def test_R_DET_14_a_nic_that_vanishes_while_the_daemon_is_dead_is_missed(lab):
    host, peer = build(lab, nics=2, kind="veth")
    host.kill_daemon()
    host.nics["eth0"].delete()
    host.start_daemon()
    host.wait_state("eth0", "failed")
    assert host.groups()["ipmp0"]["state"] == "degraded"
    assert all(peer.ping(address) for address in DATA)
    host.nics["eth0"].recreate()
    host.wait_ok("ipmp0")


@pytest.mark.timing
def test_R_SPR_4_a_member_with_a_new_mac_is_announced(lab):
    host, peer = build(lab, nics=2, kind="veth")
    assert all(peer.ping(address) for address in DATA)
    meter = host.meter("tcp", DATA[0], peer)
    meter.wait_messages(100)
    nic = host.nics[host.inbound(DATA[0])]
    former, nic.mac = nic.mac, "02:1a:b0:77:00:01"
    host.ns.ip_batch(f"link set {nic.name} address {nic.mac}")
    wait_until(lambda: all(peer.neighbours()[address] == host.nics[host.inbound(address)].mac for address in DATA), 1,
               "the peer knows the new MAC")
    assert meter.wait_messages(200)["error"] is None
    sniffer = nic.sniff()
    meter.wait_messages(200)
    assert all(peer.ping(address) for address in DATA)
    assert sniffer.frames() and sniffer.contains(former) == []
    assert meter.stop()["a_to_b"]["missing"] == 0


def test_R_POL_4_a_member_may_be_renamed_under_traffic(lab):
    host, peer = build(lab, nics=2, kind="veth")
    meters = [host.meter("udp", address, peer) for address in DATA]
    for meter in meters:
        meter.wait_messages(200)
    before = {address: host.inbound(address) for address in DATA}
    try:
        host.nics["eth0"].rename("lan0")
    except CommandFailed as error:
        if "busy" not in error.stderr:
            raise
        pytest.skip("this kernel renames no interface that is up")
    new_name = {"eth0": "lan0", "eth1": "eth1"}
    wait_until(lambda: {address: host.inbound(address) for address in DATA} ==
               {address: new_name[nic] for address, nic in before.items()}, 5, "nothing but the name has changed")
    expect(host, {"lan0", "eth1"}, "under its new name")
    for meter in meters:
        meter.wait_messages(300)
        lossless(meter)
    saved = json.loads((host.ns.root / "run/ipmp/state.json").read_text())
    assert sorted(saved["state"]["interfaces"]) == ["eth1", "lan0"]
    fail(host, "lan0")
    expect(host, {"eth1"}, "lan0 failed")
    assert lines(host, "IP interface failure detected on lan0 of group a")


def test_R_DET_10_the_same_hardware_address_twice(lab):
    """The one who came to it goes offline, says so, cannot be put back, and returns when it is unique."""
    host, peer = build(lab, nics=3)
    first, second = host.nics["eth0"], host.nics["eth1"]
    before = second.mac
    host.ns.ip_batch(f"link set eth1 address {first.mac}")
    host.wait_state("eth1", "offline")
    assert "h" in host.interfaces()["eth1"]["flags"]
    assert "OFFLINE" in host.ifconfig("eth1")
    text = "IP interface eth1 has a hardware address which is not unique in group a; offlining"
    wait_until(lambda: text in host.log(), 5, "it is said")
    refused = host.tool("if_mpadm", "-r", "eth1", check=False)
    assert (refused.returncode, refused.stderr) == (
        1, "if_mpadm: fatal: cannot undo-offline eth1: interface has duplicate hardware address\n")
    wait_until(lambda: peer.ping(DATA[0]), 5, "the group works")
    host.ns.ip_batch(f"link set eth1 address {before}")
    host.wait_ok("ipmp0")
    assert "h" not in host.interfaces()["eth1"]["flags"]
    assert "IP interface eth1 now has a unique hardware address in group a; onlining" in host.log()
    wait_until(lambda: peer.ping(DATA[0]), 5, "the group works")
