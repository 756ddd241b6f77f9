"""What failures cost one UDP flow, and how soon they are noticed: cuts, silent failures, peers that learn of a rebind.

              eth0 --- sw0 --- peer 192.0.2.9                  contenders take turns, in an order drawn anew each time
    contender eth1 --- sw1

The gap is the longest between two messages, out or in, and includes the message period: 0.5 ms; in the emulated machine
2 ms, and 10 for silent failures, as a flow that fills its processor keeps the answers to probes waiting. Every second
cut takes the NIC that the flow leaves by, the others the one that it arrives on, as counters show.
"""

import contextlib
import math
import time

from contenders import PEER
from control import Control, failover_stages_us
from crowd import Crowd, sink
from log_watch import LogWatch
from netns import PATIENCE, wait_until
from results import IPMP

SETTLE_S = 0.3  # after a repair, beside what can be awaited
QUIET_MS = 100  # a gap is over when messages have come both ways for so long
NEVER_S = 15  # a flow that stands still for so long is not waited for


def messages_per_second(plan, in_vm):
    """As the meter takes it, which divides by PATIENCE."""
    return round(in_vm * PATIENCE) if plan.in_vm else 2000


@contextlib.contextmanager
def flow(contender, peer, rate):
    meter = contender.host.meter("udp", contender.address(4), peer, PEER[4], rate)
    try:
        meter.wait_messages(50)
        yield meter
    finally:
        meter.process.kill()
        meter.process.wait()
        meter.process.stdin.close()
        meter.process.stdout.close()


def carrier_of_flow(contender, meter, direction):
    """The NIC most packets of the flow pass in that direction."""
    host = contender.host
    before = {name: host.ns.packets(name) for name in host.nics}
    meter.wait_messages(50)
    way = 1 if direction == "out" else 0
    return max(host.nics, key=lambda name: host.ns.packets(name)[way] - before[name][way])


def other_link_event(host):
    """Linux is late with the news of a carrier that goes within a second after this, unless it is a veth's."""
    host.ns.ip_batch("link add noise0 type veth peer name noise1", "link set noise0 up", "link set noise1 up",
                     "link del noise0")


def repair(contender, nic):
    host = contender.host
    host.nics[nic].heal()
    wait_until(lambda: host.ns.has_carrier(nic), 10, f"{nic} of {contender.name} has carrier")
    if contender.name == IPMP:
        host.wait_ok("ipmp0")
        host.wait_slots_level("ipmp0")
    time.sleep(SETTLE_S * PATIENCE)  # bonding and teamd tell nobody when they use a NIC again


def gaps_of_break(contender, peer, rate, direction, break_nic, longest_s):
    """{"out", "in"} in ms, of a flow whose NIC breaks: by break_nic(name, mark), which calls mark() just before."""
    with flow(contender, peer, rate) as meter:
        victim = carrier_of_flow(contender, meter, direction)
        try:
            break_nic(victim, meter.mark)
            try:
                report = meter.wait_messages(math.ceil(QUIET_MS / 1000 * rate / PATIENCE), longest_s / PATIENCE)
            except TimeoutError:  # it never recovered: the gap is as long as we waited
                report = meter.report()
        finally:
            repair(contender, victim)
    return {"out": report["a_to_b"]["longest_gap_ms"], "in": report["b_to_a"]["longest_gap_ms"]}


def measure_cuts(results, name, what, contenders, peer, cuts, plan, after_link_event=False):
    rate = messages_per_second(plan, in_vm=500)
    for number in range(cuts):
        for contender in plan.chance.sample(contenders, len(contenders)):
            host = contender.host

            def cut(nic, mark):
                if after_link_event:
                    other_link_event(host)
                    time.sleep(plan.chance.uniform(0, 1))  # the distance to the event is what is varied
                mark()
                host.nics[nic].cut()

            with contender.awake():
                gaps = gaps_of_break(contender, peer, rate, ("out", "in")[number % 2], cut, NEVER_S)
            results.add(name, what, "ms", "less", contender.name, max(gaps.values()))
        if (number + 1) % 10 == 0 or number + 1 == cuts:
            plan.say(f"{name}: {number + 1} of {cuts}")


