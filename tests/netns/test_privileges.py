"""What in.mpathd may do once it runs (docs/adr/0007-privileges.md), what becomes of it without that or without its
helpers, and what local users achieve who mean no good."""

import os
import pathlib
import re
import signal
import sys
import time

import pytest
from control import Control
from netns import build_dir, wait_until

# Numbers of linux/capability.h.
NET_ADMIN, NET_RAW, IPC_LOCK, SYS_ADMIN, SYS_RESOURCE, PERFMON, BPF = 12, 13, 14, 21, 24, 38, 39


def facts(pid):
    """/proc/PID/status; sets of capabilities as sets of numbers."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {name: {bit for bit in range(64) if int(value, 16) >> bit & 1} if name.startswith("Cap") else value
            for name, value in fields.items()}


def helpers(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {pathlib.Path(f"/proc/{child}/comm").read_text().strip(): int(child) for child in children}


def has(text, line):
    assert text.count(line) == 1, text


def test_the_daemon_keeps_four_capabilities_and_few_system_calls(host):
    """All of its threads; a helper that enters namespaces and one that starts programs are what it has besides. It goes
    on doing what it did with all of root's rights: isolation, settings, the configuration read again."""
    host.make_group("ipmp0", ["192.0.2.1/24"])
    # Who may not lift the limit on locked memory has to keep the capability that knows none.
    kept = {NET_ADMIN, NET_RAW, PERFMON, BPF} | (set() if SYS_RESOURCE in facts("self")["CapEff"] else {IPC_LOCK})
    tasks = os.listdir(f"/proc/{host.daemon.pid}/task")
    assert len(tasks) == 2
    for task in tasks:
        status = facts(f"{host.daemon.pid}/task/{task}")
        assert (status["CapPrm"], status["CapEff"]) == (kept, kept)
        assert status["CapBnd"] == status["CapInh"] == status["CapAmb"] == set()
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    others = helpers(host.daemon.pid)
    assert set(others) == {"mpathd-netns", "mpathd-programs"}
    status = facts(others["mpathd-netns"])
    assert status["CapPrm"] == status["CapEff"] == {SYS_ADMIN, NET_ADMIN, NET_RAW} and not status["CapBnd"]
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")

    host.tool("ipmp", "isolate", "ipmp0", "on", "-f")
    host.wait_ok("ipmp0")
    assert not host.ns.link("eth0")
    host.tool("ipmp", "isolate", "ipmp0", "off", "-f")
    host.wait_ok("ipmp0")
    host.configure(FAILURE_DETECTION_TIME="soon")
    host.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: "assuming default of 10000 ms" in host.log(), 5, "the configuration has been read again")
    said = [line for line in host.log().splitlines() if "found by polling alone" not in line]  # the kernel's choice
    assert not re.search("permitted|denied|not implemented", "\n".join(said))


def test_without_its_helpers_the_daemon_does_what_needs_none(host):
    host.make_group("ipmp0", ["192.0.2.1/24"])
    others = helpers(host.daemon.pid)
    for pid in others.values():
        os.kill(pid, signal.SIGKILL)
    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    assert host.inbound("192.0.2.1") in ("eth1", "eth2")
    host.tool("ipmp", "isolate", "ipmp0", "on", "-f", check=False)
    wait_until(lambda: "mpathd-netns: it has ended or hangs; restart in.mpathd" in host.log(), 5, "it says why")
    (host.ns.root / "etc/hostname.eth9").write_text("group ipmp0 up\n")
    host.add_nic("eth9", "veth", host.nics["eth0"].switch)
    wait_until(lambda: "mpathd-programs: it has ended or hangs; restart in.mpathd; eth9 needs `ipmp attach eth9`"
               in host.log(), 5, "it says what to do")
    assert host.groups()["ipmp0"]["state"] in ("ok", "degraded")
    host.kill_daemon(signal.SIGTERM)
    host.start_daemon()
    assert set(helpers(host.daemon.pid)) == set(others)
    host.nics["eth0"].heal()
    host.tool("ipmp", "attach", "eth9")
    host.wait_state("eth9", "ok")


