"""ipmp0 in the network namespace of an application (R-VIS-1): `ipmp namespace ipmp0 app`.

              eth0 --- switch --- peer
    host <     |                                   host's namespace: eth0, eth1, ipmpl0 and the daemon
              eth1                                 "app", as `ip netns add app` makes it: ipmp0 with its data addresses

The host has mounts of its own, held by a descriptor: names of namespaces are gone with the laboratory.
"""

import json
import random
import subprocess
import time

import pytest
from clients import MULTICAST
from meter import Meter
from netns import PATIENCE, CommandFailed, build_dir, wait_until

DATA, SECOND, PEER, OTHER_NET = "192.0.2.1", "192.0.2.2", "192.0.2.9", "198.51.100.0/24"


class Application:
    """A network namespace with a name, as far as tests ask a laboratory's Namespace."""

    def __init__(self, host, name):
        self.host, self.name, self.path = host, name, f"/run/netns/{name}"
        self.make()

    def make(self):
        self.host.ns.run("ip", "netns", "add", self.name)
        self.run("ip", "link", "set", "lo", "up")

    def delete(self):
        self.host.ns.run("ip", "netns", "delete", self.name)

    def popen(self, *argv, **options):
        return self.host.ns.popen("ip", "netns", "exec", self.name, *argv, **options)

    def run(self, *argv, check=True):
        return self.host.ns.run("ip", "netns", "exec", self.name, *argv, check=check)

    def ip(self, *args):
        out = self.run("ip", "-j", *args).stdout
        return json.loads(out) if out.strip() else []

    def links(self):
        return sorted(link["ifname"] for link in self.ip("link") if link["ifname"] != "lo")

    def indices(self):
        return [link["ifindex"] for link in self.ip("link") if link["ifname"] == "ipmp0"]

    def addresses(self):
        """Those that are not link-local."""
        [link] = self.ip("addr", "show", "dev", "ipmp0")
        return sorted(entry["local"] for entry in link["addr_info"] if entry["scope"] != "link")

    def ping(self, target):
        return self.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", target, check=False).returncode == 0


class Nameless:
    """A network namespace that has lost its name, as a meter needs it."""

    def __init__(self, host, path):
        self.host, self.path = host, path

    def popen(self, *argv, **options):
        return self.host.ns.popen("nsenter", f"--net={self.path}", *argv, **options)


def links(host):
    return sorted(link["ifname"] for link in host.ns.ip("link") if link["ifname"] != "lo")


def namespace(host, *words):
    return host.tool("ipmp", "namespace", *words).stdout


@pytest.fixture
def host(lab):
    switch = lab.switch()
    host = lab.host(mounts=True)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.peer = lab.peer(switch, f"{PEER}/24", "fd00::9/64")
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA}/24", f"{SECOND}/24", "fd00::1/64"])
    return host


class Stream:
    """A multicast stream from the peer, as a program in the application's namespace hears it."""

    def __init__(self, host, app):
        self.heard = host.ns.root / "heard"
        with open(self.heard, "w") as out:
            self.receiver = app.popen("/usr/bin/python3", MULTICAST, "receive", "239.1.2.3", "5000", "ipmp0",
                                      stdin=subprocess.PIPE, stdout=out)
        wait_until(lambda: "ready" in self.heard.read_text(), 10, "somebody listens")
        self.sender = host.peer.ns.popen("/usr/bin/python3", MULTICAST, "send", "239.1.2.3", "5000", "e0", "60", "200",
                                         stdout=subprocess.DEVNULL)

    def numbers(self):
        return self.heard.read_text().split()[1:]

    def hear(self, count):
        before = len(self.numbers())
        wait_until(lambda: len(self.numbers()) >= before + count, 10, f"{count} more datagrams of the stream")

    def stop(self):
        for program in (self.sender, self.receiver):
            program.kill()
            program.wait()  # the next one listens at the same port


def cut_and_heal(host, app, name):
    """A flow of each kind in the application's namespace lives on while `name` fails and is repaired."""
    stream = Stream(host, app)
    meters = [Meter(protocol, app, DATA, host.peer.ns, PEER) for protocol in ("tcp", "udp")]
    for meter in meters:
        meter.wait_messages(200)
        meter.mark()
    host.nics[name].cut()
    host.wait_state(name, "failed")
    for meter in meters:
        report = meter.wait_messages(300)
        assert report["error"] is None
        assert max(report[way]["longest_gap_ms"] for way in ("a_to_b", "b_to_a")) < 1000 * PATIENCE, report
    stream.hear(200)
    host.nics[name].heal()
    host.wait_ok("ipmp0")
    for meter in meters:
        assert meter.wait_messages(300)["error"] is None
        meter.stop()
    stream.hear(200)
    stream.stop()
    assert len(stream.numbers()) == len(set(stream.numbers()))  # of two NICs one lets it in
    assert "cannot leave multicast groups" not in host.log()


