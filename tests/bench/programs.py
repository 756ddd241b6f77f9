"""What our programs in the kernel cost per packet, as the kernel itself counts it (kernel.bpf_stats_enabled).

Counting costs some 20 ns a run, so it is on here only, while nothing else is measured. It counts the program, not what
the kernel does with the packet afterwards: the redirect itself is in the processor time of throughput.py.
"""

import contextlib
import json
import pathlib
import re

from throughput import Workload, run_load

SWITCH = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
WORKLOADS = [Workload("flood", 64, direction, family) for direction in ("out", "in") for family in (4, 6)] + \
    [Workload("bulk", 1, direction, 4) for direction in ("out", "in")]


@contextlib.contextmanager
def counting():
    before = SWITCH.read_text()
    SWITCH.write_text("1")
    try:
        yield
    finally:
        SWITCH.write_text(before)


def find(host, link):
    """Identifier of our program on the ingress hook of a link."""
    shown = host.ns.run("tc", "filter", "show", "dev", link, "ingress").stdout
    return re.search(r" id (\d+)", shown).group(1)


def spent(host, identifier):
    told = json.loads(host.ns.run("bpftool", "-j", "prog", "show", "id", identifier).stdout)
    return told.get("run_time_ns", 0), told.get("run_cnt", 0)


def size(host, identifier):
    """Instructions that the verifier saw, and bytes of machine code."""
    told = json.loads(host.ns.run("bpftool", "-j", "prog", "show", "id", identifier).stdout)
    return told["bytes_xlated"] // 8, told["bytes_jited"]


def measure(results, contender, peer, turns, seconds, say):
    host = contender.host
    lower = next(link["ifname"] for link in host.ns.ip("link", "show") if link["ifname"].startswith("ipmpl"))
    ids = {"out": find(host, lower), "in": find(host, "eth0")}
    with counting():
        for _ in range(turns):
            for workload in WORKLOADS:
                before = spent(host, ids[workload.direction])
                run_load(workload, contender, peer, seconds)
                after = spent(host, ids[workload.direction])
                runs = max(1, after[1] - before[1])
                results.add(f"bpf-{workload.name}", f"{workload.what}: program in the kernel", "ns/run", "less",
                            contender.name, (after[0] - before[0]) / runs)
    for direction, identifier in ids.items():
        instructions, code_bytes = size(host, identifier)
        results.add(f"bpf-size-{direction}", f"program {direction}", "instructions", "less", contender.name,
                    instructions)
        say(f"programs: {direction}: {instructions} instructions, {code_bytes} bytes of machine code")
