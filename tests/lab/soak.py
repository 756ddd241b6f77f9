"""Chaos for hours under one daemon, and what it holds of its process, of the kernel and of the disk after every round.

A round is some deeds of a chaos story (chaos.py); then every fault is undone, all converges, and a sample of gauges is
taken and written as one line of JSON. One kind of gauge counts objects: after each round there are exactly as many as
after the first. The other kind varies by nature (memory, neighbour entries); what counts is the trend, a line fitted by
least squares to all but the first quarter, in which caches fill.

    soak = Soak(lab, seed=1, deeds=deeds_without_death(), path=...)
    soak.run(600)
    assert not complaints(soak.samples)
"""

import json
import re
import signal
import time
from collections import Counter
from pathlib import Path

from chaos import DEEDS, SETTLE_S, Story
from chaos_network import DATA, kill_and_restart
from chaos_places import purge
from chaos_system import kill_amid
from netns import wait_until

DEEDS_A_ROUND = 10
DEADLY = (kill_and_restart, kill_amid, purge)
INODE_COLUMN = {"netlink": 9, "packet": 8, "unix": 6,
                **dict.fromkeys(("raw", "raw6", "icmp", "icmp6", "udp", "udp6"), 9)}

# What a trend may add to a gauge over the time that is judged, and besides in each hour of it.
ALLOWED = {"resident_kb": (256, 1024), "anonymous_kb": (256, 1024), "heap_kb": (256, 1024), "helpers_kb": (128, 512),
           "neighbours": (4, 0), "state_bytes": (256, 0)}
OF_ONE_PROCESS = ("resident_kb", "anonymous_kb", "heap_kb", "helpers_kb", "cpu_s")  # another one begins anew


def deeds_without_death():
    """A leak shows only in a process that lives long."""
    return {deed: weight for deed, weight in DEEDS.items() if deed not in DEADLY}


class Soak:
    def __init__(self, lab, seed, deeds, path):
        self.story, self.path = Story(lab, seed, deeds), Path(path)
        self.samples, self.seen_objects, self.deaths = [], set(), 0
        self.began_s = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".jsonl", ".odd"):
            self.path.with_suffix(suffix).unlink(missing_ok=True)

    def run(self, seconds):
        while time.monotonic() < self.began_s + seconds or len(self.samples) < 5:
            daemon = self.story.host.daemon
            self.story.told.clear()
            self.story.tell(DEEDS_A_ROUND)
            self.deaths += self.story.host.daemon is not daemon
            back_to_start(self.story)
            self.take_sample()

    def take_sample(self):
        """Once there are as many objects as after the first round, or it is clear that this will not be. An address
        whose duplicates are still asked for has no route yet, and a round may be that short."""
        tentative = ("ip", "-6", "-o", "address", "show", "tentative")
        wait_until(lambda: not self.story.host.ns.run(*tentative).stdout, SETTLE_S, "no address is tentative")
        if self.samples:
            wanted = self.samples[0]["objects"]
            try:
                wait_until(lambda: objects(self.story.host)[0] == wanted, SETTLE_S, "as many objects as at the start")
            except TimeoutError:
                self.write_down_what_is_odd()
        counts, held = objects(self.story.host)
        self.seen_objects |= held
        sample = {"second": round(time.monotonic() - self.began_s, 1), "deeds": list(self.story.told),
                  "deaths": self.deaths, "objects": counts, "trends": trends(self.story.host)}
        self.samples.append(sample)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(sample) + "\n")


    def write_down_what_is_odd(self):
        """complaints() counts; this is for who has to find out why."""
        ns = self.story.host.ns
        shown = [ns.run(*words).stdout for words in (("ip", "addr"), ("ip", "-6", "route", "show", "table", "all"),
                                                     ("ip", "route", "show", "table", "all"), ("ip", "maddr"))]
        with open(self.path.with_suffix(".odd"), "a", encoding="utf-8") as file:
            file.write("\n".join([f"--- round {len(self.samples)}", *self.story.told, *shown,
                                  self.story.host.describe()]))


def back_to_start(story):
    """All faults undone and converged, and what administrators wanted meanwhile taken back."""
    story.end_well()
    host = story.host
    for address in [address for address in story.data if address not in DATA]:
        host.ifconfig("ipmp0", "removeif", address)
        story.data.remove(address)
    for name in story.outside:
        host.ifconfig(name, "-standby")
    host.ns.run("ip", "route", "flush", "root", "198.51.100.0/24")  # foreign_route
    story.configure()
    host.daemon.send_signal(signal.SIGHUP)
    story.end_well()


def process(pid, name):
    return Path(f"/proc/{pid}") / name


def sockets_by_kind(pid):
    """{inode: kind} of all sockets in the daemon's own network namespace."""
    kinds = {}
    for kind, column in INODE_COLUMN.items():
        for line in process(pid, f"net/{kind}").read_text().splitlines()[1:]:
            kinds[line.split()[column]] = kind
    return kinds


