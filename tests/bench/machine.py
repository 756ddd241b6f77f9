"""The machine that is measured on: what it is, and whether it had time for us.

A measurement in turns survives a machine that is slower now than before, but not one that is torn between us and
others. So it is said beside the figures: how much of the processors others took, how much the hypervisor, and how far
two series of one and the same host were apart (the A/A ratio, in report.py).
"""

import os
import pathlib
import platform
import subprocess
import time

OTHERS_MUCH = 0.10  # of all processors, before we begin
STEAL_MUCH = 0.02
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
STAT_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def processor_seconds():
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return {field: int(word) / CLOCK_TICKS for field, word in zip(STAT_FIELDS, words)}


def shares(before, after):
    """Of the time of all processors between two looks: busy, and stolen."""
    spent = {field: after[field] - before[field] for field in STAT_FIELDS}
    total = sum(spent.values()) or 1
    return {"busy": 1 - (spent["idle"] + spent["iowait"]) / total, "steal": spent["steal"] / total}


def at_rest(seconds=1.0):
    """What others take while we do nothing."""
    before = processor_seconds()
    time.sleep(seconds)  # what happens meanwhile is what is measured
    return shares(before, processor_seconds())


def commit():
    result = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                            cwd=pathlib.Path(__file__).parent)
    return result.stdout.strip() or "unknown"


def processor_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def describe():
    rest = at_rest()
    return {"kernel": platform.release(), "processors": len(os.sched_getaffinity(0)), "model": processor_model(),
            "commit": commit(), "load": os.getloadavg()[0], "others": rest["busy"], "steal": rest["steal"],
            "clock": pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .read_text().strip()}


def complaints(about):
    """Why figures of this run are to be taken with care; empty if they need not."""
    found = []
    if about["others"] > OTHERS_MUCH:
        found.append(f"others took {about['others']:.0%} of the processors before the run")
    during = about.get("during", {})
    if max(about["steal"], during.get("steal", 0)) > STEAL_MUCH:
        found.append(f"the hypervisor took {max(about['steal'], during.get('steal', 0)):.0%} of the processors")
    if about.get("load_after", 0) > 2.5 * about["processors"]:
        found.append(f"load {about['load_after']:.1f} on {about['processors']} processors at the end")
    return found
