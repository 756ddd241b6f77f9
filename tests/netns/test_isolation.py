"""Isolated groups (R-VIS-1): members and lower end in a network namespace of ours, the IPMP interface in the host's.

              eth0 --- switch --- peer
    host <     |                                   host's namespace: ipmp0 and nothing below it
              eth1                                 members' namespace, pinned in /run/netns: eth0, eth1, ipmpl0

The host has mounts of its own, held by a descriptor: what the daemon pins is gone with the laboratory.
"""

import json
import random
import subprocess
import time

import pytest
from dhcp import DhcpServer
from netns import CommandFailed, build_dir, wait_until

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

    def inside(self, *argv, check=True):
        """Runs a program in the members' namespace, as an administrator would."""
        return self.ns.run("ip", "netns", "exec", self.pins()[0], *argv, check=check).stdout

    def links(self, inside=False):
        out = self.inside("ip", "-j", "link") if inside else self.ns.run("ip", "-j", "link").stdout
        return {link["ifname"]: link for link in json.loads(out) if link["ifname"] != "lo"}

    def links_everywhere(self):
        """Also when a daemon was killed while it made or removed the pin."""
        out = self.inside("ip", "-j", "link", check=False) if self.pins() else ""
        inside = [link["ifname"] for link in json.loads(out or "[]") if link["ifname"] != "lo"]
        return sorted([*self.links(), *inside])

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
    """Isolation before the join: enumerations of every kind, traffic both ways and IPv6, failover, status; then out
    again with names, settings and states as they were."""
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
    findings = json.loads(host.tool("ipmp", "check", "-j", check=False).stdout)["findings"]
    assert "link" in {one["code"] for one in findings}, "members hear each other's frames where they are"
    for options, shown in (((), {"ipmp0"}), (("-u",), {"ipmp0", "eth0", "eth1"})):  # who knows of IPMP may see all
        out = host.ns.run(build_dir() / "examples/example_aware", *options, env=host.environment).stdout
        assert {line.split()[1] for line in out.splitlines()} - {"lo"} == shown
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
    host.tool("if_mpadm", "-d", "eth0")  # R-POL-5: administered as if it were not hidden
    host.wait_state("eth0", "offline")
    host.tool("if_mpadm", "-r", "eth0")
    host.wait_ok("ipmp0")

    host.tool("ipmp", "stop", "--purge")
    assert sorted(host.links()) == ["eth0", "eth1"] and host.pins() == []
    assert all("UP" in link["flags"] for link in host.links().values())
    assert host.ns.sysctl("ipv4/conf/eth0/arp_announce") == "1"
    assert host.ns.sysctl("ipv4/conf/eth0/rp_filter") == host.ns.sysctl("ipv4/conf/default/rp_filter")


def test_R_VIS_1_a_group_in_use_is_isolated_and_opened_again(lab):
    """NICs with addresses, a default route and probes; a TCP flow lives on through both moves. Without force nothing
    that works is interrupted."""
    host = IsolatedHost(lab)
    for number in range(2):
        host.ns.ip_batch(f"link set eth{number} up", f"addr add 192.0.2.{1 + number}/24 dev eth{number}")
    host.ns.run("ip", "route", "add", "default", "via", PEER, "dev", "eth0")
    host.start_daemon()
    for number in range(2):
        host.ifconfig(f"eth{number}", "plumb", "group", "ipmp0")
        host.ifconfig(f"eth{number}", "addif", f"192.0.2.2{number}/24", "-failover", "up")
    host.wait_ok("ipmp0")
    with pytest.raises(CommandFailed, match="interrupts group ipmp0"):
        host.isolate("on")
    assert sorted(host.links()) == ["eth0", "eth1", "ipmp0", "ipmpl0"]

    meter = host.meter("tcp", DATA, host.peer)
    meter.wait_messages(100)
    for wanted, names in (("on", ["ipmp0"]), ("off", ["eth0", "eth1", "ipmp0", "ipmpl0"])):
        host.isolate(wanted, "-f")
        host.wait_ok("ipmp0")
        assert sorted(host.links()) == names
        wait_until(lambda: all(nic["state"] == "ok" for nic in host.interfaces().values()), 20, "probes are answered")
        assert host.peer.ping("192.0.2.20") and host.peer.ping("192.0.2.21")  # test addresses went along
        [default] = host.ns.ip("route", "show", "default")
        assert default["dev"] == "ipmp0" and default["gateway"] == PEER
        report = meter.wait_messages(500)
        assert report["error"] is None
        host.nics["eth1"].silent("in")
        host.wait_state("eth1", "failed")  # which only probes can tell
        host.nics["eth1"].heal()
        host.wait_ok("ipmp0", 30)
    meter.stop()
    wait_until(lambda: host.pins() == [], 10, "a namespace that nobody needs is gone")


