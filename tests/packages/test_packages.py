"""What an administrator does with the packages: install, configure, boot, upgrade, remove, purge, and what traffic sees
of it, in a minimal Debian 12 without an init program. The host's NICs are taps to one switch."""

import re
import subprocess

import pytest
from debian_root import REPOSITORY, PackagedHost
from netns import wait_until

pytestmark = pytest.mark.long

OWN, OWN6, GATEWAY, PEER = "192.0.2.1", "2001:db8::1", "192.0.2.254", "198.51.100.9"
START = "/usr/lib/ipmp/start-without-systemd"
SETTINGS = ("rp_filter", "arp_ignore", "arp_announce", "promote_secondaries")


def deb(packages, name):
    [found] = packages.glob(f"{name}_*.deb")
    return found


def make_network(lab, root):
    switch, far = lab.switch(), lab.switch()
    host = PackagedHost(lab, root)
    for name in ("eth0", "eth1"):
        host.add_nic(name, "tap", switch)
    lab.router((switch, [f"{GATEWAY}/24"]), (far, ["198.51.100.1/24"]))
    host.peer = lab.peer(far, f"{PEER}/24")
    host.peer.ns.ip_batch("route add default via 198.51.100.1")
    return host


def kernel_of(host):
    links = sorted(link["ifname"] for link in host.ns.ip("link", "show"))
    settings = {(nic, name): host.ns.sysctl(f"ipv4/conf/{nic}/{name}") for nic in ("eth0", "eth1") for name in SETTINGS}
    filters = [host.ns.run("tc", "filter", "show", "dev", nic, "ingress").stdout for nic in ("eth0", "eth1")]
    return links, settings, filters, host.ns.run("ip", "rule", "show").stdout


