#!/usr/bin/python3
"""Builds the tree, runs every kind of test and counts. Called by ./check, which installs the packages first.

Each kind of test is one step, run by ctest, pytest or the simulator, and reports in JUnit XML under build/logs.
A step that should have tests and ran none counts as failed, so that a test which silently vanished is noticed.

Laboratory tests that measure time run alone. All others only await conditions and leave the processors idle, so that
several run at once, and beside them, at the lowest priority, what sanitizers have to be built and run for.

One that fails is tried once more at the end, alone: how much time a shared machine has for us is not ours to command.
It counts by its second outcome; the first is shown all the same.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from junit import Counts, count_junit

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
JOBS = str(os.cpu_count() or 2)
BUILD_LIMIT_S = 2400  # a sanitized build beside the laboratories has taken 900 on a busy machine
PROGRAM_LIMIT_S = 240  # each test program; sanitized, the longest takes 30
OUTPUT_BYTES_MAX = str(1 << 24)  # of a program that ctest keeps for the report; it says what was run
MOST_TRIED_AGAIN = 12  # a slow machine fails tests of one kind together; more failures are no accident
LABORATORIES = 4  # at once; each is idle most of the time
# Leaves the processors to the laboratories. Where the kernel shares them out by sessions (autogroup), the niceness of a
# session counts, and that of a process only within it. 10, for on a busy machine it yields to all other sessions, too.
YIELDING = ("/bin/sh", "-c", '2>/dev/null echo 10 >/proc/self/autogroup; exec nice -n 19 "$@"', "yielding")


def excerpt(text):
    """What to show of a failure: compiler errors if there are any, else the end."""
    lines = text.splitlines()
    errors = [line for line in lines if "error:" in line or line.startswith("FAILED:")]
    return errors[:10] or lines[-15:]


def run(command, log, limit_s, **environment):
    """Runs `command` with its output in `log`; its exit status, or None if it was stopped after `limit_s`."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, **environment})
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # The session is ours: whatever a stopped or crashed test left behind goes with it.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


class Check:
    def __init__(self, out=sys.stdout):
        self.total = Counts()
        self.doubtful = []  # tests that failed once
        self.out = out

    def say(self, text):
        print(text, file=self.out, flush=True)

    def step(self, name, command, limit_s, junit=None, required=True, tried_again=False, **environment):
        """Runs one step, adds up what its JUnit file tells (without one the step itself is the test), reports it. What
        failed and will be tried again does not count yet."""
        log = LOGS / f"{name}.log"
        if junit:
            junit.unlink(missing_ok=True)
        begin = time.monotonic()
        status = run(command, log, limit_s, **environment)
        counts = count_junit(junit) if junit else Counts(passed=int(status == 0))
        if status is None:
            counts.fail(f"{name}: stopped after {limit_s} s")
        elif required and not (counts.passed or counts.failed or counts.skipped) and status in (0, 5):
            counts.fail(f"{name}: ran no test")
        elif status not in (0, 5) and not counts.failed:  # 5: pytest found nothing to run
            counts.fail(f"{name}: exit status {status}")
        if tried_again and len(counts.failed_ids) == counts.failed <= MOST_TRIED_AGAIN:
            self.doubtful += counts.failed_ids
            counts.failed = 0
        if required or counts.passed or counts.failures or counts.skipped:
            self.report(name, counts, time.monotonic() - begin, log)

    def report(self, name, counts, seconds, log):
        self.total.add(counts)
        self.say(f"{name:<12} {counts.passed:5} passed {counts.failed:4} failed {counts.skipped:4} skipped"
                 f" {seconds:7.1f} s")
        for skip in counts.skips:
            self.say(f"    skipped: {skip}")
        for number, (failure, output) in enumerate(counts.failures[:20]):
            self.say(f"    failed: {failure}")
            if number < 5:
                for line in excerpt(output or log.read_text(errors="replace")):
                    self.say(f"    | {line[:200]}")
        if counts.failures:
            self.say(f"    log: {log.relative_to(ROOT)}")

    def build(self, preset, targets=(), wrapper=()):
        """Configures and builds a preset; True if it worked. A failure counts as a failed test. A tree that is not
        there yet is built in batches of sources, in half the time; one that somebody works in stays as it is."""
        log = LOGS / f"build-{preset}.log"
        begin = time.monotonic()
        batches = "" if (BUILD / "CMakeCache.txt").exists() else " -DCMAKE_UNITY_BUILD=ON"
        command = f"cmake --preset {preset}{batches} && cmake --build --preset {preset}"
        if targets:
            command += " --target " + " ".join(targets)
        if run([*wrapper, "/bin/bash", "-c", command], log, BUILD_LIMIT_S) == 0:
            self.say(f"built {preset} in {time.monotonic() - begin:.1f} s")
            return True
        counts = Counts()
        counts.fail(f"building preset {preset}")
        self.report(f"build-{preset}", counts, time.monotonic() - begin, log)
        return False

    def ctest(self, name, label, build=BUILD, jobs=JOBS, limit_s=300, wrapper=(), **environment):
        junit = LOGS / f"{name}.xml"
        command = [*wrapper, "ctest", "--test-dir", str(build), "-L", f"^({label})$", "-j", jobs,
                   "--timeout", str(PROGRAM_LIMIT_S), "--output-on-failure", "--output-junit", str(junit),
                   "--test-output-size-passed", OUTPUT_BYTES_MAX, "--test-output-size-failed", OUTPUT_BYTES_MAX]
        self.step(name, command, limit_s, junit, **environment)

    def pytest(self, name, *tests, marks="not long", jobs=1, limit_s=600, wrapper=(), tried_again=False, build=BUILD,
               **environment):
        junit = LOGS / f"{name}.xml"
        command = [*wrapper, "/usr/bin/python3", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider",
                   "--durations=30", *(["-n", str(jobs)] if jobs > 1 else []), "--junitxml", str(junit), "-m", marks,
                   *tests]
        self.step(name, command, limit_s, junit, tried_again=tried_again, IPMP_BUILD=str(build),
                  PYTHONDONTWRITEBYTECODE="1", **environment)

    def try_again(self):
        """The tests that failed once, alone. Now their outcome counts."""
        if self.doubtful:
            self.pytest("second-try", *self.doubtful, marks="long or not long", limit_s=900)


