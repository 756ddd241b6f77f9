"""Our filters share the ingress hooks of the NICs with those of other people.

    host (eth0, eth1) --- switch --- peer          ipmp0: 192.0.2.1
"""

import json
import signal

import pytest
from netns import build_dir, wait_until

DATA, PEER = "192.0.2.1", "192.0.2.9"
LINKS = ("eth0", "eth1", "ipmpl0")


def build(lab, **settings):
    switch = lab.switch()
    host = lab.host()
    host.configure(**settings)
    for nic in ("eth0", "eth1"):
        host.add_nic(nic, "veth", switch)
    peer = lab.peer(switch, f"{PEER}/24")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24"])
    return host, peer


def our_places(host):
    """Priority and handle of each filter of ours, by link."""
    return {link: [(entry["pref"], int(entry["options"]["handle"], 16))
                   for entry in json.loads(host.ns.run("tc", "-j", "filter", "show", "dev", link, "ingress").stdout)
                   if "ipmp_" in entry.get("options", {}).get("bpf_name", "")]
            for link in LINKS}


def all_at(host, priority):
    return our_places(host) == {link: [(priority, 1)] for link in LINKS}


def test_D7_the_priority_of_our_filters_changes_without_a_gap(lab):
    host, peer = build(lab)
    assert all_at(host, 0x4950)
    meter = host.meter("udp", DATA, peer)
    meter.wait_messages(200)
    for priority in (7, 0xffff):
        host.configure(FILTER_PRIORITY=priority)
        host.daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: all_at(host, priority), 5, f"all filters are at {priority}, and nowhere else")
        meter.wait_messages(200)
    host.kill_daemon()
    host.configure(FILTER_PRIORITY=300)
    host.start_daemon()
    wait_until(lambda: all_at(host, 300), 5, "the next daemon has moved them")
    meter.wait_messages(200)
    report = meter.stop()
    for way in ("a_to_b", "b_to_a"):
        assert report[way]["missing"] == report[way]["duplicated"] == 0, (way, report)
    host.tool("ipmp", "stop", "--purge")
    wait_until(lambda: host.daemon.poll() is not None, 10, "the daemon has ended")
    left = host.ns.run("tc", "filter", "show", "dev", "eth0", "ingress").stdout
    assert "ipmp_" not in left


@pytest.mark.parametrize("place", ["in front", "behind"])
def test_D12_filters_of_others_stay_and_run(lab, place):
    """One that drops long frames and lets the others go on. Behind ours it sees what ours passes: frames to a test
    address."""
    host, peer = build(lab)
    priority, address = {"in front": (10, DATA), "behind": (60000, "192.0.2.20")}[place]
    nic = host.inbound(DATA)
    host.ifconfig(nic, "192.0.2.20/24", "-failover", "up")

    def long_ping():
        return peer.ns.run("ping", "-n", "-c", 1, "-W", 1, "-s", 900, address, check=False).returncode == 0

    wait_until(long_ping, 5, f"{address} answers")
    host.ns.run("tc", "filter", "add", "dev", nic, "ingress", "prio", priority, "bpf", "da", "obj",
                build_dir() / "lab/port.bpf.o", "sec", "drop_long")
    for _ in range(2):
        assert not long_ping(), "it runs"
        assert peer.ping(address) and peer.ping(DATA), "and ours as well"
        host.configure(FILTER_PRIORITY=30000)  # ours move; nobody else's do
        host.daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: all_at(host, 30000), 5, "ours have moved")
    host.ifconfig(nic, "group", "")
    others = host.ns.run("tc", "filter", "show", "dev", nic, "ingress").stdout
    assert f"pref {priority} bpf" in others and "drop_long" in others and "ipmp_" not in others
