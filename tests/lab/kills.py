"""What a death of in.mpathd costs: starts whose readiness is timed, cuts without delay, and the maps in the kernel.

    starts = Starts(host)
    host.kill_daemon()
    cut_at_s = cut_at_once(host.nics["eth0"])
    starts.start()
    ready_at_s = starts.wait_ready()
"""

import contextlib
import fcntl
import json
import socket
import struct
import time

from netns import PATIENCE, build_dir

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Starts:
    """Starts the daemon as a service manager does, which is told when it is ready."""

    def __init__(self, host):
        self.host = host
        with host.ns.entered():  # where names without a file are the namespace's own
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind("\0starts")

    def start(self):
        """Returns at once, with the time before."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(4096):
                pass  # of one that was killed since
        started_at_s = time.monotonic()
        with open(self.host.ns.root / "mpathd.log", "ab") as log:
            self.host.daemon = self.host.ns.popen(
                build_dir() / "bin/in.mpathd", "-f", env={**self.host.environment, "NOTIFY_SOCKET": "@starts"},
                stdout=log, stderr=log)
        return started_at_s

    def wait_ready(self, timeout_s=10):
        """The time of readiness."""
        self.socket.settimeout(timeout_s * PATIENCE)
        told = self.socket.recv(4096)
        ready_at_s = time.monotonic()
        assert told == b"READY=1", told
        return ready_at_s


def cut_at_once(nic):
    """As nic.cut() of a veth, without a program to be started first; returns the time before."""
    with nic.switch.ns.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", nic.port.encode(), 0)
        flags, = struct.unpack_from("H", fcntl.ioctl(control, SIOCGIFFLAGS, request), 16)
        cut_at_s = time.monotonic()
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", nic.port.encode(), flags & ~IFF_UP))
    return cut_at_s


def bindings_in_kernel(host):
    """Data address -> NIC, as the maps say that the filters of each link use now; {link: {address: NIC}}."""
    names = {link["ifindex"]: link["ifname"] for link in host.ns.ip("link", "show")}
    return {link: _bindings_of_filter(host, link, names) for link in [*host.nics, "ipmpl0"]}


def _bpftool(host, *words):
    return json.loads(host.ns.run("bpftool", "-j", *words).stdout)


def _bindings_of_filter(host, link, names):
    filters = json.loads(host.ns.run("tc", "-j", "filter", "show", "dev", link, "ingress").stdout)
    [program] = {entry["options"]["prog"]["id"] for entry in filters if "prog" in entry.get("options", {})}
    maps = {}
    for number in _bpftool(host, "prog", "show", "id", str(program))["map_ids"]:
        name = _bpftool(host, "map", "show", "id", str(number))["name"]
        if name in ("ipmp_nics", "ipmp_addresses"):
            maps[name] = _bpftool(host, "map", "dump", "id", str(number))
    rows = {_number(entry["key"]): _number(entry["value"][:4]) for entry in maps["ipmp_nics"]}
    bindings = {}
    for entry in maps["ipmp_addresses"]:
        key, value = _bytes(entry["key"]), _bytes(entry["value"])
        family, is_data = key[0], value[4] == 0
        if is_data:
            address = socket.inet_ntop(*((socket.AF_INET, key[4:8]) if family == 4 else (socket.AF_INET6, key[4:20])))
            bindings[address] = names.get(rows[_number(entry["value"][:4])])
    return bindings


def _bytes(words):
    return bytes(int(word, 16) for word in words)


def _number(words):
    return int.from_bytes(_bytes(words), "little")
