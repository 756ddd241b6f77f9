"""NICs are taken out under traffic, and come back (R-DYN-4, R-DYN-5, R-DYN-6).

    host (eth0, eth1, eth2) --- switch --- peer 192.0.2.9
"""

import contextlib
import json
import os
import signal

import pytest
from netns import wait_until
from test_boot import booted
from test_lifecycle import daemon_pid

FILES = {
    "hostname.ipmp0": "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24\n",
    **{f"hostname.eth{n}": f"group ops -failover 192.0.2.2{n}/24\n" for n in range(2)},
}
USED_AGAIN_S = 60  # a busy machine answers probes late, which stretches the detection time and so the repair


def members(host):
    return host.groups()["ipmp0"]["interfaces"].split()


def has_addresses(host, nic):
    return [info["local"] for info in host.ns.ip("addr", "show", "dev", nic)[0]["addr_info"]]


def ready(site, names):
    site.boot()
    wait_until(lambda: members(site.host) == names and site.host.groups()["ipmp0"]["state"] == "ok", 15, "all are used")


def test_R_DYN_4_R_DYN_5_two_nics_of_one_card_go_and_come_together(lab):
    names = ["eth0", "eth1", "eth2"]
    files = {**FILES, "hostname.eth2": "group ops -failover 192.0.2.22/24\n"}
    with booted(lab, files, nics=names) as site:
        ready(site, names)
        host = site.host
        before = site.configuration()
        told = site.ipmp("detach", *names, code=1).stderr
        assert told == ("ipmp: IP: Device consumers prohibit offline(eth0): no other functioning interface is in group "
                        "ops; -f detaches it all the same\n")
        dry = site.ipmp("detach", "--dry-run", "eth1", "eth0").stdout
        assert dry == ("eth0: would be detached from group ops, eth2 carries on; test addresses removed: 192.0.2.20\n"
                       "eth1: would be detached from group ops, eth2 carries on; test addresses removed: 192.0.2.21\n")
        assert site.configuration() == before
        meter = host.meter("tcp", "192.0.2.1", site.peer)
        meter.wait_messages(200)
        assert site.ipmp("detach", "eth0", "eth1").stdout == dry.replace("would be ", "")
        assert members(host) == ["eth2"] and not host.ns.link("eth0")["flags"].count("UP")
        assert has_addresses(host, "eth0") == has_addresses(host, "eth1") == []
        meter.wait_messages(200)
        told = site.ipmp("detach", "eth2", code=1).stderr
        assert told.startswith("ipmp: IP: Device consumers prohibit offline(eth2)")
        assert site.ipmp("detach", "eth0", "nosuch0").stdout == "eth0: not in use\nnosuch0: not in use\n"
        assert site.ipmp("attach", "eth1", "eth0").stdout == "eth1: restored\neth0: restored\n"
        wait_until(lambda: members(host) == names, 15, "both are back")
        wait_until(lambda: site.configuration() == before, 5, "all is as it was")
        assert site.ipmp("attach", "eth0").stdout == "eth0: is configured already\n"
        meter.wait_messages(200)
        report = meter.stop()
        assert report["error"] is None and report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0


def test_R_DYN_4_the_last_one_goes_if_forced_and_the_group_keeps_its_addresses(lab):
    """Checks acceptance 16 of the reference, with a NIC outside a group as well."""
    with booted(lab, {**FILES, "hostname.eth1": "198.51.100.5/24\n"}) as site:
        ready(site, ["eth0"])
        host = site.host
        for nic, why in (("eth0", "no other functioning interface is in group ops"), ("eth1", "not in an IPMP group")):
            assert site.ipmp("detach", nic, code=1).stderr == (
                f"ipmp: IP: Device consumers prohibit offline({nic}): {why}; -f detaches it all the same\n")
        assert site.ipmp("detach", "-f", "eth0", "eth1").stdout == (
            "eth0: detached from group ops, which keeps its data addresses but has failed; "
            "test addresses removed: 192.0.2.20\neth1: detached, together with 198.51.100.5\n")
        assert host.groups()["ipmp0"]["state"] == "failed"
        assert {"192.0.2.1", "192.0.2.2"} <= set(has_addresses(host, "ipmp0"))
        assert site.ipmp("attach", "nosuch0", code=1).stderr == "ipmp: IP: No such device(nosuch0)\n"
        assert site.ipmp("attach", "eth0", "eth1").stdout == "eth0: restored\neth1: restored\n"
        host.wait_ok("ipmp0")
        site.reachable("192.0.2.1", "192.0.2.2", "192.0.2.20")
        assert "198.51.100.5" in has_addresses(host, "eth1")


