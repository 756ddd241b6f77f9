"""Which sections there are, what they build, and how much of each a run does.

                  eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    each contender
                  eth1 --- sw1 (failures), sw0 (throughput)
"""

import dataclasses
import random
import typing

import failover
import pacing
import programs
import scale
import shaped
import throughput
import ways
from contenders import Contender, wait_reachable
from results import BARE, FAST, IPMP
from topology import Lab

TEST_ADDRESSES = {"eth0": "192.0.2.200", "eth1": "192.0.2.201"}
DETECTION_TIME_MS = 100
PACED_BYTES_A_SECOND = 400_000  # far below what the emulated machine can do
CUTS, TAP_CUTS = ("cuts-veth", "gap of a cut, veth"), ("cuts-tap", "gap of a cut soon after another link event, tap")
SILENCE = ("silent-100", "gap of a silent failure, FDT 100 ms")
MIIMON_RIVALS = [f"bond {mode} miimon 100" for mode in ("active-backup", "balance-alb", "balance-xor")]
TEAM_RIVALS = ["team activebackup ethtool", "team loadbalance ethtool"]


@dataclasses.dataclass
class Plan:
    quick: bool
    in_vm: bool
    only: list
    chance: random.Random
    say: typing.Callable

    def some(self, quick, full):
        return quick if self.quick else full

    def wants(self, name):
        return not self.only or any(name.startswith(wanted) for wanted in self.only)


def build(lab, plan, names, kind="veth", bridges=1):
    switch = lab.switch(bridges=bridges)
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    contenders = []
    for number, name in enumerate(names, 2):
        contenders.append(Contender(lab, switch, name, number, kind, bridges=bridges))
        wait_reachable(contenders[-1], peer)
        contenders[-1].rest()
    plan.say("there are: " + ", ".join(names))
    return contenders, peer


def wanted_workloads(plan):
    """Workloads can be named each by itself."""
    return [workload for workload in throughput.workloads() if plan.wants("throughput") or plan.wants(workload.name)]


def measure_throughput(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, plan, [BARE, IPMP, FAST])
        throughput.measure(results, plan.chance, contenders, peer, plan.some(3, 20), plan.some(0.2, 0.5),
                           wanted_workloads(plan), plan.say)


def measure_programs(plan, results):
    with Lab() as lab:
        [ipmp], peer = build(lab, plan, [IPMP])
        programs.measure(results, ipmp, peer, plan.some(1, 5), plan.some(0.2, 0.5), plan.say)


def measure_cuts(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, plan, [IPMP], bridges=2)
        failover.measure_cuts(results, *CUTS, contenders, peer, plan.some(5, 200), plan)
        failover.record_stages(results, CUTS[0], contenders[0])


def measure_tap_cuts(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, plan, [IPMP], "tap", bridges=2)
        failover.measure_cuts(results, *TAP_CUTS, contenders, peer, plan.some(5, 200), plan, after_link_event=True)
        failover.record_stages(results, TAP_CUTS[0], contenders[0])


def measure_silence(plan, results):
    with Lab() as lab:
        [ipmp], peer = build(lab, plan, [IPMP], "tap", bridges=2)
        ipmp.probe(DETECTION_TIME_MS, TEST_ADDRESSES)
        failover.measure_silence(results, *SILENCE, [ipmp], peer, plan.some(3, 100), plan)


def measure_rebind(plan, results):
    with Lab() as lab:
        switch = lab.switch()
        failover.measure_rebind(results, lab, switch, Contender(lab, switch, IPMP, 2, "tap"), plan, plan.some(2, 20))


