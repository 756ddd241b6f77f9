"""When what the daemon itself stands on goes away, traffic and failover go on; it says so once, and when it is back
all is as it was (D6).

              eth0 --- sw0 --- peer 192.0.2.9
    host <             |
              eth1 --- sw1          ipmp0: 192.0.2.1, 192.0.2.2
"""

import json
import signal

import pytest
from environment import Environment
from netns import wait_until

PEER = "192.0.2.9"
DATA = ("192.0.2.1", "192.0.2.2")
FULL = "in.mpathd: cannot write the state file: No space left on device; the last good one stays, will retry"
READ_ONLY = "in.mpathd: cannot create the state file: Read-only file system; the last good one stays, will retry"
WRITABLE = "in.mpathd: the state file can be written again"
OVERRUN = "in.mpathd: the network changes faster than the kernel can tell us: reading all of it anew"
FLOOD = 12000  # notifications; the daemon's buffer takes about 5,000


@pytest.fixture
def host(lab):
    switch = lab.switch(bridges=2)
    host = lab.host(mounts=True)
    host.environment_of_lab = Environment(host)
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number)
    host.peer = lab.peer(switch, f"{PEER}/24")
    return host


def start(host):
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/24" for address in DATA])
    host.wait_slots_level("ipmp0")


def fail_over_and_back(host):
    """By both NICs in turn, and each time the peer reaches all addresses."""
    for name in host.nics:
        host.nics[name].cut()
        host.wait_state(name, "failed")
        wait_until(lambda: all(host.peer.ping(address) for address in DATA), 5, f"all is reached without {name}")
        host.nics[name].heal()
        host.wait_ok("ipmp0")
    wait_until(lambda: all(host.peer.ping(address) for address in DATA), 5, "all is reached")


def count(host, line):
    return host.log().splitlines().count(line)


def saved(host):
    return json.loads((host.ns.root / "run/ipmp/state.json").read_text())["state"]


def is_saved_as_it_is(host):
    """What is on disk says what `ipmpstat` says."""
    state = saved(host)
    names = {interface["index"]: name for name, interface in state["interfaces"].items()}
    bound = {entry["address"]: names[entry["member"]]
             for entry in state["groups"]["ipmp0"]["families"][0]["bindings"]}
    return {address: row["inbound"] for address, row in host.addresses().items() if address in DATA} == bound


@pytest.mark.parametrize("what", ["full", "read-only"])
def test_R_POL_4_D6_a_disk_that_takes_no_state_stops_nothing(host, what):
    """Twice; what changed meanwhile is on disk once it takes something, and a killed daemon goes on from there."""
    environment = host.environment_of_lab
    spoil, message = {"full": (environment.fill_disk, FULL), "read-only": (environment.make_read_only, READ_ONLY)}[what]
    start(host)
    for times in (1, 2):
        spoil()
        before = saved(host)
        fail_over_and_back(host)
        host.nics["eth0"].cut()
        host.wait_state("eth0", "failed")
        assert saved(host) == before
        assert (count(host, message), count(host, WRITABLE)) == (times, times - 1)
        environment.mend()
        wait_until(lambda: is_saved_as_it_is(host) and saved(host)["interfaces"]["eth0"]["failed"], 5,
                   "the state is saved again")
        assert (count(host, message), count(host, WRITABLE)) == (times, times)
        host.nics["eth0"].heal()
        host.wait_ok("ipmp0")
    spoil()
    host.kill_daemon()
    if what == "read-only":  # nobody could talk to another one
        refused = host.tool("in.mpathd", "-f", check=False)
        assert refused.returncode == 1
        assert refused.stderr.endswith("Read-only file system\n") and refused.stderr.count("\n") == 1
        assert all(host.peer.ping(address) for address in DATA)
        environment.mend()
    host.start_daemon()  # from the last good one
    host.wait_ok("ipmp0")
    fail_over_and_back(host)


def test_D6_neither_bpffs_nor_sysfs_is_needed(host):
    environment = host.environment_of_lab
    environment.hide_sys()  # from the start
    start(host)
    fail_over_and_back(host)
    environment.show_sys()
    host.kill_daemon()
    host.start_daemon()
    host.wait_ok("ipmp0")
    environment.hide_sys()  # while it runs
    fail_over_and_back(host)
    assert "cannot" not in host.log()


def test_R_DET_1_D9_a_syslog_that_is_missing_or_stands_still_stops_nothing(host):
    """As a daemon in the background, which has no other log."""
    environment = host.environment_of_lab
    environment.own_devices()
    host.tool("in.mpathd")  # returns once it is ready
    try:
        live_with_bad_syslogs(host, environment)
    finally:
        host.tool("ipmp", "stop")


def live_with_bad_syslogs(host, environment):
    host.make_group("ipmp0", [f"{address}/24" for address in DATA])
    fail_over_and_back(host)  # without one
    environment.start_syslog()
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    lines = environment.take_messages()
    assert sum("messages were lost, as nobody took them" in line for line in lines) == 1, lines
    assert sum("failure detected on eth0" in line for line in lines) == 1, lines
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    for _ in range(6):  # it reads nothing: its queue of some messages is full
        fail_over_and_back(host)
    assert sum("failure detected" in line for line in environment.take_messages()) < 12
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    lines = environment.take_messages()
    assert sum("messages were lost, as nobody took them" in line for line in lines) == 1, lines


def test_D7_a_flood_of_notifications_that_overruns_the_daemon_is_made_up_for(host):
    """It is stopped meanwhile, as on a machine that has no time for it; somebody takes an address away in the flood."""
    start(host)
    host.ns.ip_batch("link add noise0 type veth peer name noise1")
    host.daemon.send_signal(signal.SIGSTOP)
    host.ns.ip_batch(*(f"link set noise0 mtu {1300 + number % 100}" for number in range(FLOOD)),
                     f"addr del {DATA[1]}/24 dev ipmp0", "link set eth0 address 02:00:00:00:00:99")
    host.nics["eth1"].cut()
    host.daemon.send_signal(signal.SIGCONT)
    host.wait_state("eth1", "failed")
    wait_until(lambda: all(host.peer.ping(address) for address in DATA), 5, "all is reached by eth0")
    host.nics["eth1"].heal()
    host.wait_ok("ipmp0")
    fail_over_and_back(host)
    assert count(host, OVERRUN) == 1
