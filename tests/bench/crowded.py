"""A host with many of something: addresses, groups, NICs, routes; and what a human or a program sees of it.

Many data addresses come the quick way: a NIC that has them all joins a group, which adopts them. Groups each have a
network of their own, 10.G.0.0/16, on a switch of its own, NICs with test addresses, and one target there. On one switch
for all, this machine would carry each announcement to every NIC of every group, and that would be measured.
"""

import pathlib
import signal
import socket
import time

from control import Control
from netns import build_dir, wait_until

NETWORK_PEER = "10.0.255.9"
ANNOUNCED_BY_S = 5  # with the repetitions that follow


def data_addresses(count):
    return [f"10.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]


class Crowded:
    """eth0 and eth1 in group ipmp0, with `addresses` of 10.0.0.0/16, and a peer in that network; taps, whose carrier
    goes the instant that is asked for."""

    def __init__(self, lab, addresses, kind="tap"):
        self.switch, self.host = lab.switch(), lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0, ANNOUNCEMENTS_PER_SECOND=20000)
        for number in range(2):
            self.host.add_nic(f"eth{number}", kind, self.switch)
        self.peer = lab.peer(self.switch, f"{NETWORK_PEER}/16")
        self.addresses = data_addresses(addresses)
        self.host.start_daemon()
        self.host.ns.ip_batch("link set eth0 up", *(f"addr add {address}/16 dev eth0" for address in self.addresses))
        self.host.ifconfig("ipmp0", "ipmp")
        for nic in ("eth1", "eth0"):
            self.host.ifconfig(nic, "plumb", "up")
            self.host.ns.run(build_dir() / "bin/ifconfig", nic, "group", "ipmp0", env=self.host.environment,
                             timeout_s=300)
        wait_until(lambda: self.spread() == {addresses // 2, addresses - addresses // 2}, 120,
                   "all addresses are there, and spread evenly")
        self.host.wait_slots_level("ipmp0")

    def bound(self):
        """{NIC: [data addresses]}"""
        found = {name: [] for name in self.host.nics}
        for row in status(self.host)["addresses"]:
            if row.get("inbound") in found and row["address"].startswith("10."):
                found[row["inbound"]].append(row["address"])
        return found

    def spread(self):
        return {len(addresses) for addresses in self.bound().values()}

    def repair(self, nic):
        self.host.nics[nic].heal()
        self.host.wait_ok("ipmp0")
        self.host.wait_slots_level("ipmp0")
        count = len(self.addresses)
        wait_until(lambda: self.spread() == {count // 2, count - count // 2}, 60, "addresses are level again")


def status(host):
    with Control(host) as control:
        control.send("GetStatus")
        return control.receive()["parameters"]["status"]


def snapshot_ms(host):
    """Of one GetStatus, connection included."""
    began = time.monotonic()
    status(host)
    return 1000 * (time.monotonic() - began)


def tool_ms(host, words):
    """Of a whole command, as a shell measures it."""
    told = host.ns.run("bash", "-c", f"TIMEFORMAT=%R; time {build_dir()}/bin/{words} >/dev/null", env=host.environment)
    return 1000 * float(told.stderr.strip().splitlines()[-1])


def resident_mb(host):
    for line in pathlib.Path(f"/proc/{host.daemon.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the daemon has no VmRSS")


def processor_ns(host):
    """Processor time of all threads of the daemon so far."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{host.daemon.pid}/task").iterdir())


def announced(frames, since):
    """{address: seconds from `since` to its first announcement}"""
    first = {}
    for frame in frames:
        if frame.data[12:14] == b"\x08\x06" and frame.data[28:32] == frame.data[38:42]:
            first.setdefault(socket.inet_ntoa(frame.data[28:32]), frame.at_s - since)
    return first


def cut_ms(crowded):
    """Milliseconds until the first announcement (the maps were written before), until that of the last address, and how
    many addresses were not announced by ANNOUNCED_BY_S; then that is taken as the time of the last."""
    host = crowded.host
    victim, addresses = max(crowded.bound().items(), key=lambda item: (len(item[1]), item[0]))
    [heir] = set(host.nics) - {victim}
    sniffer = host.nics[heir].sniff("arp")
    cut_at = time.time()  # the clock of the sniffer's stamps
    host.nics[victim].cut()

    def finished():
        took = announced(sniffer.frames(), cut_at)
        return took if set(addresses) <= took.keys() or time.time() - cut_at > ANNOUNCED_BY_S else None

    took = wait_until(finished, 2 * ANNOUNCED_BY_S, "addresses are announced")
    sniffer.close()
    crowded.repair(victim)
    missing = len(set(addresses) - took.keys())
    last = ANNOUNCED_BY_S if missing else max(took[address] for address in addresses)
    return 1000 * min(took.values(), default=ANNOUNCED_BY_S), 1000 * last, missing


def ready_ms(host):
    """The daemon ends and is started: from its exec until it says READY."""
    host.kill_daemon(signal.SIGTERM)
    name = f"bench-{time.monotonic_ns()}"
    with host.ns.entered(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(30)
        with open(host.ns.root / "mpathd.log", "ab") as log:
            host.daemon = host.ns.popen(build_dir() / "bin/in.mpathd", "-f", stdout=log, stderr=log,
                                        env={**host.environment, "NOTIFY_SOCKET": "@" + name})
        began = time.monotonic()  # popen has returned: exec has been done
        while b"READY=1" not in manager.recv(999):
            pass
        return 1000 * (time.monotonic() - began)


class ManyGroups:
    """`groups` groups of four NICs each, with test addresses and a target."""

    NICS_EACH = 4

    def __init__(self, lab, groups, say, detection_time_ms=10000):
        self.switch, self.host, self.groups = lab.switch(bridges=groups, joined=False), lab.host(), groups
        self.host.configure(LINK_UPS_PER_MINUTE=0, FAILURE_DETECTION_TIME=detection_time_ms)
        self.peer = lab.peer(self.switch, "10.0.0.9/16")
        for group in range(1, groups):
            self.peer.attach(self.switch, [f"10.{group}.0.9/16"], bridge=group)
        for number in range(groups * self.NICS_EACH):
            self.host.add_nic(f"eth{number}", "veth", self.switch, bridge=number // self.NICS_EACH)
        say(f"{len(self.host.nics)} NICs are there")
        for group in range(groups):
            self._write_files(group)
        self.host.start_daemon()
        began = time.monotonic()
        self.host.ns.run(build_dir() / "bin/ipmp", "boot", env=self.host.environment, timeout_s=300)
        self.boot_s = time.monotonic() - began
        say(f"{groups} groups are there")
        self.host.ns.ip_batch(*(f"route add 172.16.{group}.0/24 via 10.{group}.0.9 dev ipmp{group}"
                                for group in range(groups)))
        wait_until(self._all_answered, 120, "probes of every NIC have been answered")

    def _write_files(self, group):
        etc = self.host.ns.root / "etc"
        (etc / f"hostname.ipmp{group}").write_text(f"ipmp group g{group} 10.{group}.0.1/16 up\n")
        for number in range(group * self.NICS_EACH, (group + 1) * self.NICS_EACH):
            (etc / f"hostname.eth{number}").write_text(
                f"group g{group} -failover 10.{group}.0.{20 + number % self.NICS_EACH}/16 up\n")

    def _all_answered(self):
        with Control(self.host) as control:
            counters = control.counters()
        return all(counters.get(f"probes.{name} inet.answered", 0) > 0 for name in self.host.nics)
