"""./bench --vm: the same program inside the emulated machine of scripts/vm.sh, under the kernel of Debian 12, where
bonding and team are, or under that of its backports. What it measures is written to the output directory from there.

Emulation is 10 to 30 times slower than this machine, and has one processor: only ratios between contenders of one run
mean anything, and of throughput they weigh instructions, not caches.
"""

import pathlib
import subprocess
import sys

import results as results_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 2400  # usual: 500 of them on a quiet machine, 1,500 on a busy one
PATIENCE = 5  # see tests/lab/netns.py


def run(options, output, say):
    words = ["--inside", "--output", output, "--seed", options.seed]
    words += ["--quick"] if options.quick else []
    for name in options.only:
        words += ["--only", name]
    (output / "results.json").unlink(missing_ok=True)
    kernel = ["-b"] if options.backports else []
    command = [ROOT / "scripts/vm.sh", *kernel, "-t", LIMIT_S, "-w", output, "env", f"IPMP_PATIENCE={PATIENCE}",
               "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", pathlib.Path(__file__).with_name("run.py"), *words]
    say(f"booting the emulated machine, for {LIMIT_S} s at most")
    status = subprocess.run([str(word) for word in command], cwd=ROOT).returncode
    if not (output / "results.json").exists():
        sys.exit(f"bench: no results from the emulated machine (status {status})")
    results = results_file.load(output / "results.json")
    if status not in (0, 1):  # what it had measured until then is there
        results.about.setdefault("failed", {})["machine"] = f"ended with status {status}"
    return results
