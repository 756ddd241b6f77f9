#!/usr/bin/python3
"""Static analysis by clang-tidy and cppcheck. Called by scripts/lint.sh, which installs and configures what it takes.

A source takes clang-tidy ten seconds. So build/lint remembers, for each source without findings, a hash of what was
analysed: the source with all that it includes, comments as well (NOLINT is one), and the checks. What has not
changed since is not analysed again, so that a whole run after a change takes what the change reaches.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
MEMORY = BUILD / "lint"
TIDY = "clang-tidy-14"
FINDING = re.compile(r"^(?P<place>[^\s:]+:\d+(:\d+)?): (warning|error|performance|portability): .*"
                     r"\[(?P<kind>[\w.,-]+)\]$")

# The programs in the kernel, as src/bpf/CMakeLists.txt compiles them. Those of the data path are in headers of one
# source, which the analyzer would not look into on their own account.
BPF_SOURCES = ("src/bpf/ipmp.bpf.c", "src/bpf/carrier.bpf.c")
BPF_OPTIONS = ["-target", "bpf", "-mcpu=v3", "-O2", "-Xclang", "-analyzer-opt-analyze-headers"]

# What cppcheck 2.10 has wrong: kinds of findings that are never true here, and single places; everything else counts.
SUPPRESSIONS = (
    "missingIncludeSystem",
    "unmatchedSuppression",                                          # when some FILEs only are looked at
    "passedByValue",                                                 # of a number or two: cheaper than a reference
    "missingReturn",                                                 # -Wreturn-type knows what does not return
    "danglingLifetime:src/core/engine.cpp",                          # a vector copies what iterators show
    "nullPointerRedundantCheck:src/core/commands_link.cpp",          # `plumbed` implies it
    "identicalConditionAfterEarlyExit:src/tools/daemon_client.cpp",  # a Result is no bool
    "identicalConditionAfterEarlyExit:src/tools/native_run.cpp",     # likewise
    "identicalConditionAfterEarlyExit:src/tools/save.cpp",           # likewise
    "returnStdMoveLocal:src/tools/ifconfig_command.cpp",             # moves a part, not a local object
    "ctuOneDefinitionRuleViolation:src/libipmp/ipmp/ipmp.h",         # no program knows the maps and this as well
)


def compile_options():
    """Source below ROOT -> what it is compiled with, for clang."""
    options = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        first = next(number for number, word in enumerate(words) if word.startswith("-"))  # behind ccache and compiler
        options[os.path.relpath(entry["file"], ROOT)] = words[first : words.index("-o")]
    multiarch = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
    options.update((source, [*BPF_OPTIONS, f"-I/usr/include/{multiarch}"]) for source in BPF_SOURCES)
    return options


def ours(said):
    """Without findings in generated headers, which clang-tidy shows where the way there begins in a source of ours."""
    lines, shown = [], True
    for line in said.splitlines(keepends=True):
        finding = FINDING.match(line)
        if finding:
            shown = not finding["place"].startswith("build/")
        lines += [line] if shown else []
    return "".join(lines)


class Tidy:
    """clang-tidy over one source after the other."""

    def __init__(self):
        self.options = compile_options()
        version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
        rules = (ROOT / ".clang-tidy").read_bytes()
        self.judge = version + re.sub(rb"(?m)^#.*\n", b"", rules)

    def fingerprint(self, source):
        command = ["clang-14", *self.options[source], "-E", "-CC", "-dD", "-Wno-everything", source]
        text = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        return hashlib.sha256(self.judge + text.replace(str(ROOT).encode(), b".")).hexdigest()

    def look(self, source):
        """What is said of it, or None if it is what was found clean before."""
        if source not in self.options:
            return f"{source}:1: error: no target of the tree compiles it [unknown-source]\n"
        try:
            fingerprint = self.fingerprint(source)
        except subprocess.CalledProcessError as failure:
            return f"{source}:1: error: cannot be preprocessed [unknown-source]\n{failure.stderr.decode()}"
        memory = MEMORY / (source + ".clean")
        if memory.exists() and memory.read_text() == fingerprint:
            return None
        command = [TIDY, "--quiet", source, "--", *self.options[source]]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        said = ours(run.stdout.replace(f"{ROOT}/", "").replace(",-warnings-as-errors]", "]"))
        if not said and (run.returncode == 0 or run.returncode == 1 and run.stdout):
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(fingerprint)
        elif not any(FINDING.match(line) for line in said.splitlines()):
            said += f"{source}:1: error: clang-tidy ended with {run.returncode} [no-analysis]\n{run.stderr}"
        return said


def cppcheck(sources, jobs):
    """What cppcheck says of them all."""
    said = ""
    for language, standard in (("c++", "c++20"), ("c", "c11")):
        chosen = [source for source in sources if source.endswith(".cpp") == (language == "c++")]
        if not chosen:
            continue
        notes = MEMORY / "cppcheck"  # of one process for the others; what it would keep for next time knows no options
        shutil.rmtree(notes, ignore_errors=True)
        notes.mkdir(parents=True)
        command = ["cppcheck", "--quiet", f"--cppcheck-build-dir={notes}", "-j", str(jobs),
                   f"--language={language}", f"--std={standard}", "--library=posix,googletest", "-I", "src",
                   "-D__always_inline=inline", "-DSEC(name)=",
                   "--enable=warning,performance,portability", "--inline-suppr",
                   "--template={file}:{line}:{column}: {severity}: {message} [{id}]\\n{code}",
                   "--template-location={file}:{line}:{column}: note: {info}\\n{code}",
                   *("--suppress=" + suppression for suppression in SUPPRESSIONS), *chosen]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        said += run.stderr
        if run.returncode != 0:
            said += f"cppcheck:1: error: ended with {run.returncode} [no-analysis]\n{run.stdout}"
    return said


class Report:
    """Prints what is found, once: what is found in a header is found in every source that includes it."""

    def __init__(self):
        self.kinds = Counter()
        self.known = set()

    def take(self, said):
        shown = True
        for line in said.splitlines():
            finding = FINDING.match(line)
            if finding:
                shown = line not in self.known
                self.known.add(line)
                self.kinds[finding["kind"]] += shown
            if shown:
                print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/lint.sh", description="Finds bugs in sources.")
    parser.add_argument("file", nargs="*", help="sources; all of src if none is said")
    options = parser.parse_args()
    jobs = int(os.environ.get("IPMP_JOBS") or os.cpu_count() or 1)
    sources = [os.path.relpath(file, ROOT) for file in options.file] or [*BPF_SOURCES, *sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("src/**/*.cpp") if not path.name.endswith("_test.cpp"))]

    started = time.monotonic()
    report = Report()
    report.take(cppcheck(sources, jobs))
    tidy = Tidy()
    unchanged = 0
    with ThreadPoolExecutor(jobs) as pool:
        for said in pool.map(tidy.look, sources):
            unchanged += said is None
            report.take(said or "")
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.most_common())
    print(f"{len(sources)} sources, {unchanged} of them as they were when they were found clean: "
          f"{report.kinds.total()} findings{f' ({kinds})' if kinds else ''}, {time.monotonic() - started:.0f} s")
    return 1 if report.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
