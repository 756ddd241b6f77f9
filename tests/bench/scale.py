"""Many addresses, groups, NICs and routes: what they cost in time, memory and processor; curves of cost against size.

                  eth0 --- switch --- peer 10.0.255.9               64 groups: peer 10.G.0.9, four NICs for each group
    crowded host  eth1 --- switch       ipmp0: 4096 addresses of 10.0.0.0/16
"""

import statistics
import time

import crowded
from crowded import Crowded, ManyGroups
from results import IPMP
from topology import Lab

MOST_ADDRESSES = 4096
IDLE_S = 10
GAP_RATE = 2000
ROUTED = "172.30"


def gap_ms(host, peer, address, peer_address):
    """Longest gap of a flow when the NIC that its address is bound to is cut."""
    meter = host.meter("udp", address, peer, peer_address, GAP_RATE)
    try:
        meter.wait_messages(100)
        victim = host.inbound(address)
        meter.mark()
        host.nics[victim].cut()
        report = meter.wait_messages(200)
    finally:
        meter.process.kill()
        meter.process.wait()
        meter.process.stdin.close()
        meter.process.stdout.close()
    host.nics[victim].heal()
    host.wait_state(victim, "ok")
    return max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a"))


def measure_daemon(plan, results):
    """Ready, memory and idle of a host with two NICs and one group."""
    with Lab() as lab:
        host = Crowded(lab, 2, kind="veth").host
        for _ in range(plan.some(3, 30)):
            results.add("ready", "daemon's start to READY, 2 NICs", "ms", "less", IPMP, crowded.ready_ms(host))
            host.wait_ok("ipmp0")
        results.add("memory", "resident memory, one group", "MiB", "less", IPMP, crowded.resident_mb(host))
        results.add("idle-2", "daemon's processor time at rest, 2 NICs without probes", "% of a core", "less", IPMP,
                    idle_percent(host, plan.some(2, IDLE_S)))
        plan.say(f"daemon: ready after {statistics.median(results.samples('ready')):.0f} ms")


def idle_percent(host, seconds):
    before, began = crowded.processor_ns(host), time.monotonic()
    time.sleep(seconds)  # what it does meanwhile is what is measured
    return (crowded.processor_ns(host) - before) / (time.monotonic() - began) / 1e7


def measure_addresses(plan, results):
    """A NIC with 2,048 bound addresses fails; what tools take with 4,096."""
    with Lab() as lab:
        site = Crowded(lab, MOST_ADDRESSES)
        plan.say(f"addresses: {MOST_ADDRESSES} are there")
        for _ in range(plan.some(2, 20)):
            first, last, missing = crowded.cut_ms(site)
            results.add("announce-first", "cut of a NIC with 2,048 addresses: first announcement", "ms", "less", IPMP,
                        first)
            results.add("announce-last", "cut of a NIC with 2,048 addresses: last address announced", "ms", "less",
                        IPMP, last)
            results.add("announce-missing", "addresses of 2,048 never announced: lost in queues", "addresses", "less",
                        IPMP, missing)
        for _ in range(plan.some(5, 30)):
            results.add("ipmpstat-an", f"ipmpstat -an, {MOST_ADDRESSES} addresses", "ms", "less", IPMP,
                        crowded.tool_ms(site.host, "ipmpstat -an"))
        results.add("memory-addresses", f"resident memory, {MOST_ADDRESSES} addresses", "MiB", "less", IPMP,
                    crowded.resident_mb(site.host))


def measure_groups(plan, results):
    """64 groups of four probing NICs, 10,000 routes, and 1,000 netlink events a second from others."""
    with Lab() as lab:
        site = ManyGroups(lab, 64, plan.say)
        host = site.host
        results.add("boot-256", "ipmp boot, 64 groups of four NICs", "s", "less", IPMP, site.boot_s)
        for _ in range(plan.some(5, 30)):
            results.add("ipmpstat-g", "ipmpstat -g, 64 groups", "ms", "less", IPMP,
                        crowded.tool_ms(host, "ipmpstat -g"))
        results.add("idle-256", "daemon's processor time, 256 probing NICs", "% of a core", "less", IPMP,
                    *(idle_percent(host, IDLE_S) for _ in range(plan.some(1, 3))))
        add_routes(host, range(10000), "10.0.0.9")
        results.add("idle-256-routes", "the same with 10,000 routes", "% of a core", "less", IPMP,
                    idle_percent(host, IDLE_S))
        with NetlinkNoise(host):
            results.add("idle-256-noise", "the same with 1,000 netlink events/s of others", "% of a core", "less", IPMP,
                        idle_percent(host, IDLE_S))
        results.add("memory-groups", "resident memory, 64 groups, 256 NICs, 10,000 routes", "MiB", "less", IPMP,
                    crowded.resident_mb(host))


