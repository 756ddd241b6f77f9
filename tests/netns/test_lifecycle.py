"""How in.mpathd starts, reloads, ends, and copes with broken files; traffic goes on whatever happens (D6).

    host (eth0, eth1) --- switch --- peer 192.0.2.9          ipmp0: 192.0.2.1, 192.0.2.2, fd00::1

Death by SIGKILL and what a new daemon makes of it: test_restart.py.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct

import pytest
from netns import build_dir, wait_until
from sniff import announcements
from test_policy import active

DATA, PEER = ["192.0.2.1", "192.0.2.2"], "192.0.2.9"
TEST = "192.0.2.20"
DATA6, PEER6 = "fd00::1", "fd00::9"


def make_host(lab):
    switch = lab.switch()
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch)
    return host, lab.peer(switch, f"{PEER}/24", f"{PEER6}/64")


def build(lab):
    host, peer = make_host(lab)
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/24" for address in DATA] + [f"{DATA6}/64"])
    host.wait_slots_level("ipmp0")
    return host, peer


class Traffic:
    """UDP each way for every data address, 1,000 messages a second."""

    def __init__(self, host, peer):
        self.meters = [host.meter("udp", address, peer) for address in DATA]
        self.meters.append(host.meter("udp", DATA6, peer, PEER6))
        self.flow(200)

    def flow(self, count):
        self.meters[0].wait_messages(count)  # all go at the same pace, and finish() misses nothing

    def finish(self, *other_counts):
        """Nothing lost or doubled; other_counts name what else must be 0."""
        for meter in self.meters:
            report = meter.stop()
            for way in ("a_to_b", "b_to_a"):
                counts = {name: report[way][name] for name in ("missing", "duplicated", "send_errors", *other_counts)}
                assert not any(counts.values()), (way, counts)


def state_file(host):
    return host.ns.root / "run/ipmp/state.json"


def picture(host):
    return host.groups(), host.interfaces(), host.addresses()


def daemon_pid(host):
    """Who listens on the control socket."""
    directory = os.open(host.ns.root / "run/ipmp", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(f"/proc/self/fd/{directory}/mpathd.sock")
            return struct.unpack("iii", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        finally:
            os.close(directory)


@contextlib.contextmanager
def background_daemon(host):
    """Whatever becomes a daemon of this host while the context lasts is ended with it."""
    try:
        yield
    finally:
        if pid := daemon_pid(host):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: daemon_pid(host) is None, 5, "the daemon has ended")


def test_the_parent_of_the_daemon_ends_once_clients_can_connect(lab):
    host, _ = make_host(lab)
    with background_daemon(host):
        result = host.tool("in.mpathd")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        pid = daemon_pid(host)
        assert pid and host.ipmpstat("-g") == host.ipmpstat("-g")  # answers at once
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        assert fields[3] == str(pid)  # leads a session of its own
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        host.tool("ipmp", "stop")
    assert daemon_pid(host) is None


def test_a_tool_that_needs_the_daemon_starts_it(lab):
    host, peer = make_host(lab)
    assert daemon_pid(host) is None
    with background_daemon(host):
        assert host.ifconfig("ipmp0", "ipmp") == ""
        pid = daemon_pid(host)
        assert pid
        host.make_group("ipmp1", [f"{DATA[0]}/24"])
        assert peer.ping(DATA[0])
        assert daemon_pid(host) == pid


@pytest.mark.parametrize("words", [["-f"], []])
def test_a_second_daemon_is_refused(lab, words):
    host, _ = build(lab)
    before = picture(host)
    result = host.tool("in.mpathd", *words, check=False)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == f"in.mpathd: another in.mpathd is already running for {host.ns.root}/run/ipmp\n"
    assert daemon_pid(host) == host.daemon.pid and picture(host) == before


def test_D6_a_daemon_waits_a_moment_for_the_lock_of_one_that_is_ending(lab):
    host, _ = make_host(lab)
    with open(host.ns.root / "run/ipmp/mpathd.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        log = open(host.ns.root / "mpathd.log", "ab")
        host.daemon = host.ns.popen(build_dir() / "bin/in.mpathd", "-f", env=host.environment, stdout=log, stderr=log)

        def waits():
            with open("/proc/locks", encoding="ascii") as locks:
                return any("->" in line and f" {host.daemon.pid} " in line for line in locks)

        wait_until(waits, 5, "it waits for the lock")
    wait_until(lambda: host.tool("ipmpstat", "-g", check=False).returncode == 0, 10, "in.mpathd answers")


def test_a_daemon_that_cannot_start_says_why(lab):
    host, _ = make_host(lab)
    (host.ns.root / "run/ipmp").rmdir()
    (host.ns.root / "run/ipmp").write_text("in the way")
    for words in (["-f"], []):
        result = host.tool("in.mpathd", *words, check=False)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("in.mpathd: cannot ") and result.stderr.count("\n") == 1
    result = host.tool("in.mpathd", "-x", check=False)
    assert (result.returncode, result.stderr.splitlines()[-1]) == (1, "usage: in.mpathd [-f]")


def test_R_POL_4_sigterm_ends_the_daemon_and_leaves_the_data_path(lab):
    host, peer = build(lab)
    traffic = Traffic(host, peer)
    before = picture(host)
    host.kill_daemon(signal.SIGTERM)
    assert host.daemon.returncode == 0
    assert host.tool("ipmpstat", "-g", check=False).returncode == 1
    traffic.flow(300)
    assert host.ns.has_carrier("ipmp0")
    host.start_daemon()
    host.wait_ok("ipmp0")
    assert picture(host) == before
    traffic.flow(200)
    traffic.finish("reordered")


def test_R_DET_5_sighup_reads_the_configuration_again_and_nothing_moves(lab):
    host, peer = build(lab)
    sniffers = [nic.sniff("arp or icmp6") for nic in host.nics.values()]

    def announced():
        frames = (frame for sniffer in sniffers for frame in sniffer.frames())
        return announcements(frame.data for frame in frames if not frame.outgoing)

    host.kill_daemon()  # the next one repeats each announcement once and takes them for done
    for sniffer in sniffers:
        sniffer.clear()
    host.start_daemon()
    host.wait_ok("ipmp0")
    wait_until(lambda: len(announced()) == sum(bool(row["inbound"]) for row in host.addresses().values()), 5,
               "each address has been announced once more")
    for sniffer in sniffers:
        sniffer.clear()
    traffic = Traffic(host, peer)
    before = picture(host)
    saved = json.loads(state_file(host).read_text())
    for number, failback in enumerate(("yes", "no")):
        host.configure(FAILBACK=failback, LINK_UPS_PER_MINUTE=0, TRACK_INTERFACES_ONLY_WITH_GROUPS=f"maybe{number}")
        host.daemon.send_signal(signal.SIGHUP)
        message = f"Invalid value for TRACK_INTERFACES_ONLY_WITH_GROUPS maybe{number}"
        wait_until(lambda: message in host.log(), 5, "the configuration was read")
        traffic.flow(300)
    assert picture(host) == before and json.loads(state_file(host).read_text()) == saved
    assert announced() == []
    traffic.finish("reordered")
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    host.nics["eth0"].heal()
    host.wait_state("eth0", "ok")
    assert active(host) == {"eth1"}  # FAILBACK=no is in force


GARBAGE = {
    "binary": (bytes(range(256)) * 300, []),
    "values": (b"FAILURE_DETECTION_TIME=soon\nFAILBACK=\nTRACK_INTERFACES_ONLY_WITH_GROUPS=1\nLINK_UPS_PER_MINUTE=-1\n",
               ["Invalid failure detection time of soon, assuming default of 10000 ms", "Invalid value for FAILBACK ",
                "Invalid value for TRACK_INTERFACES_ONLY_WITH_GROUPS 1", "Invalid value for LINK_UPS_PER_MINUTE -1"]),
    "small": (b"FAILURE_DETECTION_TIME=99\n",
              ["Too small failure detection time of 99, assuming minimum of 100 ms"]),
    "directory": (None, ["cannot read ", "assuming defaults"]),
    "missing": (b"", []),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_R_DET_5_a_broken_configuration_is_reported_and_defaults_hold(lab, kind):
    host, peer = make_host(lab)
    path, (content, messages) = host.ns.root / "etc/default/mpathd", GARBAGE[kind]
    path.unlink()
    if content is None:
        path.mkdir()
    elif content:
        path.write_bytes(content)
    host.start_daemon()
    host.make_group("ipmp0", [f"{DATA[0]}/24"])
    host.daemon.send_signal(signal.SIGHUP)
    for message in messages:  # at the start and at the signal
        wait_until(lambda: host.log().count(message) == 2, 5, message)
    assert peer.ping(DATA[0])
    for name in ("eth0", "eth1"):  # FAILBACK=yes
        host.nics[name].cut()
        host.wait_state(name, "failed")
        assert peer.ping(DATA[0])
        host.nics[name].heal()
        host.wait_ok("ipmp0")
    assert active(host) == {"eth0", "eth1"}


DAMAGES = {
    "missing": None,
    "empty": lambda text: "",
    "cut off": lambda text: text[:len(text) // 2],
    "no JSON": lambda text: "\0\xff" * 1000,
    "wrong type": lambda text: text.replace('"bindings":[', '"bindings":7,"x":['),
    "deep": lambda text: "[" * 100_000,
}


@pytest.mark.parametrize("how", DAMAGES)
def test_R_POL_4_a_lost_state_file_costs_no_packet(lab, how):
    host, peer = build(lab)
    host.ifconfig("eth0", TEST + "/24", "-failover", "up")
    traffic = Traffic(host, peer)
    host.kill_daemon()
    text, damage = state_file(host).read_text(), DAMAGES[how]
    if damage:
        assert damage(text) != text
        state_file(host).write_text(damage(text), encoding="latin-1")
    else:
        state_file(host).unlink()
    traffic.flow(200)
    host.start_daemon()
    host.wait_ok("ipmp0")
    traffic.flow(500)
    assert host.groups()["ipmp0"]["interfaces"] == "eth0 eth1"
    assert {host.addresses()[address]["inbound"] for address in DATA} == {"eth0", "eth1"}
    assert TEST not in host.addresses() and peer.ping(TEST)
    assert f"\tinet {TEST} netmask ffffff00 broadcast 192.0.2.255\n" in host.ifconfig("eth0")
    aside = host.ns.root / "run/ipmp/state.json.bad"
    assert aside.exists() == bool(damage)
    if damage:
        assert aside.read_text(encoding="latin-1") == damage(text)
        assert "set aside as state.json.bad" in host.log()
    assert "no state was left: took over ipmp0 from the kernel, members: eth0 eth1" in host.log()
    assert json.loads(state_file(host).read_text())["state"]["groups"]["ipmp0"]["interface"] == "ipmp0"
    traffic.finish()


def test_D6_what_nobody_asks_about_is_saved_as_well(lab):
    host, _ = build(lab)
    good = state_file(host).read_text()
    host.nics["eth0"].cut()
    wait_until(lambda: state_file(host).read_text() != good, 5, "the state is saved")
    host.nics["eth0"].heal()
    wait_until(lambda: "repair detected on eth0" in host.log(), 5, "eth0 is repaired")
    host.daemon.send_signal(signal.SIGTERM)  # right after a decision
    host.daemon.wait(timeout=5)
    bindings = json.loads(state_file(host).read_text())["state"]["groups"]["ipmp0"]["families"][0]["bindings"]
    assert len({binding["member"] for binding in bindings}) == 2, bindings


# A full disk: test_environment.py.
def test_D6_a_state_that_cannot_be_saved_is_reported_and_retried(lab):
    host, peer = build(lab)
    good = state_file(host).read_text()
    directory = host.ns.root / "run/ipmp"
    if host.ns.run("chattr", "+i", directory, check=False).returncode != 0:
        pytest.skip("the tmpfs of this kernel knows no read-only directories")
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    host.ifconfig("ipmp0", "addif", "192.0.2.3/24", "up")
    assert peer.ping(DATA[0]) and peer.ping("192.0.2.3")
    host.nics["eth0"].heal()
    host.wait_ok("ipmp0")
    assert state_file(host).read_text() == good
    reports = [line for line in host.log().splitlines() if "state file" in line]
    assert len(reports) == 1 and "Operation not permitted" in reports[0], reports
    host.ns.run("chattr", "-i", directory)
    wait_until(lambda: "192.0.2.3" in state_file(host).read_text(), 5, "the state is saved")
