"""What probes conclude when it is not a NIC that is dead: targets that die, one or all, a router that reboots, answers
that take long (R-DET-3, R-DET-8, R-DET-9; reference: in.mpathd §6.6, §7, §8).

              eth0 --- sw0 --- peers 192.0.2.9, 192.0.2.10, router 192.0.2.254
    host <    eth1 --- sw1            ipmp0: 192.0.2.1; test addresses 192.0.2.20, 192.0.2.21
"""

import json
import os
import time

import pytest
from busy import BusyCores
from control import Control
from netns import build_dir, wait_until

DETECTION_MS = 500
TESTS = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}


class Site:
    def __init__(self, lab, kind="veth", **settings):
        self.lab, self.switch = lab, lab.switch(bridges=2)
        self.host = lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0, **{"FAILURE_DETECTION_TIME": DETECTION_MS, **settings})
        for number, name in enumerate(TESTS):
            self.host.add_nic(name, kind, self.switch, bridge=number)
        self.stations = {last: lab.peer(self.switch, f"192.0.2.{last}/24") for last in (9, 10, 254)}
        self.host.start_daemon()
        self.host.make_group("ipmp0", ["192.0.2.1/24"])
        for name, address in TESTS.items():
            self.host.ifconfig(name, "addif", f"{address}/24", "-failover", "up")

    def route_to(self, *last):
        """The default route goes by the first, host routes lead to the others: these are the targets then."""
        via = f"192.0.2.{last[0]}"
        self.host.ns.ip_batch(f"route add default via {via} dev ipmp0",
                              *(f"route add 192.0.2.{other}/32 via 192.0.2.{other} dev ipmp0" for other in last[1:]))
        self.wait_targets("routes", {f"192.0.2.{one}" for one in last})
        with Control(self.host) as control:
            wait_until(lambda: all(control.counters()[f"probes.{name} inet.answered"] > 0 for name in TESTS), 20,
                       "probes of every NIC have been answered")

    def targets(self):
        rows = [line.split() for line in self.host.ipmpstat("-tn").splitlines()[1:]]
        return [(mode, {target for target in targets if target != "--"}) for _, mode, _, *targets in rows]

    def wait_targets(self, mode, targets, timeout_s=20):
        wait_until(lambda: all(row == (mode, targets) for row in self.targets()), timeout_s,
                   f"every NIC probes {targets or 'nobody'}")

    def power(self, last, is_on):
        """Of a station: without it, its port has no carrier and it says nothing."""
        self.switch.ns.run("ip", "link", "set", self.stations[last].port, "up" if is_on else "down")

    def meter(self, last):
        meter = self.host.meter("tcp", "192.0.2.1", self.stations[last])
        meter.wait_messages(100)
        return meter

    def states(self):
        return {row["state"] for row in self.host.interfaces().values()}


def undisturbed(meter):
    report = meter.wait_messages(100)
    assert report["error"] is None
    gap_ms = max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a"))
    meter.stop()
    return gap_ms


@pytest.mark.timing
def test_R_DET_8_the_only_router_reboots_and_the_link_goes_on(lab, say):
    site = Site(lab)
    site.route_to(254)
    meters = [site.meter(9), site.meter(10)]
    for meter in meters:
        meter.mark()
    before = site.host.addresses()["192.0.2.1"]
    site.power(254, False)
    wait_until(lambda: site.host.groups()["ipmp0"]["state"] == "failed", 20, "nobody answers the group any more")
    assert site.states() == {"failed"}
    log = site.host.log()
    assert "All IP interfaces in group ipmp0 are now unusable" in log
    assert "IP interface failure detected" not in log
    assert site.host.addresses()["192.0.2.1"] == before
    assert site.host.ns.has_carrier("ipmp0")
    site.power(254, True)
    site.host.wait_ok("ipmp0")
    gaps_ms = [undisturbed(meter) for meter in meters]
    say(f"longest gaps while the router was away: {gaps_ms} ms")
    assert max(gaps_ms) < 50, gaps_ms


def test_R_DET_8_group_failure_down_stops_the_group(lab):
    site = Site(lab, GROUP_FAILURE="down")
    site.route_to(254)
    site.power(254, False)
    wait_until(lambda: not site.host.ns.has_carrier("ipmp0"), 20, "the group has no carrier")
    assert site.host.addresses()["192.0.2.1"]["inbound"] == ""
    site.power(254, True)
    site.host.wait_ok("ipmp0")
    wait_until(lambda: site.stations[9].ping("192.0.2.1"), 5, "traffic flows again")