def test_R_VIS_1_a_nic_that_carries_the_host_alone_does_not_join_an_isolated_group(lab):
    host = IsolatedHost(lab)
    host.ns.ip_batch("link set eth0 up", "addr add 192.0.2.1/24 dev eth0", "link add br0 type bridge",
                     "link set br0 up")
    host.start_daemon()
    host.ifconfig("ipmp0", "ipmp")
    host.isolate("on")
    with pytest.raises(CommandFailed, match="is in use"):
        host.ifconfig("eth0", "group", "ipmp0")
    with pytest.raises(CommandFailed, match="cannot|immutable"):  # a bridge, and Linux moves none
        host.ifconfig("br0", "group", "ipmp0")
    wait_until(lambda: "br0" not in host.interfaces(), 10, "br0 is no member")
    host.ifconfig("eth1", "plumb", "group", "ipmp0", "up")
    host.wait_ok("ipmp0")
    host.ifconfig("eth0", "group", "ipmp0")  # eth1 carries the group meanwhile
    host.wait_ok("ipmp0")
    wait_until(lambda: host.peer.ping("192.0.2.1"), 10, "its address moved to the group")
    assert sorted(host.links()) == ["br0", "ipmp0"]


def test_R_VIS_1_R_DYN_1_a_group_boots_isolated_and_is_saved_so(lab):
    """By words of ours in its file, and with its policy. A second boot changes nothing."""
    host = IsolatedHost(lab)
    etc = host.ns.root / "etc"
    files = {"hostname.ipmp0": f"ipmp group ops policy source isolate\n{DATA}/24 up\n",
             **{f"hostname.eth{number}": "group ops\nup\n" for number in range(2)}}
    for name, content in files.items():
        (etc / name).write_text(content)
    host.start_daemon()
    for _ in range(2):
        host.tool("ipmp", "boot")
        host.wait_ok("ipmp0")
        assert sorted(host.links()) == ["ipmp0"] and sorted(host.links(inside=True)) == ["eth0", "eth1", "ipmpl0"]
        assert host.tool("ipmp", "policy", "ipmp0").stdout == "source\n"
    wait_until(lambda: host.peer.ping(DATA), 10, "it answers")
    host.tool("ipmp", "save")
    assert (etc / "hostname.ipmp0").read_text() == files["hostname.ipmp0"]
    with pytest.raises(CommandFailed, match="isolate ipmp0 off -f` does it"):
        host.ifconfig("ipmp0", "-isolate")
    host.isolate("off", "-f")
    host.ifconfig("ipmp0", "policy", "flow")
    wait_until(lambda: len(host.links()) == 4, 10, "all are back")
    host.tool("ipmp", "save")
    assert (etc / "hostname.ipmp0").read_text() == f"ipmp group ops\n{DATA}/24 up\n"


def test_R_VIS_1_and_R_DHC_2_what_is_wished_of_a_nic_goes_with_it(lab):
    """Its MTU, and DHCP for its test address: the client follows the NIC to and fro."""
    host = IsolatedHost(lab)
    server = DhcpServer(host.peer, "192.0.2.100,192.0.2.150,120")
    host.start_daemon()
    host.isolated_group((f"{DATA}/24",))
    host.ifconfig("eth0", "mtu", "1400")
    host.ifconfig("eth0", "dhcp")
    [leased] = [word for word in host.inside("ip", "-o", "-4", "addr", "show", "dev", "eth0").split() if "/32" in word]
    test = leased.removesuffix("/32")
    assert test.startswith("192.0.2.1") and host.peer.ping(test)
    for wanted, inside in (("off", False), ("on", True)):
        offers = server.count("DHCPACK", test)
        host.isolate(wanted, "-f")
        wait_until(lambda: server.count("DHCPACK", test) > offers, 20, "the client of that side has the same lease")
        wait_until(lambda: host.peer.ping(test), 10, "the test address is there")
        host.wait_ok("ipmp0")
        assert host.links(inside=inside)["eth0"]["mtu"] == 1400
    host.ifconfig("eth0", "dhcp", "release")
    wait_until(lambda: leased not in host.inside("ip", "addr", "show", "dev", "eth0"), 10, "its address is gone")


