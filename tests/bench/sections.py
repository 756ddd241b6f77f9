"""Which sections there are, what they build, and how much of each a run does.

                  eth0 --- switch --- peer 192.0.2.9, fd00::9
    each contender
                  eth1 --- switch
"""

import dataclasses
import random
import typing

import failover
import programs
import throughput
from contenders import Contender, wait_reachable
from results import BARE, IPMP
from topology import Lab


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


RIVALS = ["bond active-backup miimon 100", "bond balance-alb miimon 100", "bond balance-xor miimon 100",
          "team activebackup ethtool", "team loadbalance ethtool"]
FAST_RIVALS = ["bond active-backup miimon 10", "bond balance-alb miimon 10", "bond balance-xor miimon 10"]
SILENCE_RIVALS = ["bond active-backup arp 100", "team activebackup arp 100", "team loadbalance arp 100"]


def build(lab, names, kind="veth", bridges=1, **options):
    switch = lab.switch(bridges=bridges)
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    contenders = [Contender(lab, switch, name, number, kind, bridges=bridges, **options)
                  for number, name in enumerate(names, 2)]
    for contender in contenders:
        wait_reachable(contender, peer)
    return contenders, peer


def measure_throughput(plan, results):
    """Workloads can be named each by itself."""
    wanted = [workload for workload in throughput.workloads()
              if plan.wants("throughput") or plan.wants(workload.name)]
    if plan.in_vm:
        wanted = [workload for workload in wanted if workload.family == 4 and workload.number in (1, 64)]
    if not wanted:
        return
    with Lab() as lab:
        contenders, peer = build(lab, [BARE, IPMP] + (RIVALS if plan.in_vm else []))
        throughput.measure(results, plan.chance, contenders, peer, plan.some(3, 5 if plan.in_vm else 20),
                           plan.some(0.2, 0.5), wanted, plan.say)


def measure_programs(plan, results):
    with Lab() as lab:
        [ipmp], peer = build(lab, [IPMP])
        programs.measure(results, ipmp, peer, plan.some(1, 5), plan.some(0.2, 0.5), plan.say)


def measure_cuts(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, [IPMP] + (RIVALS + FAST_RIVALS if plan.in_vm else []), bridges=2)
        failover.measure_cuts(results, "cuts-veth", "gap of a cut, veth", contenders, peer,
                              plan.some(5, 5 if plan.in_vm else 200), plan)


def measure_tap_cuts(plan, results):
    with Lab() as lab:
        contenders, peer = build(lab, [IPMP] + (RIVALS[:1] + RIVALS[3:4] if plan.in_vm else []), "tap", bridges=2)
        failover.measure_cuts(results, "cuts-tap", "gap of a cut within a second of another link event, tap", contenders,
                              peer, plan.some(4, 4 if plan.in_vm else 200), plan, after_link_event=True)


def measure_silence(plan, results):
    settings = {"FAILURE_DETECTION_TIME": 100}
    with Lab() as lab:
        contenders, peer = build(lab, [IPMP] + (SILENCE_RIVALS if plan.in_vm else []), "tap", bridges=2,
                                 settings=settings, test_addresses={"eth0": "192.0.2.200", "eth1": "192.0.2.201"})
        failover.wait_probes_answered(contenders[0])
        failover.measure_silence(results, "silent-100", "gap of a silent failure, FDT 100 ms", contenders, peer,
                                 plan.some(3, 6 if plan.in_vm else 100), plan)


def measure_rebind(plan, results):
    with Lab() as lab:
        switch = lab.switch()
        contender = Contender(lab, switch, IPMP, 2)
        failover.measure_rebind(results, lab, switch, contender, plan, plan.some(2, 20))


SECTIONS = {"throughput": measure_throughput, "bpf": measure_programs, "cuts-veth": measure_cuts,
            "cuts-tap": measure_tap_cuts, "silent": measure_silence, "rebind": measure_rebind}
# What a section's names are besides its own.
WORKLOADS = ("tcp", "udp", "latency", "connect")
NAMES = [*SECTIONS, *WORKLOADS]


def chosen(plan):
    """(name, function) of the sections that this run does."""
    def wanted(name):
        return plan.wants(name) or (name == "throughput" and any(wanted.startswith(WORKLOADS) for wanted in plan.only))

    return [(name, section) for name, section in SECTIONS.items() if wanted(name)]