def descriptors(pid):
    """How many of each kind, and the ids of BPF programs and maps among them."""
    counts, ids, sockets = Counter(), set(), sockets_by_kind(pid)
    for fd in process(pid, "fd").iterdir():
        try:
            target, info = str(fd.readlink()), process(pid, f"fdinfo/{fd.name}").read_text()
        except FileNotFoundError:
            continue  # closed meanwhile
        for kind in ("prog", "map", "link"):
            ids |= {(kind, int(number)) for number in re.findall(rf"^{kind}_id:\s*(\d+)", info, re.MULTILINE)}
        socket = re.fullmatch(r"socket:\[(\d+)\]", target)
        if socket:
            kind = sockets.get(socket[1], "other socket")
        else:
            kind = re.sub(r":?\[\d+\]$", "", target.replace("anon_inode:", "")).rsplit("/", 1)[-1] or "root"
        counts["fd " + kind] += 1
    return counts, ids


def children(pid):
    return [int(child) for task in process(pid, "task").iterdir() for child in (task / "children").read_text().split()]


def filters(host, links):
    """How many of each link's hooks, and the ids of their programs."""
    count, ids = 0, set()
    for link in links:
        for hook in ("ingress", "egress"):
            result = host.ns.run("tc", "-j", "filter", "show", "dev", link, hook, check=False)
            for entry in json.loads(result.stdout or "[]"):
                if "prog" in entry.get("options", {}):
                    count += 1
                    ids.add(("prog", entry["options"]["prog"]["id"]))
    return count, ids


def objects(host):
    """({gauge: how many}, {(kind, id) of each BPF object that the daemon or a filter holds})."""
    pid, ip = host.daemon.pid, host.ns.ip
    counts, ids = descriptors(pid)
    helpers = children(pid)
    links = [link["ifname"] for link in ip("link", "show")]
    counts["filters"], of_filters = filters(host, links)
    counts["BPF objects held"] = len(ids | of_filters)
    counts["threads"] = len(list(process(pid, "task").iterdir()))
    counts["helpers"] = len(helpers)
    counts["fds of helpers"] = sum(len(list(process(helper, "fd").iterdir())) for helper in helpers)
    counts["links"] = len(links)
    counts["qdiscs"] = len(json.loads(host.ns.run("tc", "-j", "qdisc", "show").stdout))
    for family in ("-4", "-6"):
        word = "IPv" + family[1]
        counts[f"{word} addresses"] = sum(len(link["addr_info"]) for link in ip(family, "addr", "show"))
        counts[f"{word} routes"] = len(ip(family, "route", "show", "table", "all"))
        counts[f"{word} rules"] = len(ip(family, "rule", "show"))
    counts["multicast memberships"] = sum(len(link.get("maddr", [])) for link in ip("maddr", "show"))
    counts["files in run/ipmp"] = sum(path.suffix != ".lock" for path in (host.ns.root / "run/ipmp").rglob("*"))
    return dict(sorted(counts.items())), ids | of_filters


def memory(pid):
    status = dict(re.findall(r"^(\w+):\s+(\d+) kB", process(pid, "status").read_text(), re.MULTILINE))
    heap = 0
    for block in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", process(pid, "smaps").read_text()):
        if "[heap]" in block:
            heap += int(re.search(r"^Rss:\s+(\d+)", block, re.MULTILINE)[1])
    return int(status["VmRSS"]), int(status["RssAnon"]), heap


def trends(host):
    """What varies. Numbers in the state count as one byte each: those of interfaces only grow."""
    pid = host.daemon.pid
    resident, anonymous, heap = memory(pid)
    after_name = process(pid, "stat").read_text().rsplit(")", 1)[1].split()
    state = (host.ns.root / "run/ipmp/state.json").read_text()
    return {"resident_kb": resident, "anonymous_kb": anonymous, "heap_kb": heap,
            "helpers_kb": sum(memory(child)[1] for child in children(pid)),
            "neighbours": len(host.ns.ip("neigh", "show")), "state_bytes": len(re.sub(r"\d+", "0", state)),
            "cpu_s": (int(after_name[11]) + int(after_name[12])) / 100}


def slope(points):
    """Of the line fitted to [(x, y)] by least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0


def complaints(samples):
    """What did not come back, in words; nothing if all is well."""
    found = []
    first = samples[0]["objects"]
    for number, sample in enumerate(samples):
        for gauge in sorted(first.keys() | sample["objects"].keys()):
            before, now = first.get(gauge, 0), sample["objects"].get(gauge, 0)
            if before != now:
                found.append(f"after round {number}: {gauge}: {now}, not {before}")
    judged = samples[len(samples) // 4:]
    hours = (judged[-1]["second"] - judged[0]["second"]) / 3600
    for gauge, (once, each_hour) in ALLOWED.items():
        if gauge in OF_ONE_PROCESS and judged[-1]["deaths"]:
            continue
        grown = hours * slope([(sample["second"] / 3600, sample["trends"][gauge]) for sample in judged])
        if grown > once + hours * each_hour:
            found.append(f"{gauge} grew by {grown:.0f} within {hours:.2f} h")
    return found
