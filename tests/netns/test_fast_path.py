"""FAST_PATH: frames pass between the NICs and ipmp0 without the queues of the pair, and ipmp0 does not count them.

    host (eth0, eth1) --- switch --- peer          ipmp0: 192.0.2.1, fd00::1
"""

import json
import signal

from netns import wait_until

CHANGES = 2  # of the path, in the first story
DATA, DATA6, PEER, PEER6 = "192.0.2.1", "fd00::1", "192.0.2.9", "fd00::9"


class FastHost:
    def __init__(self, lab, **settings):
        self.switch, self.host = lab.switch(bridges=2), lab.host(mounts=True)
        self.host.configure(LINK_UPS_PER_MINUTE=0, **settings)
        for number in range(2):
            self.host.add_nic(f"eth{number}", "veth", self.switch, bridge=number)
        self.peer = lab.peer(self.switch, f"{PEER}/24", f"{PEER6}/64")
        self.host.start_daemon()
        self.host.make_group("ipmp0", [f"{DATA}/24", f"{DATA6}/64"])
        self.host.wait_ok("ipmp0")

    def set_fast(self, wanted):
        self.host.configure(LINK_UPS_PER_MINUTE=0, FAST_PATH="yes" if wanted else "no")
        self.host.daemon.send_signal(signal.SIGHUP)
        self.wait_fast(wanted)

    def is_fast(self):
        shown = self.host.ns.run("tc", "-j", "filter", "show", "dev", "ipmp0", "egress", check=False).stdout
        return "ipmp_spread" in shown

    def wait_fast(self, wanted):
        wait_until(lambda: self.is_fast() == wanted, 5, f"the filter on ipmp0 is{'' if wanted else ' not'} there")

    def counted(self):
        """Packets that ipmp0 has received and sent."""
        [link] = json.loads(self.host.ns.run("ip", "-j", "-s", "link", "show", "ipmp0").stdout)
        return link["stats64"]["rx"]["packets"], link["stats64"]["tx"]["packets"]

    def counts_during(self, meter, messages=200):
        before = self.counted()
        meter.wait_messages(messages)
        return [after - earlier for earlier, after in zip(before, self.counted())]


def intact(meter):
    report = meter.stop()
    assert report["error"] is None
    for way in ("a_to_b", "b_to_a"):
        assert report[way]["missing"] == report[way]["duplicated"] == 0, (way, report)
        assert report[way]["reordered"] <= 2 * CHANGES, "what was in a queue may be overtaken, once a change"


def test_D4_the_fast_path_comes_and_goes_without_a_gap_and_is_not_counted(lab):
    """From the second time on: the first clsact qdisc of a link makes Linux halt its queue for a moment."""
    fast = FastHost(lab, FAST_PATH="yes")
    fast.wait_fast(True)
    meter = fast.host.meter("udp", DATA, fast.peer)
    received, sent = fast.counts_during(meter)
    assert received < 50 and sent < 50, "multicast and the like at most"
    fast.host.kill_daemon()
    fast.host.start_daemon()
    fast.host.wait_ok("ipmp0")
    meter.wait_messages(200)
    assert fast.is_fast()
    fast.set_fast(False)
    received, sent = fast.counts_during(meter)
    assert received >= 200 and sent >= 200
    fast.set_fast(True)
    meter.wait_messages(200)
    intact(meter)


def test_D4_R_POL_4_the_fast_path_fails_over_speaks_arp_and_nd_and_gives_way_to_isolation(lab):
    fast = FastHost(lab, FAST_PATH="yes")
    fast.wait_fast(True)
    for source, target in ((DATA, PEER), (DATA6, PEER6)):
        fast.host.ns.run("ping", "-c2", "-i0.1", "-W2", "-I", source, target)
        assert fast.peer.ping(source, count=2)
    meter = fast.host.meter("tcp", DATA, fast.peer)
    meter.wait_messages(200)
    for victim in ("eth0", "eth1"):
        fast.host.nics[victim].cut()
        fast.host.wait_state(victim, "failed")
        meter.wait_messages(200)
        fast.host.nics[victim].heal()
        fast.host.wait_ok("ipmp0")
        meter.wait_messages(200)
    fast.host.tool("ipmp", "isolate", "ipmp0", "on", "-f")
    fast.wait_fast(False)
    received, sent = fast.counts_during(meter)
    assert received > 0 and sent > 0, "isolated groups count"
    fast.host.tool("ipmp", "isolate", "ipmp0", "off", "-f")
    fast.wait_fast(True)
    meter.wait_messages(200)
    assert meter.stop()["error"] is None
