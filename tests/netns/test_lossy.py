"""Probes over links that lose frames, on a machine without time: losses alone make no failure (R-DET-4, R-DET-6).

              eth0 --- sw0 --- peer 192.0.2.9, the target
    host <    eth1 --- sw1             ipmp0: 192.0.2.1, 192.0.2.2; test addresses 192.0.2.20, 192.0.2.21

Both NICs are taps whose wires lose a tenth of all frames each way. A wire is a program of its own and may be late
itself, and what it delays the daemon may rightly call lost: so the wires say how late they were, each second. That
excuses nothing, it only tells what to look for: any verdict fails the test.
"""

import re
import time

import pytest
from busy import BusyCores
from control import Control
from netns import PATIENCE
from test_silent import TESTS, build

DETECTION_MS = 100
LOSS_PERCENT = 10
VERDICT = re.compile("failure detected|are now unusable")


def expected_without_suspicion(probes, lost_each_way):
    """How many failures chance alone would make of five losses in a row (docs/DETECTION.md)."""
    lost = 1 - (1 - lost_each_way) ** 2
    return probes * (1 - lost) * lost ** 5 / (1 - lost ** 5) * (1 + lost) / 2


def watch(host, duration_s):
    """Each second: (most lag of a wire in ms, verdicts so far)."""
    seconds, end = [], time.monotonic() + duration_s
    while time.monotonic() < end:
        time.sleep(1)  # the period over which lag is taken
        lag_ms = max(int(nic.command("lag")) for nic in host.nics.values()) / 1000
        seconds.append((lag_ms, len(VERDICT.findall(host.log()))))
    return seconds


@pytest.mark.timing
@pytest.mark.parametrize("duration_s", [10, pytest.param(900, marks=pytest.mark.long)])
def test_R_DET_4_random_loss_on_a_busy_machine_is_no_failure(lab, say, duration_s):
    host, _ = build(lab, DETECTION_MS, kind="tap")
    for nic in host.nics.values():
        nic.command(f"loss {LOSS_PERCENT}")
        nic.command("lag")
    with BusyCores(host.ns), Control(host) as control:
        before = control.counters()
        seconds = watch(host, duration_s)
        after = control.counters()
    sent, lost, suspicion, missed = (sum(after[f"probes.{name} inet.{what}"] - before[f"probes.{name} inet.{what}"]
                                         for name in TESTS) for what in ("sent", "lost", "suspicion", "missed"))
    interval_ms = DETECTION_MS // 7
    late = [lag_ms for lag_ms, _ in seconds if lag_ms > interval_ms]
    grown = host.log().count("Cannot meet requested failure detection time")
    say(f"{duration_s} s: {sent} probes, {lost} lost, {suspicion} extra on suspicion, {missed} not sent in time; "
        f"{expected_without_suspicion(sent, LOSS_PERCENT / 100):.1f} failures expected without suspicion; "
        f"detection time grew {grown} times")
    say(f"daemon late by at most {after['loop.lag_maximum_us'] / 1000:.1f} ms, wires by "
        f"{max(lag_ms for lag_ms, _ in seconds):.1f} ms, {len(late)} times more than an interval")
    verdicts = [(second, lag_ms) for second, (lag_ms, count) in enumerate(seconds)
                if count > (seconds[second - 1][1] if second else 0)]
    assert not verdicts, f"verdicts at (second, lag of the wires in ms): {verdicts}"
    assert "failure" not in host.log().replace("failure detection time", "")
    assert 0.14 < lost / sent < 0.24, "a fifth of all round trips"
    assert suspicion > 0
    assert sent > 0.5 * 2 * duration_s * 1000 / interval_ms / PATIENCE, "probing went on"
