"""The goals of the project, row by row, and what a run makes of them.

Each goal names a measurement and the figure of it that is limited. `met` and `missed` are said where 95 % of what
chance could have made of the samples lies on that side (figures.py), `noise too large` where the goal lies within.
Percentiles and extremes have no such interval and are taken as they are.
"""

import dataclasses
import statistics
import typing

import figures
from results import BARE, BARE_AGAIN, FAST, IPMP

MET, MISSED, NOISE, ABSENT = "met", "missed", "noise too large", "not measured"


@dataclasses.dataclass(frozen=True)
class Goal:
    what: str
    measurement: str
    figure: str  # "ratio", "median", "p99", "maximum", "exponent"
    most: typing.Optional[float] = None
    least: typing.Optional[float] = None
    unit: str = ""
    against: str = BARE  # for ratios
    who: str = IPMP

    @property
    def limit(self):
        return f"≥ {self.least:g}{self.unit}" if self.least is not None else f"≤ {self.most:g}{self.unit}"

    def reached(self, value):
        return value >= self.least if self.least is not None else value <= self.most


def flows(subject, text, figure="ratio", directions=("out", "in"), **limits):
    return [Goal(f"{text}, {direction}, IPv{family}", f"{subject}-{direction}-v{family}", figure, **limits)
            for direction in directions for family in (4, 6)]


GOALS = [
    *flows("tcp-1", "TCP bulk, 1 flow", least=0.97),
    *flows("udp-64", "64-byte UDP packets/s", directions=("out",), least=0.93),
    *flows("udp-64", "64-byte UDP packets/s", directions=("in",), least=0.97),
    *flows("udp-64", "FAST_PATH, 64-byte UDP packets/s", directions=("out",), least=0.97, who=FAST),
    *[Goal(f"Request/response latency, median, IPv{family}", f"latency-out-v{family}-p50", "ratio", most=1.05)
      for family in (4, 6)],
    Goal("Cut, longest gap, veth, median", "cuts-veth", "median", most=2, unit=" ms"),
    Goal("Cut, longest gap, veth, 99 %", "cuts-veth", "p99", most=8, unit=" ms"),
    Goal("Cut within a second of another link event, tap, 99 %", "cuts-tap", "p99", most=15, unit=" ms"),
    Goal("Silent failure at FDT 100 ms: verdict, always", "silent-100-verdict", "maximum", most=100, unit=" ms"),
    Goal("ACK rebind, 100 peers, 99 %", "rebind-100", "p99", most=30, unit=" ms"),
    Goal("2 NICs of 500 Mbit/s, 8 flows out", "shaped-2-out", "ratio", least=1.9),
    Goal("2 NICs of 500 Mbit/s, 2 data addresses in", "shaped-2-in", "ratio", least=1.9),
    Goal("4 NICs of 500 Mbit/s, 32 flows out", "shaped-4-out", "ratio", least=3.7),
    Goal("4 NICs of 500 Mbit/s, 4 data addresses in", "shaped-4-in", "ratio", least=3.7),
    Goal("NIC with 2,048 bound addresses fails: first announcement, after the maps", "announce-first", "median",
         most=10, unit=" ms"),
    Goal("the same: all announced, at a pace of 20,000 a second", "announce-last", "median", most=200, unit=" ms"),
    Goal("ipmpstat -an, 4,096 addresses", "ipmpstat-an", "median", most=50, unit=" ms"),
    Goal("ipmpstat -g, 64 groups", "ipmpstat-g", "median", most=15, unit=" ms"),
    Goal("Daemon ready after its start, 2 NICs", "ready", "median", most=50, unit=" ms"),
    Goal("Resident memory, one group", "memory", "median", most=12, unit=" MiB"),
    Goal("Resident memory, 4,096 addresses", "memory-addresses", "median", most=48, unit=" MiB"),
    Goal("Resident memory, 64 groups, 256 NICs, 10,000 routes", "memory-groups", "median", most=48, unit=" MiB"),
    Goal("Idle, 256 probing NICs", "idle-256", "median", most=3, unit=" %"),
    *[Goal(f"Growth of the {part} with {subject}, as a power of their number", f"growth-{subject}-{part}", "exponent",
           most=most)
      # A status shows all groups, so it cannot be independent of them.
      for subject, part, most in (("addresses", "failover", 1.1), ("addresses", "snapshot", 1.1),
                                  ("groups", "failover", 0.1), ("groups", "snapshot", 1.1),
                                  ("routes", "failover", 0.1), ("routes", "snapshot", 0.1))],
]

TEAMS = ("team activebackup ethtool", "team loadbalance ethtool")
BONDS = tuple(f"bond {mode} miimon 100" for mode in ("active-backup", "balance-alb", "balance-xor"))
VM_GOALS = [
    *[Goal(f"Cut, longest gap, against {rival}", "cuts-veth", "ratio", most=most, against=rival)
      for rivals, most in ((TEAMS, 0.5), (BONDS, 0.1)) for rival in rivals],
    *[Goal(f"Cut after another link event, tap, against {rival}", "cuts-tap", "ratio", most=most, against=rival)
      for rival, most in ((TEAMS[0], 0.5), (BONDS[0], 0.1))],
    Goal("Silent failure at FDT 100 ms, against bond active-backup arp 100", "silent-100", "ratio", most=1 / 3,
         against="bond active-backup arp 100"),
]


@dataclasses.dataclass(frozen=True)
class Row:
    goal: Goal
    verdict: str
    value: typing.Optional[float] = None
    spread: typing.Optional[tuple] = None  # quartiles
    interval: typing.Optional[tuple] = None
    noise: typing.Optional[float] = None  # of ratios: the same of the bare host against itself
    by_cpu: typing.Optional[float] = None  # of rates: the ratio by the sender's processor time


def cpu_ratio(goal, results):
    """What the rate would be if only the sender's processor time counted; steadier than the rate on a busy machine."""
    own, base = (results.samples(goal.measurement + "-cpu", who) for who in (goal.who, goal.against))
    return statistics.median(figures.ratios(base, own)) if own and base else None


def judge_median(goal, values, noise=None, by_cpu=None):
    value, interval = statistics.median(values), figures.interval_of_median(values)
    verdict = MET if goal.reached(value) else MISSED
    if interval and goal.reached(interval[0]) != goal.reached(interval[1]):
        verdict = NOISE
    return Row(goal, verdict, value, figures.quartiles(values), interval, noise, by_cpu)


def judge(goal, results):
    samples = results.samples(goal.measurement, goal.who)
    if not samples:
        return Row(goal, ABSENT)
    if goal.figure == "ratio":
        base, again = results.samples(goal.measurement, goal.against), results.samples(goal.measurement, BARE_AGAIN)
        if not base:
            return Row(goal, ABSENT)
        noise = statistics.median(figures.ratios(again, base)) if again and goal.against == BARE else None
        return judge_median(goal, figures.ratios(samples, base), noise, cpu_ratio(goal, results))
    if goal.figure == "median":
        return judge_median(goal, samples)
    if goal.figure == "exponent":
        value = figures.growth_exponent(results.points(goal.measurement))
        return Row(goal, MET if goal.reached(value) else MISSED, value)
    value = figures.summary(samples)[goal.figure]
    return Row(goal, MET if goal.reached(value) else MISSED, value, figures.quartiles(samples))


def rows(results):
    return [judge(goal, results) for goal in (VM_GOALS if results.about["vm"] else GOALS)]
