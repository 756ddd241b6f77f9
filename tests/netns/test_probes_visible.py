"""Probes as people and programs see them: ipmpstat -p and -t, WatchProbes, statistics; and what a forger achieves.

    gateway 192.0.2.9 ---.                .--- eth0  test addresses 192.0.2.20, fe80::
                          >--- switch ---<
    other   192.0.2.10 --'                '--- eth1  test addresses 192.0.2.21, fe80::
"""

import re
import signal
import socket
import struct
import subprocess

import pytest
from control import Control
from netns import PATIENCE, build_dir, wait_until

DETECTION_MS = 1000
TEST_ADDRESSES = {"eth0": "192.0.2.20", "eth1": "192.0.2.21"}


class Site:
    """A group that is probed from both of its NICs."""

    def __init__(self, lab, detection_ms=DETECTION_MS, families=("inet",), nics=2):
        self.switch = lab.switch()
        self.host = host = lab.host()
        for number in range(nics):
            host.add_nic(f"eth{number}", "veth", self.switch)
        self.gateway = lab.peer(self.switch, "192.0.2.9/24")
        self.other = lab.peer(self.switch, "192.0.2.10/24")
        for peer in (self.gateway, self.other):
            peer.ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
        host.configure(FAILURE_DETECTION_TIME=detection_ms, LINK_UPS_PER_MINUTE=0)
        host.start_daemon()
        for family in families:
            host.ifconfig("ipmp0", family, "ipmp")
        for number in range(nics):
            nic = f"eth{number}"
            host.ifconfig(nic, "plumb", "group", "ipmp0", f"192.0.2.{20 + number}/24", "-failover", "up")
            if "inet6" in families:
                host.ifconfig(nic, "inet6", "plumb", "-failover", "up")
        host.ifconfig("ipmp0", "192.0.2.1/24", "up")
        host.wait_ok("ipmp0")

    def use_gateway(self):
        """IPv4 probes go to the gateway alone."""
        self.host.ns.run("ip", "route", "add", "default", "via", "192.0.2.9", "dev", "ipmp0")
        self.wait_targets("inet", "routes", {"192.0.2.9"})

    def targets(self):
        """(NIC, family) -> (mode, test address, targets), as ipmpstat -t shows them."""
        rows = {}
        for line in self.host.ipmpstat("-tn").splitlines()[1:]:
            nic, mode, address, *targets = line.split()
            rows[nic, "inet6" if ":" in address else "inet"] = (mode, address, targets)
        return rows

    def wait_targets(self, family, mode, targets):
        def right():
            rows = [row for (_, of), row in self.targets().items() if of == family]
            return len(rows) == len(self.host.nics) and all(row[0] == mode and set(row[2]) == targets for row in rows)

        wait_until(right, 20, f"{family} targets of all NICs are {targets} by {mode}")

    def show_probes(self, *options):
        return self.host.ns.popen(build_dir() / "bin/ipmpstat", "-pn", *options, env=self.host.environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows_until(process, fields, enough):
    """Rows of ipmpstat -P as dictionaries, until enough(rows)."""
    rows = []
    while not enough(rows):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        rows.append(dict(zip(fields, re.split(r"(?<!\\):", line.rstrip("\n")))))
    return rows


def test_R_STA_1_targets_and_states_of_probed_interfaces(lab):
    site = Site(lab, families=("inet", "inet6"))
    host = site.host
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    neighbours = {peer.ns.ip("-6", "addr", "show", "dev", "e0")[0]["addr_info"][0]["local"]
                  for peer in (site.gateway, site.other)}
    site.wait_targets("inet6", "multicast", neighbours)
    site.use_gateway()

    lines = host.ipmpstat("-tn").splitlines()
    assert lines[0] == "INTERFACE   MODE      TESTADDR            TARGETS"
    assert lines[1] == "eth0        routes    192.0.2.20          192.0.2.9"
    assert re.fullmatch(r"eth0        multicast fe80::1a:b0ff:fe00:1 fe80::\S+ fe80::\S+", lines[2]), lines
    assert lines[3] == "eth1        routes    192.0.2.21          192.0.2.9"
    assert len(lines) == 5
    orders = {tuple(site.targets()["eth0", "inet6"][2])}
    wait_until(lambda: len(orders | {tuple(site.targets()["eth0", "inet6"][2])}) == 2, 10,
               "the next target comes first in turn")
    for line in host.ipmpstat("-i").splitlines()[1:]:
        assert line.split()[4:] == ["up", "ok", "ok"], line
    assert host.ipmpstat("-gP", "-o", "group,state,fdt") == "ipmp0:ok:1.00s\n"

    host.tool("if_mpadm", "-d", "eth0")
    assert host.ipmpstat("-tn").splitlines()[1] == "eth0        disabled  --                  --"
    assert host.ipmpstat("-iP", "-o", "interface,probe,state").splitlines()[0] == "eth0:disabled:offline"


def test_R_STA_2_rows_come_as_probes_end(lab):
    """An answered probe at once, a lost one when it is, after later ones that were answered: acceptance 6."""
    site = Site(lab)
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    fields = ("interface", "probe", "time", "netrtt", "rtt", "rttavg", "target", "rttdev")
    watch = site.show_probes("-P", "-o", ",".join(fields))

    def answered_by_both(rows):
        return {(row["interface"], row["target"]) for row in rows if row["rtt"]} == {
            (nic, target) for nic in TEST_ADDRESSES for target in ("192.0.2.9", "192.0.2.10")}

    for row in rows_until(watch, fields, answered_by_both):
        assert re.fullmatch(r"-?\d+\.\d\ds", row["time"]), row
        if row["rtt"]:
            network, whole = (float(row[field].removesuffix("ms")) for field in ("netrtt", "rtt"))
            assert network <= whole, row
            assert re.fullmatch(r"\d+\.\d\dms:\d+\.\d\dms", f"{row['rttavg']}:{row['rttdev']}"), row

    site.switch.set_filter(site.other.port, "ingress", "drop")

    def overtaken(rows):
        """A lost probe was told of after one that began later."""
        return any(not late["rtt"] and float(early["time"][:-1]) > float(late["time"][:-1])
                   for at, late in enumerate(rows) for early in rows[:at] if early["rtt"])

    rows = rows_until(watch, fields, overtaken)
    lost = [row for row in rows if not row["rtt"]]
    assert {row["target"] for row in lost} == {"192.0.2.10"}
    assert all(row["netrtt"] == "" for row in lost)
    for nic in TEST_ADDRESSES:
        ids = [int(row["probe"]) for row in rows if row["interface"] == nic and row["rtt"]]
        assert ids == sorted(set(ids)), ids
    watch.send_signal(signal.SIGINT)
    assert watch.wait(timeout=10 * PATIENCE) == -signal.SIGINT
    assert watch.stderr.read() == ""


def test_R_STA_2_ends_clearly_without_probes_or_daemon(lab):
    site = Site(lab)
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    watch = site.show_probes()
    assert watch.stdout.readline() == "TIME      INTERFACE   PROBE  NETRTT    RTT       TARGET\n"
    site.host.kill_daemon()
    assert watch.wait(timeout=10 * PATIENCE) == 1
    assert watch.stderr.read().startswith("ipmpstat: lost the connection to in.mpathd")

    site.host.start_daemon()
    for nic in TEST_ADDRESSES:
        site.host.ifconfig(nic, "failover")
    refused = site.host.tool("ipmpstat", "-p", check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "ipmpstat: probe-based failure detection is disabled\n"


@pytest.mark.timing
def test_R_STA_2_network_time_is_that_of_the_wire(lab, say):
    """NETRTT against what a capture on the same NIC says of the same probe."""
    site = Site(lab, detection_ms=350, families=("inet", "inet6"))
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    capture = site.host.ns.popen("tcpdump", "-i", "eth0", "-n", "-tt", "--nano", "-l", "icmp or icmp6",
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "listening on" not in capture.stderr.readline():
        assert capture.poll() is None
    probes, least = {}, 100
    with Control(site.host) as control:
        for news in control.watch_probes():
            probe = news["probe"]
            if probe["interface"] == "eth0" and probe["answered"]:
                probes[probe["id"], probe["target"]] = probe
            if len(probes) >= least:
                break
    capture.terminate()
    seen = {}
    for line in capture.communicate()[0].splitlines():
        found = re.match(r"(\d+)\.(\d{9}) IP6? (\S+) > (\S+?): ICMP6?,? echo (request|reply), id \d+, seq (\d+)", line)
        if found:
            seconds, fraction, source, destination, kind, sequence = found.groups()
            target = destination if kind == "request" else source
            seen.setdefault((int(sequence), target), {}).setdefault(kind, int(seconds) * 10**9 + int(fraction))
    differences = sorted((probe["network_time_ns"] - (seen[key]["reply"] - seen[key]["request"])) / 1000
                         for key, probe in probes.items() if {"request", "reply"} <= seen.get(key, {}).keys())
    assert len(differences) >= least - 10, (len(differences), len(probes), len(seen))
    within = [difference for difference in differences if abs(difference) <= 50]
    say(f"NETRTT less that of the capture: {differences[0]:.1f} to {differences[-1]:.1f} us, "
        f"median {differences[len(differences) // 2]:.1f} us")
    # The processor may be taken away between the two stamps of one packet.
    assert len(within) >= 0.95 * len(differences), differences


def test_R_STA_2_a_slow_reader_loses_only_its_own(lab):
    site = Site(lab, detection_ms=100, families=("inet", "inet6"), nics=4)
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    slow = site.show_probes("-P", "-o", "interface,probe,target")
    first = slow.stdout.readline()
    slow.send_signal(signal.SIGSTOP)
    ids = {}
    with Control(site.host) as control:
        for told, news in enumerate(control.watch_probes()):
            assert news["dropped"] == 0
            ids.setdefault(news["probe"]["interface"], set()).add(news["probe"]["id"])
            if told == 4000:  # 1 MB: more than socket and queue of the slow one hold
                break
        for nic, seen in ids.items():  # none is missing but those that are still open
            assert len(seen) >= max(seen) - min(seen) + 1 - 20, nic
    slow.send_signal(signal.SIGCONT)
    warning = wait_until(slow.stderr.readline, 20, "the slow one learns what it missed")
    missed = int(re.fullmatch(r"ipmpstat: warning: missed (\d+) probes: this output is read too slowly\n",
                              warning).group(1))
    assert first and 0 < missed < 4000
    slow.kill()


def test_R_DET_13_statistics_on_request(lab):
    site = Site(lab)
    site.wait_targets("inet", "multicast", {"192.0.2.9", "192.0.2.10"})
    with Control(site.host) as control:
        before = wait_until(lambda: (counters := control.counters())["probes.eth1 inet.answered"] >= 5 and counters,
                            20, "probes have been answered")
        assert before["probes.eth0 inet.sent"] >= before["probes.eth0 inet.answered"]
        assert before["loop.lag_over_100ms"] <= before["loop.lag_over_10ms"] <= before["loop.lag_over_1ms"]
        assert before["loop.lag_maximum_us"] > 0
    site.host.daemon.send_signal(signal.SIGUSR1)
    line = wait_until(lambda: re.search(r"missed sending (\d+) probes on (\d+) occasions\n", site.host.log()), 10,
                      "statistics in the log")
    told = re.findall(r"probes of (eth\d inet): (\d+) sent, (\d+) answered, (\d+) lost, (\d+) unanswered, "
                      r"(\d+) unknown answers, (\d+) extra on suspicion\n", site.host.log()[:line.start()])
    assert [row[0] for row in told] == ["eth0 inet", "eth1 inet"]
    for name, sent, answered, *_ in told:
        assert int(sent) >= int(answered) >= before[f"probes.{name}.answered"]


def test_R_DET_13_a_daemon_that_was_late_says_so_and_blames_nobody(lab):
    site = Site(lab)
    site.use_gateway()
    host = site.host
    log = host.log()
    with Control(host) as control:
        wait_until(lambda: control.counters()["probes.eth0 inet.answered"] >= 5, 20, "probes have been answered")
        before = control.counters()
        host.daemon.send_signal(signal.SIGSTOP)
        assert site.gateway.ping("192.0.2.1", count=2 * DETECTION_MS // 50)  # traffic goes on meanwhile
        host.daemon.send_signal(signal.SIGCONT)
        after = wait_until(lambda: (counters := control.counters())["probes.eth0 inet.sent"] >=
                           before["probes.eth0 inet.sent"] + 10 and counters, 20, "probing goes on")
    assert after["loop.lag_over_100ms"] > before["loop.lag_over_100ms"]
    assert after["loop.lag_maximum_us"] >= 1_000_000
    assert after["probes.eth0 inet.missed_occasions"] > before["probes.eth0 inet.missed_occasions"]
    assert after["probes.eth0 inet.missed"] >= before["probes.eth0 inet.missed"] + 7
    assert after["probes.eth0 inet.lost"] == before["probes.eth0 inet.lost"]
    assert "failure detected" not in host.log().removeprefix(log)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


def echo_reply(genuine, sequence, nonce):
    """A captured reply with another sequence number and nonce, sums right."""
    ip, identifier, mark = genuine[14:34], genuine[38:40], genuine[42:50]
    body = identifier + struct.pack("!H", sequence & 0xffff) + mark + nonce
    return genuine[:14] + ip + b"\0\0" + checksum(b"\0\0\0\0" + body) + body


def test_R_DET_2_a_forger_keeps_no_dead_interface_alive(lab, say):
    """eth0 can send nothing any more. Somebody on the link answers in its targets' names: right addresses, right
    identifier, sequence numbers of the probes to come, and nonces of former probes or guessed ones."""
    site = Site(lab)
    site.use_gateway()
    nic = site.host.nics["eth0"]
    sniffer = nic.sniff("icmp[icmptype] == icmp-echoreply")
    genuine = wait_until(lambda: len(sniffer.frames()) >= 10 and [frame.data for frame in sniffer.frames()], 20,
                         "replies to copy")
    sniffer.close()
    with Control(site.host) as control:
        nic.silent("out")
        unknown, number, sequence = "probes.eth0 inet.unknown", 0, struct.unpack("!H", genuine[-1][40:42])[0]

        def forge():
            nonlocal number
            for _ in range(20):
                number += 1
                copied = genuine[number % len(genuine)]
                nonce = copied[50:58] if number % 2 else struct.pack("!Q", number * 0x9e3779b97f4a7c15 % 2**64)
                wire.send(echo_reply(copied, sequence + number % 80, nonce))

        with site.switch.ns.entered():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            wire.bind((nic.port, 0))

        def failed():
            forge()
            return site.host.interfaces()["eth0"]["state"] == "failed"

        wait_until(failed, 10, "eth0 has failed")
        began = control.counters()[unknown]

        def forged_enough():
            assert failed()
            return control.counters()["probes.eth0 inet.sent"] >= last_sent

        # Ten seconds of probing: far more than ten answers and twice the detection time, which would repair it.
        last_sent = control.counters()["probes.eth0 inet.sent"] + 70
        wait_until(forged_enough, 30, "ten seconds of forging")
        counters = control.counters()
        say(f"{number} forged answers, {counters[unknown]} counted as unknown")
        assert counters[unknown] > began + 1000
        answered = counters["probes.eth0 inet.answered"]
        nic.heal()
        site.host.wait_state("eth0", "ok")
        assert control.counters()["probes.eth0 inet.answered"] > answered
    wire.close()
