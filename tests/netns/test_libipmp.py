"""libipmp against the real daemon: two example programs in C, and the library's functions called directly.

              eth0 --- switch
    host <    eth1 ---/            eth2 joins where a test says so
              eth2 ---/            ipmp0: 192.0.2.1
"""

import ctypes
import os
import subprocess

import pytest
from netns import build_dir, wait_until

IPMP_SUCCESS, IPMP_EINVAL, IPMP_EMINRED, IPMP_ENOMPATHD, IPMP_EUNKIF = 0, 5, 2, 7, 9
SYNCHRONIZED = 3


@pytest.fixture
def host(host):
    host.make_group("ipmp0", ["192.0.2.1/24"], nics=["eth0", "eth1"])
    host.ifconfig("eth2", "plumb", "192.0.2.77/24", "up")
    return host


def listed(host, *options):
    out = host.ns.run(build_dir() / "examples/example_aware", *options, env=host.environment).stdout
    return {line.split()[1] for line in out.splitlines()} - {"lo"}


class Watcher:
    """The aware example, showing events."""

    def __init__(self, host, *options):
        self.child = host.ns.popen(build_dir() / "examples/example_aware", *options, "-e", "1000", env=host.environment,
                                   stdout=subprocess.PIPE)
        os.set_blocking(self.child.stdout.fileno(), False)
        self.text = ""
        self.read_until("synchronized")

    def read_until(self, *wanted):
        """The lines up to the last of those wanted, each of which must come, in any order."""
        def complete():
            self.text += (self.child.stdout.read() or b"").decode()
            lines = self.text.splitlines()
            return set(wanted) <= set(lines)

        try:
            wait_until(complete, 10, f"{wanted} in what a watcher shows")
        except TimeoutError as error:
            raise AssertionError(f"{error}:\n{self.text}") from error
        lines = self.text.splitlines()
        end = 1 + max(lines.index(line) for line in wanted)
        self.text = "".join(line + "\n" for line in lines[end:])
        return lines[:end]


def test_R_VIS_2_lists_are_with_and_without_underlying_interfaces(host):
    assert listed(host) == {"ipmp0", "eth2"}
    assert listed(host, "-u") == {"ipmp0", "eth0", "eth1", "eth2"}
    host.ifconfig("eth1", "group", "")
    assert listed(host) == {"ipmp0", "eth1", "eth2"}
    host.kill_daemon()  # then the kernel's own list has to do
    assert {"ipmp0", "eth0", "eth1", "eth2"} <= listed(host)


def test_R_VIS_2_events_say_what_a_program_is_aware_of(host):
    unaware, aware = Watcher(host), Watcher(host, "-u")
    host.nics["eth0"].cut()
    aware.read_until("changed underlying eth0 failed of ipmp0", "changed group ipmp0 degraded")
    unaware.read_until("changed group ipmp0 degraded")
    host.nics["eth0"].heal()
    aware.read_until("changed underlying eth0 ok of ipmp0", "changed group ipmp0 ok")
    unaware.read_until("changed group ipmp0 ok")

    host.ifconfig("eth2", "group", "ipmp0")  # its address migrates, and it is gone for those who know no groups
    told = unaware.read_until("removed interface eth2", "removed address eth2 192.0.2.77/24",
                              "added address ipmp0:2 192.0.2.77/24")
    assert not any("eth0" in line or "eth1" in line for line in told)
    aware.read_until("added underlying eth2 ok of ipmp0")
    host.ifconfig("eth2", "group", "")
    assert not any("underlying" in line for line in unaware.read_until("added interface eth2"))
    aware.read_until("removed underlying eth2 ok of ipmp0")


class Event(ctypes.Structure):
    _fields_ = [("change", ctypes.c_int), ("object", ctypes.c_int), ("name", ctypes.c_char_p)]  # and more


@pytest.fixture
def library(host, monkeypatch):
    monkeypatch.setenv("IPMP_ROOT", str(host.ns.root))
    library = ctypes.CDLL(str(build_dir() / "lib/libipmp.so"), use_errno=True)
    library.ipmp_errmsg.restype = ctypes.c_char_p
    handle = ctypes.c_void_p()
    assert library.ipmp_open(ctypes.byref(handle)) == IPMP_SUCCESS
    yield library, handle
    library.ipmp_close(handle)


def next_event(library, handle):
    event = ctypes.POINTER(Event)()
    result = library.ipmp_next_event(handle, 5000, ctypes.byref(event))
    if not event:
        return result, None
    seen = (event.contents.change, event.contents.name)
    library.ipmp_free_event(event)
    return result, seen


def until_synchronized(library, handle):
    seen = []
    while True:
        result, event = next_event(library, handle)
        assert result == IPMP_SUCCESS and event
        if event[0] == SYNCHRONIZED:
            return seen
        seen.append(event)


def test_R_VIS_2_R_POL_5_offline_and_undo_by_the_library(host, library):
    library, handle = library
    assert library.ipmp_ping_daemon(handle) == IPMP_SUCCESS
    assert library.ipmp_offline(handle, b"eth0", 1) == IPMP_SUCCESS
    wait_until(lambda: host.interfaces()["eth0"]["state"] == "offline", 5, "eth0 is offline")
    assert library.ipmp_offline(handle, b"eth1", 1) == IPMP_EMINRED
    assert library.ipmp_offline(handle, b"nonesuch", 1) == IPMP_EUNKIF
    assert library.ipmp_undo_offline(handle, b"eth0") == IPMP_SUCCESS
    assert library.ipmp_undo_offline(handle, b"eth0") == IPMP_EINVAL
    assert library.ipmp_errmsg(IPMP_EMINRED) == b"minimum failover redundancy not met"
    assert library.ipmp_errmsg(99) == b"<unknown error>"
    assert library.ipmp_offline(handle, None, 1) == IPMP_EINVAL


def test_R_VIS_2_a_handle_outlives_the_daemon_and_tells_only_what_changed_meanwhile(host, library):
    library, handle = library
    wait_until(lambda: "inet6 fe80" in host.tool("ifconfig", "eth2", "inet6", check=False).stdout, 10,
               "what the kernel adds by itself is there")
    assert library.ipmp_watch(handle, 0) == IPMP_SUCCESS
    assert (0, b"ipmp0") in until_synchronized(library, handle)
    host.kill_daemon()
    assert next_event(library, handle) == (IPMP_ENOMPATHD, None)
    assert library.ipmp_watch_fd(handle) == -1
    assert library.ipmp_watch(handle, 0) == IPMP_ENOMPATHD
    descriptors = len(os.listdir("/proc/self/fd"))
    host.start_daemon()
    host.wait_ok("ipmp0")
    assert library.ipmp_watch(handle, 0) == IPMP_SUCCESS
    assert until_synchronized(library, handle) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors + 1
