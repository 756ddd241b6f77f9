"""Boot files, NICs that are missing or appear, and saving what is (R-DYN).

    host (eth0, eth1) --- switch --- peer 192.0.2.9, 2001:db8::9
"""

import contextlib
import json
import time

import pytest
from netns import PATIENCE, wait_until
from test_lifecycle import background_daemon, daemon_pid

PEER, PEER6 = "192.0.2.9", "2001:db8::9"
EXPLICIT = {
    "hostname.ipmp0": "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24\n",
    "hostname6.ipmp0": "ipmp group ops\naddif 2001:db8::1/64 up\n",
    "hostname.eth0": "group ops -failover 192.0.2.20/24\n",
    "hostname6.eth0": "group ops -failover up\n",
    "hostname.eth1": "group ops -failover standby 192.0.2.21/24\n",
    "hostname6.eth1": "group ops -failover\n",
}
IMPLICIT = {
    "hostname.eth0": "group ops -failover 192.0.2.20/24 up\naddif 192.0.2.1/24 up\n",
    "hostname.eth1": "group ops 192.0.2.2/24 up addif 192.0.2.21/24 -failover deprecated\n",
}


RUNNING, FAILED, INACTIVE, STANDBY, NOFAILOVER = 0x40, 0x10000000, 0x40000000, 0x20000000, 0x8000000


def is_link_local(row):
    return row["address"].startswith("fe80")


def address_of(row):
    return ("link-local",) if is_link_local(row) or row["address"] == "::" else (row["address"], row["prefix_length"])


class Site:
    """A host with files below etc, not booted yet."""

    def __init__(self, lab, files, nics=("eth0", "eth1"), **settings):
        self.switch, self.host = lab.switch(), lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0, **settings)
        for name in nics:
            self.plug(name)
        self.peer = lab.peer(self.switch, f"{PEER}/24", f"{PEER6}/64")
        self.etc = self.host.ns.root / "etc"
        self.write(files)

    def plug(self, name):
        return self.host.add_nic(name, "veth", self.switch)

    def write(self, files):
        for name, content in files.items():
            (self.etc / name).write_text(content)

    def ipmp(self, *words, code=0):
        result = self.host.tool("ipmp", *words, check=False)
        assert result.returncode == code, result
        return result

    def restart(self):
        """As a reboot: nothing is left of what was configured but the files."""
        self.ipmp("stop", "--purge")
        (self.host.ns.root / "run/ipmp/state.json").unlink()
        for name in self.host.nics:
            self.host.ns.ip_batch(f"link set {name} down", f"addr flush dev {name}")

    def begin_anew(self, files, nics):
        """Another host in its place: these files, and these NICs."""
        if daemon_pid(self.host):
            self.restart()
        for name in list(self.host.nics):
            self.host.nics.pop(name).delete()
        self.peer.ns.run("ip", "neigh", "flush", "all")  # those NICs were others
        for former in [*self.etc.glob("hostname.*"), *self.etc.glob("hostname6.*")]:
            former.unlink()
        for name in nics:
            self.plug(name)
        self.write(files)

    def boot(self, code=0):
        return self.ipmp("boot", code=code)

    def status(self):
        return json.loads(self.ipmp("status", "--json").stdout)

    def configuration(self):
        """What stays the same as long as nobody configures anything: of each interface its group, flags and addresses.
        The kernel's link-local addresses come and go with links; they count if they are test addresses."""
        def logicals(family):
            return [(row["flags"] & ~(RUNNING | FAILED | INACTIVE), *address_of(row))
                    for row in (family or {"logicals": []})["logicals"]
                    if row["flags"] & NOFAILOVER or row["address"] != "::" and not is_link_local(row)]

        return {row["name"]: (row["group_name"], logicals(row.get("inet")), logicals(row.get("inet6")))
                for row in self.status()["plumbed"] if row["name"] != "lo"}

    def data_addresses(self):
        stubs = ("0.0.0.0", "::")
        return {address for address in self.host.addresses() if address not in stubs and not address.startswith("fe80")}

    def reachable(self, *addresses):
        for address in addresses:
            wait_until(lambda: self.peer.ping(address), 10, f"{address} answers")


@contextlib.contextmanager
def booted(lab, files, **options):
    site = Site(lab, files, **options)
    with background_daemon(site.host):
        yield site


