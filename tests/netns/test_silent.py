"""Failures that no link shows: the carrier stays, frames are lost in one direction or both (R-DET-2, R-DET-4).

              eth0 --- sw0 --- peer 192.0.2.9, the target
    host <    eth1 --- sw1             ipmp0: 192.0.2.1, 192.0.2.2; test addresses 192.0.2.20, 192.0.2.21

A trial breaks the path of one NIC, waits for the verdict, heals it and waits for the repair. The verdict is timed from
just before the break until the line about it can be read from the daemon's log, so it is an upper bound. The gap is the
longest between two messages of a UDP meter with 1,000 messages/s each way.
"""

import math
import random
import time

import pytest
from control import Control
from log_watch import LogWatch
from netns import wait_until
from test_statistics import figures, keep

DATA, PEER = "192.0.2.1", "192.0.2.9"
TESTS = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}
SILENCES = ("out", "in", "both")


def build(lab, detection_time_ms, kind="veth"):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0, FAILURE_DETECTION_TIME=detection_time_ms)
    for number, name in enumerate(TESTS):
        host.add_nic(name, kind, switch, bridge=number)
    peer = lab.peer(switch, f"{PEER}/24")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", "192.0.2.2/24"])
    for name, address in TESTS.items():
        host.ifconfig(name, "addif", f"{address}/24", "-failover", "up")
    host.ns.run("ip", "route", "add", "default", "via", PEER, "dev", "ipmp0")
    wait_until(lambda: all(row["state"] == "ok" for row in host.interfaces().values()) and
               all("routes" in line for line in host.ipmpstat("-tn").splitlines()[1:]), 10, "every NIC has its target")
    with Control(host) as control:
        wait_until(lambda: all(control.counters()[f"probes.{name} inet.answered"] > 0 for name in TESTS), 20,
                   "probes of every NIC have been answered")
    return host, peer


def trial(host, meter, log, detection_time_s, number):
    """(seconds to the verdict, seconds to the repair, longest gap of data traffic in seconds)"""
    nic = list(TESTS)[number % 2]
    silence = host.nics[nic].prepare_silence(SILENCES[number % 3])
    meter.mark()
    time.sleep(random.uniform(0, detection_time_s / 7))  # anywhere between two probes
    broken = time.monotonic()
    silence()
    verdict = wait_until(lambda: log.seen(f"failure detected on {nic}", broken), 3 * detection_time_s + 2,
                         f"{nic} has failed")
    report = meter.wait_messages(100)
    gap_s = max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a")) / 1000
    healed = time.monotonic()
    host.nics[nic].heal()
    repair = wait_until(lambda: log.seen(f"repair detected on {nic}", healed), 6 * detection_time_s + 2,
                        f"{nic} is repaired")
    return verdict - broken, repair - healed, gap_s


def run_trials(lab, say, detection_time_ms, trials, name):
    detection_time_s = detection_time_ms / 1000
    host, peer = build(lab, detection_time_ms)
    log = LogWatch(host.ns.root / "mpathd.log")
    meter = host.meter("udp", DATA, peer)
    try:
        results = [trial(host, meter, log, detection_time_s, number) for number in range(trials)]
    finally:
        meter.stop()
        log.close()
    parts = {part: [result[index] * 1000 for result in results]
             for index, part in enumerate(("verdict", "repair", "gap"))}
    keep(say, name, parts)
    late = [took for took in parts["verdict"] if took > detection_time_ms]
    assert not late, f"verdicts after more than {detection_time_ms} ms: {late}"
    assert all(2 * detection_time_ms <= took <= 2.3 * detection_time_ms + 20 for took in parts["repair"]), \
        parts["repair"]
    allowed = math.floor(trials / 100)
    assert sum(gap > detection_time_ms + 10 for gap in parts["gap"]) <= allowed, parts["gap"]


@pytest.mark.timing
def test_R_DET_4_silent_failure_is_found_in_time(lab, say):
    run_trials(lab, say, 100, 12, "silent-100-short")


@pytest.mark.long
@pytest.mark.timing
@pytest.mark.parametrize("detection_time_ms, trials", [(100, 100), (1000, 50), (10000, 30)])
def test_R_DET_4_silent_failure_statistics(lab, say, detection_time_ms, trials):
    run_trials(lab, say, detection_time_ms, trials, f"silent-{detection_time_ms}")
