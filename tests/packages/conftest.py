"""Packages are built once, installed into a fresh Debian 12 for each test. Run as root, it takes some minutes:

    /usr/bin/python3 -m pytest -m long tests/packages

IPMP_PACKAGES=DIRECTORY takes packages from there instead of building them.
"""

import os
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/lab"))

from debian_root import DebianRoot  # noqa: E402  (needs the path)
from topology import Lab  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "long: needs more patience than ./check has; ./check --long runs it")
    if os.geteuid() != 0:
        pytest.exit("the network laboratory needs root", 1)


@pytest.fixture(scope="session")
def packages():
    subprocess.run([REPOSITORY / "scripts/bootstrap.sh", "package"], check=True)
    directory = os.environ.get("IPMP_PACKAGES")
    if not directory:
        subprocess.run([REPOSITORY / "package"], check=True)
        directory = REPOSITORY / "build/packages"
    return pathlib.Path(directory)


@pytest.fixture
def root(packages):  # which see to what a root is made by
    root = DebianRoot()
    try:
        yield root
    finally:
        root.remove()


@pytest.fixture
def lab(root):  # ends before its root does
    with Lab() as lab:
        yield lab