def test_R_VIS_1_an_application_has_ipmp0_to_itself(lab, host):
    """Addresses, those of other programs too, and routes move along, settings are made there; failover, new addresses
    from either side, conflicts, multicast, isolation and a killed daemon are as they are in the host; and back home."""
    host.ns.ip_batch("addr add 192.0.2.7/24 dev ipmp0", f"route add default via {PEER} dev ipmp0",
                     f"route add {OTHER_NET} via {PEER} dev ipmp0 metric 7 proto static")
    app = Application(host, "app")
    host.tool("ipmp", "namespace", "ipmp0", "app")
    assert namespace(host) == namespace(host, "ipmp0") == "ipmp0 app\n"
    assert links(host) == ["eth0", "eth1", "ipmpl0"] and app.links() == ["ipmp0"]
    assert app.addresses() == sorted([DATA, SECOND, "192.0.2.7", "fd00::1"])
    wait_until(lambda: {route["dst"] for route in app.ip("route")} >= {"default", OTHER_NET}, 5, "its routes are there")
    [static] = app.ip("route", "show", OTHER_NET)
    assert static["protocol"] == "static" and static["metric"] == 7
    assert app.run("sysctl", "-n", "net.ipv6.conf.ipmp0.use_oif_addrs_only").stdout == "1\n"
    wait_until(lambda: all(host.peer.ping(address) for address in app.addresses()), 5, "the peer reaches all addresses")
    assert app.ping(PEER) and app.ping("fd00::9")
    assert "has gone down" not in host.log()
    for name in ("eth0", "eth1"):
        cut_and_heal(host, app, name)

    host.ifconfig("ipmp0", "addif", "192.0.2.3/24", "up")  # from here
    app.run("ip", "addr", "add", "192.0.2.4/24", "dev", "ipmp0")  # and from inside
    for address in ("192.0.2.3", "192.0.2.4"):
        wait_until(lambda: host.addresses().get(address, {}).get("inbound"), 5, f"{address} is a data address")
        wait_until(lambda: host.peer.ping(address), 5, f"the peer reaches {address}")
        assert address in app.addresses()
        assert host.peer.neighbours()[address] == host.nics[host.inbound(address)].mac
    app.run("ip", "addr", "del", "192.0.2.4/24", "dev", "ipmp0")
    app.run("ip", "addr", "del", "192.0.2.3/24", "dev", "ipmp0")
    wait_until(lambda: "192.0.2.3" in app.addresses(), 5, "an administrator's address is put back")
    wait_until(lambda: "192.0.2.4" not in host.addresses(), 5, "the application's is its own to take away")
    for command in (("link", "del", "ipmp0"), ("link", "set", "ipmp0", "alias", "mine")):
        former = app.indices()
        app.run("ip", *command)
        wait_until(lambda: app.indices() not in ([], former), 5, "there is a new one")
        wait_until(lambda: host.peer.ping(DATA), 5, "and works")

    meter = Meter("tcp", app, DATA, host.peer.ns, PEER)
    meter.wait_messages(100)
    bound = {address: host.inbound(address) for address in (DATA, SECOND)}
    host.kill_daemon()
    assert meter.wait_messages(300)["error"] is None
    host.configure(LINK_UPS_PER_MINUTE=0, DUPLICATE_ADDRESS_PROBES=3)
    host.start_daemon()
    host.wait_ok("ipmp0")
    with pytest.raises(CommandFailed, match=f"{PEER} is a duplicate address"):
        host.ifconfig("ipmp0", "addif", f"{PEER}/24", "up")
    assert PEER not in app.addresses() and app.ping(PEER)
    host.ifconfig("ipmp0", "removeif", PEER)
    assert {address: host.inbound(address) for address in (DATA, SECOND)} == bound
    assert meter.wait_messages(300)["error"] is None and app.links() == ["ipmp0"]
    host.tool("ipmp", "isolate", "ipmp0", "on", "-f")
    host.wait_ok("ipmp0")
    assert links(host) == [] and meter.wait_messages(300)["error"] is None
    cut_and_heal(host, app, "eth0")
    host.tool("ipmp", "isolate", "ipmp0", "off", "-f")
    host.wait_ok("ipmp0")
    assert meter.wait_messages(300)["error"] is None
    meter.stop()

    app.run("ip", "route", "add", "203.0.113.0/24", "via", PEER, "dev", "ipmp0")
    host.tool("ipmp", "namespace", "ipmp0", "-")
    assert namespace(host) == "ipmp0 -\n" and app.links() == []
    for address in (DATA, "fd00::1", "192.0.2.3"):
        wait_until(lambda: host.peer.ping(address), 5, f"the peer reaches {address}")
    wait_until(lambda: host.ns.ip("route", "show", "203.0.113.0/24"), 5, "the application's route came along")
    json_state = json.loads((host.ns.root / "run/ipmp/state.json").read_text())
    assert json_state["state"]["named_places"] == {}