def test_R_DYN_1_R_DYN_3_R_DET_14_boot_twice_and_a_nic_that_comes_late(lab):
    """Explicit group, both families, eth1 missing at first, shown as failed (R-DET-14) and plugged in afterwards."""
    with booted(lab, {**EXPLICIT, "defaultrouter": f"{PEER}\n"}, nics=["eth0"]) as site:
        first = site.boot()
        assert first.stdout == ("configuring IPMP IPv4 interfaces: ipmp0.\nconfiguring IPMP IPv6 interfaces: ipmp0.\n"
                                "configuring IPv4 interfaces: eth0.\nconfiguring IPv6 interfaces: eth0.\n")
        assert first.stderr.splitlines() == [
            "Failed to plumb IPv4 interface(s): eth1", "Failed to plumb IPv6 interface(s): eth1",
            "moving addresses from failed IPv4 interfaces: eth1 (moved to ipmp0)",
            "moving addresses from failed IPv6 interfaces: eth1 (moved to ipmp0)"]
        site.reachable("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.20")
        assert [route["gateway"] for route in site.host.ns.ip("route", "show", "default")] == [PEER]
        group, member = site.host.groups()["ipmp0"], site.host.interfaces()["eth1"]
        assert (group["state"], group["interfaces"]) == ("degraded", "eth0 [eth1]")
        assert {name: member[name] for name in ("active", "group", "flags", "link", "state")} == {
            "active": "no", "group": "ipmp0", "flags": "-s---d-", "link": "down", "state": "failed"}
        before = site.configuration()
        site.boot()
        assert site.configuration() == before
        site.ipmp("stop")
        site.host.ifconfig("eth0", "up")
        assert site.host.groups()["ipmp0"]["interfaces"] == "eth0 [eth1]", "the next daemon expects it, too"
        site.plug("eth1")
        wait_until(lambda: site.host.groups()["ipmp0"]["interfaces"] == "eth0 (eth1)", 15, "eth1 is a standby")
        site.reachable("192.0.2.21")
        wait_until(lambda: len(site.configuration()["eth1"][2]) == 1, 5, "its IPv6 test address is one")
        before = site.configuration()
        assert before["eth1"][1][0][1:] == ("192.0.2.21", 24)
        assert before["eth1"][2] == [(before["eth0"][2][0][0] | STANDBY, "link-local")]
        site.boot()
        assert site.configuration() == before


def test_R_DYN_2_R_DYN_3_data_addresses_of_missing_nics_are_hosted_by_the_group(lab):
    """Implicit group; all NICs are missing, then come one after the other: acceptance 15."""
    with booted(lab, IMPLICIT, nics=[]) as site:
        result = site.boot()
        assert result.stderr.splitlines()[-1] == (
            "moving addresses from failed IPv4 interfaces: eth0 (moved to ipmp0) eth1 (moved to ipmp0)")
        assert site.data_addresses() == {"192.0.2.1", "192.0.2.2"}
        for number in range(2):
            site.plug(f"eth{number}")
            wait_until(lambda: f"eth{number}" in site.host.groups()["ipmp0"]["interfaces"], 15, "it has joined")
            site.reachable("192.0.2.1", "192.0.2.2", f"192.0.2.2{number}")
        wait_until(lambda: site.host.groups()["ipmp0"]["state"] == "ok", 15, "the group is ok")
        assert site.data_addresses() == {"192.0.2.1", "192.0.2.2"}
        before = site.configuration()
        assert before["eth1"][1][1] == (0x9040803, "192.0.2.21", 24)  # NOFAILOVER, DEPRECATED, UP
        site.boot()
        assert site.configuration() == before


@pytest.mark.timing
def test_R_DYN_1_fifty_addresses_boot_in_two_seconds(lab, say):
    """The link is asked for each, as by default, and for all of them at the same time."""
    members = {name: "group ops\nup\n" for name in ("hostname.eth0", "hostname.eth1")}
    with booted(lab, {"hostname.ipmp0": "ipmp group ops\n\n", **members}, DUPLICATE_ADDRESS_PROBES=3) as site:
        site.boot()
        site.host.wait_ok("ipmp0")
        fifty = {f"192.0.2.{100 + number}" for number in range(50)}
        site.write({"hostname.ipmp0": "ipmp group ops\n" + "".join(f"addif {one}/24 up\n" for one in sorted(fifty))})
        began = time.monotonic()
        site.boot()
        took = time.monotonic() - began
        say(f"boot with 50 data addresses: {took:.2f} s")
        used = {info["local"] for info in site.host.ns.ip("addr", "show", "dev", "ipmp0")[0]["addr_info"]}
        assert fifty <= used  # when it returns they may be used
        assert 0.4 < took <= 2 * PATIENCE


