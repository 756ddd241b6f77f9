"""./check counts right: no failure, skip or vanished test gets lost on the way to its last line."""

import io
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check  # noqa: E402
import junit  # noqa: E402

CTEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="x" tests="4" failures="1" disabled="0" skipped="1">
  <testcase name="good" classname="good" status="run"/>
  <testcase name="also good" classname="good" status="run"/>
  <testcase name="bad" classname="bad" status="fail"><failure message=""/></testcase>
  <testcase name="left out" classname="s" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
  </testcase>
</testsuite>
"""
PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4">
  <testcase classname="t" name="good"/>
  <testcase classname="t" name="bad"><failure message="x">its output</failure></testcase>
  <testcase classname="t" name="broken"><error message="x">x</error></testcase>
  <testcase classname="t" name="left out"><skipped message="no such kernel">x</skipped></testcase>
</testsuite></testsuites>
"""


# Two programs of GoogleTest's as ctest reports them, and one of another kind. What a summary repeats counts once.
PROGRAMS = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="x" tests="3" failures="1" disabled="0" skipped="0">
  <testcase name="a_test" classname="a_test" status="run"><system-out>[==========] Running 3 tests from 2 test suites.
[ RUN      ] A.Good
something without an end of line[       OK ] A.Good (0 ms)
[ RUN      ] Modes/A.Good/1
[       OK ] Modes/A.Good/1, where GetParam() = 4-byte object (1 ms)
[ RUN      ] A.LeftOut
a_test.cpp:7: Skipped
needs root
[  SKIPPED ] A.LeftOut (0 ms)
[==========] 3 tests from 2 test suites ran. (1 ms total)
[  PASSED  ] 2 tests.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] A.LeftOut
</system-out></testcase>
  <testcase name="b_test" classname="b_test" status="fail"><failure message=""/><system-out>
[==========] Running 3 tests from 1 test suite.
[ RUN      ] B.Good
[       OK ] B.Good (0 ms)
[ RUN      ] B.Bad
b_test.cpp:9: Failure
[  FAILED  ] B.Bad (0 ms)
[ RUN      ] B.Last
its last words
</system-out></testcase>
  <testcase name="sim" classname="sim" status="run"><system-out>20 seeds</system-out></testcase>
