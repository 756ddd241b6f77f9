"""Hosts that do the same by different means, all with NICs on the same switch and addresses on the same networks:

    bare                            addresses on eth0; eth1 is there and idle
    ipmp                            in.mpathd, eth0 and eth1, two data addresses of each family
    ipmp fast                       the same with FAST_PATH=yes
    bond MODE miimon MS             Linux bonding; or `arp MS` instead of miimon
    team RUNNER ethtool             teamd; or `arp MS`, its arp_ping watcher

              eth0 --- switch --- peer 192.0.2.9, fd00::9
    contender eth1 ---           (all contenders at once: who is not measured is silent)
"""

import contextlib
import json
import signal

from control import Control
from netns import wait_until

PEER = {4: "192.0.2.9", 6: "fd00::9"}
PREFIX = {4: 24, 6: 64}


class Contender:
    """`addresses`: of each family those it can be reached by."""

    def __init__(self, lab, switch, name, number, kind="veth", nics=2, bridges=1, data_addresses=2):
        self.name = name
        self.host = lab.host(mounts=name.startswith("team"))
        for nic in range(nics):
            self.host.add_nic(f"eth{nic}", kind, switch, bridge=nic % bridges)
        count = data_addresses if name.startswith("ipmp") else 1
        self.addresses = {4: [f"192.0.2.{10 * number + index}" for index in range(count)],
                          6: [f"fd00::{10 * number + index:x}" for index in range(count)]}
        self.link = "eth0"
        {"bare": self._bare, "ipmp": self._ipmp, "bond": self._bond, "team": self._team}[name.split()[0]]()

    def _take_addresses(self):
        self.host.ns.sysctl(f"ipv6/conf/{self.link}/accept_dad", 0)
        self.host.ns.ip_batch(f"link set {self.link} up",
                              *(f"addr add {address}/{PREFIX[family]} dev {self.link}"
                                for family, addresses in self.addresses.items() for address in addresses))

    def _bare(self):
        self.host.ns.ip_batch(*(f"link set {nic} up" for nic in self.host.nics))
        self._take_addresses()

    def _ipmp(self):
        self.host.configure(LINK_UPS_PER_MINUTE=0, FAST_PATH="yes" if "fast" in self.name else "no")
        self.host.start_daemon()
        self.host.make_group("ipmp0", [f"{address}/{PREFIX[family]}" for family, addresses in self.addresses.items()
                                       for address in addresses])
        self.link = "ipmp0"

    def _bond(self):
        _, mode, *_ = self.name.split()
        self.link = "bond0"
        self.host.ns.ip_batch(f"link add bond0 type bond mode {mode} {self._bond_watch()}",
                              *(f"link set {nic} master bond0" for nic in self.host.nics))
        self._take_addresses()
        wait_until(lambda: self.host.ns.has_carrier("bond0"), 10, "the bond has link")

    def _bond_watch(self):
        _, _, watcher, period_ms = self.name.split()
        return f"miimon {period_ms}" if watcher == "miimon" else \
            f"arp_interval {period_ms} arp_ip_target {PEER[4]}"

    def _team(self):
        _, runner, watcher, *period_ms = self.name.split()
        self.link = "team0"
        watch = {"name": "ethtool"} if watcher == "ethtool" else {
            "name": "arp_ping", "interval": int(period_ms[0]), "missed_max": 1, "target_host": PEER[4],
            "source_host": self.addresses[4][0]}
        config = {"device": "team0", "runner": {"name": runner}, "link_watch": watch,
                  "ports": {nic: {} for nic in self.host.nics}}
        if runner == "loadbalance":
            config["runner"]["tx_hash"] = ["eth", "ipv4", "ipv6", "l4"]
        with open(self.host.ns.root / "teamd.log", "ab") as log:
            self.teamd = self.host.ns.popen("teamd", "-r", "-c", json.dumps(config), stdout=log, stderr=log)
        wait_until(lambda: self.host.ns.link("team0"), 10, "teamd has made its link")
        self._take_addresses()
        wait_until(lambda: self.host.ns.has_carrier("team0"), 10, "the team has link")

    def watch_by(self, watcher):
        """Another watcher, "miimon 10" say; the name tells it from then on."""
        kind, mode, *_ = self.name.split()
        self.name = f"{kind} {mode} {watcher}"
        if kind == "bond":
            self.host.ns.run("ip", "link", "set", self.link, "type", "bond", *self._bond_watch().split())
        else:
            self.teamd.terminate()  # it takes team0 along
            self.teamd.wait()
            self._team()

    def rest(self):
        """teamd 1.31 with loadbalance never sleeps (Debian bug 956803): nobody else could be measured beside it."""
        self._signal_restless(signal.SIGSTOP)

    @contextlib.contextmanager
    def awake(self):
        """While it is measured."""
        self._signal_restless(signal.SIGCONT)
        yield
        self.rest()

    def _signal_restless(self, number):
        if self.name.startswith("team loadbalance"):
            self.teamd.send_signal(number)

    def probe(self, detection_time_ms, test_addresses):
        """ipmp only: from now on it probes."""
        self.host.configure(LINK_UPS_PER_MINUTE=0, FAILURE_DETECTION_TIME=detection_time_ms)
        self.host.daemon.send_signal(signal.SIGHUP)
        for nic, address in test_addresses.items():
            self.host.ifconfig(nic, "addif", f"{address}/24", "-failover", "up")
        with Control(self.host) as control:
            wait_until(lambda: all(control.counters().get(f"probes.{nic} inet.answered", 0) > 0
                                   for nic in test_addresses), 20, "probes of every NIC have been answered")

    def address(self, family):
        return self.addresses[family][0]


def wait_reachable(contender, peer, families=(4, 6)):
    for family in families:
        for address in contender.addresses[family]:
            wait_until(lambda: peer.ping(address), 15, f"the peer reaches {contender.name}")
