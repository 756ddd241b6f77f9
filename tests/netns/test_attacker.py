"""A station on the link that means no good (tests/lab/attacker.py): spoofed, forged, malformed frames as fast as it can
send them, kind by kind.

              eth0 --- sw0 --- peer 192.0.2.9, honest, the target of probes
    host <             |  `--- attacker
              eth1 --- sw1     ipmp0: 192.0.2.1, .2, 2001:db8::1; .3 and 2001:db8::3 are what claims are about

Meanwhile an honest peer reaches the data addresses, and the daemon takes a bounded share of the processor, says little,
and changes nothing that the rules do not allow: an address that others claim is given up the fourth time within 30 s
(R-ADR-6), and addresses that routers advertise are the kernel's to take. What a station can do to a network without
us (a switch that learns a MAC at the wrong port, a peer that believes a false ARP reply) is not judged here.
"""

import json
import pathlib
import re
import sys
import time

import attacker
import pytest
from control import Control
from netns import PATIENCE, build_dir, wait_until

DATA, PEER = ("192.0.2.1", "192.0.2.2", "2001:db8::1"), "192.0.2.9"
VICTIMS = ("192.0.2.3", "2001:db8::3")
MOST_SHARE, MOST_LINES = 0.15, 6  # of a core; of the log, for each kind
SCRIPT = pathlib.Path(attacker.__file__)


def build(lab):
    switch = lab.switch(bridges=2)
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0, FAILURE_DETECTION_TIME=10000)
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number)
    peer = lab.peer(switch, f"{PEER}/24", "2001:db8::9/64")
    foe = lab.peer(switch)
    foe.ns.sysctl("ipv6/conf/e0/disable_ipv6", 1)
    host.start_daemon()
    host.make_group("ipmp0", [address + ("/64" if ":" in address else "/24") for address in (*DATA, *VICTIMS)])
    for number in range(2):
        host.ifconfig(f"eth{number}", "addif", f"192.0.2.2{number}/24", "-failover", "up")
    host.ns.run("ip", "route", "add", "default", "via", PEER, "dev", "ipmp0")
    with Control(host) as control:
        wait_until(lambda: all(control.counters().get(f"probes.eth{number} inet.answered", 0) > 0
                               for number in range(2)), 30, "probes have been answered")
    return host, peer, foe


def picture(host):
    """What may not change: NICs, group, each data address with its NIC; but for victims and what routers gave."""
    status = json.loads(host.tool("ipmp", "status", "--json").stdout)
    bound = {row["address"]: (row.get("inbound"), row.get("state")) for row in host.addresses().values()
             if row["address"] in DATA}
    assert set(bound) == set(DATA)
    interfaces = {name: (row["state"], row["link"], row["active"]) for name, row in host.interfaces().items()}
    return bound, interfaces, [(group["interface"], group["state"]) for group in status["groups"]]


def cpu_s(pid):
    """Of all threads, to the nanosecond."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in
               pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def attack(host, peer, foe, kind, seconds, seed):
    """What was sent, and how the daemon and the peer fared meanwhile."""
    facts = {"nics": [nic.mac for nic in host.nics.values()], "data": DATA[0], "data6": DATA[2],
             "victim": VICTIMS[0], "victim6": VICTIMS[1], "test": "192.0.2.20", "peer": PEER}
    lines = len(host.log().splitlines())
    # Not interpreted by the laboratory's own process: it would share its time with the attack.
    flood = foe.ns.popen(sys.executable, SCRIPT, "e0", kind, seconds, seed, json.dumps(facts), text=True, stdout=-1)
    assert flood.stdout.readline() == "ready\n"
    cpu, began, pings = cpu_s(host.daemon.pid), time.monotonic(), []
    while flood.poll() is None:
        pings.append(peer.ping(DATA[len(pings) % len(DATA)]))
    spent, took = cpu_s(host.daemon.pid) - cpu, time.monotonic() - began
    assert host.daemon.poll() is None, f"{kind}: the daemon has ended"
    asked = time.monotonic()
    host.tool("ipmpstat", "-g")
    result = {"kind": kind, "frames": int(flood.stdout.read()), "seconds": took, "cpu_s": spent,
              "pings": len(pings), "answered": sum(pings), "answer_s": time.monotonic() - asked,
              "lines": len(host.log().splitlines()) - lines}
    wait_until(lambda: peer.ping(DATA[0]) and peer.ping(DATA[2]), 10, f"{kind}: the honest peer reaches the host")
    return result


def campaign(host, peer, foe, kinds, seconds, seed, say):
    results = []
    for kind in kinds:
        before = picture(host)
        result = attack(host, peer, foe, kind, seconds, seed)
        say("{kind}: {frames} frames in {seconds:.1f} s; daemon {cpu_s:.3f} s, {lines} lines of log; peer's pings "
            "{answered}/{pings}".format(**result))
        assert result["lines"] <= MOST_LINES, (result, host.log()[-2000:])
        assert result["answer_s"] < 2 * PATIENCE, result
        assert picture(host) == before, kind
        results.append(result)
    return results


def all_of_it(lab, say, seconds, seed):
    host, peer, foe = build(lab)
    harmless = campaign(host, peer, foe, attacker.HARMLESS, seconds, seed, say)
    assert not re.search("duplicate|defending|failure|error|ignoring", host.log()), host.log()[-2000:]
    claims = campaign(host, peer, foe, attacker.CLAIMS, seconds, seed, say)
    results = harmless + claims + campaign(host, peer, foe, attacker.ROUTERS, seconds, seed, say)
    total = {key: sum(result[key] for result in results) for key in ("cpu_s", "seconds", "pings", "answered")}
    assert total["cpu_s"] < MOST_SHARE * total["seconds"], results
    assert total["answered"] >= total["pings"] / 2 > 0, results  # the machine is the attacker's, too
    with Control(host) as control:
        lost = control.counters()["ipmp0.events_lost"]
    assert lost == 0, "the daemon reads what it is told"
    return results


def test_D7_an_attacker_on_the_link_changes_nothing(lab, say):
    """A tenth of a second of each kind."""
    all_of_it(lab, lambda text: None, 0.1, 1)


@pytest.mark.long
@pytest.mark.timing
def test_D7_an_attacker_on_the_link_changes_nothing_for_long(lab, say):
    """Twenty seconds of each kind; the table of docs/TESTING.md is made of build/reports/attacker.json."""
    results = all_of_it(lab, say, 20, int(time.time()))
    path = build_dir() / "reports"
    path.mkdir(exist_ok=True)
    (path / "attacker.json").write_text(json.dumps(results, indent=1))
    assert sum(result["frames"] for result in results) > 1_000_000
