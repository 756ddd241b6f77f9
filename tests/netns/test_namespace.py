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
from meter import Meter
from netns import CommandFailed, build_dir, wait_until

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

    def addresses(self):
        """Those that are not link-local."""
        [link] = self.ip("addr", "show", "dev", "ipmp0")
        return sorted(entry["local"] for entry in link["addr_info"] if entry["scope"] != "link")

    def ping(self, target):
        return self.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", target, check=False).returncode == 0


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
