"""Which sections there are, what they build, and how much of each a run does.

                  eth0 --- switch --- peer 192.0.2.9, fd00::9
    each contender
                  eth1 --- switch
"""

import dataclasses
import random
import typing

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


def build(lab, names):
    switch = lab.switch()
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    contenders = [Contender(lab, switch, name, number) for number, name in enumerate(names, 2)]
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


SECTIONS = {"throughput": measure_throughput, "bpf": measure_programs}
# What a section's names are besides its own.
WORKLOADS = ("tcp", "udp", "latency", "connect")
NAMES = [*SECTIONS, *WORKLOADS]


def chosen(plan):
    """(name, function) of the sections that this run does."""
    def wanted(name):
        return plan.wants(name) or (name == "throughput" and any(wanted.startswith(WORKLOADS) for wanted in plan.only))

    return [(name, section) for name, section in SECTIONS.items() if wanted(name)]
