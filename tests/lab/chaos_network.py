"""Deeds of a chaos story (chaos.py) to NICs, their cables, and what others do to the host's configuration."""

import signal
from dataclasses import dataclass

DATA = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1")
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
        story.outside[name] = Outside(online=story.outside[name].online, member=story.outside[name].member)
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
        if story.outside[name].carrier and story.outside[name].member:  # one unplugged while it was down stays so
            story.expect(lambda: story.host.interfaces()[name]["link"] == "up", f"{name} is seen up again")
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


NETWORK_DEEDS = {
    cut: 6, heal: 7, flap: 3, silence: 5, unplug: 3, plug: 4, change_mtu: 2, change_mac: 2, admin_down_and_up: 2,
    break_links_of_ours: 3, break_filters: 3, break_settings: 2, break_addresses: 3, flood_netlink: 2,
    stop_for_a_while: 2, kill_and_restart: 4, offline: 3, online: 3, leave_group: 2, join_group: 3, standby: 2,
    another_address: 3, foreign_route: 2, reload: 1, ask: 2}
