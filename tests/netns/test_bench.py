"""./bench itself: it measures, judges and writes what it should. No figure is asserted: they are the machine's.

    bare host, ipmp host --- switch --- peer
"""

import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

import pytest
from netns import build_dir

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import figures  # noqa: E402  (needs the path)
import goals  # noqa: E402
import report  # noqa: E402
from results import BARE, IPMP, Results, load  # noqa: E402


def results_of(**samples):
    return Results({"vm": False}, {"udp-64-in-v4": {"what": "", "unit": "", "better": "more", "samples": samples}})


def verdict(bare, ipmp):
    goal = next(goal for goal in goals.GOALS if goal.measurement == "udp-64-in-v4")
    return goals.judge(goal, results_of(**{BARE: bare, IPMP: ipmp})).verdict


def test_a_goal_is_met_or_missed_only_where_chance_cannot_have_done_it():
    assert verdict([100.0] * 9, [99.0] * 9) == goals.MET
    assert verdict([100.0] * 9, [90.0] * 9) == goals.MISSED
    assert verdict([100.0] * 10, [80.0, 120.0] * 5) == goals.NOISE
    assert verdict([], []) == goals.ABSENT


def test_a_slower_machine_changes_no_ratio_of_pairs():
    bare = [100.0, 50.0, 200.0, 10.0, 400.0]
    assert verdict(bare, [value * 0.99 for value in bare]) == goals.MET


def test_runs_are_compared_by_their_ratios_to_the_bare_host():
    before, now = results_of(**{BARE: [100.0] * 3, IPMP: [80.0] * 3}), results_of(**{BARE: [10.0] * 3, IPMP: [9.0] * 3})
    assert "| 0.8 | 0.9 | 1.125 | better |" in report.comparison_table(now, before)
    assert "| 0.9 | 0.8 | 0.889 | worse |" in report.comparison_table(before, now)


@pytest.mark.parametrize("power", [0, 1, 2])
def test_growth_is_a_power(power):
    assert figures.growth_exponent([(size, 3.0 * size ** power) for size in (1, 10, 100)]) == pytest.approx(power)


def test_what_was_not_measured_anew_stays_published(tmp_path):
    about = {"kernel": "1", "processors": 2, "model": "m", "commit": "c", "seed": 1, "quick": False, "others": 0,
             "steal": 0}
    document = tmp_path / "PERFORMANCE.md"
    assert report.publish(tmp_path, document) == 1 and not document.exists(), "nothing was measured"
    whole, parts, vm_run = ("bench", False), ("bench-parts", False), ("bench-vm", True)
    for number, (directory, vm) in enumerate((whole, parts, vm_run, whole, parts)):
        results = Results({**about, "vm": vm, "commit": f"run{number}", "began": f"2026-11-0{1 + number}"},
                          results_of(**{BARE: [1.0] * 3}).measurements)
        (tmp_path / directory).mkdir(exist_ok=True)
        if vm:
            results.about["failed"] = {"rivals": "it took too long"}
            results.add("gap", "gap", "ms", "less", IPMP, 3.0, math.inf)
        results.save(tmp_path / directory / "results.json")
        assert report.publish(tmp_path, document) == 0
        if number != 3:  # the last parts are published beside a whole that is older
            (tmp_path / directory / "results.json").unlink()
        assert ("run1" in document.read_text()) == (number in (1, 2)), "until the whole is measured anew"
    text = document.read_text()
    assert "run0" not in text and all(f"run{number}" in text for number in (2, 3, 4))
    assert "Failed: rivals: it took too long" in text and "3 … never" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Performance", "## This machine", "## Parts of that, measured later", "## Against bonding and teamd",
        "## What limits what is missed"]


def test_the_99th_percentile_of_a_hundred_is_the_second_largest():
    assert figures.percentile(range(1, 101), 0.99) == 99


def test_bench_measures_latency_and_writes_valid_json(tmp_path):
    ran = subprocess.run([sys.executable, BENCH / "run.py", "--quick", "--only", "latency", "--output", tmp_path],
                         capture_output=True, text=True, env={**os.environ, "IPMP_BUILD": str(build_dir())})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = load(tmp_path / "results.json")
    json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)  # no NaN, no Infinity
    for family in (4, 6):
        for who in (BARE, IPMP):
            assert all(value > 0 for value in results.samples(f"latency-out-v{family}-p50", who))
    assert "Request/response latency" in (tmp_path / "report.md").read_text()
    if importlib.util.find_spec("matplotlib"):  # only ./bench installs it
        assert list(tmp_path.glob("*.svg"))
