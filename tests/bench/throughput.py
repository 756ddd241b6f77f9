"""Packets and bytes against the bare NIC: TCP, UDP, requests, connections, each way, IPv4 and IPv6.

Everything is done once per turn by each contender, in an order that is drawn anew each time, and the bare host has two
turns: what its two series differ by (A/A) is what this machine cannot tell apart.
"""

import dataclasses
import json

from contenders import PEER
from netns import build_dir
from results import BARE, BARE_AGAIN

REQUEST_BYTES = 64
TRIES = 5


@dataclasses.dataclass(frozen=True)
class Workload:
    kind: str  # of the program load
    number: int
    direction: str  # as the contender sees it
    family: int

    @property
    def name(self):
        subject = {"bulk": f"tcp-{self.number}", "flood": f"udp-{self.number}", "request": "latency",
                   "connect": "connect"}[self.kind]
        return f"{subject}-{self.direction}-v{self.family}"

    @property
    def what(self):
        subject = {"bulk": f"TCP bulk, {self.number} flow" + "s" * (self.number > 1),
                   "flood": f"UDP, {self.number} bytes", "request": f"TCP requests, {self.number} bytes",
                   "connect": "TCP connections"}[self.kind]
        return f"{subject}, {self.direction}, IPv{self.family}"


def workloads(families=(4, 6), directions=("out", "in")):
    kinds = [("bulk", 1), ("bulk", 8), ("flood", 64), ("flood", 1400), ("connect", 1)]
    found = [Workload(kind, number, direction, family) for kind, number in kinds for direction in directions
             for family in families]
    return found + [Workload("request", REQUEST_BYTES, "out", family) for family in families]


def run_load(workload, contender, peer, seconds):
    """What the program load says. On a machine without time for it nothing may have been done: once more then."""
    here = (contender.host.ns, contender.address(workload.family))
    there = (peer.ns, PEER[workload.family])
    (a, address_a), (b, address_b) = (here, there) if workload.direction == "out" else (there, here)
    for _ in range(TRIES):
        told = json.loads(a.run(build_dir() / "lab/load", workload.kind, a.path, address_a, b.path, address_b, seconds,
                                workload.number, timeout_s=60).stdout)
        if any(told.get(counted) for counted in ("bytes", "packets", "count")):
            return told
    if contender.host.daemon or contender.name == BARE:
        raise RuntimeError(f"{workload.what}: nothing passes between {contender.name} and its peer")
    return told  # of others that is a result, too


def record(results, workload, who, told):
    """The samples of one run of load; rates, and the processor time that one packet, byte or request took."""
    name, what = workload.name, workload.what
    if workload.kind == "bulk":
        results.add(name, what, "bit/s", "more", who, 8 * told["bytes"] / told["seconds"])
        results.add(name + "-cpu", what + ": sender's processor time", "ns/KiB", "less", who,
                    told["sender_s"] * 1e9 / max(1, told["bytes"] / 1024))
    elif workload.kind == "flood":
        packets = max(1, told["packets"])
        results.add(name, what, "packets/s", "more", who, packets / told["seconds"])
        results.add(name + "-cpu", what + ": sender's processor time", "ns/packet", "less", who,
                    told["sender_s"] * 1e9 / packets)
        results.add(name + "-system", what + ": system time of all processors", "ns/packet", "less", who,
                    told["system_s"] * 1e9 / packets)
        results.add(name + "-lost", what + ": not received", "of those sent", "less", who,
                    max(0.0, 1 - told["packets"] / max(1, told["sent"])))
    elif workload.kind == "request":
        for part, value in (told["latencies_us"] or {}).items():
            results.add(f"{name}-{part}", f"{what}: {part.replace('_', '.')}", "us", "less", who, value)
        results.add(name, what, "requests/s", "more", who, told["count"] / told["seconds"])
    else:
        results.add(name, what, "connections/s", "more", who, told["count"] / told["seconds"])


def measure(results, chance, contenders, peer, turns, seconds, wanted, say):
    """`contenders` begins with the bare one. All `wanted` workloads, `turns` times."""
    entries = [(contender.name, contender) for contender in contenders]
    if contenders[0].name == BARE:
        entries.append((BARE_AGAIN, contenders[0]))
    for turn in range(turns):
        for workload in wanted:
            for who, contender in chance.sample(entries, len(entries)):
                with contender.awake():
                    record(results, workload, who, run_load(workload, contender, peer, seconds))
        say(f"throughput: turn {turn + 1} of {turns}")
