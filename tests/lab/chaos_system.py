"""Deeds of a chaos story (chaos.py) that touch not the network but what in.mpathd itself stands on, and its users."""

import signal
import threading

from control import Control

OVERRUN = (6000, 12000)  # notifications; the daemon's buffer takes about 5,000
KILLED_WITHIN_S = 0.02  # most commands take less


def spoil_disk(story):
    environment = story.environment
    if environment.spoiled:
        return
    spoil = story.random.choice((environment.fill_disk, environment.make_read_only))
    spoil()
    return f"run directory is {environment.spoiled}"


def mend_disk(story):
    was = story.environment.spoiled
    if was:
        story.environment.mend()
        story.await_saved()
        return f"run directory is no longer {was}"


def hide_or_show_sys(story):
    environment = story.environment
    (environment.show_sys if environment.sys_hidden else environment.hide_sys)()
    return f"/sys {'un' if environment.sys_hidden else ''}mounted, and bpffs with it"


def overrun_netlink(story):
    """More at once than the kernel can tell the daemon, and something of importance among it."""
    name = story.some(lambda nic: nic.plugged)
    count = story.random.randint(*OVERRUN)
    story.host.ns.ip_batch("link add noise0 type veth peer name noise1")
    story.host.daemon.send_signal(signal.SIGSTOP)
    lines = [f"link set noise0 mtu {1300 + number % 100}" for number in range(count)]
    lines.insert(story.random.randrange(count), "addr flush dev ipmp0 scope global")
    if name:
        lines.insert(story.random.randrange(count), f"link set {name} address {story.host.lab.new_mac()}")
    story.host.ns.run("ip", "-force", "-batch", "-", input="\n".join(lines) + "\n", check=False,  # ipmp0 may be gone
                      timeout_s=120)
    story.host.ns.ip_batch("link del noise0")
    story.host.daemon.send_signal(signal.SIGCONT)
    return f"{count} notifications while in.mpathd was stopped, another MAC of {name} and no addresses among them"


def rename_and_back(story):
    name = story.some(lambda nic: nic.plugged and nic.member)
    if name:
        nic, waits = story.host.nics[name], story.random.random() < 0.5
        nic.rename("other0")
        if waits:
            story.await_interface("other0")
        nic.rename(name)
        return f"{name} renamed{' and seen so' if waits else ''}, and back"


def change_speed(story):
    taps = [name for name, nic in story.outside.items() if nic.plugged and story.host.nics[name].kind == "tap"]
    if taps:
        speed = story.random.choice((10, 100, 1000))
        story.host.ns.run("ethtool", "-s", taps[0], "speed", speed, "duplex", "full")
        return f"{speed} Mb/s of {taps[0]}"


def tools_at_once(story):
    """Contradictions and questions at the same time: one of them comes last."""
    name = story.some(lambda nic: nic.plugged and nic.member)
    if name:
        calls = [("if_mpadm", "-d", name), ("if_mpadm", "-r", name), ("ipmpstat", "-g"), ("ipmpstat", "-an"),
                 ("ifconfig", "-a"), ("if_mpadm", "-d", name)]
        story.random.shuffle(calls)
        for process in [story.host.start_tool(*call) for call in calls]:
            process.wait(timeout=30)
        story.outside[name].online = story.host.interfaces()[name]["state"] != "offline"
        return f"{len(calls)} tools at once; {name} is {'online' if story.outside[name].online else 'offline'}"


def answered_well(story, method, **parameters):
    """Of a command that the daemon was killed in the middle of, or before, or after; it begins again."""
    with Control(story.host) as control:
        killer = threading.Timer(story.random.uniform(0, KILLED_WITHIN_S), story.host.daemon.kill)
        killer.start()
        try:
            control.send(method, parameters=parameters)
            succeeded = "error" not in control.receive()
        except OSError:
            succeeded = False
        killer.join()
    story.host.daemon.wait(timeout=10)
    story.host.start_daemon()
    return succeeded


def kill_amid(story):
    """In the middle of a command. One that was answered well must be remembered; of others either is right."""
    # One that joins while it is silent counts as ok for the first 40 s.
    name = story.some(lambda nic: nic.plugged and nic.member and nic.online and nic.silent == "none")
    if story.environment.spoiled or not name:
        return
    what = story.random.choice(("offline", "address", "leaving", "joining"))
    if what == "offline":
        succeeded = answered_well(story, "SetOffline", interface=name)
        is_done = story.host.interfaces()[name]["state"] == "offline"
        story.outside[name].online = not is_done
    elif what == "address":
        address = f"192.0.2.{story.random.randint(201, 250)}"
        succeeded = answered_well(story, "AddLogical", interface="ipmp0", address=address, prefix_length=24)
        is_done = address in story.host.addresses()
        if is_done:
            story.host.ifconfig("ipmp0", "removeif", address)
    else:
        group = "" if what == "leaving" else "ipmp0"
        if group:
            story.host.ifconfig(name, "group", "")
        succeeded = answered_well(story, "SetGroup", interface=name, family="inet", group=group)
        is_done = story.host.interfaces().get(name, {}).get("group", "") == group
        story.host.ifconfig(name, "group", "ipmp0")
    assert is_done or not succeeded, f"{what} of {name} was answered well and then forgotten"
    return f"in.mpathd ended amid {what} of {name}, {'' if succeeded else 'not '}answered, and began again"


SYSTEM_DEEDS = {spoil_disk: 2, mend_disk: 3, hide_or_show_sys: 1, overrun_netlink: 1, rename_and_back: 2,
                change_speed: 1, tools_at_once: 2, kill_amid: 3}
