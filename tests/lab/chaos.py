"""A seeded driver that does to one host what happens to hosts over years, in random order and all at once.

A Story owns a host with three NICs in one group, a peer, and the outside's view of them: which NIC has its cable, who
silenced what, what an administrator has taken out of use. One seed is one order of deeds; how the machine schedules
what they start is chance. After each deed the peer must reach every data address wherever one NIC can carry it, and at
the end, once all faults are undone, everything must be as the story's own books say: in the kernel, in the daemon and
in the peer's neighbour table.

Nothing here waits for time to pass; what must come true is awaited, at most SETTLE_S.
"""

import random
import signal
from dataclasses import dataclass

from chaos_system import SYSTEM_DEEDS
from control import Control
from environment import Environment
from netns import wait_until

PEER, PEER6 = "192.0.2.9", "fd00::9"
DATA = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1")
SETTLE_S = 10
SETTINGS = {"ipv4/conf/{}/rp_filter": "2", "ipv4/conf/{}/arp_ignore": "1", "ipv6/conf/{}/accept_ra": "0"}


@dataclass
class Outside:
    """What happened to a NIC outside the daemon's reach, or at an administrator's wish."""
    plugged: bool = True
    carrier: bool = True
    silent: str = "none"
    up: bool = True
    online: bool = True
    member: bool = True

    def carries(self):
        return self.plugged and self.carrier and self.silent == "none" and self.up and self.online and self.member


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
        wait_until(lambda: all(self.is_probed(name) for name in self.outside), SETTLE_S, "every NIC is probed")

    def configure(self, **settings):
        self.host.configure(LINK_UPS_PER_MINUTE=0, **{"FAILURE_DETECTION_TIME": 300, **settings})

    @staticmethod
    def test_address(name):
        return f"192.0.2.2{name[-1]}"

    def join(self, name):
        """As when it came first. One outside the group keeps no address, which would be one more way to the peer."""
        for family in ("inet", "inet6"):
            self.host.ifconfig(name, family, "plumb", "up")
        self.host.ifconfig(name, "group", "ipmp0")
        self.host.ifconfig(name, f"{self.test_address(name)}/24", "-failover", "up")

    def set_route(self):
        """The peer is the router, and so the target of all probes. A route goes with ipmp0 if somebody deletes that,
        and whoever manages routes sets it again."""
        self.host.ns.run("ip", "route", "replace", "default", "via", PEER, "dev", "ipmp0", check=False)

    def is_probed(self, name):
        """A silence will be noticed: one that was there from the start is not, for a minute (in.mpathd(8))."""
        with Control(self.host) as control:
            counters = control.counters()
        return counters.get(f"probes.{name} inet.answered", 0) > 0

    def await_interface(self, name):
        wait_until(lambda: name in self.host.interfaces(), SETTLE_S, f"in.mpathd sees {name}")

    def await_saved(self):
        """After a disk took no state: until it has it."""
        def logged(part):
            return self.host.log().count(part)

        wait_until(lambda: logged("the last good one stays") == logged("the state file can be written again"), SETTLE_S,
                   "the state is saved again")

    # What is true now

    def carriers(self):
        return [name for name, nic in self.outside.items() if nic.carries()]

    def settle(self, what):
        """The promise: wherever one NIC works, traffic flows."""
        if self.host.daemon.poll() is not None:
            raise AssertionError(f"in.mpathd ended with {self.host.daemon.returncode} after: {what}")

        def all_answer():
            self.set_route()
            return all(self.peer.ping(address) for address in self.data)

        if self.carriers():
            wait_until(all_answer, SETTLE_S,
                       f"the peer reaches {self.data} by one of {self.carriers()} after: {what}")

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
        wait_until(lambda: set(host.interfaces()) == set(self.outside) and
                   all(row["state"] == "ok" for row in host.interfaces().values()), SETTLE_S, "every NIC is ok")
        host.wait_ok("ipmp0", SETTLE_S)
        for check in (self.addresses_fit, self.filters_fit, self.settings_fit, self.peer_knows):
            wait_until(check, SETTLE_S, check.__name__.replace("_", " "))

    def restore(self, name, nic):
        if not nic.plugged:
            self.host.nics[name].recreate()
        elif not nic.carrier or nic.silent != "none":
            self.host.nics[name].heal()
        if not nic.up:
            self.host.ns.ip_batch(f"link set {name} up")
        if not nic.online:  # one that was just plugged in has to be noticed first
            wait_until(lambda: self.host.tool("if_mpadm", "-r", name, check=False).returncode == 0, SETTLE_S,
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


# Deeds: each returns what it did, or nothing if there was nothing to do.

def cut(story):
    name = story.some(lambda nic: nic.plugged and nic.carrier)
    if name:
        story.host.nics[name].cut()
        story.outside[name].carrier = False
        return f"cut {name}"


def heal(story):
    name = story.some(lambda nic: nic.plugged and not (nic.carrier and nic.silent == "none"))
    if name:
        story.host.nics[name].heal()
        story.outside[name].carrier, story.outside[name].silent = True, "none"
        return f"heal {name}"


def flap(story):
    name = story.some(lambda nic: nic.plugged and nic.carrier and nic.silent == "none")
    if name:
        for _ in range(story.random.randint(2, 6)):
            story.host.nics[name].cut()
            story.host.nics[name].heal()
        return f"flap {name}"


def silence(story):
    name = story.some(Outside.carries)
    if name and story.is_probed(name):
        direction = story.random.choice(("in", "out", "both"))
        story.host.nics[name].silent(direction)
        story.outside[name].silent = direction
        return f"silence {name} {direction}"


def unplug(story):
    name = story.some(lambda nic: nic.plugged and nic.member)
    if name:
        story.host.nics[name].delete()
        story.outside[name].plugged = False
        return f"unplug {name}"


def plug(story):
    name = story.some(lambda nic: not nic.plugged)
    if name:
        story.host.nics[name].recreate()
        story.outside[name] = Outside(online=story.outside[name].online)
        return f"plug {name}"


def change_mtu(story):
    name = story.some(lambda nic: nic.plugged)
    if name:
        mtu = story.random.choice((1280, 1400, 1500))
        story.host.ns.ip_batch(f"link set {name} mtu {mtu}")
        return f"MTU {mtu} of {name}"


def change_mac(story):
    name = story.some(lambda nic: nic.plugged)
    if name:
        story.host.ns.ip_batch(f"link set {name} address {story.host.lab.new_mac()}")
        return f"another MAC of {name}"


def admin_down_and_up(story):
    name = story.some(lambda nic: nic.plugged and nic.up)
    if name:
        story.host.ns.ip_batch(f"link set {name} down", f"link set {name} up")
        return f"{name} down and up"


def break_links_of_ours(story):
    line = story.random.choice(("link del ipmp0", "link del ipmpl0", "link set ipmp0 down", "link set ipmpl0 down",
                                "link set ipmp0 mtu 1300", "link set ipmp0 address 02:00:00:00:00:77",
                                "link set ipmp0 alias mine"))
    story.host.ns.run("ip", *line.split(), check=False)  # it may be gone or not yet back
    return line


def break_filters(story):
    link = story.some(lambda nic: nic.plugged) if story.random.random() < 0.7 else "ipmpl0"
    if link:
        what = story.random.choice(("filter", "qdisc"))
        last = () if what == "filter" else ("clsact",)
        place = ("ingress",) if what == "filter" else ()
        story.host.ns.run("tc", what, "del", "dev", link, *place, *last, check=False)
        return f"tc {what} del of {link}"


def break_settings(story):
    name = story.some(lambda nic: nic.plugged)
    if name:
        for setting in SETTINGS:
            story.host.ns.sysctl(setting.format(name), 0)
        return f"settings of {name}"


def break_addresses(story):
    address = story.random.choice(DATA)
    length = 64 if ":" in address else 24
    words = story.random.choice((("del", f"{address}/{length}", "dev", "ipmp0"),
                                 ("flush", "dev", "ipmp0", "scope", "global")))
    story.host.ns.run("ip", "addr", *words, check=False)
    return "addr " + " ".join(words)


def flood_netlink(story):
    lines = []
    for number in range(story.random.randint(20, 100)):
        lines += [f"link add flood{number} type veth peer name floop{number}", f"link set flood{number} up",
                  f"link del flood{number}"]
    story.host.ns.ip_batch(*lines)
    return f"{len(lines)} link events"


def stop_for_a_while(story):
    story.host.daemon.send_signal(signal.SIGSTOP)
    inner = story.random.choice((cut, heal, plug, break_addresses, flood_netlink))(story)
    story.host.daemon.send_signal(signal.SIGCONT)
    return f"while in.mpathd was stopped: {inner}"


def kill_and_restart(story):
    if story.environment.spoiled:
        return  # what it could not save would be lost, or it could not start
    story.host.kill_daemon(story.random.choice((signal.SIGKILL, signal.SIGTERM)))
    inner = story.random.choice((cut, heal, unplug, plug, break_filters, break_addresses, lambda story: None))(story)
    story.host.start_daemon()
    return f"in.mpathd ended and began again; between: {inner}"


def offline(story):
    name = story.some(lambda nic: nic.plugged and nic.online and nic.member)
    if name:
        refused = story.host.tool("if_mpadm", "-d", name, check=False).returncode != 0
        story.outside[name].online = refused
        return f"if_mpadm -d {name}{': refused' if refused else ''}"


def online(story):
    name = story.some(lambda nic: nic.plugged and not nic.online and nic.member)
    if name:
        story.host.tool("if_mpadm", "-r", name)
        story.outside[name].online = True
        return f"if_mpadm -r {name}"


def leave_group(story):
    name = story.some(lambda nic: nic.plugged and nic.member and nic.online)
    if name and sum(nic.member for nic in story.outside.values()) > 1:
        for family in ("inet", "inet6"):
            story.host.ifconfig(name, family, "unplumb")
        story.outside[name].member = False
        return f"{name} leaves"


def join_group(story):
    # One that is silent from the start counts as ok for the first 40 s.
    name = story.some(lambda nic: nic.plugged and not nic.member and nic.silent == "none")
    if name:
        story.join(name)
        story.outside[name].member = True
        return f"{name} joins"


def standby(story):
    name = story.some(lambda nic: nic.plugged and nic.member and nic.online)
    if name:
        word = story.random.choice(("standby", "-standby"))
        refused = story.host.tool("ifconfig", name, word, check=False).returncode != 0
        return f"{name} {word}{': refused' if refused else ''}"


def another_address(story):
    extra = [address for address in story.data if address not in DATA]
    if extra:
        story.host.ifconfig("ipmp0", "removeif", extra[0])
        story.data.remove(extra[0])
        return f"removeif {extra[0]}"
    address = f"192.0.2.{story.random.randint(100, 200)}"
    story.host.ifconfig("ipmp0", "addif", f"{address}/24", "up")
    story.data.append(address)
    return f"addif {address}"


def foreign_route(story):
    name = story.some(lambda nic: nic.plugged and nic.up and nic.member)
    if name:
        target = f"198.51.100.{story.random.randint(0, 255)}"
        story.host.ns.run("ip", "route", "replace", target, "dev", name, check=False)  # without carrier it is refused
        return f"route to {target} by {name}"


def reload(story):
    story.configure(FAILURE_DETECTION_TIME=story.random.choice((200, 300, 500)),
                    FAILBACK=story.random.choice(("yes", "yes", "no")))
    story.host.daemon.send_signal(signal.SIGHUP)
    return "another configuration"


def ask(story):
    for mode in ("-g", "-i", "-an", "-tn"):
        story.host.ipmpstat(mode)
    story.host.ifconfig("-a")
    return "queries"


DEEDS = {cut: 6, heal: 7, flap: 3, silence: 5, unplug: 3, plug: 4, change_mtu: 2, change_mac: 2, admin_down_and_up: 2,
         break_links_of_ours: 3, break_filters: 3, break_settings: 2, break_addresses: 3, flood_netlink: 2,
         stop_for_a_while: 2, kill_and_restart: 4, offline: 3, online: 3, leave_group: 2, join_group: 3, standby: 2,
         another_address: 3, foreign_route: 2, reload: 1, ask: 2, **SYSTEM_DEEDS}
