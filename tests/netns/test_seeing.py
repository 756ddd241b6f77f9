"""What a person sees of a group: check before and after, monitor, why and top through a failure and its
repair, told by the real daemon. What is made of which facts are tables beside the code; here is that they come.

    peer 192.0.2.9 --- switch ---< eth0, eth1 and, in another group's place, eth2
"""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios

from netns import build_dir, wait_until

IPMP = "ipmp"


def findings(host, *names):
    """(exit status, {code: subject}) of the findings that are not well."""
    result = host.tool(IPMP, "check", "-j", *names, check=False)
    answer = json.loads(result.stdout)
    assert answer["well"] == (result.returncode == 0), result.stdout
    return {one["code"]: one["subject"] for one in answer["findings"] if one["severity"] in ("warning", "problem")}


class Monitor:
    """`ipmp monitor -j`, and what it has told."""

    def __init__(self, host):
        self.host = host
        self.path = host.ns.root / "monitor.jsonl"
        with open(self.path, "wb") as out:
            self.process = host.ns.popen(build_dir() / "bin/ipmp", "monitor", "-j", env=host.environment, stdout=out)
        self.wait("daemon", "in.mpathd", "connection", "up")

    def events(self):
        return [json.loads(line) for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait(self, kind, name, field, value):
        """The first such event that it has told."""
        def told():
            return next((event for event in self.events() if event["object"] == kind and event["name"] == name
                         and event["fields"].get(field, {}).get("to") == value), None)
        return wait_until(told, 10, f"monitor tells that {field} of {name} is {value}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=10)


class Screen:
    """`ipmp top` on a terminal of its own."""

    def __init__(self, host, lines=30, columns=110):
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = host.ns.popen(build_dir() / "bin/ipmp", "top", env={**host.environment, "TERM": "xterm"},
                                     stdin=inside, stdout=inside, stderr=subprocess.STDOUT)
        os.close(inside)
        os.set_blocking(self.terminal, False)
        self.shown = b""

    def wait_shown(self, *texts):
        def all_there():
            try:
                self.shown += os.read(self.terminal, 1 << 20)
            except BlockingIOError:
                pass
            except OSError:  # its end: the program is gone
                pass
            return all(text.encode() in self.shown for text in texts)
        wait_until(all_there, 10, f"top shows {texts}")

    def press(self, key):
        os.write(self.terminal, key)
        self.wait_shown("\033[?1049l")
        return self.process.wait(timeout=10)


def make_probed_group(host):
    host.ifconfig("ipmp0", "ipmp")
    for number in range(2):
        host.ifconfig(f"eth{number}", "plumb", "group", "ipmp0", f"192.0.2.{20 + number}/24", "-failover", "up")
    host.ifconfig("ipmp0", "192.0.2.1/24", "up")
    host.ifconfig("ipmp0", "addif", "192.0.2.2/24", "up")
    host.wait_ok("ipmp0")


def watch_a_failure(host, monitor):
    """eth1 fails and is repaired; each tool tells of it."""
    host.nics["eth1"].cut()
    failed = monitor.wait("interface", "eth1", "state", "failed")
    assert failed["why"] == "link_down" and failed["fields"]["state"] == {"from": "ok", "to": "failed"}
    monitor.wait("group", "ipmp0", "state", "degraded")
    moved = [event for event in monitor.events() if event["object"] == "address" and "inbound" in event["fields"]]
    assert {event["fields"]["inbound"]["to"] for event in moved} == {"eth0"}
    why = host.tool(IPMP, "why", "eth1").stdout
    assert "eth1 of group ipmp0 has failed" in why and "failed: the link of eth1 is down" in why
    why = host.tool(IPMP, "why", moved[0]["name"]).stdout
    assert "moved from eth1 to eth0: the link of eth1 is down" in why
    assert findings(host) == {"no_carrier": "eth1", "failed": "eth1", "link_untested": "ipmp0"}
    host.nics["eth1"].heal()
    repaired = monitor.wait("interface", "eth1", "state", "ok")
    assert repaired["why"] == "probes", "probes had to agree"


def end_with_its_reader(host):
    """`ipmp monitor | head -1` comes back though nothing happens any more."""
    monitor = host.ns.popen(build_dir() / "bin/ipmp", "monitor", env=host.environment, stdout=subprocess.PIPE)
    assert b"connection none -> up" in monitor.stdout.readline()
    monitor.stdout.close()
    assert monitor.wait(timeout=10) == 0


def test_a_failure_is_seen_explained_and_checked(lab):
    """R-GRP-7 and R-GRP-13 by `ipmp check`; a daemon that is restarted is found again; each tool ends when told."""
    switch = lab.switch()
    host = lab.host()
    for number in range(3):
        host.add_nic(f"eth{number}", "veth", switch)
    lab.peer(switch, "192.0.2.9/24").ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.nics["eth2"].silent()
    assert findings(host, "eth0", "eth1") == {"down": "eth1", "link_untested": ""}
    for name in host.nics:
        host.ns.ip("link", "set", name, "up")
    wait_until(lambda: findings(host, "eth0", "eth1") == {}, 10, "the two to be well")
    assert findings(host, "eth0", "eth2") == {"not_heard": "eth2", "same_link": "eth1"}
    host.start_daemon()
    make_probed_group(host)
    wait_until(lambda: findings(host) == {}, 10, "a probed group to be well")
    monitor, screen = Monitor(host), Screen(host)
    try:
        watch_a_failure(host, monitor)
        screen.wait_shown("ipmp0", "192.0.2.1", "failed: the link of eth1 is down", "\u2581")
        host.kill_daemon()
        monitor.wait("daemon", "in.mpathd", "connection", "none")
        screen.wait_shown("waiting for in.mpathd")
        host.start_daemon()
        wait_until(lambda: sum(event["object"] == "daemon" for event in monitor.events()) == 3, 10,
                   "monitor is connected again")
        once = host.tool(IPMP, "top", "--once").stdout
        assert "INTERFACE" in once and "eth1" in once and "\033" not in once
        assert screen.press(b"q") == 0 and monitor.end() == 0
        end_with_its_reader(host)
    finally:
        os.close(screen.terminal)
