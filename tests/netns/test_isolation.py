"""Isolated groups (R-VIS-1): members and the lower end in a network namespace of ours, the IPMP interface in the host's.

              eth0 --- switch --- peer
    host <     |                                   host's namespace: ipmp0 and nothing below it
              eth1                                 members' namespace, pinned in /run/netns: eth0, eth1, ipmpl0

The host has mounts of its own, held by a descriptor: what the daemon pins is gone with the laboratory.
"""

import json
import pathlib
import random
import time

import pytest
from netns import CommandFailed, wait_until

DATA, SECOND, PEER = "192.0.2.1", "192.0.2.2", "192.0.2.9"

# What an unmodified program sees by if_nameindex, SIOCGIFCONF and getifaddrs.
ENUMERATION = """
import array, ctypes, fcntl, json, socket, struct
libc = ctypes.CDLL(None)
names = sorted(name for _, name in socket.if_nameindex())
room = array.array("B", bytes(4096))
request = struct.pack("iP", len(room), room.buffer_info()[0])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    size = struct.unpack("iP", fcntl.ioctl(any_socket, 0x8912, request))[0]
configured = [bytes(room[at:at + 16]).rstrip(b"\\0").split(b"\\0")[0].decode() for at in range(0, size, 40)]
class Address(ctypes.Structure): pass
Address._fields_ = [("next", ctypes.POINTER(Address)), ("name", ctypes.c_char_p)]
first = ctypes.POINTER(Address)()
assert libc.getifaddrs(ctypes.byref(first)) == 0
addressed, entry = set(), first
while entry:
    addressed.add(entry.contents.name.decode())
    entry = entry.contents.next
print(json.dumps([names, sorted(set(configured)), sorted(addressed)]))
"""


class IsolatedHost:
    """A host of the laboratory, and what only these tests look at."""

    def __init__(self, lab, kind="veth", nics=2):
        self.switch, self.lab_host = lab.switch(), lab.host(mounts=True)
        for number in range(nics):
            self.lab_host.add_nic(f"eth{number}", kind, self.switch)
        self.peer = lab.peer(self.switch, f"{PEER}/24", "fd00::9/64")

    def __getattr__(self, name):
        return getattr(self.lab_host, name)

    def isolate(self, wanted, *options):
        return self.tool("ipmp", "isolate", "ipmp0", wanted, *options)

    def pins(self):
        return self.ns.run("ls", "/run/netns", check=False).stdout.split()

    def inside(self, *argv):
        """Runs a program in the members' namespace, as an administrator would."""
        return self.ns.run("ip", "netns", "exec", self.pins()[0], *argv).stdout

    def links(self, inside=False):
        out = self.inside("ip", "-j", "link") if inside else self.ns.run("ip", "-j", "link").stdout
        return {link["ifname"]: link for link in json.loads(out) if link["ifname"] != "lo"}

    def seen_by_programs(self):
        return json.loads(self.ns.run("/usr/bin/python3", "-c", ENUMERATION).stdout)

    def isolated_group(self, data=(f"{DATA}/24", f"{SECOND}/24", "fd00::1/64")):
        """A group that is isolated before its NICs join, as boot files would have it."""
        self.ifconfig("ipmp0", "ipmp")
        self.isolate("on")
        self.make_group_members(data)

    def make_group_members(self, data):
        for name in self.nics:
            for family in ("inet", "inet6"):
                self.ifconfig(name, family, "plumb", "up")
            self.ifconfig(name, "group", "ipmp0")
        for address in data:
            self.ifconfig("ipmp0", "inet6" if ":" in address else "inet", "addif", address, "up")
        self.wait_ok("ipmp0")


@pytest.mark.parametrize("kind", ["veth", "tap"])
def test_R_VIS_1_programs_see_the_group_and_no_member(lab, kind):
    """Isolation before the join: enumerations of every kind, traffic both ways and IPv6, failover, status; then out again
    with names, settings and states as they were (R-GRP-8)."""
    host = IsolatedHost(lab, kind)
    host.ns.sysctl("ipv4/conf/eth0/arp_announce", 1)
    host.start_daemon()
    host.isolated_group()
    assert sorted(host.links()) == ["ipmp0"] and sorted(host.links(inside=True)) == ["eth0", "eth1", "ipmpl0"]
    assert host.seen_by_programs() == [["ipmp0", "lo"], ["ipmp0", "lo"], ["ipmp0", "lo"]]
    assert "inet6" not in host.inside("ip", "addr", "show", "dev", "ipmpl0")
    [group] = json.loads(host.tool("ipmp", "status", "--json").stdout)["groups"]
    assert group["isolate"] and group["active"] == ["eth0", "eth1"]
    assert host.tool("ipmp", "isolate", "ipmp0").stdout == "on\n"
    assert "has gone down" not in host.log()  # that a NIC is down while it moves is no failure

    for address in (DATA, SECOND, "fd00::1"):
        assert host.peer.ping(address, count=3)
    for target in (PEER, "fd00::9"):
        assert host.ns.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", target).returncode == 0
    for name, data in (("eth0", host.inbound(DATA)), ("eth1", host.inbound(SECOND))):
        other = "eth1" if name == "eth0" else "eth0"
        meter = host.meter("tcp", DATA, host.peer)
        meter.wait_messages(200)
        host.nics[name].cut()
        host.wait_state(name, "failed")
        assert host.inbound(DATA) == host.inbound(SECOND) == other
        meter.wait_messages(400)
        report = meter.stop()
        assert report["a_to_b"]["longest_gap_ms"] < 1000 and report["b_to_a"]["longest_gap_ms"] < 1000, report
        host.nics[name].heal()
        host.wait_ok("ipmp0")

    host.tool("ipmp", "stop", "--purge")
    assert sorted(host.links()) == ["eth0", "eth1"] and host.pins() == []
    assert all("UP" in link["flags"] for link in host.links().values())
    assert host.ns.sysctl("ipv4/conf/eth0/arp_announce") == "1"
    assert host.ns.sysctl("ipv4/conf/eth0/rp_filter") == host.ns.sysctl("ipv4/conf/default/rp_filter")