def test_R_VIS_1_names_and_pins(lab):
    """A name that was taken meanwhile, a pin that somebody removed, an interface that somebody put where ours are, a
    member that vanishes and comes back, and one that somebody moves out."""
    host = IsolatedHost(lab)
    host.start_daemon()
    host.isolated_group([f"{DATA}/24"])
    pin = host.pins()[0]
    inside = host.ns.popen("ip", "netns", "exec", pin, "sleep", "60")  # keeps a way in for the next line
    host.ns.run("ip", "netns", "delete", pin)
    wait_until(lambda: host.pins() == [pin], 10, "the pin is back")
    assert sorted(host.links(inside=True)) == ["eth0", "eth1", "ipmpl0"]
    inside.kill()

    host.ns.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")  # the name is free here
    wait_until(lambda: "two interfaces eth0" in host.log(), 10, "somebody is told")
    host.ns.run("ip", "netns", "exec", pin, "ip", "link", "add", "stray", "type", "veth", "peer", "name", "stray2")
    wait_until(lambda: {"stray", "stray2"} <= set(host.links()), 10, "nobody else's interfaces stay with the members")
    assert sorted(host.links(inside=True)) == ["eth0", "eth1", "ipmpl0"]

    host.inside("ip", "link", "set", "eth1", "netns", host.ns.path)  # out again: by somebody who means well
    wait_until(lambda: "eth1" in host.links(inside=True), 10, "eth1 is back where its group is")
    host.wait_ok("ipmp0")
    host.inside("ip", "link", "del", "eth1")
    host.wait_state("eth1", "failed")
    host.nics["eth1"].recreate()  # where any new NIC turns up
    host.wait_ok("ipmp0")
    assert "eth1" in host.links(inside=True) and host.peer.ping(DATA, count=3)

    host.ifconfig("eth0", "group", "")
    wait_until(lambda: "eth0_1" in host.links(), 10, "eth0 is home, under a name that is free")
    assert host.links()["eth0_1"]["address"] == host.nics["eth0"].mac
    assert "eth0_1" in host.log() and host.peer.ping(DATA, count=3)


def kill_at_random_moments(lab, kills):
    """Of joins, of isolation turned on and off, and of leaving; each new daemon brings everything where it belongs, and
    the data path of an isolated group works without any. In the end nothing is left of it."""
    host = IsolatedHost(lab)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.start_daemon()
    host.isolated_group([f"{DATA}/24"])
    host.ifconfig("eth1", "addif", "192.0.2.21/24", "-failover", "up")
    host.kill_daemon()
    assert host.peer.ping(DATA, count=3) and sorted(host.links(inside=True)) == ["eth0", "eth1", "ipmpl0"]
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for number in range(kills):
        host.start_daemon()
        wanted = number % 2 == 1
        host.ns.popen(build_dir() / "bin/ipmp", "isolate", "ipmp0", "on" if wanted else "off", "-f",
                      env=host.environment, stderr=subprocess.DEVNULL)
        if number % 3 == 2:
            host.ns.popen(build_dir() / "bin/ifconfig", "eth1", "group", "ipmp0" if number % 2 else "",
                          env=host.environment, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.12))  # the moment is what is tried, nothing is awaited
        host.kill_daemon()
        assert host.links_everywhere() == ["eth0", "eth1", "ipmp0", "ipmpl0"], (seed, number)
    host.start_daemon()
    host.isolate("on", "-f")
    host.tool("ifconfig", "eth1", "group", "ipmp0")
    host.wait_ok("ipmp0")
    assert sorted(host.links()) == ["ipmp0"]
    wait_until(lambda: host.peer.ping(DATA, count=3) and host.peer.ping("192.0.2.21"), 10, f"all works, seed {seed}")

    host.kill_daemon()
    (host.ns.root / "run/ipmp/state.json").unlink()  # not even that helps the next one
    host.start_daemon()
    host.wait_ok("ipmp0")
    assert sorted(host.links()) == ["ipmp0"] and host.peer.ping(DATA, count=3)
    host.tool("ipmp", "stop", "--purge")
    assert sorted(host.links()) == ["eth0", "eth1"] and host.pins() == []


def test_R_VIS_1_a_daemon_killed_at_any_moment_strands_no_nic(lab):
    kill_at_random_moments(lab, kills=5)


@pytest.mark.long
def test_R_VIS_1_a_daemon_killed_at_twenty_five_moments_strands_no_nic(lab):
    kill_at_random_moments(lab, kills=25)
