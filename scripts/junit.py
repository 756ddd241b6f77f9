"""Counts what ctest and pytest report in JUnit XML.

To ctest a program of GoogleTest's is one test. Which tests it ran, and which one it was in when it crashed or was
stopped, is in what it printed, which ctest adds to its report; GoogleTest's own report would be missing then. A program
has failed as well if it says less than it should: if it ended early, ran no test, or ctest cut off what it said.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)  # (name, output)
    skips: list = field(default_factory=list)
    failed_ids: list = field(default_factory=list)  # as pytest names them

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def fail(self, name, output=""):
        self.failed += 1
        self.failures.append((name, output))


# What GoogleTest says of each test: when it begins, and then when it ends. Its summary repeats names.
OF_A_TEST = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] ([^\s,]+)")
OF_A_PROGRAM = "[==========] "
ALL_OF_THEM = re.compile(r"\[=+\] (\d+) tests? from \d+ test suites? ran")


def google_tests(output):
    """(name, how it ended, what it printed) of each test that began. One that did not end was the program's last."""
    name, begin = None, 0
    for said in OF_A_TEST.finditer(output):
        if said[1] == "RUN":
            if name:
                yield name, None, output[begin:said.start()]
            name, begin = said[2], said.end()
        elif said[2] == name:
            yield name, said[1], output[begin:said.start()]
            name = None
    if name:
        yield name, None, output[begin:]


def count_google_tests(program, failed, output):
    """The counts of one program of GoogleTest's, which failed or not. Names are given as one runs them again."""
    counts = Counts()
    for name, ended, said in google_tests(output):
        again = f"{program} --gtest_filter={name}"
        if ended == "OK":
            counts.passed += 1
        elif ended == "SKIPPED":
            counts.skipped += 1
            counts.skips.append(": ".join([again, *said.splitlines()[-1:]]))
        else:
            counts.fail(again if ended else f"{again}: did not end", said)
    if not counts.failed:  # none of them, that is
        ran = ALL_OF_THEM.search(output)
        if failed:
            counts.fail(f"{program}: failed beside its tests", output)
        elif not ran or int(ran[1]) != counts.passed + counts.skipped:
            counts.fail(f"{program}: ended before its tests did", output)
        elif ran[1] == "0":
            counts.fail(f"{program}: ran no test", output)
    return counts


def count_junit(path):
    """The counts of one JUnit file as ctest and pytest write it; none if there is no readable file."""
    counts = Counts()
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return counts
    for case in cases:
        name, printed = case.get("name", "?"), case.findtext("system-out") or ""
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
        if OF_A_PROGRAM in printed:
            counts.add(count_google_tests(name, failed, printed))
        elif failed:
            counts.failed_ids.append(case.get("classname", "").replace(".", "/") + ".py::" + name)
            counts.fail(name, "\n".join(filter(None, [case.findtext("failure"), case.findtext("error"), printed])))
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            counts.skipped += 1
            reason = (skipped.get("message") or "") if skipped is not None else ""
            counts.skips.append(f"{name}: {reason}" if reason else name)
        else:
            counts.passed += 1
    return counts
