"""Proxy ARP and NDP on a group, and neighbour entries that programs put on a member (R-CMD-3).

    inner peer 192.0.2.50, .51 --- inner switch --- (eth2) host (eth0, eth1) --- switch --- outer peer 192.0.2.9
               fd00::50, ::51                              ipmp0: 192.0.2.1, fd00::1

The inner peer has addresses of the outer link's subnet; the host answers for them there and forwards.
"""

import json

import pytest
from netns import wait_until

OUTER = {4: "192.0.2.9", 6: "fd00::9"}
PROXIED = {4: ["192.0.2.50", "192.0.2.51"], 6: ["fd00::50", "fd00::51"]}


class Site:
    def __init__(self, lab):
        switch, inner_switch = lab.switch(bridges=2), lab.switch()
        self.host = host = lab.host()
        host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(2):
            host.add_nic(f"eth{number}", "tap", switch, bridge=number)
        host.add_nic("eth2", "veth", inner_switch)
        host.ns.sysctl("ipv6/conf/eth2/accept_dad", 0)
        host.ns.ip_batch("link set eth2 up", "addr add 10.1.0.1/24 dev eth2", "addr add fd01::1/64 dev eth2")
        self.outer = lab.peer(switch, f"{OUTER[4]}/24", f"{OUTER[6]}/64")
        inner = lab.peer(inner_switch, "10.1.0.9/24", "fd01::9/64")
        inner.ns.ip_batch(*(f"addr add {address}/{32 if family == 4 else 128} dev e0"
                            for family, addresses in PROXIED.items() for address in addresses),
                          "route add default via 10.1.0.1", "route add default via fd01::1")
        host.start_daemon()
        host.make_group("ipmp0", ["192.0.2.1/24", "fd00::1/64"], ["eth0", "eth1"])
        host.ns.ip_batch(*(f"route add {address} dev eth2" for addresses in PROXIED.values() for address in addresses))
        host.ns.sysctl("ipv4/ip_forward", 1)
        host.ns.sysctl("ipv6/conf/all/forwarding", 1)
        host.ns.sysctl("ipv6/conf/ipmp0/proxy_ndp", 1)
        self.macs = {nic.mac: name for name, nic in host.nics.items()}

    def believed(self, family):
        """The NICs at which the outer peer believes the proxied addresses."""
        neighbours = self.outer.neighbours()
        return [self.macs.get(neighbours.get(address), neighbours.get(address)) for address in PROXIED[family]]

    def reachable(self, family):
        return all([self.outer.ping(address) for address in PROXIED[family]])

    def kept(self, family):
        state = json.loads((self.host.ns.root / "run/ipmp/state.json").read_text())
        return [entry["address"] for entry in state["state"]["groups"]["ipmp0"]["families"][family == 6]["proxies"]]


@pytest.mark.parametrize("family", [4, 6])
def test_R_CMD_3_proxied_addresses_answer_and_fail_over(lab, family):
    site = Site(lab)
    host = site.host
    for address in PROXIED[family]:
        host.ns.run("ip", "neigh", "add", "proxy", address, "dev", "ipmp0")
    wait_until(lambda: site.kept(family) == PROXIED[family], 5, "the daemon knows of them")
    wait_until(lambda: site.reachable(family), 10, "traffic is answered for and forwarded")
    wait_until(lambda: sorted(site.believed(family)) == ["eth0", "eth1"], 5, "each is at a NIC of its own")
    for victim, other in (("eth0", "eth1"), ("eth1", "eth0")):
        host.nics[victim].cut()
        host.wait_state(victim, "failed")
        wait_until(lambda: site.believed(family) == [other] * 2, 5, f"the peer has heard that both are at {other}")
        assert site.reachable(family)
        host.nics[victim].heal()
        host.wait_ok("ipmp0")
        wait_until(lambda: sorted(site.believed(family)) == ["eth0", "eth1"], 5, "and that one has moved back")
    before = site.believed(family)
    host.kill_daemon()
    host.start_daemon()
    host.wait_ok("ipmp0")
    wait_until(lambda: site.reachable(family), 5, "traffic goes on")
    assert site.believed(family) == before
    host.ns.run("ip", "neigh", "del", "proxy", PROXIED[family][0], "dev", "ipmp0")
    wait_until(lambda: site.kept(family) == PROXIED[family][1:], 5, "the daemon knows it is gone")


def test_R_CMD_3_entries_on_a_member_move_to_the_group(lab):
    site = Site(lab)
    host = site.host
    for family, address in ((4, "192.0.2.50"), (6, "fd00::50")):
        host.ns.run("ip", "neigh", "add", "proxy", address, "dev", "eth0")
        wait_until(lambda: site.kept(family) == [address], 5, "it is the group's")
        moved = host.ns.run("ip", f"-{family}", "neigh", "show", "proxy").stdout
        assert f"{address} dev ipmp0" in moved and "eth0" not in moved
        assert f"move proxy entry {address} from eth0 to ipmp0" in host.log()
        wait_until(lambda: site.outer.ping(address), 5, "and is answered for")
    for address in ("192.0.2.77", "fd00::77"):
        host.ns.run("ip", "neigh", "add", address, "lladdr", "02:00:00:00:00:77", "dev", "eth1", "nud", "permanent")

        def entries(link):
            return [(entry["dst"], entry["lladdr"], entry["state"])
                    for entry in host.ns.ip("neigh", "show", "dev", link) if entry["dst"] == address]

        wait_until(lambda: entries("ipmp0") == [(address, "02:00:00:00:00:77", ["PERMANENT"])], 5, "it is on ipmp0")
        wait_until(lambda: not entries("eth1"), 5, "and no longer on eth1")
        assert f"move neighbour entry {address} from eth1 to ipmp0" in host.log()
