#!/usr/bin/python3
"""The benchmark behind ./bench: measures, judges against the goals, writes JSON, Markdown and plots to build/bench.

A section builds its own laboratory (namespaces that end with this process) and adds measurements to one Results value
(results.py). What the goals make of them is in goals.py, how they are shown in report.py and plots.py.
"""

import argparse
import contextlib
import os
import pathlib
import random
import sys
import time

AUTOGROUP, AUTOGROUP_NICE = pathlib.Path("/proc/self/autogroup"), -10
BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "lab"))

import machine  # noqa: E402  (the path above is needed by those that follow)
import report  # noqa: E402
import results as results_file  # noqa: E402
import sections  # noqa: E402
import vm  # noqa: E402
from netns import build_dir  # noqa: E402


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench", description="measure IPMP against the bare NIC and its goals")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: about two minutes")
    parser.add_argument("--vm", action="store_true", help="against bonding and teamd, in Debian's kernel, emulated")
    parser.add_argument("--backports", action="store_true", help="with --vm: under the kernel of Debian's backports")
    parser.add_argument("--only", metavar="NAME", action="append", default=[],
                        help="only sections or workloads whose names begin so: " + ", ".join(sections.NAMES))
    parser.add_argument("--seed", type=int, default=1, help="of the order of turns and the moments of cuts")
    parser.add_argument("--compare", metavar="BASELINE.json", type=pathlib.Path, help="show what differs from that run")
    parser.add_argument("--publish", action="store_true", help="write docs/PERFORMANCE.md from the last runs")
    parser.add_argument("--output", type=pathlib.Path, default=None,
                        help="directory (default: build/bench; bench-parts with --only, bench-vm with --vm)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # ./bench --vm starts itself so
    return parser.parse_args(arguments)


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.__stdout__, flush=True)


@contextlib.contextmanager
def precedence():
    """Linux gives each session the same share, whatever the nice values of its members; ours gets more for a while."""
    told = AUTOGROUP.read_text().split() if AUTOGROUP.exists() else []
    if not told:  # a kernel without that, or the first session: there is nothing to be ahead of
        yield
        return
    AUTOGROUP.write_text(str(AUTOGROUP_NICE))
    try:
        yield
    finally:
        AUTOGROUP.write_text(told[-1])


def run(options, output):
    about = {**machine.describe(), "seed": options.seed, "quick": options.quick, "vm": options.inside,
             "began": time.strftime("%Y-%m-%d %H:%M:%S")}
    results = results_file.Results(about)
    say(f"seed {options.seed}, commit {about['commit']}, Linux {about['kernel']}, {about['processors']} processors")
    before, began = machine.processor_seconds(), time.monotonic()

    def say_and_save(text):  # so that a run that is cut off leaves what it had measured
        say(text)
        results.save(output / "results.json")

    plan = sections.Plan(options.quick, options.inside, options.only, random.Random(options.seed), say_and_save)
    for name, section in sections.chosen(plan):
        say_and_save(f"section {name}")
        try:
            with open(output / f"{name}.log", "w") as log, contextlib.redirect_stdout(log):
                section(plan, results)  # the log is for what hosts have to say when it fails
        except (RuntimeError, TimeoutError, OSError) as error:  # the others can still be measured
            say(f"section {name} failed: {error}")
            about.setdefault("failed", {})[name] = str(error).splitlines()[0]
    about["during"] = machine.shares(before, machine.processor_seconds())
    about["load_after"], about["seconds"] = os.getloadavg()[0], time.monotonic() - began
    results.save(output / "results.json")
    return results


def main():
    options = parse(sys.argv[1:])
    name = "bench-vm" if options.vm or options.inside else "bench-parts" if options.only else "bench"
    output = options.output or build_dir() / name
    output.mkdir(parents=True, exist_ok=True)
    if options.publish:
        return report.publish(build_dir())
    if os.geteuid() != 0 and not options.vm:
        sys.exit("bench: run as root; it needs network namespaces")
    with precedence():
        results = vm.run(options, output, say) if options.vm else run(options, output)
    if not options.inside:
        baseline = results_file.load(options.compare) if options.compare else None
        print(report.write(results, output, baseline))
    return 1 if results.about.get("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