def test_R_VIS_1_a_namespace_that_goes_takes_its_interface_along(lab, host):
    """And the group waits for another one of that name, or for an administrator; one that only lost its name is
    served on. What cannot be is refused in one line, and nothing has changed."""
    app = Application(host, "app")
    other = Application(host, "other")
    other.run("ip", "link", "add", "ipmp0", "type", "bridge")
    for wanted, why in (("missing", "no such network namespace"), ("other", "another interface ipmp0"),
                        ("..", "not a name of a network namespace"), ("a/b", "not a name of a network namespace")):
        with pytest.raises(CommandFailed, match=why):
            host.tool("ipmp", "namespace", "ipmp0", wanted)
        assert namespace(host) == "ipmp0 -\n" and host.peer.ping(DATA)
    for words in (("eth0",), ("eth0", "app"), ("a:b", "app")):
        with pytest.raises(CommandFailed, match="not an IPMP interface"):
            host.tool("ipmp", "namespace", *words)
    host.tool("ipmp", "namespace", "ipmp0", "app")
    host.ns.run("ip", "link", "add", "dummy", "type", "bridge")
    host.ns.ip_batch("addr add 198.51.100.1/24 dev eth1")
    wait_until(lambda: "198.51.100.1" in app.addresses(), 5, "an address of a member becomes the group's")
    host.ifconfig("ipmp0", "removeif", "198.51.100.1")

    app.delete()
    wait_until(lambda: namespace(host) == "ipmp0 app (missing)\n", 10, "it is noticed")
    wait_until(lambda: "ipmpl0" not in links(host), 10, "the kernel took the pair away")
    assert links(host) == ["dummy", "eth0", "eth1"] and not host.peer.ping(DATA)
    assert "there is no network namespace app" in host.log()
    host.kill_daemon()
    host.start_daemon()
    assert namespace(host) == "ipmp0 app (missing)\n" and "ipmp0" not in links(host)
    app.make()
    wait_until(lambda: host.peer.ping(DATA), 10, "its interface is in the new one")
    assert app.addresses() == sorted([DATA, SECOND, "fd00::1"])

    keeper = app.popen("sleep", "300")  # something in the namespace, which now loses its name
    nameless = f"/proc/{keeper.pid}/ns/net"
    meter = Meter("tcp", Nameless(host, nameless), DATA, host.peer.ns, PEER)
    meter.wait_messages(100)
    app.delete()
    wait_until(lambda: namespace(host) == "ipmp0 app (missing)\n", 10, "it is noticed")
    for name in ("eth0", "eth1"):
        assert meter.wait_messages(200)["error"] is None
        host.nics[name].cut()
        host.wait_state(name, "failed")
        assert meter.wait_messages(200)["error"] is None
        host.nics[name].heal()
        host.wait_ok("ipmp0")
    host.kill_daemon()
    host.start_daemon()
    assert meter.wait_messages(200)["error"] is None
    meter.process.kill()
    app.make()  # another one of that name: what the first had is over
    wait_until(lambda: app.links() == ["ipmp0"] and host.peer.ping(DATA), 10, "its interface is in the new one")
    keeper.kill()

    app.delete()
    wait_until(lambda: "ipmpl0" not in links(host), 10, "the kernel took the pair away")
    host.tool("ipmp", "namespace", "ipmp0", "host")
    wait_until(lambda: host.peer.ping(DATA), 5, "an administrator said so")
    host.tool("ipmp", "stop", "--purge")
    assert links(host) == ["dummy", "eth0", "eth1"] and other.links() == ["ipmp0"]


def test_R_VIS_1_a_daemon_killed_while_ipmp0_moves_strands_nothing(lab, host):
    """Killed at random moments of moves to and fro: the next one completes or undoes them. Without its state the last
    one finds everything where it is, and in the end nothing is left."""
    app = Application(host, "app")
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for number in range(10):
        host.ns.popen(build_dir() / "bin/ipmp", "namespace", "ipmp0", "app" if number % 2 == 0 else "-",
                      env=host.environment, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.06))  # the moment is what is tried, nothing is awaited
        host.kill_daemon()
        host.start_daemon()
        host.wait_ok("ipmp0")
        wait_until(lambda: host.peer.ping(DATA) and host.peer.ping("fd00::1"), 10, f"all works, {seed}, {number}")
        assert sorted([*links(host), *app.links()]) == ["eth0", "eth1", "ipmp0", "ipmpl0"], (seed, number)
    host.tool("ipmp", "namespace", "ipmp0", "app")
    host.kill_daemon()
    (host.ns.root / "run/ipmp/state.json").unlink()
    meter = Meter("tcp", app, DATA, host.peer.ns, PEER)
    meter.wait_messages(100)
    host.start_daemon()
    host.wait_ok("ipmp0")
    assert namespace(host) == "ipmp0 app\n" and meter.wait_messages(200)["error"] is None
    meter.process.kill()
    host.tool("ipmp", "stop", "--purge")
    assert links(host) == ["eth0", "eth1"] and app.links() == []
    app.delete()
    assert host.ns.run("ls", "/run/netns").stdout == ""
