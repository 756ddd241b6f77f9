"""What every network test gets: a fresh laboratory, and what its hosts have to say when the test fails.

Run as root: IPMP_BUILD=<build directory> /usr/bin/python3 -m pytest tests/netns
"""

import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from topology import Lab  # noqa: E402  (needs the path)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: needs more patience than ./check has; ./check --long runs it")
    config.addinivalue_line("markers", "timing: measures time: alone on the machine, and not in an emulated one")
    config.addinivalue_line("markers", "core: ./check --vm runs it under the kernel of Debian 12")
    if os.geteuid() != 0:
        pytest.exit("the network laboratory needs root", 1)


# Where time is limited (IPMP_BEGIN_WITHIN_S), what could not be begun is skipped and so reported, rather than the whole
# run stopped without a report.
SESSION_BEGAN = time.monotonic()
BEGIN_WITHIN_S = float(os.environ.get("IPMP_BEGIN_WITHIN_S", "inf"))


def pytest_collection_modifyitems(items):
    """What runs in the emulated machine only must not be what a slow one leaves out."""
    items.sort(key=lambda item: not any(mark.kwargs.get("first") for mark in item.iter_markers("core")))


def pytest_runtest_setup(item):
    item.began, item.stolen_s = time.monotonic(), stolen_s()
    if time.monotonic() > SESSION_BEGAN + BEGIN_WITHIN_S:
        pytest.skip(f"not begun within {BEGIN_WITHIN_S:g} s")


# A test that measures time says nothing about IPMP while the hypervisor gives the machine to others. Idle ones take
# less than a thousandth.
TOO_NOISY = 0.03


def stolen_s():
    """Processor time that others took from this machine, of all its processors (steal of proc(5))."""
    return int(pathlib.Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "call":
        item.failed_call = report.failed
    if call.when == "call" and report.failed and item.get_closest_marker("timing"):
        taken = (stolen_s() - item.stolen_s) / (time.monotonic() - item.began) / os.cpu_count()
        report.sections.append(("machine", f"others took {taken:.1%} of it during this test"))
        if taken > TOO_NOISY:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1],
                               f"too noisy, others took {taken:.0%} of the machine; had failed: "
                               f"{call.excinfo.exconly()}")


@pytest.fixture
def lab(request):
    with Lab() as laboratory:
        yield laboratory
        if getattr(request.node, "failed_call", False):
            for host in laboratory.hosts:
                print(host.describe())


@pytest.fixture
def host(lab):
    """A host with eth0, eth1 and eth2 on one switch, in no group yet."""
    switch = lab.switch()
    host = lab.host()
    for number in range(3):
        host.add_nic(f"eth{number}", "veth", switch)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.start_daemon()
    return host


@pytest.fixture
def say(request):
    """Prints a line that people see whether the test passes or fails."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say_line(text):
        with capture.global_and_fixture_disabled():
            print("\n    " + text, end="", flush=True)

    return say_line