def test_R_DYN_5_what_was_detached_is_known_to_the_next_daemon(lab):
    with booted(lab, FILES) as site:
        ready(site, ["eth0", "eth1"])
        before = site.configuration()
        site.ipmp("detach", "eth1")
        pid = daemon_pid(site.host)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "the daemon has died")
        state = json.loads((site.host.ns.root / "run/ipmp/state.json").read_text())
        assert state["state"]["interfaces"]["eth1"]["detached"]["done"]
        for name in FILES:  # they are not needed for that
            (site.etc / name).unlink()
        assert site.ipmp("attach", "eth1").stdout == "eth1: restored\n"
        wait_until(lambda: members(site.host) == ["eth0", "eth1"], 15, "it is back")
        wait_until(lambda: site.configuration() == before, 5, "all is as it was")
        site.ipmp("detach", "eth1")
        site.host.nics["eth1"].delete()
        site.plug("eth1")
        told = site.ipmp("attach", "eth1", code=1).stderr
        assert told == "ipmp: IP: Failed configuring one or more IP addresses(eth1): it has no hostname file\n"


def descriptors(pid):
    """What the open descriptors of a process are; some come and go all the time."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{fd}")


def usage(host):
    """(descriptors, kilobytes of memory) of the daemon, and how many BPF programs and maps it holds: when it rests."""
    pid = daemon_pid(host)
    samples = [list(descriptors(pid)) for _ in range(10)]
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status").read().splitlines())
    return min(map(len, samples)), int(status["VmRSS"].split()[0]), min(str(sample).count("bpf") for sample in samples)


def replace_again_and_again(lab, say, rounds):
    """Detached, unplugged, plugged in as another NIC that has, or gets, that name, and configured from its files by the
    daemon; or pulled out by surprise. A TCP stream goes on all the time."""
    with booted(lab, FILES) as site:
        ready(site, ["eth0", "eth1"])
        host = site.host
        meter = host.meter("tcp", "192.0.2.1", site.peer)
        meter.wait_messages(200)
        before, used, indices = None, None, set()
        for number in range(rounds):
            name = f"eth{number % 2}"
            surprise = number % 5 == 2
            if not surprise:
                site.ipmp("detach", name)
            host.nics[name].delete()
            if surprise:
                wait_until(lambda: f"[{name}]" in members(host), 10, "its absence has been noticed")
                plug_and_rename(site, name) if number % 2 else site.plug(name)
            else:
                wait_until(lambda: len(members(host)) == 1, 10, "it has left")
                site.plug(name) if number % 3 else plug_and_rename(site, name)
            indices.add(host.ns.link(name)["ifindex"])
            wait_until(lambda: members(host) == ["eth0", "eth1"], USED_AGAIN_S, f"{name} is used again")
            meter.wait_messages(50)
            now = site.configuration()
            before = before or now
            wait_until(lambda: site.configuration() == before, 5, "nothing of the configuration is lost")
            if number == min(rounds // 3, 4):  # by then most has happened once
                used = usage(host)
        site.reachable("192.0.2.20", "192.0.2.21")
        report = meter.stop()
        assert report["error"] is None and report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0
        assert len(indices) == rounds
        now = usage(host)
        say(f"{rounds} replacements: descriptors {used[0]} -> {now[0]}, BPF {used[2]} -> {now[2]}, "
            f"memory {used[1]} -> {now[1]} kB")
        assert now[0] <= used[0] + 1 and now[2] <= used[2] and now[1] <= used[1] + 2048


def plug_and_rename(site, name):
    """It appears under the kernel's name and gets its own a moment later, as udev does it."""
    nic = site.plug("new9")
    nic.rename(name)


def test_R_DYN_3_R_DYN_4_R_DYN_6_a_nic_is_replaced_three_times_under_traffic(lab, say):
    replace_again_and_again(lab, say, 3)


@pytest.mark.long
def test_R_DYN_3_R_DYN_4_R_DYN_6_a_nic_is_replaced_fifty_times_under_traffic(lab, say):
    replace_again_and_again(lab, say, 50)