def test_R_DYN_1_bad_files_are_named_and_stop_no_other(lab):
    files = {**EXPLICIT, "hostname.eth7~": "up\n", "hostname.a/b0".replace("/", "\n"): "up\n"}
    with booted(lab, files) as site:
        (site.etc / "hostname.eth2").mkdir()
        (site.etc / "hostname.eth3").write_bytes(bytes(range(256)) * 100)
        (site.etc / "hostname.eth4").write_text("x" * 300_000)
        (site.etc / "hostname.eth5").symlink_to("/dev/zero")
        (site.etc / "hostname6.eth1").write_text("group ops -failover\nnetmask 255.0.0.0\n")
        result = site.boot(code=1)
        errors = result.stderr.replace(str(site.etc), "/etc").splitlines()
        for line in ("ipmp: /etc/hostname.eth7~: ignored, as names of interfaces end in a digit",
                     "ipmp: /etc/hostname.a?b0: ignored, as it names no interface",
                     "ipmp: /etc/hostname.eth2: is no regular file",
                     "ipmp: /etc/hostname.eth3: line 1 holds a control character, it is left out",
                     "ipmp: /etc/hostname.eth4: is too long", "ipmp: /etc/hostname.eth5: is no regular file",
                     "Failed to plumb IPv4 interface(s): eth3",
                     "ipmp: /etc/hostname6.eth1: ifconfig: Operation netmask not supported for inet6",
                     "Failed to configure IPv6 interface(s): eth1"):
            assert line in errors, (line, errors)
        site.reachable("192.0.2.1", "2001:db8::1", "192.0.2.20", "192.0.2.21")


def test_R_DYN_1_what_is_saved_is_what_boots(lab):
    with booted(lab, {"hostname.eth0": "group ops -failover 192.0.2.20/24\n", "hostname.ipmp7": "ipmp\n"}) as site:
        site.boot()
        host = site.host
        host.ifconfig("ipmp7", "unplumb")
        host.ifconfig("ipmp0", "group", "my ops")
        host.ifconfig("ipmp0", "192.0.2.1/24", "up", "addif", "192.0.2.2/25", "deprecated", "up",
                      "addif", "192.0.2.3/24")
        host.ifconfig("ipmp0", "inet6", "plumb", "addif", "2001:db8::1/64", "up")
        host.ifconfig("eth1", "plumb", "group", "my ops", "192.0.2.21/24", "-failover", "standby", "up")
        host.ifconfig("eth1", "inet6", "plumb", "-failover", "up")
        host.wait_ok("ipmp0")

        before = site.configuration()
        said = site.ipmp("save").stdout.replace(str(site.etc), "/etc").splitlines()
        assert said == [f"/etc/hostname.{name} written" for name in ("eth0", "eth1", "ipmp0")] + [
            "/etc/hostname.ipmp7 removed", "/etc/hostname6.eth0 written", "/etc/hostname6.eth1 written",
            "/etc/hostname6.ipmp0 written", "former files: /etc/ipmp/former"]
        former = site.etc / "ipmp/former"
        assert {file.name: file.read_text() for file in former.iterdir()} == {
            "hostname.eth0": "group ops -failover 192.0.2.20/24\n", "hostname.ipmp7": "ipmp\n"}
        assert (site.etc / "hostname.eth1").read_text() == "group my\\ ops standby\n192.0.2.21/24 -failover up\n"
        assert site.ipmp("save").stdout == ""
        host.ns.run("ip", "route", "add", "default", "via", "192.0.2.254", "dev", "ipmp0")
        assert site.ipmp("save").stderr == ("ipmp: the default route by 192.0.2.254 is not saved: it belongs in "
                                            "/etc/defaultrouter\n")
        (site.etc / "defaultrouter").write_text("192.0.2.254\n")
        assert site.ipmp("save").stderr == ""
        site.restart()
        site.boot()
        host.wait_ok("ipmp0")
        wait_until(lambda: site.configuration() == before, 10, "the same is configured again")
        site.reachable("192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.20", "192.0.2.21")


def test_R_DYN_1_a_save_that_fails_leaves_the_files(lab):
    files = {"hostname.eth0": "group ops up\n", "hostname.eth1": "group ops up\n"}
    with booted(lab, files) as site:
        site.boot()
        (site.etc / "hostname6.ipmp0").mkdir()
        assert "is no regular file; nothing was saved" in site.ipmp("save", code=1).stderr
        (site.etc / "hostname6.ipmp0").rmdir()
        (site.etc / "ipmp").write_text("in the way")
        assert site.ipmp("save", code=1).stderr.endswith("the files are as they were\n")
        assert {name: (site.etc / name).read_text() for name in files} == files
        assert not (site.etc / "hostname.ipmp0").exists()
