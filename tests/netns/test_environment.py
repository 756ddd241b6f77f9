"""When what the daemon itself stands on goes away, traffic and failover go on; it says so once, and when it is back
all is as it was (D6).

              eth0 --- sw0 --- peer 192.0.2.9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, 192.0.2.2
"""

import json
import signal
import subprocess
import threading

import pytest
from environment import Environment
from netns import wait_until

PEER = "192.0.2.9"
DATA = ("192.0.2.1", "192.0.2.2")
EXTRA = "192.0.2.7/24"
FULL = "cannot write the state file: No space left on device"
READ_ONLY = "cannot create the state file: Read-only file system"
DEAF = ("in.mpathd: cannot replace the control socket: Read-only file system; no tool can reach in.mpathd until that "
        "works, will retry")
HEARING = "in.mpathd: the control socket is there: tools can reach in.mpathd"
WRITABLE = "in.mpathd: the state file can be written again"
OVERRUN = "in.mpathd: the network changes faster than the kernel can tell us: reading all of it anew"
LOST = "messages were lost, as nobody took them"
STOPS, STOP_S = 30, 0.3
FLOOD = 12000  # notifications; the daemon's buffer takes about 5,000


class Scene:
    """The picture above; nothing runs yet."""

    def __init__(self, lab):
        switch = lab.switch(bridges=2)
        self.host = lab.host(mounts=True)
        self.environment = Environment(self.host)
        self.host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(2):
            self.host.add_nic(f"eth{number}", "veth", switch, bridge=number)
        self.peer = lab.peer(switch, f"{PEER}/24")

    def make_group(self):
        self.host.make_group("ipmp0", [f"{address}/24" for address in DATA])
        self.host.wait_slots_level("ipmp0")

    def start(self):
        self.host.start_daemon()
        self.make_group()

    def is_reached(self):
        return all(self.peer.ping(address) for address in DATA)

    def cut(self, name):
        self.host.nics[name].cut()
        self.host.wait_state(name, "failed")

    def heal(self, name):
        self.host.nics[name].heal()
        self.host.wait_ok("ipmp0")

    def fail_over_and_back(self):
        """By both NICs in turn, and each time the peer reaches all addresses."""
        for name in self.host.nics:
            self.cut(name)
            wait_until(self.is_reached, 5, f"all is reached without {name}")
            self.heal(name)
        wait_until(self.is_reached, 5, "all is reached")

    def saved(self):
        return json.loads((self.host.ns.root / "run/ipmp/state.json").read_text())["state"]

    def is_saved_as_shown(self):
        state = self.saved()
        names = {interface["index"]: name for name, interface in state["interfaces"].items()}
        bound = {entry["address"]: names[entry["member"]]
                 for entry in state["groups"]["ipmp0"]["families"][0]["bindings"] if entry["address"] in DATA}
        return {address: row["inbound"] for address, row in self.host.addresses().items() if address in DATA} == bound

    def logged(self, *lines):
        """How often each."""
        log = self.host.log().splitlines()
        return tuple(log.count(line) for line in lines)


@pytest.fixture
def scene(lab):
    return Scene(lab)


@pytest.mark.parametrize("what", ["full", "read-only"])
def test_R_POL_4_D6_a_disk_that_takes_no_state_stops_nothing(scene, what):
    """Twice; what changed meanwhile is on disk once it takes something, and a killed daemon goes on from there."""
    host, environment = scene.host, scene.environment
    spoil, reason = {"full": (environment.fill_disk, FULL), "read-only": (environment.make_read_only, READ_ONLY)}[what]
    message = f"in.mpathd: {reason}; the last good one stays, will retry"
    scene.start()
    for times in (1, 2):
        spoil()
        before = scene.saved()
        scene.fail_over_and_back()
        scene.cut("eth0")
        said = host.tool("ifconfig", "ipmp0", "addif", EXTRA, "up").stderr
        assert said == (f"ifconfig: warning: done, but in.mpathd {reason}; should it end before it can, this is "
                        "forgotten\n")
        assert scene.saved() == before
        assert scene.logged(message, WRITABLE) == (times, times - 1)
        environment.mend()
        wait_until(lambda: scene.is_saved_as_shown() and scene.saved()["interfaces"]["eth0"]["failed"], 5,
                   "the state is saved again")
        assert scene.logged(message, WRITABLE) == (times, times)
        assert host.tool("ifconfig", "ipmp0", "removeif", EXTRA).stderr == ""
        scene.heal("eth0")
    spoil()
    host.kill_daemon()
    if what == "read-only":
        fail_over_without_a_socket(scene)
    else:
        host.start_daemon()  # from the last good one
    host.wait_ok("ipmp0")
    scene.fail_over_and_back()