</testsuite>
"""


@pytest.fixture(autouse=True)
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "LOGS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("text,expected", [(CTEST, (2, 1, 1)), (PYTEST, (1, 2, 1))], ids=["ctest", "pytest"])
def test_counts_junit(logs, text, expected):
    (logs / "x.xml").write_text(text)
    counts = junit.count_junit(logs / "x.xml")
    assert (counts.passed, counts.failed, counts.skipped) == expected


def test_reasons_for_skipping_are_kept(logs):
    (logs / "x.xml").write_text(PYTEST)
    assert junit.count_junit(logs / "x.xml").skips == ["left out: no such kernel"]


def test_a_failure_is_shown_with_its_own_output(logs):
    (logs / "x.xml").write_text(PYTEST)
    assert junit.count_junit(logs / "x.xml").failures == [("bad", "its output"), ("broken", "x")]


def test_every_test_of_a_program_counts_and_a_crash_names_the_one_it_was_in(logs):
    (logs / "x.xml").write_text(PROGRAMS)
    counts = junit.count_junit(logs / "x.xml")
    assert (counts.passed, counts.failed, counts.skipped) == (4, 2, 1)
    assert counts.skips == ["a_test --gtest_filter=A.LeftOut: needs root"]
    assert [(name, text.strip()) for name, text in counts.failures] == [
        ("b_test --gtest_filter=B.Bad", "b_test.cpp:9: Failure"),
        ("b_test --gtest_filter=B.Last: did not end", "its last words")]


PROGRAM_ENDS = {  # what the only program said, whether it failed: what is counted as failed
    "ran no test": ("[==========] Running 0 tests from 0 test suites.\n"
                    "[==========] 0 tests from 0 test suites ran. (0 ms total)\n", False),
    "ended before its tests did": ("[==========] Running 2 tests from 1 test suite.\n"
                                   "[ RUN      ] A.B\n[       OK ] A.B (0 ms)\n", False),
    "failed beside its tests": ("[==========] Running 1 test from 1 test suite.\n[ RUN      ] A.B\n"
                                "[       OK ] A.B (0 ms)\n[==========] 1 test from 1 test suite ran. (0 ms total)\n"
                                "ERROR: LeakSanitizer: detected memory leaks\n", True)}


@pytest.mark.parametrize("how", PROGRAM_ENDS)
def test_a_program_whose_tests_all_passed_may_have_failed(how):
    said, failed = PROGRAM_ENDS[how]
    counts = junit.count_google_tests("a_test", failed, said)
    assert (counts.failed, counts.failures[0][0]) == (1, f"a_test: {how}")


def test_what_ctest_leaves_out_of_a_long_output_is_missed(logs):
    """It cuts what programs print, so that tests could go uncounted: then the program has failed."""
    said = "".join(f"[ RUN      ] A.B{number}\n[       OK ] A.B{number} (0 ms)\n" for number in range(9))
    whole = f"[==========] Running 9 tests from 1 test suite.\n{said}[==========] 9 tests from 1 test suite ran.\n"
    assert junit.count_google_tests("a_test", False, whole).passed == 9
    assert junit.count_google_tests("a_test", False, whole.replace(said[:70], "")).failed == 1


def test_programs_run_by_ctest_are_counted_by_their_tests(logs):
    """The real ctest with a program that prints more than ctest keeps unasked, and one that is killed."""
    said = "".join(f"[ RUN      ] A.B{number}\n[       OK ] A.B{number} (0 ms)\n" for number in range(200))
    (logs / "good").write_text(f"[==========] Running 200 tests from 1 test suite.\n{said}"
                               "[==========] 200 tests from 1 test suite ran. (0 ms total)\n")
    (logs / "killed").write_text("[==========] Running 2 tests from 1 test suite.\n[ RUN      ] A.Last\n")
    (logs / "CTestTestfile.cmake").write_text(
        "add_test(good cat good)\nadd_test(killed bash -c \"cat killed; kill -9 $$\")\n"
        "set_tests_properties(good killed PROPERTIES LABELS unit)\n")
    runner = check.Check(io.StringIO())
    runner.ctest("unit", "unit", logs)
    assert (runner.total.passed, runner.total.failed) == (200, 1), runner.out.getvalue()
    assert "failed: killed --gtest_filter=A.Last: did not end" in runner.out.getvalue()


def run_step(script, junit=None, **options):
    runner = check.Check(io.StringIO())
    runner.step("x", ["/bin/bash", "-c", script], options.pop("limit_s", 20), junit, **options)
    total = runner.total
    return total.passed, total.failed, total.skipped


def test_a_step_without_a_report_is_one_test():
    assert run_step("true") == (1, 0, 0)
    assert run_step("false") == (0, 1, 0)


def test_a_runner_that_dies_before_reporting_is_a_failure(logs):
    assert run_step("kill -9 $$", logs / "x.xml") == (0, 1, 0)


def test_an_old_report_does_not_count(logs):
    (logs / "x.xml").write_text(CTEST)
    assert run_step("true", logs / "x.xml") == (0, 1, 0)


def test_a_failing_runner_with_a_clean_report_is_a_failure(logs):
    report = CTEST.replace('status="fail"><failure message=""/>', 'status="run">')
    assert run_step(f"cat > x.xml <<'END'\n{report}\nEND\nexit 8", logs / "x.xml") == (3, 1, 1)


def test_no_test_at_all_is_a_failure_where_there_should_be_some(logs):
    assert run_step("true", logs / "x.xml") == (0, 1, 0)
    assert run_step("true", logs / "x.xml", required=False) == (0, 0, 0)


def test_a_hanging_step_is_stopped_with_its_children(logs):
    assert run_step("sleep 1000 & echo $! > child; wait", limit_s=0.5) == (0, 1, 0)
    child = int((logs / "child").read_text())
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        pass
    assert not is_running(child)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def boots(logs, script):
    (logs / "scripts").mkdir()
    (logs / "scripts/vm.sh").write_text(f"#!/bin/bash\n{script}\n")
    (logs / "scripts/vm.sh").chmod(0o755)
    out = io.StringIO()
    return check.boots(check.Check(out)), out.getvalue()


def test_an_emulated_machine_that_boots_is_used(logs):
    used, said = boots(logs, "echo 6.1.0-9-amd64 5.01 0.02")
    assert used and said == "emulated machine: Linux 6.1.0-9-amd64, booted in 5.01 s\n"


def test_without_an_emulated_machine_one_line_says_why(logs):
    script = "echo a kernel message >&2; echo vm: the machine ended early >&2; exit 125"
    assert boots(logs, script) == (False, "no emulated machine: vm: the machine ended early\n")


def test_an_emulated_machine_that_is_too_slow_is_not_used(logs):
    used, said = boots(logs, "echo 6.1.0-9-amd64 31.00 0.02")
    assert not used and said.endswith("no emulated machine: too slow, 30 s would do\n")


@pytest.mark.parametrize("second,expected", [("pass", (2, 0)), ("assert False", (1, 1))], ids=["passes", "fails"])
def test_what_fails_is_tried_again_and_counts_by_that(logs, monkeypatch, second, expected):
    folder = logs / "tests"
    folder.mkdir()
    (folder / "test_it.py").write_text(f"""
from pathlib import Path
def test_good(): pass
def test_doubtful():
    been = Path(__file__).with_name("been")
    if been.exists():
        {second}
    else:
        been.touch()
        assert False, "the first time"
""")
    runner = check.Check(io.StringIO())
    runner.pytest("x", "tests", tried_again=True)
    assert (runner.total.passed, runner.total.failed) == (1, 0)
    assert "the first time" in runner.out.getvalue()
    runner.try_again()
    assert (runner.total.passed, runner.total.failed) == expected


def test_many_failures_are_no_accident(logs):
    folder = logs / "tests"
    folder.mkdir()
    (folder / "test_it.py").write_text("".join(f"def test_{number}(): assert False\n" for number in range(6)))
    runner = check.Check(io.StringIO())
    runner.pytest("x", "tests", tried_again=True)
    runner.try_again()
    assert runner.total.failed == 6
