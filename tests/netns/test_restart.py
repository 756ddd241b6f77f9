"""The daemon may die at any time: traffic goes on, and the next one goes on where the last one stopped (D6).

              eth0 --- sw0 --- peer
    host <             |
              eth1 --- sw1          ipmp0: two IPv4 and two IPv6 data addresses
"""

import json

import pytest
from netns import wait_until
from sniff import announcements

DATA, PEER = "192.0.2.1", "192.0.2.9"

pytestmark = pytest.mark.core


def build(lab):
    switch = lab.switch(bridges=2)
    host = lab.host()
    for number in range(2):
        host.add_nic(f"eth{number}", "tap", switch, bridge=number)
    peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", "192.0.2.2/24", "fd00::1/64", "fd00::2/64"])
    return host, peer


def picture(host):
    return host.groups(), host.interfaces(), host.addresses()


def saved_state(host):
    return json.loads((host.ns.root / "run/ipmp/state.json").read_text())


def test_R_POL_4_kill_9_and_restart_lose_no_packet_and_change_nothing(lab):
    """UDP each way at 1,000 a second through the death of the daemon, its absence and the start of the next."""
    host, peer = build(lab)
    meters = [host.meter("udp", DATA, peer), host.meter("udp", "fd00::1", peer, "fd00::9")]
    for meter in meters:
        meter.wait_messages(200)
    before, state_before = picture(host), saved_state(host)
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]

    host.kill_daemon()
    for sniffer in sniffers:
        sniffer.clear()
    for meter in meters:
        meter.wait_messages(300)
    host.start_daemon()
    host.wait_ok("ipmp0")
    for meter in meters:
        meter.wait_messages(2500)  # time to repeat each announcement once, and for a hasty daemon to say more

    assert picture(host) == before
    assert saved_state(host) == state_before
    for sniffer in sniffers:
        announced = announcements(frame.data for frame in sniffer.frames() if not frame.outgoing)
        assert len(announced) == len(set(announced))
    for meter in meters:
        report = meter.stop()
        for way in ("a_to_b", "b_to_a"):
            counts = {name: report[way][name] for name in ("missing", "duplicated", "reordered", "send_errors")}
            assert not any(counts.values()), (way, counts)


def test_R_POL_4_a_failure_while_the_daemon_is_dead_is_found_at_its_start(lab):
    host, peer = build(lab)
    meter = host.meter("tcp", DATA, peer)
    meter.wait_messages(100)
    host.kill_daemon()
    victim = host.outbound_nic(meter)
    host.nics[victim].cut()
    host.start_daemon()
    host.wait_state(victim, "failed")
    report = meter.wait_messages(300)
    assert report["error"] is None
    host.nics[victim].heal()
    host.wait_ok("ipmp0", timeout_s=30)
    wait_until(lambda: meter.report()["a_to_b"]["missing"] < 10, 5, "the flow has caught up")
    assert meter.stop()["error"] is None


def test_R_POL_4_without_a_state_file_every_group_is_taken_over_with_its_members(lab):
    """Two groups on two links; the daemon is killed, its state file deleted, and the next one started."""
    host = lab.host()
    meters, peers = [], []
    for number in range(2):
        switch = lab.switch(bridges=2)
        for nic in (2 * number, 2 * number + 1):
            host.add_nic(f"eth{nic}", "veth", switch, bridge=nic % 2)
        peers.append(lab.peer(switch, f"10.0.{number}.9/24"))
    host.start_daemon()
    for number in range(2):
        host.make_group(f"ipmp{number}", [f"10.0.{number}.1/24"], [f"eth{2 * number}", f"eth{2 * number + 1}"])
        meters.append(host.meter("udp", f"10.0.{number}.1", peers[number]))
        meters[number].wait_messages(200)
    host.kill_daemon()
    (host.ns.root / "run/ipmp/state.json").unlink()
    host.start_daemon()
    for number, meter in enumerate(meters):
        host.wait_ok(f"ipmp{number}")
        meter.wait_messages(500)
        counts = meter.stop()
        for way in ("a_to_b", "b_to_a"):
            assert counts[way]["missing"] == counts[way]["send_errors"] == 0, (number, way, counts)
    assert {name: row["group"] for name, row in host.interfaces().items()} == {
        "eth0": "ipmp0", "eth1": "ipmp0", "eth2": "ipmp1", "eth3": "ipmp1"}
    assert host.log().count("no state was left: took over") == 2
    victim = host.inbound("10.0.1.1")
    host.nics[victim].cut()  # and it is a working daemon
    host.wait_state(victim, "failed")
    wait_until(lambda: peers[1].ping("10.0.1.1"), 5, "the other NIC of ipmp1 answers")
