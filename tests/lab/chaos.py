"""A seeded driver that does to one host what happens to hosts over years, in random order and all at once.

A Story owns a host with three NICs in one group, a peer, and the outside's view of them: which NIC has its cable, who
silenced what, what an administrator has taken out of use. One seed is one order of deeds; how the machine schedules
what they start is chance. After each deed the peer must reach every data address wherever one NIC can carry it, and at
the end, once all faults are undone, everything must be as the story's own books say: in the kernel, in the daemon and
in the peer's neighbour table.

Nothing here waits for time to pass; what must come true is awaited, at most SETTLE_S and what Story.expect() adds.
"""

import os
import random

from chaos_network import DATA, NETWORK_DEEDS, SETTINGS, Outside, cut, flap, heal, silence
from chaos_places import NAMESPACE, PLACE_DEEDS
from chaos_system import SYSTEM_DEEDS
from control import Control
from environment import Environment
from netns import wait_until

PEER, PEER6 = "192.0.2.9", "fd00::9"
SETTLE_S = 10
DEEDS = {**NETWORK_DEEDS, **SYSTEM_DEEDS, **PLACE_DEEDS}  # and how often each is chosen


class Story:
    def __init__(self, lab, seed, deeds=None):
        self.random, self.deeds = random.Random(seed), deeds or DEEDS
        self.switch = lab.switch(bridges=2)
        self.host = lab.host(mounts=True)
        self.environment = Environment(self.host)
        self.configure()
        self.outside, self.told = {}, []
        for number, kind in enumerate(("veth", "tap", "veth")):
            self.host.add_nic(f"eth{number}", kind, self.switch, bridge=number % 2)
            self.outside[f"eth{number}"] = Outside()
        self.peer = lab.peer(self.switch, f"{PEER}/24", f"{PEER6}/64")
        self.data = list(DATA)
        self.host.start_daemon()
        self.host.make_group("ipmp0", [f"{address}/{64 if ':' in address else 24}" for address in DATA])
        for name in self.outside:
            self.host.ifconfig(name, f"{self.test_address(name)}/24", "-failover", "up")
        self.host.wait_ok("ipmp0")
        self.set_route()
        self.expect(lambda: all(self.is_probed(name) for name in self.outside), "every NIC is probed")

    def configure(self, **settings):
        self.host.configure(LINK_UPS_PER_MINUTE=0, **{"FAILURE_DETECTION_TIME": 300, **settings})

    @property
    def cable_deeds(self):
        return (cut, heal, flap, silence)

    @staticmethod
    def test_address(name):
        return f"192.0.2.2{name[-1]}"

    def join(self, name):
        """As when it came first. One outside the group keeps no address, which would be one more way to the peer."""
        # One that was just plugged in has to be noticed first.
        self.expect(lambda: self.host.tool("ifconfig", name, "inet", "plumb", "up", check=False).returncode == 0,
                    f"{name} is plumbed")
        self.host.ifconfig(name, "inet6", "plumb", "up")
        self.host.ifconfig(name, "group", "ipmp0")
        self.host.ifconfig(name, f"{self.test_address(name)}/24", "-failover", "up")

    def set_route(self):
        """The peer is the router, and so the target of all probes. A route goes with ipmp0 if somebody deletes that,
        and whoever manages routes sets it again, in whatever network namespace. False if ipmp0 did not take it: it may
        not have an address yet."""
        for place in ((), ("-n", NAMESPACE)):
            if self.host.ns.run("ip", *place, "link", "show", "ipmp0", check=False).returncode == 0:
                return self.host.ns.run("ip", *place, "route", "replace", "default", "via", PEER, "dev", "ipmp0",
                                        check=False).returncode == 0
        return True

    def is_probed(self, name):
        """A silence will be noticed: one that was there from the start is not, for a minute (in.mpathd(8))."""
        with Control(self.host) as control:
            counters = control.counters()
        return counters.get(f"probes.{name} inet.answered", 0) > 0

    def await_interface(self, name):
        self.expect(lambda: name in self.host.interfaces(), f"in.mpathd sees {name}")

    def await_saved(self):
        """After a disk took no state: until it has it."""
        def logged(part):
            return self.host.log().count(part)

        self.expect(lambda: logged("the last good one stays") == logged("the state file can be written again"),
                    "the state is saved again")

    def expect(self, predicate, what):
        """SETTLE_S are enough on a machine that has time for us. One with many programs waiting for each processor
        takes longer for all; and where answers to probes are late the daemon stretches its failure detection time,
        which a repair takes twice."""
        crowding = max(1, os.getloadavg()[0] / os.cpu_count() / 2)
        try:
            return wait_until(predicate, SETTLE_S * crowding, what)
        except TimeoutError:
            if not self.detection_time_s() > 1:
                raise
            return wait_until(predicate, 3 * self.detection_time_s(), f"{what} (after {SETTLE_S * crowding:.0f} s)")

    def detection_time_s(self):
        """As it is now; none was asked for that is over half a second."""
        stated = [row["fdt"].rstrip("s") for row in self.host._rows("-g", ("group", "fdt")).values()]
        return max((float(seconds) for seconds in stated if seconds[:1].isdigit()), default=0)

    # What is true now

    def carriers(self):
        return [name for name, nic in self.outside.items() if nic.carries()]

    def settle(self, what):
        """The promise: wherever one NIC works, traffic flows."""
        if self.host.daemon.poll() is not None:
            raise AssertionError(f"in.mpathd ended with {self.host.daemon.returncode} after: {what}")

        def all_answer():
            return self.set_route() and all(self.peer.ping(address) for address in self.data)

        if self.carriers():
            self.expect(all_answer, f"the peer reaches {self.data} by one of {self.carriers()} after: {what}")

    def tell(self, steps):
        """Lives through so many deeds."""
        for _ in range(steps):
            deed = self.random.choices(list(self.deeds), list(self.deeds.values()))[0]
            what = deed(self)
            if what:
                self.told.append(what)
                self.settle(what)

    def end_well(self):
        """Undoes every fault; then all is as it should be."""
        self.environment.mend()
        for name, nic in self.outside.items():
            self.restore(name, nic)
        self.settle("everything was undone")
        host = self.host
        self.expect(lambda: set(host.interfaces()) == set(self.outside) and
                    all(row["state"] == "ok" for row in [*host.interfaces().values(), *host.groups().values()]),
                    "every NIC and the group are ok")
        for check in (self.addresses_fit, self.filters_fit, self.settings_fit, self.peer_knows):
            self.expect(check, check.__name__.replace("_", " "))

    def restore(self, name, nic):
        if not nic.plugged:
            self.host.nics[name].recreate()
        elif not nic.carrier or nic.silent != "none":
            self.host.nics[name].heal()
        if not nic.up:
            self.host.ns.ip_batch(f"link set {name} up")
        if not nic.online:  # one that was just plugged in has to be noticed first
            self.expect(lambda: self.host.tool("if_mpadm", "-r", name, check=False).returncode == 0,
                        f"{name} is online")
        if not nic.member:
            self.join(name)
        self.outside[name] = Outside()

    def on_link(self, link):
        """Addresses of a link in the kernel, without the kernel's own link-local ones."""
        found = self.host.ns.ip("addr", "show", "dev", link)
        return sorted(entry["local"] for entry in found[0]["addr_info"] if not entry["local"].startswith("fe80"))

    def addresses_fit(self):
        members = all(len(self.on_link(name)) == 1 for name in self.outside)  # the test address
        return members and self.on_link("ipmp0") == sorted(self.data)

    def filters_fit(self):
        def count(link):
            return self.host.ns.run("tc", "filter", "show", "dev", link, "ingress").stdout.count("direct-action")

        return all(count(link) == 1 for link in [*self.outside, "ipmpl0"])

    def settings_fit(self):
        return all(self.host.ns.sysctl(name.format(link)) == value
                   for link in self.outside for name, value in SETTINGS.items())

    def peer_knows(self):
        """The peer has each data address where the daemon says it is bound, and may be told otherwise only later."""
        if not all(self.peer.ping(address) for address in self.data):
            return False
        macs = {name: self.host.ns.link(name)["address"] for name in self.outside}
        rows, neighbours = self.host.addresses(), self.peer.neighbours()
        return all(neighbours.get(address) == macs.get(rows[address]["inbound"]) for address in self.data)

    def describe(self):
        return "\n".join(["--- deeds"] + [f"{number}. {what}" for number, what in enumerate(self.told, 1)])

    def some(self, condition):
        """One NIC of which that is true, or nothing."""
        fitting = [name for name, nic in self.outside.items() if condition(nic)]
        return self.random.choice(fitting) if fitting else None