def fail_over_without_a_socket(scene):
    """Nobody can talk to a daemon that begins where it cannot make its socket, but it does what it is there for."""
    host = scene.host
    host.launch_daemon()
    wait_until(lambda: scene.logged(DEAF) == (1,), 5, "in.mpathd says so")
    for name, nic in host.nics.items():
        nic.cut()
        wait_until(scene.is_reached, 5, f"all is reached without {name}")
        nic.heal()
        wait_until(lambda name=name: host.log().count(f"repair detected on {name}") > 2, 5, f"{name} is repaired")
    assert host.tool("ipmpstat", "-g", check=False).returncode == 1
    scene.environment.mend()
    wait_until(lambda: host.tool("ipmpstat", "-g", check=False).returncode == 0, 5, "in.mpathd answers")
    assert scene.logged(DEAF, HEARING) == (1, 1)


def test_D6_neither_bpffs_nor_sysfs_is_needed(scene):
    scene.environment.hide_sys()  # from the start
    scene.start()
    scene.fail_over_and_back()
    scene.environment.show_sys()
    scene.host.kill_daemon()
    scene.host.start_daemon()
    scene.host.wait_ok("ipmp0")
    scene.environment.hide_sys()  # while it runs
    scene.fail_over_and_back()
    assert "cannot" not in scene.host.log()


def test_R_DET_1_a_syslog_that_is_missing_or_stands_still_stops_nothing(scene):
    """As a daemon in the background, which has no other log."""
    scene.environment.own_devices()
    scene.host.tool("in.mpathd")  # returns once it is ready
    try:
        live_with_bad_syslogs(scene)
    finally:
        scene.host.tool("ipmp", "stop")


def live_with_bad_syslogs(scene):
    def count(lines, part):
        return sum(part in line for line in lines)

    scene.make_group()
    scene.fail_over_and_back()  # without one
    scene.environment.start_syslog()
    scene.cut("eth0")
    lines = scene.environment.take_messages()
    assert count(lines, LOST) == count(lines, "failure detected on eth0") == 1, lines
    scene.heal("eth0")
    for _ in range(6):  # it reads nothing: its queue of some messages is full
        scene.fail_over_and_back()
    assert count(scene.environment.take_messages(), "failure detected") < 12
    scene.cut("eth0")
    assert count(scene.environment.take_messages(), LOST) == 1


def test_D7_a_flood_of_notifications_that_overruns_the_daemon_is_made_up_for(scene):
    """It is stopped meanwhile, as on a machine that has no time for it; somebody takes an address away in the flood."""
    host = scene.host
    scene.start()
    host.ns.ip_batch("link add noise0 type veth peer name noise1")
    host.daemon.send_signal(signal.SIGSTOP)
    host.ns.ip_batch(*(f"link set noise0 mtu {1300 + number % 100}" for number in range(FLOOD)),
                     f"addr del {DATA[1]}/24 dev ipmp0", "link set eth0 address 02:00:00:00:00:99")
    host.nics["eth1"].cut()
    host.daemon.send_signal(signal.SIGCONT)
    host.wait_state("eth1", "failed")
    wait_until(scene.is_reached, 5, "all is reached by eth0")
    scene.heal("eth1")
    scene.fail_over_and_back()
    assert scene.logged(OVERRUN) == (1,)


@pytest.mark.long
def test_D7_a_daemon_that_stood_still_looks_again_at_once(scene):
    """As in a machine that is paused, amid reading what a busy network changes: the pause after a read is not one by
    the clock."""
    host, lines = scene.host, "\n".join(f"link set noise0 mtu {1300 + number % 100}" for number in range(200000))
    scene.start()
    addresses = [f"192.0.2.{number}/24" for number in range(30, 30 + STOPS)]  # who insists is answered late
    for address in addresses:
        host.ifconfig("ipmp0", "addif", address, "up")
    host.ns.ip_batch("link add noise0 type veth peer name noise1")
    noise = host.ns.popen("ip", "-batch", "-", stdin=subprocess.PIPE, text=True)
    threading.Thread(target=noise.communicate, args=(lines,), daemon=True).start()
    for address in addresses:
        host.pause_daemon(STOP_S)
        host.ns.ip_batch(f"addr del {address} dev ipmp0")
        wait_until(lambda address=address: address in host.ns.run("ip", "addr", "show", "dev", "ipmp0").stdout,
                   2 * STOP_S, f"{address} is back")
    noise.kill()
