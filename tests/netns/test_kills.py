"""At any instant in.mpathd may be killed and started again (D6): nothing is lost, nothing moves, nobody is told twice,
and what fails in between is dealt with by the time the next one is ready.

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <    eth1 --- sw1                ipmp0: 192.0.2.1 to .3, fd00::1
              eth2 --- sw0

2,000 packets a second each way, half of them IPv6. Kills come at random instants of a life, many of them before the
daemon is ready. `--long` makes 500 of them.
"""

import json
import random
import statistics
import time

import pytest
from control import Control
from kills import Starts, bindings_in_kernel, cut_at_once
from netns import build_dir, wait_until
from sniff import announcements

PEER, PEER6 = "192.0.2.9", "fd00::9"
DATA = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1")
AFTER_READY_MS_MAX = 10
READY_MS_MAX = 100
ANNOUNCED_AFTER_S = 2  # once for each address, by a daemon that was started again
ANNOUNCED = len(DATA) + 1  # and the link-local address of ipmp0
LIVES_S = ((0, 0.3), (0, 0.3), (0, 0.3), (0, 0.3), (0.3, 1), (0, 0.3), (0, 0.3), (0, 0.3), (0, 0.3), (2.1, 2.5))


class Lab:
    """The picture above, under traffic."""

    def __init__(self, lab):
        switch = lab.switch(bridges=2)
        self.host = lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(3):
            self.host.add_nic(f"eth{number}", "veth", switch, bridge=number % 2)
        self.peer = lab.peer(switch, f"{PEER}/24", f"{PEER6}/64")
        self.host.start_daemon()
        self.host.make_group("ipmp0", [f"{address}/{64 if ':' in address else 24}" for address in DATA])
        self.host.wait_slots_level("ipmp0")
        wait_until(lambda: all(self.peer.ping(address) for address in DATA), 5, "the peer knows all addresses")
        self.starts = Starts(self.host)
        self.meters = [self.host.meter("udp", DATA[0], self.peer), self.host.meter("udp", DATA[3], self.peer, PEER6)]
        self.wait_messages(200)

    def wait_messages(self, count):
        for meter in self.meters:
            meter.wait_messages(count)

    def picture(self):
        macs = {name: self.host.ns.link(name)["address"] for name in self.host.nics}
        neighbours = self.peer.neighbours()
        return {"kernel": bindings_in_kernel(self.host), "peer": {address: neighbours.get(address) for address in DATA},
                "macs": macs, "status": (self.host.groups(), self.host.interfaces(), self.host.addresses())}

    def restart(self):
        self.starts.start()
        self.starts.wait_ready()
        self.host.wait_ok("ipmp0")


def figures(values_ms):
    ordered = sorted(values_ms)
    return {"count": len(ordered), "min": round(ordered[0], 1), "median": round(statistics.median(ordered), 1),
            "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 1), "max": round(ordered[-1], 1)}


def keep(say, name, report):
    say(f"{name}: {json.dumps(report)}")
    directory = build_dir() / "reports"
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(report, indent=1) + "\n")


def stop(meters):
    """What was sent each way; nothing of it may be missing, doubled or out of order."""
    sent = 0
    for meter in meters:
        report = meter.stop()
        for way in ("a_to_b", "b_to_a"):
            sent += report[way]["sent"]
            counts = {name: report[way][name] for name in ("missing", "duplicated", "reordered", "send_errors")}
            assert not any(counts.values()), (way, counts)
    return sent


def kill_at_random_instants(lab, say, kills):
    scene, chance = Lab(lab), random.Random(kills)
    host = scene.host
    before = scene.picture()
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]
    astray = [nic.sniff(f"udp port {meter.port}") for meter in scene.meters
              for name, nic in host.nics.items() if name != host.outbound_nic(meter)]
    ready_ms, said, killed_unready = [], [], 0
    for number in range(kills):
        life_s = chance.uniform(*LIVES_S[number % len(LIVES_S)])
        host.kill_daemon()
        started_s = scene.starts.start()
        for sniffer in sniffers:
            sniffer.clear()
        try:
            ready_ms.append(1000 * (scene.starts.wait_ready(timeout_s=life_s) - started_s))
        except TimeoutError:
            killed_unready += 1
        time.sleep(max(0, started_s + life_s - time.monotonic()))  # the instant is what this test varies
        frames = [frame.data for sniffer in sniffers for frame in sniffer.frames() if not frame.outgoing]
        told = announcements(frames)
        assert len(told) == len(set(told)) <= (ANNOUNCED if life_s > ANNOUNCED_AFTER_S else 0), (number, life_s, told)
        said.append(len(frames))
    host.kill_daemon()
    scene.restart()
    wait_until(lambda: scene.picture() == before, 5, f"all is as before: {before}")
    for sniffer in astray:
        moved = [frame for frame in sniffer.frames() if not frame.outgoing]
        assert not moved, f"{len(moved)} packets of a flow took another NIC"
    keep(say, f"kills-{kills}", {"packets": stop(scene.meters), "lost": 0, "killed before ready": killed_unready,
                                "ready ms": figures(ready_ms), "ARP and ICMPv6 frames of a life": figures(said)})


