"""Whatever happens for hours, in.mpathd holds no more afterwards than before (tests/lab/soak.py).

    IPMP_SOAK_SECONDS=7200 /usr/bin/python3 -m pytest -m long tests/netns/test_soak.py -k without      two hours
    build/soak/without-death-1.svg                                                                  their curves
"""

import copy
import importlib
import json
import os
import pathlib
import subprocess

import pytest
from chaos import DEEDS
from netns import build_dir, wait_until
from soak import Soak, complaints, deeds_without_death

PLOT = pathlib.Path(__file__).resolve().parents[2] / "scripts/soak_plot.py"
SECONDS = float(os.environ.get("IPMP_SOAK_SECONDS", "600"))
SEED = int(os.environ.get("IPMP_SOAK_SEED", "1"))


def steady(count=40, every_s=60):
    """Samples of a daemon that leaks nothing."""
    trends = {"resident_kb": 9000, "anonymous_kb": 3000, "heap_kb": 2000, "helpers_kb": 500, "neighbours": 7,
              "state_bytes": 20000, "cpu_s": 1}
    sample = {"deeds": [], "deaths": 0, "objects": {"fd netlink": 4, "filters": 4}, "trends": trends}
    return [{"second": number * every_s, **copy.deepcopy(sample)} for number in range(count)]


def test_the_judge_of_a_soak_sees_one_object_too_many_and_a_slow_growth():
    assert complaints(steady()) == []
    samples = steady()
    samples[-1]["objects"]["fd netlink"] += 1
    samples[-1]["objects"]["fd pidfd"] = 1
    assert complaints(samples) == ["after round 39: fd netlink: 5, not 4", "after round 39: fd pidfd: 1, not 0"]
    samples = steady()
    for sample in samples:
        sample["trends"]["heap_kb"] += sample["second"]  # 3.6 MB/h
    assert [words.split(" grew")[0] for words in complaints(samples)] == ["heap_kb"]
    for sample in samples[1:]:
        sample["trends"]["heap_kb"] = 9000  # a cache that is full soon
    assert complaints(samples) == []


def bpf_ids(kind):
    shown = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, check=True).stdout
    return {(kind, entry["id"]) for entry in json.loads(shown)}


@pytest.mark.long
@pytest.mark.parametrize("deeds", [pytest.param(deeds_without_death(), id="without-death"),
                                   pytest.param(DEEDS, id="with-deaths")])
def test_D6_after_hours_of_chaos_every_gauge_is_back(lab, say, deeds, request):
    importlib.import_module("matplotlib")  # else the picture would fail after hours
    path = build_dir() / "soak" / f"{request.node.callspec.id}-{SEED}.jsonl"
    soak = Soak(lab, SEED, deeds, path)
    try:
        soak.run(SECONDS)
    except BaseException:
        print(f"seed {SEED}, round {len(soak.samples)}\n{soak.story.describe()}")
        raise
    say(f"{len(soak.samples)} rounds, {soak.deaths} rounds with a death of in.mpathd, {len(soak.seen_objects)} BPF "
        f"objects seen; {path}")
    subprocess.run([PLOT, path, path.with_suffix(".svg")], check=True)
    assert complaints(soak.samples) == []
    lab.close()
    wait_until(lambda: not soak.seen_objects & (bpf_ids("prog") | bpf_ids("map")), 30,
               "the kernel keeps no program and no map of the laboratory")
