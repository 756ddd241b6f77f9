"""What every network test gets: a fresh laboratory, and what its hosts have to say when the test fails.

Run as root: IPMP_BUILD=<build directory> /usr/bin/python3 -m pytest tests/netns
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from topology import Lab  # noqa: E402  (needs the path)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: needs more patience than ./check has; ./check --long runs it")
    config.addinivalue_line("markers", "timing: limits a time, which a busy machine may exceed")
    if os.geteuid() != 0:
        pytest.exit("the network laboratory needs root", 1)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed_call = outcome.get_result().failed


@pytest.fixture
def lab(request):
    with Lab() as laboratory:
        yield laboratory
        if getattr(request.node, "failed_call", False):
            for host in laboratory.hosts:
                print(host.describe())


@pytest.fixture
def say(request):
    """Prints a line that people see whether the test passes or fails."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say_line(text):
        with capture.global_and_fixture_disabled():
            print("\n    " + text, end="", flush=True)

    return say_line
