"""The verbs of `ipmp` against the real daemon, as a script uses them: each is said twice, and means the same twice.

              eth0 --- switch --- peer 192.0.2.9
    host <     |
              eth1                 ipmp0: 192.0.2.1, 2001:db8::1
"""

import json
import re
from pathlib import Path

from netns import wait_until

DOCUMENTED = set(re.findall(r"`(\w+)`", (Path(__file__).resolve().parents[2] / "docs/JSON.md").read_text()))
DATA = ("192.0.2.1/24", "2001:db8::1/64")


class Native:
    def __init__(self, host):
        self.host = host

    def run(self, *words, code=0):
        result = self.host.tool("ipmp", *words, check=False)
        assert result.returncode == code, result
        assert code == 0 or len(result.stderr.splitlines()) == 1, result.stderr
        return result

    def twice(self, *words):
        """It changes something, and said again nothing."""
        assert [json.loads(self.run(*words, "-j").stdout) for _ in range(2)] == [
            {"version": 1, "changed": True}, {"version": 1, "changed": False}], words

    def show(self, *words):
        document = json.loads(self.run(*words, "-j").stdout)
        assert document.pop("version") == 1
        assert {field for rows in document.values() for row in rows for field in row} <= DOCUMENTED
        return document


def test_R_CMD_5_a_group_by_the_native_verbs_from_its_making_to_its_end(lab, host):
    ipmp = Native(host)
    ipmp.twice("group", "add", "ipmp0", "name", "ops", "policy", "tuple")
    ipmp.twice("member", "add", "eth0", "group", "ipmp0", "test-address", "192.0.2.20/24")
    ipmp.twice("member", "add", "eth1", "eth2", "group", "ops")
    ipmp.twice("member", "set", "eth2", "standby", "on")
    for address in DATA:
        ipmp.twice("address", "add", address, "dev", "ipmp0")
    host.wait_ok("ipmp0")
    peer = lab.peer(next(iter(host.nics.values())).switch, "192.0.2.9/24", "2001:db8::9/64")
    for address in DATA:
        wait_until(lambda: peer.ping(address.split("/")[0]), 5, f"{address} answers")

    group = ipmp.show("group", "show", "ipmp0")["groups"][0]
    assert (group["name"], group["policy"], group["families"]) == ("ops", "tuple", ["inet", "inet6"])
    assert (group["active"], group["inactive"]) == (["eth0", "eth1"], ["eth2"])
    addresses = {f"{a['address']}/{a['prefix_length']}": a for a in ipmp.show("address", "show")["addresses"]}
    assert {name: a["kind"] for name, a in addresses.items() if not name.startswith("fe80")} == {
        DATA[0]: "data", DATA[1]: "data", "192.0.2.20/24": "test"}
    assert addresses[DATA[0]]["inbound"] in ("eth0", "eth1") and addresses[DATA[0]]["up"] is True
    stat = json.loads(host.ipmpstat("-j", "-g"))
    assert stat == {"version": 1, "groups": [group]}
    members = ipmp.show("member", "show")["interfaces"]
    assert members == json.loads(host.ipmpstat("-ij"))["interfaces"]
    targets = json.loads(host.ipmpstat("-tj"))["targets"]
    assert [(t["interface"], t["mode"], t["test_address"]) for t in targets] == [
        ("eth0", targets[0]["mode"], "192.0.2.20"), ("eth1", "disabled", None), ("eth2", "disabled", None)]
    assert host.tool("ipmpstat", "-gj", "-o", "group", check=False).returncode == 1
    assert {m["interface"]: m["standby"] for m in members} == {"eth0": False, "eth1": False, "eth2": True}

    ipmp.twice("offline", "eth0")
    assert ipmp.show("member", "show", "eth0")["interfaces"][0]["state"] == "offline"
    ipmp.twice("online", "eth0")
    wait_until(lambda: peer.ping("192.0.2.1"), 5, "the address answers")

    assert "has members" in ipmp.run("group", "del", "ipmp0", code=1).stderr
    assert "no such group" in ipmp.run("member", "add", "eth0", "group", "ipmp7", code=1).stderr
    assert "in use on this host" in ipmp.run("address", "add", "192.0.2.1/24", "dev", "eth1", code=1).stderr
    assert "is missing" in ipmp.run("address", "add", "192.0.2.1/24", code=2).stderr
    ipmp.twice("address", "del", "192.0.2.20", "dev", "eth0")
    ipmp.twice("member", "del", "eth2")
    ipmp.twice("group", "del", "ipmp0", "-f")
    assert ipmp.show("group", "show") == {"groups": []}
    assert host.ns.run("ip", "-br", "link", "show", "ipmp0", check=False).returncode != 0


def test_R_CMD_5_the_verbs_of_solaris_11_do_the_same(host):
    ipmp = Native(host)
    ipmp.twice("adm", "create-ipmp", "-t", "-i", "eth0,eth1", "ipmp0")
    first = ["adm", "create-addr", "-T", "static", "-a", "192.0.2.1/24", "ipmp0"]
    assert [ipmp.run(*first).stdout for _ in range(2)] == ["ipmp0/v4\n"] * 2
    assert ipmp.run("adm", "create-addr", "-a", "192.0.2.20/24", "eth0/test").stdout == "eth0/v4.1\n"
    host.wait_ok("ipmp0")
    ipmp.twice("adm", "disable-if", "-t", "eth1")
    shown = ipmp.run("adm", "show-if").stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["IFNAME", "CLASS", "STATE", "ACTIVE", "OVER"], ["eth0", "ip", "unknown", "yes", "ipmp0"],
        ["eth1", "ip", "offline", "no", "ipmp0"], ["ipmp0", "ipmp", "degraded", "yes", "eth0", "eth1"]]
    ipmp.twice("adm", "enable-if", "-t", "eth1")
    objects = [line.split()[::3] for line in ipmp.run("adm", "show-addr").stdout.splitlines()]
    own = [words for words in objects if not words[1].startswith("fe80")]
    assert own == [["ADDROBJ", "ADDR"], ["ipmp0/v4", DATA[0]], ["eth0/v4.1", "192.0.2.20/24"]]
    for name in ("eth0/v4.1", "ipmp0/v4"):
        ipmp.twice("adm", "delete-addr", name)
    ipmp.twice("adm", "remove-ipmp", "-i", "eth0,eth1", "ipmp0")
    ipmp.twice("adm", "delete-ip", "eth0")
    ipmp.twice("adm", "create-ip", "eth0")
    ipmp.twice("adm", "delete-ipmp", "ipmp0")
    assert "see ipmp adm --help" in ipmp.run("adm", "create-vlan", "x", code=2).stderr