class NetlinkNoise:
    """Neighbour entries of a link that is none of ours, changed a thousand times a second."""

    def __init__(self, host):
        self.host = host

    def __enter__(self):
        lines = ["link add noise0 type veth peer name noise1", "link set noise0 up"]
        self.host.ns.ip_batch(*lines)
        (self.host.ns.root / "noise").write_text("".join(
            f"neigh replace 198.18.0.{number % 250 + 1} lladdr 02:00:00:00:00:{number % 90 + 10} dev noise0 "
            "nud permanent\n" for number in range(1000)))
        self.loop = self.host.ns.popen("bash", "-c", f"while ip -batch {self.host.ns.root}/noise; do sleep 0.9; done")

    def __exit__(self, *error):
        self.loop.kill()
        self.loop.wait()
        self.host.ns.ip_batch("link del noise0")


def add_routes(host, numbers, gateway):
    host.ns.ip_batch(*(f"route add {ROUTED}.{number // 250}.{number % 250} via {gateway}" for number in numbers))


def measure_growth(plan, results):
    grow_addresses(plan, results)
    grow_groups(plan, results)
    grow_routes(plan, results)


def curve(results, subject, x_what, x, values):
    for part, value in values.items():
        what, unit = {"failover": ("failover: gap of a flow, median", "ms"), "snapshot": ("GetStatus, median", "ms"),
                      "announce": ("failover: last address announced, median", "ms"),
                      "memory": ("resident memory", "MiB"), "ready": ("start to READY, median", "ms")}[part]
        results.add_curve(f"growth-{subject}-{part}", what, unit, x_what, x, value)


def median_of(count, measure):
    return statistics.median(measure() for _ in range(count))


def grow_addresses(plan, results):
    for count in plan.some((32, 256), (64, 256, 1024, 2048, MOST_ADDRESSES)):
        with Lab() as lab:
            site = Crowded(lab, count)
            host = site.host
            cuts = [crowded.cut_ms(site) for _ in range(plan.some(3, 5))]
            curve(results, "addresses", "data addresses", count, {
                "failover": statistics.median(first for first, *_ in cuts),
                "announce": statistics.median(last for _, last, _ in cuts),
                "snapshot": median_of(9, lambda: crowded.snapshot_ms(host)), "memory": crowded.resident_mb(host),
                "ready": median_of(3, lambda: crowded.ready_ms(host))})
        plan.say(f"growth: {count} addresses")


def grow_groups(plan, results):
    for count in plan.some((1, 4), (1, 4, 16, 64)):
        with Lab() as lab:
            site = ManyGroups(lab, count, plan.say, detection_time_ms=1000)
            host = site.host
            curve(results, "groups", "groups of four NICs", count, {
                "failover": median_of(plan.some(5, 15), lambda: gap_ms(host, site.peer, "10.0.0.1", "10.0.0.9")),
                "snapshot": median_of(9, lambda: crowded.snapshot_ms(host)), "memory": crowded.resident_mb(host),
                "ready": median_of(3, lambda: crowded.ready_ms(host))})
        plan.say(f"growth: {count} groups")


def grow_routes(plan, results):
    with Lab() as lab:
        site = Crowded(lab, 2)
        host, have = site.host, 0
        for count in plan.some((100, 1000), (100, 1000, 10000)):
            add_routes(host, range(have, count), crowded.NETWORK_PEER)
            have = count
            curve(results, "routes", "routes through the group", count, {
                "failover": median_of(plan.some(5, 15), lambda: gap_ms(host, site.peer, site.addresses[0],
                                                                       crowded.NETWORK_PEER)),
                "snapshot": median_of(9, lambda: crowded.snapshot_ms(host)), "memory": crowded.resident_mb(host)})
            plan.say(f"growth: {count} routes")
