"""Nonsense from the command line: one clear line each, exit status 1, and nothing half done."""

import json

import pytest
from netns import wait_until

LONG_NAME = "sixteen_bytes_xx"


@pytest.fixture
def host(lab):
    host = lab.host()
    host.add_nic("eth0", "veth", lab.switch())
    host.start_daemon()
    host.ifconfig("eth0", "plumb", "up")
    host.ifconfig("ipmp0", "ipmp")
    wait_until(lambda: "tentative" not in host.ns.run("ip", "addr").stdout and not host.ns.has_carrier("ipmp0"), 5,
               "nothing changes by itself any more")
    return host


def test_R_CMD_1_bad_words_change_nothing(host):
    def everything():
        status = json.loads(host.tool("ipmp", "status", "--json").stdout)
        return status, host.ns.run("ip", "addr").stdout, (host.ns.root / "run/ipmp/state.json").read_text()

    cases = [
        (["nosuch0", "up"], "setifflags: SIOCSLIFFLAGS: nosuch0: no such interface"),
        (["nosuch0", "plumb"], "cannot plumb nosuch0: Interface does not exist"),
        (["nosuch0", "unplumb"], "cannot unplumb nosuch0: Interface does not exist"),
        (["nosuch0", "group", "a"], "nosuch0: SIOCSLIFGROUPNAME: no such interface"),
        (["nosuch0", "192.0.2.1"], "SIOCSLIFADDR: nosuch0: no such interface"),
        (["nosuch0", "addif", "192.0.2.1"], "addif: nosuch0: no such interface"),
        (["nosuch0", "standby"], "setifflags: SIOCSLIFFLAGS: nosuch0: no such interface"),
        (["eth0:7", "up"], "setifflags: SIOCSLIFFLAGS: eth0:7: no such interface"),
        ([LONG_NAME, "ipmp"], f"{LONG_NAME}: interface name too long"),
        ([LONG_NAME], f"{LONG_NAME}: interface name too long"),
        (["", "up"], ": no such interface"),
        ([""], ": no such interface"),
        (["a/b", "ipmp"], "a/b: no such interface"),
        (["a b", "ipmp"], "a b: no such interface"),
        (["eth0:", "up"], "eth0:: no such interface"),
        (["eth0:-1", "up"], "eth0:-1: no such interface"),
        (["eth0", ""], ": bad address"),
        (["eth0", "192.0.2.256"], "192.0.2.256: bad address"),
        (["eth0", "inet", "fe80::1"], "fe80::1: bad address"),
        (["eth0", "inet6", "2001:db8::1::2"], "2001:db8::1::2: bad address"),
        (["eth0", "192.0.2.1/33"], "Bad prefix length in 192.0.2.1/33"),
        (["eth0", "192.0.2.1/"], "Bad prefix length in 192.0.2.1/"),
        (["eth0", "192.0.2.1/-1"], "Bad prefix length in 192.0.2.1/-1"),
        (["eth0", "inet6", "2001:db8::1/129"], "Bad prefix length in 2001:db8::1/129"),
        (["eth0", "192.0.2.1", "netmask", "255.0.255.0"], "255.0.255.0: bad address"),
        (["eth0", "192.0.2.1", "netmask", ""], ": bad address"),
        (["eth0", "224.0.0.1/24"], "SIOCSLIFADDR: eth0: Invalid argument"),
        (["eth0", "inet6", "ff02::1/64"], "SIOCSLIFADDR: eth0: Invalid argument"),
        (["eth0", "addif", "300.1.1.1"], "300.1.1.1: bad address"),
        (["eth0", "addif"], "no argument for addif"),
        (["eth0", "group"], "no argument for group"),
        (["eth0", "group", "g" * 32], "eth0: SIOCSLIFGROUPNAME: group name too long"),
        (["eth0", "group", "a\nb"], "eth0: SIOCSLIFGROUPNAME: Invalid argument"),
        (["ipmp0", "group", ""], "ipmp0: SIOCSLIFGROUPNAME: Invalid argument"),
        (["ipmp0", "ipmp"], "cannot create IPMP interface ipmp0: Interface already exists"),
        (["eth0", "ipmp"], "cannot create IPMP interface eth0: Interface already exists"),
        (["ipmp0", "standby"], "setifflags: SIOCSLIFFLAGS: ipmp0: Invalid argument"),
        (["ipmp0", "-failover"], "setifflags: SIOCSLIFFLAGS: ipmp0: Invalid argument"),
        (["eth0", "removeif", "192.0.2.9"], "removeif: eth0: no such interface"),
        (["eth0", "1.2.3.4", "1.2.3.5", "1.2.3.6"], "cannot configure more than two addresses in one command"),
        (["-x", "up"], "-x: no such interface"),
    ]
    before = everything()
    for words, text in cases:
        result = host.tool("ifconfig", *words, check=False)
        assert (result.returncode, result.stderr, result.stdout) == (1, f"ifconfig: {text}\n", ""), words
        assert everything() == before, words


def test_R_CMD_2_bad_words_of_the_other_tools(host):
    cases = [
        ("if_mpadm", ["-d", LONG_NAME], f"if_mpadm: fatal: cannot get interface flags on {LONG_NAME}: "
                                        "No such device or address"),
        ("if_mpadm", ["-d", ""], "if_mpadm: fatal: cannot get interface flags on : No such device or address"),
        ("if_mpadm", ["-d"], "Usage: if_mpadm [-d | -r] <interface>"),
        ("if_mpadm", ["-q", "eth0"], "Usage: if_mpadm [-d | -r] <interface>"),
        ("ipmpstat", ["-gPo", ""], "ipmpstat: output fields must be specified in parsable mode"),
        ("ipmpstat", ["-gPo", "group,,nonsense"], "ipmpstat: unknown output field: `nonsense'"),
        ("ipmp", [""], "ipmp: The following argument was not expected: ; see ipmp --help"),
        ("ipmp", ["status", "--yaml"], "ipmp: The following argument was not expected: --yaml; see ipmp --help"),
    ]
    for tool, words, text in cases:
        result = host.tool(tool, *words, check=False)
        assert (result.returncode, result.stderr, result.stdout) == (1, text + "\n", ""), (tool, words)