def cut_between_kill_and_restart(lab, say, cuts):
    scene, chance = Lab(lab), random.Random(cuts)
    host = scene.host
    gaps_ms, restarts_ms, beyond_ms = [], [], []
    for number in range(cuts):
        scene.wait_messages(100)
        meter = chance.choice(scene.meters)
        address = DATA[3] if meter is scene.meters[1] else DATA[0]
        victim = host.outbound_nic(meter) if number % 2 else host.inbound(address)
        time.sleep(chance.uniform(0, 0.1))
        host.kill_daemon()
        for each in scene.meters:
            each.mark()
        cut_s = cut_at_once(host.nics[victim])
        scene.starts.start()
        restarts_ms.append(1000 * (scene.starts.wait_ready() - cut_s))
        scene.wait_messages(200)
        gaps_ms.append(max(each.report()[way]["longest_gap_ms"]
                           for each in scene.meters for way in ("a_to_b", "b_to_a")))
        beyond_ms.append(gaps_ms[-1] - restarts_ms[-1])
        host.wait_state(victim, "failed")
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        host.wait_slots_level("ipmp0")
    for meter in scene.meters:
        assert meter.stop()["error"] is None
    keep(say, f"kills-with-cut-{cuts}", {"gap ms": figures(gaps_ms), "restart ms": figures(restarts_ms),
                                         "gap beyond restart ms": figures(beyond_ms)})
    assert max(beyond_ms) <= AFTER_READY_MS_MAX, sorted(beyond_ms)[-5:]


def test_R_POL_4_D6_kills_at_random_instants_lose_and_move_nothing(lab, say):
    kill_at_random_instants(lab, say, 10)


@pytest.mark.timing
def test_R_POL_4_D6_a_cut_between_kill_and_restart_costs_the_restart(lab, say):
    cut_between_kill_and_restart(lab, say, 4)


def test_D6_what_was_answered_is_remembered(host):
    """A command that needs nothing of the kernel is answered at once, and the daemon killed at that instant."""
    host.ifconfig("ipmp0", "ipmp")
    for metric in range(1, 11):
        with Control(host) as control:
            control.send("SetMetric", parameters={"interface": "ipmp0", "family": "inet", "metric": metric})
            assert "error" not in control.receive()
            host.kill_daemon()
        saved = json.loads((host.ns.root / "run/ipmp/state.json").read_text())["state"]
        assert saved["groups"]["ipmp0"]["families"][0]["metric"] == metric
        host.start_daemon()


@pytest.mark.long
@pytest.mark.timing
def test_R_POL_4_D6_four_hundred_kills_lose_and_move_nothing(lab, say):
    kill_at_random_instants(lab, say, 400)


@pytest.mark.long
@pytest.mark.timing
def test_R_POL_4_D6_a_hundred_cuts_between_kill_and_restart_cost_the_restart(lab, say):
    cut_between_kill_and_restart(lab, say, 100)


@pytest.mark.long
@pytest.mark.timing
def test_R_POL_4_D6_with_16_nics_and_100_addresses_it_is_ready_within_a_tenth_of_a_second(lab, say):
    switch = lab.switch(bridges=2)
    host = lab.host()
    for number in range(16):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number % 2)
    host.start_daemon()
    host.make_group("ipmp0", [f"192.0.2.{number}/24" for number in range(101, 201)])
    host.wait_slots_level("ipmp0")
    starts, ready_ms = Starts(host), []
    for _ in range(20):
        host.kill_daemon()
        started_s = starts.start()
        ready_ms.append(1000 * (starts.wait_ready() - started_s))
        host.wait_ok("ipmp0")
    keep(say, "ready-16-nics-100-addresses", {"ready ms": figures(ready_ms)})
    assert statistics.median(ready_ms) <= READY_MS_MAX