def test_started_with_less_it_says_so_once_and_does_what_it_can(lab):
    host = lab.host()
    host.add_nic("eth0", "veth", lab.switch())
    with open(host.ns.root / "mpathd.log", "ab") as log:
        host.daemon = host.ns.popen("setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon", build_dir() /
                                    "bin/in.mpathd", "-f", env=host.environment, stdout=log, stderr=log)
    wait_until(lambda: host.tool("ipmpstat", "-g", check=False).returncode == 0, 10, "it answers")
    assert facts(host.daemon.pid)["CapEff"] - {IPC_LOCK} == {NET_ADMIN, NET_RAW}
    host.ifconfig("eth0", "plumb", "up")
    refused = host.tool("ifconfig", "ipmp0", "ipmp", check=False)
    assert refused.returncode == 1 and refused.stderr.startswith("ifconfig: cannot create IPMP interface ipmp0: ")
    has(host.log(), "started without cap_bpf, cap_perfmon: what needs that will fail")
    has(host.log(), "link failures may be noticed late")
    assert host.daemon.poll() is None


# As nobody: questions on thirty connections, as fast as they are answered; two hundred connections one after the
# other; half a request; answers that are never read.
HOSTILE = """
import json, os, socket, sys, time
os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.chdir(sys.argv[2])
def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("mpathd.sock")
    return connection
def request(method):
    return json.dumps({"method": "org.ipmp.Mpathd." + method, "parameters": {}}).encode() + b"\\0"
stalled = connect(); stalled.sendall(request("GetStatus")[:-9])
deaf = connect(); deaf.setblocking(False)
try:
    while True: deaf.send(request("GetStatus"))
except OSError: pass
print("ready", flush=True)
end, asked = time.monotonic() + float(sys.argv[1]), 0
quick = []
while time.monotonic() < end:
    quick = [each for each in quick if each.fileno() >= 0][-30:] + [connect()]
    for each in quick:
        each.settimeout(0.01)
        try:
            each.sendall(request("GetStatus") * 50)
            asked += each.recv(1 << 20).count(b"\\0")
        except OSError:
            each.close()
print(asked)
"""


@pytest.mark.timing
def test_D1_users_who_ask_without_end_delay_no_failover(lab, say):
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    switch = lab.switch()
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch)
    host.start_daemon()
    host.make_group("ipmp0", ["192.0.2.1/24", "192.0.2.2/24"])
    (host.ns.root / "run/ipmp").chmod(0o755)
    directory = os.open(host.ns.root / "run/ipmp", os.O_RDONLY)
    seconds, before = 4, pathlib.Path(f"/proc/{host.daemon.pid}/schedstat").read_text()
    began = time.monotonic()
    foes = [host.ns.popen(sys.executable, "-c", HOSTILE, seconds, f"/proc/self/fd/{directory}", text=True, stdout=-1,
                          pass_fds=[directory]) for _ in range(2)]
    try:
        for foe in foes:
            assert foe.stdout.readline() == "ready\n"
        answers_s = []
        for round_number in range(4):
            nic = f"eth{round_number % 2}"
            host.nics[nic].cut()
            asked = time.monotonic()
            host.wait_state(nic, "failed", 3)
            host.nics[nic].heal()
            host.wait_state(nic, "ok", 3)
            answers_s.append(time.monotonic() - asked)
    finally:
        os.close(directory)
        answered = sum(int(foe.communicate(timeout=30)[0]) for foe in foes)
    spent = (int(pathlib.Path(f"/proc/{host.daemon.pid}/schedstat").read_text().split()[0]) -
             int(before.split()[0])) / 1e9
    share = spent / (time.monotonic() - began)
    with Control(host) as control:
        counters = control.counters()
    say(f"{answered} answers to users in {seconds} s; daemon {100 * share:.0f} % of a core; root's cut and repair seen "
        f"in {max(answers_s):.2f} s at most; loop late by {counters['loop.lag_maximum_us']} us at most")
    assert answered > 100
    assert share < 0.25
    assert counters["loop.lag_over_100ms"] == 0
