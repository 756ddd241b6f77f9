"""Deeds of a chaos story (chaos.py) that move a whole group: out of sight and back, into an application's network
namespace and back, away altogether; and a NIC that is exchanged with notice. Each ends where it began, so that no other
deed has to know of them; what may go wrong meanwhile is a choice of what happens to cables.
"""

from netns import wait_until

NAMESPACE = "app"


def on_cables(story):
    """One of the deeds that do not look into the host."""
    return story.random.choice(story.cable_deeds)(story)


def isolate_and_show(story):
    host = story.host
    host.tool("ipmp", "isolate", "ipmp0", "on", "--force")
    members = [name for name, nic in story.outside.items() if nic.member and nic.plugged]
    story.settle("isolation")
    inner = on_cables(story)
    story.settle(f"isolation and {inner}")
    host.tool("ipmp", "isolate", "ipmp0", "off", "--force")
    wait_until(lambda: all(host.ns.link(name) for name in members), 10, f"{members} are back")
    return f"isolation, amid which {inner}"


def lend_to_application(story):
    """Its namespace goes before the group does, or after."""
    host, goes_first = story.host, story.random.random() < 0.3
    host.ns.run("ip", "netns", "add", NAMESPACE)
    host.tool("ipmp", "namespace", "ipmp0", NAMESPACE)
    story.settle("ipmp0 was given to an application")
    inner = on_cables(story)
    story.settle(f"ipmp0 was given to an application and {inner}")
    if goes_first:
        host.ns.run("ip", "netns", "delete", NAMESPACE)
    # One whose end was not noticed yet makes the kernel refuse; who asked asks again.
    story.expect(lambda: host.tool("ipmp", "namespace", "ipmp0", "-", check=False).returncode == 0, "ipmp0 comes back")
    if not goes_first:
        host.ns.run("ip", "netns", "delete", NAMESPACE)
    wait_until(lambda: host.ns.link("ipmp0"), 10, "ipmp0 is back")
    return f"ipmp0 was an application's{', which ended' if goes_first else ''}; meanwhile {inner}"


def detach(story):
    """Then it is unplugged, or stays after all."""
    name = story.some(lambda nic: nic.plugged and nic.member and nic.online)
    if name:
        refused = story.host.tool("ipmp", "detach", name, check=False).returncode != 0
        if refused:
            return f"detach {name}: refused"
        if story.random.random() < 0.4 and story.outside[name].silent == "none":
            story.host.tool("ipmp", "attach", name)
            return f"detach {name}, and undone"
        story.outside[name].member = False
        story.settle(f"detach {name}")
        story.host.nics[name].delete()
        story.outside[name].plugged = False
        return f"detach {name} and unplug it"


def purge(story):
    """All is given to plain NICs, and a group is made of them again. One that is silent from the start would count as
    ok for the first 40 s, so none is."""
    host = story.host
    if story.environment.spoiled or not story.carriers():
        return
    for name, nic in story.outside.items():
        if nic.plugged and nic.silent != "none":
            host.nics[name].heal()
            nic.silent, nic.carrier = "none", True
    host.tool("ipmp", "stop", "--purge")
    assert host.daemon.wait(timeout=10) == 0
    there = [name for name, nic in story.outside.items() if nic.plugged]
    owners = {address: [name for name in there if address in story.on_link(name)] for address in story.data}
    assert all(len(names) == 1 for names in owners.values()), f"after a purge addresses are on {owners}"
    for nic in story.outside.values():
        nic.online, nic.member = True, nic.member and nic.plugged
    make_anew(story)
    return "purged and made anew"


def make_anew(story):
    """Addresses that NICs have come along; what was a test address must not."""
    host = story.host
    host.start_daemon()
    for family in ("inet", "inet6"):
        host.ifconfig("ipmp0", family, "ipmp", "up")
    for name, nic in story.outside.items():
        if nic.member:
            host.ns.run("ip", "addr", "flush", "dev", name, "to", story.test_address(name))
            story.join(name)
    for address in story.data:
        if address not in host.addresses():
            length, family = (64, "inet6") if ":" in address else (24, "inet")
            host.ifconfig("ipmp0", family, "addif", f"{address}/{length}", "up")


PLACE_DEEDS = {isolate_and_show: 2, lend_to_application: 2, detach: 3, purge: 1}