def test_R_DET_9_a_dead_target_is_no_dead_nic(lab):
    site = Site(lab)
    site.route_to(254, 9, 10)
    site.power(10, False)
    site.wait_targets("routes", {"192.0.2.254", "192.0.2.9"})
    assert site.states() == {"ok"}
    site.power(9, False)
    site.wait_targets("routes", {"192.0.2.254"})
    assert site.states() == {"ok"}, "all but one are dead"
    assert "failure detected" not in site.host.log()


def test_R_DET_8_all_targets_die_and_another_is_found(lab):
    site = Site(lab)
    known = {"192.0.2.9", "192.0.2.10"}
    site.power(254, False)
    for last in (9, 10):  # the host learns of them, and then asks them
        site.stations[last].ping("192.0.2.1")
    site.wait_targets("multicast", known)
    wait_until(lambda: site.states() == {"ok"}, 20, "they answer")
    site.power(9, False)
    site.power(10, False)
    wait_until(lambda: site.host.groups()["ipmp0"]["state"] == "failed", 20, "nobody answers")
    site.wait_targets("multicast", set())
    site.power(254, True)
    site.stations[254].ping("192.0.2.1")
    site.wait_targets("multicast", {"192.0.2.254"})
    site.host.wait_ok("ipmp0")


def test_R_DET_9_the_detection_time_grows_with_slow_answers(lab):
    site = Site(lab, kind="tap", FAILURE_DETECTION_TIME=200)
    site.route_to(254)
    for nic in site.host.nics.values():
        nic.command("delay 25")  # the answer takes 50 ms; the interval is 28 ms
    message = "Cannot meet requested failure detection time of 200 ms on (inet eth"
    wait_until(lambda: message in site.host.log(), 20, "it cannot be met")
    grown_ms = json.loads(site.host.tool("ipmp", "status", "--json").stdout)["groups"][0]["failure_detection_time_ms"]
    assert 700 <= grown_ms <= 3000  # seven times twice what an answer may take
    site.host.nics["eth0"].silent("in")
    site.host.wait_state("eth0", "failed")
    assert site.host.interfaces()["eth1"]["state"] == "ok"


@pytest.mark.parametrize("pauses_s", [(0.15, 0.3, 2), pytest.param((1, 10, 30), marks=pytest.mark.long)],
                         ids=["short", "long"])
def test_R_DET_2_a_late_daemon_blames_nobody(lab, pauses_s):
    """Stopped for longer than a failure takes: what came meanwhile counts, what was not sent does not. The same while
    nobody has time for it afterwards either."""
    site = Site(lab, FAILURE_DETECTION_TIME=100)
    site.route_to(254)
    with Control(site.host) as control:
        def pause(pause_s):
            site.host.pause_daemon(pause_s)
            sent = control.counters()["probes.eth0 inet.sent"]
            wait_until(lambda: control.counters()["probes.eth0 inet.sent"] >= sent + 10, 10, "probing goes on")

        for pause_s in pauses_s:
            pause(pause_s)
        with BusyCores(site.host.ns):
            for pause_s in pauses_s:
                pause(pause_s)
        assert control.counters()["loop.lag_maximum_us"] > 0.9e6 * max(pauses_s), "it says so itself"
    assert site.states() == {"ok"}
    assert "failure" not in site.host.log()


def test_R_DET_9_a_late_daemon_does_not_take_its_own_lateness_for_the_network_s(lab):
    """Answers wait in the socket for up to twice the interval, again and again: their time is until they arrived."""
    site = Site(lab, FAILURE_DETECTION_TIME=200)
    site.route_to(254)
    with Control(site.host) as control:
        answered = control.counters()["probes.eth0 inet.answered"]
        while control.counters()["probes.eth0 inet.answered"] < answered + 100:
            site.host.pause_daemon(0.05)
    assert "Cannot meet requested failure detection time" not in site.host.log()
    assert site.states() == {"ok"}


def memory_kb(pid):
    lines = open(f"/proc/{pid}/status").read().splitlines()
    return {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines) if name.startswith("Vm")}


