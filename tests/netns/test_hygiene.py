"""Configurations that work, but not as well as they seem to, are reported: once each, and again when they are mended
(R-DET-11, R-DET-15).

              eth0 --- switch --- peer 192.0.2.9
    host <    eth1 ---/           ipmp0: 192.0.2.1; test addresses 192.0.2.20, 192.0.2.21, later 192.0.2.22
              eth2 --/
"""

from netns import wait_until

NONE = "No test address configured on interface eth2; disabling probe-based failure detection on it"
UNEVEN = "NIC eth2 of group ipmp0 is not plumbed for IPv6 and may affect failover capability"
MIXED = ("IP interfaces in group ipmp0 use different failure detection methods: link and probes on eth0 eth1; "
         "link only on eth2")
TWICE = "Test address 192.0.2.21 is not unique in group; disabling probe-based failure detection on eth1"
FOUND = "Test address now configured on interface {}; enabling probe-based failure detection on it"


class Site:
    def __init__(self, lab):
        self.switch, self.host = lab.switch(), lab.host()
        for name in ("eth0", "eth1", "eth2"):
            self.host.add_nic(name, "veth", self.switch)
        self.host.ns.sysctl("ipv6/conf/eth2/disable_ipv6", 1)
        self.peer = lab.peer(self.switch, "192.0.2.9/24")
        self.host.start_daemon()
        for name, words in (("eth0", ["192.0.2.20/24", "-failover"]), ("eth1", ["192.0.2.21/24", "-failover"]),
                            ("eth2", [])):
            self.host.ifconfig(name, "plumb", "group", "ipmp0", *words, "up")
        self.host.ifconfig("ipmp0", "192.0.2.1/24", "up")
        self.peer.ping("192.0.2.1")  # now the host knows somebody whom it can probe

    def told(self, text):
        return self.host.log().count(text)

    def wait_told(self, *texts, timeout_s=10):
        for text in texts:
            wait_until(lambda: self.told(text) == 1, timeout_s, text)

    def probing(self, name):
        """(PROBE of -i, MODE of -t for IPv4) of a NIC."""
        states = dict(line.split(":") for line in self.host.ipmpstat("-iP", "-o", "interface,probe").splitlines())
        modes = [line.split(":") for line in self.host.ipmpstat("-tnP", "-o", "interface,mode").splitlines()]
        return states[name], [mode for interface, mode in modes if interface == name]


def test_R_DET_11_R_DET_15_questionable_configurations_are_reported_once(lab):
    site = Site(lab)
    host = site.host
    wait_until(lambda: site.probing("eth1") == ("ok", ["multicast"]), 20, "eth1 is probed")
    site.wait_told(NONE, UNEVEN, MIXED, timeout_s=40)
    assert site.told("No test address") == site.told("is not plumbed") == 1, "only eth2"

    # Somebody puts eth1's test address onto eth0 as well: it stays there, and eth1 is probed no more.
    host.ns.ip_batch("addr add 192.0.2.21/24 dev eth0")
    site.wait_told(TWICE)
    wait_until(lambda: site.probing("eth1") == ("disabled", ["disabled"]), 5, "it is not probed")
    assert "192.0.2.21" not in host.addresses()
    assert host.groups()["ipmp0"]["state"] == "ok"
    assert site.peer.ping("192.0.2.1")
    host.ns.ip_batch("addr del 192.0.2.21/24 dev eth0")
    site.wait_told(FOUND.format("eth1"))
    wait_until(lambda: site.probing("eth1")[0] == "ok", 20, "it is probed again")

    # All is mended, and said so. The same address again is news again.
    host.ifconfig("eth2", "addif", "192.0.2.22/24", "-failover", "up")
    host.ns.sysctl("ipv6/conf/eth2/disable_ipv6", 0)
    site.wait_told(FOUND.format("eth2"), "NIC eth2 of group ipmp0 is now plumbed as the others are",
                   "IP interfaces in group ipmp0 now use the same failure detection methods")
    host.ns.ip_batch("addr add 192.0.2.21/24 dev eth2")
    wait_until(lambda: site.told(TWICE) == 2, 5, "told again")
    assert [site.told(text) for text in (NONE, UNEVEN, MIXED)] == [1, 1, 1]