def record_stages(results, name, contender):
    """Means of what the daemon itself says of the stages of all its failovers so far."""
    with Control(contender.host) as control:
        means_us = failover_stages_us(control.counters())
    for stage, mean_us in means_us.items():
        results.add(f"{name}-{stage}", f"{name}: mean of the stage {stage}", "us", "less", contender.name, mean_us)


def measure_silence(results, name, what, contenders, peer, trials, plan):
    """Carrier stays, frames are lost. Of ipmp also the verdict, by its log, and the failure detection time in force,
    which grows where answers take longer (in.mpathd(8))."""
    rate = messages_per_second(plan, in_vm=100)
    logs = {contender.name: LogWatch(contender.host.ns.root / "mpathd.log") for contender in contenders
            if contender.name == IPMP}
    try:
        for number in range(trials):
            direction = ("out", "in")[number % 2]
            for contender in plan.chance.sample(contenders, len(contenders)):
                broken = {}
                if contender.name in logs:
                    in_force_s = float(contender.host.groups()["ipmp0"]["fdt"].rstrip("s"))
                    results.add(name + "-time", what + ": failure detection time in force", "ms", "less",
                                contender.name, 1000 * in_force_s)

                def silence(nic, mark):
                    begin = contender.host.nics[nic].prepare_silence(direction if number // 2 % 2 else "both")
                    time.sleep(plan.chance.uniform(0, 0.015))  # anywhere between two probes
                    mark()
                    broken[nic] = time.monotonic()
                    begin()

                with contender.awake():
                    gaps = gaps_of_break(contender, peer, rate, direction, silence, NEVER_S)
                results.add(name, what, "ms", "less", contender.name, max(gaps.values()))
                for nic, since in broken.items():
                    if contender.name in logs:
                        verdict = logs[contender.name].seen(f"failure detected on {nic}", since)
                        results.add(name + "-verdict", what + ": verdict", "ms", "less", contender.name,
                                    1000 * (verdict - since) if verdict else math.inf)
            plan.say(f"{name}: {number + 1} of {trials}")
    finally:
        for log in logs.values():
            log.close()


def answers(frames, since, peers):
    """{MAC of a peer: seconds from `since` to its first ARP reply}."""
    first = {}
    for frame in frames:
        mac = frame.data[6:12].hex(":")
        if frame.data[12:14] == b"\x08\x06" and frame.data[20:22] == b"\0\2" and mac in peers:
            first.setdefault(mac, frame.at_s - since)
    return first


def measure_rebind(results, lab, switch, contender, plan, cuts, peers=100):
    """When each of `peers` has proved, by its answer to the new NIC, that it knows of the move of one address."""
    host = contender.host
    crowds = [Crowd(lab, switch, first, peers // 2) for first in (100, 100 + peers // 2)]
    host.sink = sink(host.ns, 2)  # AF_INET; held so that datagrams find somebody
    address = contender.address(4)
    macs = {mac for crowd in crowds for mac in crowd.macs.values()}
    for number in range(cuts):
        for crowd in crowds:
            crowd.greet([address])
        former = host.inbound(address)
        heir = next(name for name in host.nics if name != former)
        sniffer = host.nics[heir].sniff("arp")
        cut_at = time.time()  # the clock of the sniffer's stamps
        host.nics[former].cut()
        wait_until(lambda: len(answers(sniffer.frames(), cut_at, macs)) >= peers, 5, "all peers have answered")
        took_ms = [1000 * took for took in answers(sniffer.frames(), cut_at, macs).values()]
        results.add("rebind-100", "ACK of 100 peers of one rebind", "ms", "less", contender.name, *took_ms)
        sniffer.close()
        plan.say(f"rebind-100: cut {number + 1} of {cuts}: slowest {max(took_ms):.1f} ms")
        repair(contender, former)