def policies(pid):
    """{name: scheduling policy} of its threads; nothing while one ends."""
    try:
        return {open(f"/proc/{pid}/task/{task}/comm").read().strip(): os.sched_getscheduler(int(task))
                for task in os.listdir(f"/proc/{pid}/task")}
    except (FileNotFoundError, ProcessLookupError):
        return {}


def test_R_DET_2_the_daemon_waits_for_no_disk_and_no_other_program(lab):
    """Its memory is locked, its priority real-time, not that of the netlink thread. It does without where it must."""
    host = lab.host()
    host.start_daemon()
    pid = host.daemon.pid
    memory = memory_kb(pid)
    assert memory["VmLck"] >= memory["VmRSS"] > 0, memory
    wanted = {"in.mpathd": os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, "netlink": os.SCHED_OTHER}
    wait_until(lambda: policies(pid) == wanted, 10, "the thread that loads the tracer of carriers has ended")

    plain = lab.host()
    with open(plain.ns.root / "mpathd.log", "ab") as log:
        daemon = plain.ns.popen("prlimit", "--memlock=8388608:8388608", "setpriv", "--bounding-set",
                                "-sys_resource,-ipc_lock,-sys_nice", build_dir() / "bin/in.mpathd", "-f",
                                env=plain.environment, stdout=log, stderr=log)
    wait_until(lambda: plain.tool("ipmpstat", "-g", check=False).returncode == 0, 10, "it answers")
    assert "locking memory is not permitted, ignoring" in plain.log()
    assert "real-time priority is not permitted, ignoring" in plain.log()
    assert memory_kb(daemon.pid)["VmLck"] == 0


@pytest.mark.long
@pytest.mark.timing
def test_R_DET_2_256_nics_cost_less_than_3_percent_of_a_core(lab, say):
    """Four groups, each on a link of its own, as a group has 127 members at most."""
    nics, groups, window_s = 256, 4, 60
    host = lab.host()
    host.configure(FAILURE_DETECTION_TIME=10000, LINK_UPS_PER_MINUTE=0)
    switches = [lab.switch() for _ in range(groups)]
    for number in range(nics):
        host.add_nic(f"e{number}", "veth", switches[number % groups])
    peers = [lab.peer(switch, f"10.{group}.255.254/16") for group, switch in enumerate(switches)]
    host.start_daemon()
    for group in range(groups):
        for family in ("inet", "inet6"):
            host.ifconfig(f"ipmp{group}", family, "ipmp")
    for number in range(nics):
        group = number % groups
        host.ifconfig(f"e{number}", "plumb", "group", f"ipmp{group}", f"10.{group}.{number}.1/16", "-failover", "up")
        host.ifconfig(f"e{number}", "inet6", "plumb", "-failover", "up")
    for group, peer in enumerate(peers):
        host.ifconfig(f"ipmp{group}", f"10.{group}.255.9/16", "up")
        link_local = next(entry["local"] for link in peer.ns.ip("addr") for entry in link["addr_info"]
                          if entry["local"].startswith("fe80"))
        host.ns.ip_batch(*(f"route add default via {router} dev ipmp{group} metric {3000 + group}"
                           for router in (peer.address, link_local)))

    def used_s():
        fields = open(f"/proc/{host.daemon.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with Control(host) as control:
        def answered():
            counters = control.counters()
            return {name: value for name, value in counters.items() if name.endswith(".answered")}

        wait_until(lambda: len(answered()) == 2 * nics and min(answered().values()) > 0, 120, "every NIC has answers")
        wait_until(lambda: host.ipmpstat("-g").count(" 10.00s ") == groups, 120, "the detection time is the one wanted")
        before, began, used = control.counters(), time.monotonic(), used_s()
        time.sleep(window_s)  # the time over which the share of the processor is taken
        share = (used_s() - used) / (time.monotonic() - began)
        after = control.counters()
    sent = sum(after[name] - before[name] for name in after if name.endswith(".sent"))
    missed = sum(after[name] - before[name] for name in after if name.endswith(".missed"))
    say(f"{nics} NICs, both families: {sent / window_s:.0f} probes/s, {share:.1%} of a core, {missed} missed, "
        f"late by at most {after['loop.lag_maximum_us'] / 1000:.0f} ms since the start")
    assert share < 0.03
    assert missed == 0