def higher_version(packages, directory):
    """The package as it would be after a release in which a default setting changed, too."""
    tree = directory / "higher"
    subprocess.run(["dpkg-deb", "-R", deb(packages, "ipmp"), tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 0.1.1", control.read_text(), flags=re.MULTILINE))
    (tree / "etc/default/mpathd").write_text("# new defaults\n")
    path = directory / "ipmp_0.1.1.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, path], check=True, stdout=subprocess.DEVNULL)
    return path


def check_failover(host, meter):
    bound = host.inbound(OWN)
    host.nics[bound].cut()
    host.wait_state(bound, "failed")
    report = meter.wait_messages(300)
    assert report["error"] is None and host.inbound(OWN) not in ("", bound)
    host.nics[bound].heal()
    host.wait_state(bound, "ok", timeout_s=30)


def reboot(host):
    """Nothing is left of the running system but its files."""
    host.tool("ipmp", "stop", "--purge")
    host.power_off()
    for nic in host.nics:
        host.ns.ip_batch(f"addr flush dev {nic}", f"link set {nic} down")
    host.power_on()


def test_install_boot_failover_upgrade_remove_and_purge(lab, root, packages, tmp_path):
    before = root.files()
    root.install(deb(packages, "ipmp"))
    assert (root.path / "etc/group").read_text().count("\nipmp:") == 1
    assert not any((root.path / directory / "ifconfig").exists() for directory in ("sbin", "usr/sbin", "usr/bin"))
    host = make_network(lab, root)
    host.ns.ip_batch("link set eth0 up", f"addr add {OWN}/24 brd + dev eth0", f"route add default via {GATEWAY}")
    plain = kernel_of(host)
    assert host.peer.ping(OWN)

    # The host's address is on eth0, which joins; then what is configured is written and comes back at the next boot.
    host.write("etc/default/mpathd", "FAILURE_DETECTION_TIME=1000\nLINK_UPS_PER_MINUTE=0\n")
    host.write("etc/defaultrouter", GATEWAY + "\n")
    host.shell(START, "start")
    for nic, address in (("eth0", "192.0.2.20"), ("eth1", "192.0.2.21")):
        host.ifconfig(nic, "plumb", "up")
        host.ifconfig(nic, "addif", address + "/24", "-failover", "up")
        host.ifconfig(nic, "group", "ipmp0")
    host.wait_ok("ipmp0")
    host.tool("ipmp", "save")
    assert {"etc/hostname.ipmp0", "etc/hostname.eth0", "etc/hostname.eth1"} <= root.files()
    reboot(host)
    assert host.tool("ipmp", "status", check=False).returncode == 1
    host.shell(START, "start")
    host.tool("ipmp", "wait-online", "-t", "30")
    host.wait_ok("ipmp0")
    peer = host.peer
    wait_until(lambda: peer.ping(OWN), 10, "reachable after the boot")

    tcp = host.meter("tcp", OWN, peer)
    check_failover(host, tcp)

    # An upgrade of the daemon moves nothing and loses nothing; settings stay the administrator's.
    udp = host.meter("udp", OWN, peer)
    udp.wait_messages(200)
    former = host.daemon_pids()
    place = host.inbound(OWN)
    root_copy = root.path / "tmp/higher.deb"
    root_copy.write_bytes(higher_version(packages, tmp_path).read_bytes())
    host.shell("dpkg", "--force-confold", "-i", "/tmp/higher.deb")
    host.wait_ok("ipmp0")
    udp.wait_messages(500)
    report = udp.stop()
    assert report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0, report
    replaced = set(host.daemon_pids())
    assert len(replaced) == len(former) and not replaced & set(former) and host.inbound(OWN) == place
    assert "FAILURE_DETECTION_TIME=1000" in (root.path / "etc/default/mpathd").read_text()

    # Removed, the host is on a plain NIC, and its connections live on.
    host.shell("dpkg", "-r", "ipmp")
    tcp.wait_messages(300)
    report = tcp.stop()
    assert report["error"] is None and report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0
    assert not host.daemon_pids() and not (root.path / "usr/lib/inet/in.mpathd").exists()
    addresses = [info["local"] for link in host.ns.ip("addr", "show") for info in link["addr_info"]]
    assert OWN in addresses and peer.ping(OWN)
    assert kernel_of(host) == plain

    host.shell("apt-get", "-y", "purge", "ipmp")
    host.shell("sh", "-c", "rm /etc/hostname*.?* /etc/defaultrouter")  # the administrator's own
    left = {path for path in root.files() - before - {"etc/gshadow-"} if not owned_by_others(host, path)}
    assert left == set()
    assert "ipmp" not in host.shell("sh", "-c", "ls -A /run /run/netns /sys/fs/bpf", check=False).stdout
    assert "\nipmp:" not in (root.path / "etc/group").read_text()
    assert peer.ping(OWN)


def owned_by_others(host, path):
    """A library that came along, or its directory."""
    return host.shell("dpkg-query", "-S", "/" + path, check=False).returncode == 0


INTERFACES = f"""
auto lo eth0 ipmp0 eth1
iface lo inet loopback
iface eth0 inet manual
    ipmp-group ipmp0
    ipmp-test-address 192.0.2.20/24
iface ipmp0 inet static
    ipmp-group ipmp0
    address {OWN}/24
    gateway {GATEWAY}
iface ipmp0 inet6 static
    ipmp-group ipmp0
    address {OWN6}/64
    dad-attempts 0
iface eth1 inet manual
    ipmp-group ipmp0
    ipmp-standby yes
    ipmp-test-address 192.0.2.21/24
"""


def test_ifupdown_brings_groups_up_and_down(lab, root, packages):
    root.install("ifupdown", deb(packages, "ipmp"))
    host = make_network(lab, root)
    host.write("etc/network/interfaces", INTERFACES)
    host.write("etc/default/mpathd", "FAILURE_DETECTION_TIME=1000\nLINK_UPS_PER_MINUTE=0\nDUPLICATE_ADDRESS_PROBES=0\n")
    host.shell(START, "start")
    host.shell("ifup", "-a")
    host.wait_ok("ipmp0")
    shown = host.interfaces()
    assert {name: row["group"] for name, row in shown.items()} == {"eth0": "ipmp0", "eth1": "ipmp0"}
    assert shown["eth0"]["active"] == "yes" and "s" in shown["eth1"]["flags"]
    assert {OWN, OWN6} <= set(host.addresses())
    wait_until(lambda: host.peer.ping(OWN), 10, "reachable")
    targets = host._rows("-t", ("interface", "testaddr"))
    assert {name: row["testaddr"] for name, row in targets.items()} == {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}

    tcp = host.meter("tcp", OWN, host.peer)
    check_failover(host, tcp)
    host.shell("ifup", "--force", "eth0")  # once more changes nothing
    host.wait_ok("ipmp0")
    host.shell("ifdown", "eth0")
    assert set(host.interfaces()) == {"eth1"} and host.inbound(OWN) == "eth1"
    assert tcp.wait_messages(200)["error"] is None
    host.shell("ifup", "eth0")
    host.wait_ok("ipmp0")
    tcp.stop()
    host.shell("ifdown", "-a")
    assert sorted(link["ifname"] for link in host.ns.ip("link", "show")) == ["eth0", "eth1", "lo"]


def test_what_debian_would_test(lab, root, packages):
    """debian/tests in a root with the packages, as autopkgtest would run them."""
    ours = [deb(packages, name) for name in ("ipmp", "ipmp-exporter", "libipmp0", "libipmp-dev")]
    root.install(*ours, "curl", "gcc", "libc6-dev", "pkg-config")
    host = PackagedHost(lab, root)
    for name in ("exporter", "failover", "library"):
        (root.path / "tmp" / name).write_bytes((REPOSITORY / "debian/tests" / name).read_bytes())
        (root.path / "tmp" / name).chmod(0o755)
        print(host.shell(f"/tmp/{name}").stdout)
