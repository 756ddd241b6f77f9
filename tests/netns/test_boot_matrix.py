"""Twelve boots of one host: which NICs are there, how files are written, families, and who makes the group. All 48
combinations run on the engine in tests/sim/boot_matrix_test.cpp; here a sample in which each two of the four meet, with
the real daemon, kernel and commands.

    host (eth0, eth1) --- switch --- peer 192.0.2.9, 2001:db8::9
"""

from netns import wait_until
from test_boot import booted

# NICs at boot, lines of a file, families, explicit group
BOOTS = [
    ("all", "one", "4", True), ("all", "several", "6", False), ("all", "one", "46", False),
    ("one", "several", "4", False), ("one", "one", "6", True), ("one", "several", "46", True),
    ("none", "one", "4", False), ("none", "several", "6", True), ("none", "one", "46", True),
    ("later", "several", "4", True), ("later", "one", "6", False), ("later", "several", "46", False),
]


def files_of(lines, families, explicit):
    end = "\n" if lines == "one" else "\nup\n"
    up = "" if lines == "one" else " up"
    files = {}
    if explicit and "4" in families:
        files["hostname.ipmp0"] = "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24 up" + end
    if explicit and "6" in families:
        files["hostname6.ipmp0"] = "ipmp group ops addif 2001:db8::1/64 up" + end
    for number in range(2):
        test = f"192.0.2.2{number}/24 -failover{up}"
        data = f"group ops 192.0.2.1{number}/24 up addif {test}" if not explicit else f"group ops -failover {test}"
        data6 = "" if explicit else f" addif 2001:db8::1{number}/64 up"
        if "4" in families:
            files[f"hostname.eth{number}"] = data + end
        if "6" in families:
            files[f"hostname6.eth{number}"] = "group ops -failover up" + data6 + end
    return files


def data_addresses_of(families, explicit):
    per_family = {"4": ["192.0.2.1", "192.0.2.2"], "6": ["2001:db8::1"]} if explicit else {
        "4": ["192.0.2.10", "192.0.2.11"], "6": ["2001:db8::10", "2001:db8::11"]}
    return {address for family in families for address in per_family[family]}


def check(site, there, families, explicit):
    missing = [name for name in ("eth0", "eth1") if name not in there]
    state = "ok" if not missing else "degraded" if there else "failed"
    interfaces = " ".join(there + ([f"[{' '.join(missing)}]"] if missing else []))

    def is_so():
        group = site.host.groups()["ipmp0"]
        return (group["state"], group["interfaces"]) == (state, interfaces)

    wait_until(is_so, 15, f"{state}: {interfaces}")
    assert set(site.host.groups()) == {"ipmp0"} and site.host.groups()["ipmp0"]["groupname"] == "ops"
    data = data_addresses_of(families, explicit)
    assert site.data_addresses() == data
    if there:
        tests = {f"192.0.2.2{name[-1]}" for name in there} if "4" in families else set()
        site.reachable(*data, *tests)


def missing_message(families, names):
    moved = " ".join(f"{name} (moved to ipmp0)" for name in names)
    return [f"moving addresses from failed IPv{family} interfaces: {moved}" for family in families]


def test_R_DYN_1_R_DYN_2_R_DYN_3_R_DET_14_boot_matrix(lab):
    with booted(lab, {}, nics=[]) as site:
        for nics, lines, families, explicit in BOOTS:
            there = {"all": ["eth0", "eth1"], "one": ["eth1"], "none": [], "later": ["eth0"]}[nics]
            missing = [name for name in ("eth0", "eth1") if name not in there]
            site.begin_anew(files_of(lines, families, explicit), there)
            told = site.boot().stderr.splitlines()
            assert [line for line in told if line.startswith("moving")] == (
                missing_message(families, missing) if missing else []), (nics, lines, families, explicit)
            check(site, there, families, explicit)
            if nics == "later":
                site.plug("eth1")
                check(site, ["eth0", "eth1"], families, explicit)