def measure_beside_rivals(plan, results):
    """In the emulated machine all is done with one set of hosts, whose watchers change, as building takes a minute."""
    cuts, wanted = plan.some(3, 6), [workload for workload in wanted_workloads(plan) if workload.family == 4 and
                                     workload.number in (1, 64) and workload.kind != "connect"]
    with Lab() as lab:
        names = [BARE, FAST, IPMP, *MIIMON_RIVALS, *TEAM_RIVALS]
        (bare, fast, ipmp, *rivals), peer = build(lab, plan, names, bridges=2)
        throughput.measure(results, plan.chance, [bare, fast, ipmp, *rivals], peer, plan.some(1, 3), 0.3, wanted,
                           plan.say)
        if plan.wants(CUTS[0]):
            failover.measure_cuts(results, *CUTS, [ipmp, *rivals], peer, cuts, plan)
            failover.record_stages(results, CUTS[0], ipmp)
            bonds = [rival for rival in rivals if rival.name.startswith("bond")]
            for bond in bonds:
                bond.watch_by("miimon 10")
            failover.measure_cuts(results, *CUTS, bonds, peer, cuts, plan)
        if plan.wants(SILENCE[0]):
            ipmp.probe(DETECTION_TIME_MS, TEST_ADDRESSES)
            # balance-alb knows no ARP watcher, and each answer to balance-xor says nothing of the other NIC.
            rivals = [rival for rival in rivals if "balance" not in rival.name]
            for rival in rivals:
                rival.watch_by("arp 100")
            failover.measure_silence(results, *SILENCE, [ipmp, *rivals], peer, cuts, plan)


def measure_tap_beside_rivals(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, plan, [IPMP, MIIMON_RIVALS[0], TEAM_RIVALS[0]], "tap", bridges=2)
        failover.measure_cuts(results, *TAP_CUTS, contenders, peer, plan.some(2, 4), plan, after_link_event=True)
        failover.record_stages(results, TAP_CUTS[0], contenders[0])


def measure_ways(plan, results):
    wanted = [workload for workload in throughput.workloads() if workload.kind in ("bulk", "flood", "request") and
              workload.number in (1, 64)]
    with Lab() as lab:
        contenders, peer = build(lab, plan, ways.names())
        contenders = [contender for contender in contenders if ways.take(contender, peer, plan.say)]
        throughput.measure(results, plan.chance, contenders, peer, plan.some(3, 10), plan.some(0.2, 0.5), wanted,
                           plan.say)


def measure_pacing(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, plan, pacing.NAMES)
        pacing.measure(results, contenders, peer, PACED_BYTES_A_SECOND, plan.some(2, 5), plan.some(1, 3))


SECTIONS = {"throughput": measure_throughput, "bpf": measure_programs, "cuts-veth": measure_cuts,
            "cuts-tap": measure_tap_cuts, "silent": measure_silence, "rebind": measure_rebind,
            "shaped": shaped.measure, "daemon": scale.measure_daemon, "addresses": scale.measure_addresses,
            "groups": scale.measure_groups, "growth": scale.measure_growth, "ways": measure_ways,
            "pacing": measure_pacing}
LARGE = ("addresses", "groups", "growth")  # not in a quick run, unless asked for by name
DESIGNS = ("ways", "pacing")  # only by name: they compare designs, not the product with its goals
VM_SECTIONS = {"rivals": measure_beside_rivals, "cuts-tap": measure_tap_beside_rivals, "ways": measure_ways,
               "pacing": measure_pacing}
WORKLOADS = ("tcp", "udp", "latency", "connect")
NAMES = [*SECTIONS, *WORKLOADS]


def chosen(plan):
    """(name, function) of the sections that this run does."""
    def wanted(name):
        if name in DESIGNS:
            return name in plan.only
        if name == "rivals":  # one laboratory for whatever is asked of it
            return not plan.only or set(plan.only) - set(DESIGNS)
        named = plan.wants(name) or (name == "throughput" and wanted_workloads(plan))
        return named and (plan.only or not plan.quick or name not in LARGE)

    return [(name, section) for name, section in (VM_SECTIONS if plan.in_vm else SECTIONS).items() if wanted(name)]