def run_sanitized(check):
    """Unit tests, and others again, in builds that make undefined behaviour and races visible; the fuzz targets."""
    threads_built = check.build("tsan", ("net_tests",), YIELDING)  # the netlink thread is the only other one that lasts
    built = check.build("asan", ("unit_tests", "bpf_tests", "ipmp_sim", "fuzz"), YIELDING)
    with ThreadPoolExecutor(1) as others:  # beside tests of the network, which wait most of the time
        if built:
            memory = others.submit(run_memory_sanitized, check)
        if threads_built:
            # Address randomisation of newer kernels puts mappings where this compiler's run-time library has its own.
            check.ctest("tsan", "net", BUILD / "tsan", jobs="1", wrapper=["setarch", "-R"])
        if built:
            memory.result()


def run_memory_sanitized(check):
    check.ctest("asan", "unit|sim|bpf", BUILD / "asan", limit_s=900, wrapper=YIELDING, ASAN_OPTIONS="detect_leaks=1")
    check.ctest("fuzz", "fuzz", BUILD / "asan")


# What a sanitizer's file of reports holds if it found something; else it may hold words about the tool itself.
FINDINGS = ("ERROR: ", "WARNING: ThreadSanitizer", "runtime error: ")
SANITIZED_PATIENCE = 5  # see tests/lab/netns.py; such programs take two to ten times as long
SANITIZED_PROGRAMS = ("in.mpathd", "ifconfig", "ipmpstat", "if_mpadm", "ipmp", "arp", "route", "ipmp-dhcp-client",
                      "lab")


def run_sanitized_laboratory(check):
    """The core labs with the real programs, sanitized. Daemons are killed there, so their findings come by file."""
    for preset, options, wrapper in (("asan", "ASAN_OPTIONS", ()), ("tsan", "TSAN_OPTIONS", ("setarch", "-R"))):
        if not check.build(preset, SANITIZED_PROGRAMS):
            continue
        reports = LOGS / f"{preset}-reports"
        shutil.rmtree(reports, ignore_errors=True)
        reports.mkdir()
        settings = {name: f"log_path={reports}/{name[:4]}" for name in (options, "UBSAN_OPTIONS")}
        check.pytest(f"{preset}-netns", "tests/netns", marks="core and not timing and not long", jobs=2, limit_s=1800,
                     wrapper=wrapper, build=BUILD / preset, IPMP_PATIENCE=str(SANITIZED_PATIENCE), **settings)
        counts, begin = Counts(), time.monotonic()
        texts = {path: path.read_text(errors="replace") for path in sorted(reports.iterdir())}
        found = {path: text for path, text in texts.items() if any(words in text for words in FINDINGS)}
        for path, text in found.items():
            counts.fail(f"{preset} reports in {path.relative_to(ROOT)}", text)
        counts.passed = int(not found)
        check.report(f"{preset}-reports", counts, time.monotonic() - begin, LOGS / f"{preset}-netns.log")


def run_laboratory(check, long):
    """What measures time alone, then the rest beside the sanitizers."""
    kept = "" if long else " and not long"
    check.pytest("timing", "tests/netns", marks="timing" + kept, limit_s=5400 if long else 900, tried_again=True)
    with ThreadPoolExecutor(1) as others:
        sanitized = others.submit(run_sanitized, check)
        check.pytest("netns", "tests/netns", marks="not timing" + kept, jobs=LABORATORIES,
                     limit_s=5400 if long else 1200, tried_again=True)
        sanitized.result()
    if long:
        run_sanitized_laboratory(check)
    check.try_again()


