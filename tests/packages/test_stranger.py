"""A stranger's path (issue: administration): a Debian 12 host in use, whose eth0 has its address from ifupdown or
systemd-networkd, becomes one with a working group of two NICs with probes by docs/guides/start.md and nothing else. A
session that was there before is never lost; a cut costs it nothing; and all is there again after a boot.

Shown below a real systemd in the emulated machine (stranger.sh), which boots twice; and of ifupdown, which needs no
systemd, more and faster in a namespace of the laboratory.
"""

import base64
import io
import shlex
import shutil
import subprocess
import tarfile

import pytest
from debian_root import REPOSITORY
from guide import Reader, status_of, steps
from netns import build_dir, wait_until
from test_packages import GATEWAY, OWN, check_failover, deb, make_network, reboot
from test_systemd import NICS

pytestmark = pytest.mark.long

GUIDE, BACK = (REPOSITORY / "docs/guides/start.md").read_text().split("## Back again")
SETTINGS = "FAILURE_DETECTION_TIME=1000\nLINK_UPS_PER_MINUTE=0\nDUPLICATE_ADDRESS_PROBES=0\n"
SECOND = "192.0.2.2"
TEST_ADDRESSES = {"eth0": "192.0.2.21", "eth1": "192.0.2.22"}

INTERFACES_BEFORE = f"""
auto lo eth0
iface lo inet loopback
iface eth0 inet static
    address {OWN}/24
    gateway {GATEWAY}
"""


class PackagedReader(Reader):
    def __init__(self, host):
        super().__init__(host, host.root.path)

    def run(self, command):
        return self.host.shell("bash", "-c", command, check=False)


def is_whole(host):
    """As the guide left it: the group with its addresses, its default route, and its probes."""
    host.wait_ok("ipmp0")
    assert {OWN, SECOND} <= set(host.addresses())
    targets = host._rows("-t", ("interface", "testaddr", "targets"))
    assert {name: (row["testaddr"], row["targets"]) for name, row in targets.items()} == {
        name: (address, GATEWAY) for name, address in TEST_ADDRESSES.items()}
    [route] = host.ns.ip("route", "show", "default")
    assert (route["dev"], route["gateway"]) == ("ipmp0", GATEWAY)


def lost_nothing(session):
    session.wait_messages(200)
    report = session.stop()
    assert report["error"] is None
    for way in ("a_to_b", "b_to_a"):
        assert report[way]["missing"] == report[way]["duplicated"] == 0, report


def test_R_DYN_1_a_stranger_with_ifupdown(lab, root, packages):
    root.install("ifupdown")
    host = make_network(lab, root)
    host.write("etc/network/interfaces", INTERFACES_BEFORE)
    host.shell("ifup", "-a")
    wait_until(lambda: host.peer.ping(OWN), 10, "the host is in use")
    session = host.meter("tcp", OWN, host.peer)
    session.wait_messages(100)

    root.install(deb(packages, "ipmp"))
    host.write("etc/default/mpathd", SETTINGS)
    assert PackagedReader(host).read(GUIDE, "ifupdown") > 15
    is_whole(host)
    check_failover(host, session)
    known = host.shell("ifquery", "--state").stdout.split()
    assert set(known) == {"lo=lo", "eth0=eth0", "eth1=eth1", "ipmp0=ipmp0"}
    host.shell("ifdown", "ipmp0")
    assert "ipmp0" not in {link["ifname"] for link in host.ns.ip("link", "show")}
    host.shell("ifup", "ipmp0")
    is_whole(host)
    for down in (["-a"], ["eth0", "eth1", "ipmp0"]):  # as "systemctl restart networking" does, and the other way round
        host.shell("ifdown", *down)
        assert sorted(link["ifname"] for link in host.ns.ip("link", "show")) == ["eth0", "eth1", "lo"]
        host.shell("ifup", "-a")
        is_whole(host)
    lost_nothing(session)

    reboot(host)
    host.shell("ifup", "-a")
    is_whole(host)
    wait_until(lambda: host.peer.ping(OWN), 10, "reachable after the boot")
    session = host.meter("tcp", OWN, host.peer)
    check_failover(host, session)
    PackagedReader(host).read(BACK)
    lost_nothing(session)


NETWORK_BEFORE = f"[Match]\nName=eth0\n\n[Network]\nAddress={OWN}/24\nGateway={GATEWAY}\n"


def as_script(text, who):
    """What the guide says, in the words of stranger.sh."""
    lines = []
    for step, wanted in steps(text, who):
        what, _, rest = step.partition(" ")
        if wanted is not None:
            lines.append(shlex.join(["follow", step, str(status_of(step)), *wanted]))
        elif what == "file":
            name, _, content = rest.partition("\n")
            lines.append(f"cat >{name} <<'END'\n{content}\nEND")
        else:
            lines.append(step)
    return "\n".join(lines) + "\n"


def run_machine(root, *words):
    machine = subprocess.run([REPOSITORY / "scripts/vm.sh", "-r", root.path, "-t", "900", "/stranger.sh", *words],
                             capture_output=True, text=True)
    told, _, files = machine.stdout.partition("== /etc\n")
    print(told, machine.stderr)
    assert machine.returncode == 0 and "== all is well" in told
    return files


def put_etc(root, files):
    """What the machine had in /etc when it was switched off: all it writes is gone afterwards."""
    shutil.rmtree(root.path / "etc")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(files))) as archive:
        archive.extractall(root.path)


BEFORE = {"systemd-networkd": ("etc/systemd/network/lan.network", NETWORK_BEFORE),
          "ifupdown": ("etc/network/interfaces", INTERFACES_BEFORE)}


@pytest.mark.parametrize("manager", BEFORE)
def test_R_DYN_1_a_stranger_with_systemd_and(manager, root, packages):
    if subprocess.run([REPOSITORY / "scripts/bootstrap.sh", "vm"]).returncode != 0:
        pytest.skip("there is no emulated machine here")
    further = ["ifupdown"] if manager == "ifupdown" else []
    root.install("systemd", "systemd-sysv", "udev", "kmod", "dbus", *further, deb(packages, "ipmp"))
    files = dict([BEFORE[manager]]) | {
        "etc/systemd/system/nics.service": NICS.replace("192.0.2.9", GATEWAY),
        "etc/default/mpathd": SETTINGS,
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
        "guide": as_script(GUIDE, manager),
        "back": as_script(BACK, manager),
    }
    for path, text in files.items():
        (root.path / path).write_text(text)
    (root.path / "etc/systemd/system/multi-user.target.wants/nics.service").symlink_to("../nics.service")
    if manager == "systemd-networkd":
        subprocess.run(["chroot", root.path, "systemctl", "enable", "systemd-networkd.service"], check=True)
    for script in ("in_machine.sh", "stranger.sh"):
        shutil.copy(REPOSITORY / "tests/packages" / script, root.path)
    shutil.copy(build_dir() / "lab/meter", root.path)
    put_etc(root, run_machine(root, manager, "first"))
    run_machine(root, manager, "rebooted")