def run_release(check, options):
    """All but the laboratory, one after the other; beside them the simulator takes what they leave idle."""
    with ThreadPoolExecutor(1) as others:
        simulated = None if options.fast else others.submit(run_simulation, check, options.long)
        for label, jobs in (("net", "1"), ("bpf", JOBS), ("sim", JOBS), ("exhaustive", JOBS)):
            check.ctest(label, label, jobs=jobs)
        check.pytest("tidy", "tests/tidy")
        if simulated:
            simulated.result()


def run_simulation(check, long):
    """The same 1,000 seeds of each edition always, so that a change is to blame for a failure; --long takes fresh ones.
    The seed is in the log and in the report, so that a failure can be replayed."""
    program = BUILD / "tests/ipmp_sim"
    if not program.exists():
        return
    seed, count = (random.SystemRandom().randrange(1 << 32), 50_000) if long else (1, 1000)
    for edition in ("1", "2"):
        words = ["--count", str(count), "--seed", str(seed), "--edition", edition]
        check.say("simulation: build/tests/ipmp_sim " + " ".join(words))
        check.step(f"swarm-{edition}", [str(program), *words, "--jobs", str(os.cpu_count() or 1)],
                   7200 if long else 400)  # a seed takes about 35 ms of a processor
    statistics = BUILD / "tests/false_failures"
    if statistics.exists():
        check.step("false-failures", [str(statistics), "--check", *(["--long"] if long else [])], 3600 if long else 120)


# The emulated machine of ./check --vm. One that boots slowly would only prove that it is slow: it is not used.
VM_BOOT_LIMIT_S = 30       # usual: 4
VM_BPF_LIMIT_S = 180       # usual: 40
VM_BEGIN_WITHIN_S = 300    # the laboratory begins no test later; what it left out is reported as skipped
VM_NETNS_LIMIT_S = 480
VM_LONG_LIMIT_S = 5400
VM_PATIENCE = 5            # see tests/lab/netns.py
VM_ABSENT = 77             # our status where there is no such machine


def boots(check):
    """Whether there is an emulated machine of use; says which, or why not."""
    log = LOGS / "vm-boot.log"
    # The download of the kernel, the first time, is not held against the machine: its own clock counts.
    status = run([str(ROOT / "scripts/vm.sh"), "-t", str(4 * VM_BOOT_LIMIT_S), "/bin/bash", "-c",
                  "echo $(uname -r) $(</proc/uptime)"], log, 900)
    last_line = (log.read_text(errors="replace").strip() or f"status {status}").splitlines()[-1]
    if status != 0:
        check.say(f"no emulated machine: {last_line}")
        return False
    kernel, up_s, *_ = last_line.split()
    check.say(f"emulated machine: Linux {kernel}, booted in {up_s} s")
    if float(up_s) > VM_BOOT_LIMIT_S:
        check.say(f"no emulated machine: too slow, {VM_BOOT_LIMIT_S} s would do")
        return False
    return True


def run_in_vm(check, long):
    """Packet tables and laboratory under Debian 12's own kernel. What they write below build/logs is here at once."""
    def machine(limit_s, *environment):
        return [str(ROOT / "scripts/vm.sh"), "-t", str(limit_s), "-w", str(LOGS), "env", *environment]

    if not boots(check):
        return False
    check.ctest("vm-bpf", "bpf", jobs="1", limit_s=VM_BPF_LIMIT_S + 30, wrapper=machine(VM_BPF_LIMIT_S))
    limit_s, begin_s, marks = VM_NETNS_LIMIT_S, VM_BEGIN_WITHIN_S, "core and not timing and not long"
    if long:
        limit_s, begin_s, marks = VM_LONG_LIMIT_S, VM_LONG_LIMIT_S - 300, "not timing"
    check.pytest("vm-netns", "tests/netns", marks=marks, limit_s=limit_s + 30,
                 wrapper=machine(limit_s, f"IPMP_PATIENCE={VM_PATIENCE}", f"IPMP_BEGIN_WITHIN_S={begin_s}"))
    return True


def main():
    parser = argparse.ArgumentParser(prog="check", description="run the tests of IPMP for Linux")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--fast", action="store_true", help="what takes under a minute once the tree is built")
    how.add_argument("--long", action="store_true", help="everything, and what needs more patience")
    parser.add_argument("--vm", action="store_true", help="packet tables and labs under Debian 12's own kernel only")
    options = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)

    check = Check()
    if options.vm:
        if check.build("release") and not run_in_vm(check, options.long):
            return VM_ABSENT
    elif check.build("release"):
        if options.fast:
            check.build("release", ("unit_tests",))
            check.ctest("unit", "unit")
        run_release(check, options)
        if not options.fast:
            run_laboratory(check, options.long)
        if options.long:
            check.step("memcheck", [str(ROOT / "scripts/memcheck.sh"), str(BUILD)], 1800)
            check.step("lint", [str(ROOT / "scripts/lint.sh")], 3600)
            check.pytest("packages", "tests/packages", marks="long", limit_s=5400)

    total = check.total
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
