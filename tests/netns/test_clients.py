"""Ordinary programs, unmodified, through a series of failovers: none of their connections breaks, nothing arrives
twice, and who asks while a NIC is dead is answered (R-POL-4, R-SPR-3).

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <    eth1 --- sw1      |
              eth2 --- sw0     router 192.0.2.254 --- far away 198.51.100.9, 2001:db8:5::9

All clients run at the same time, as long as the failovers last. Each failover cuts the NIC that a flow leaves by or
that an address is bound to, for IPv4 and IPv6 in turn. While it is dead, others ask for a route and for names.
"""

import itertools
import re
import time
import types

import pytest
from clients import CONTAINED, Client, Copy, Iperf, Login, Multicast, Ping, Workshop

DATA, DATA6 = ["192.0.2.1", "192.0.2.2"], ["fd00::1", "fd00::2"]
PEER, PEER6 = "192.0.2.9", "fd00::9"
ROUTER, ROUTER6 = "192.0.2.254", "fd00::fe"
SOLICITED_NODE = "ff02::1:ff00:1"  # a group that the host alone is in, for its address fd00::1
FAR, FAR6 = "198.51.100.9", "2001:db8:5::9"
FAILOVERS_MAX = 60
REHEARSALS = 3
SLACK, SECONDS_MAX = 1.8, 40  # the clients are told to run for so many times what the failovers are expected to take
PAYLOAD_BYTES_PER_SECOND = 300_000
TCP_BITS_PER_SECOND, UDP_BITS_PER_SECOND = 10_000_000, 2_000_000
PORT = 5201  # of the first iperf3; the flow's own port is 1000 above
UDP = ("-u", "-l", "1000")


KINDS = ("tap", "veth", "veth")  # the news of a tap's repair takes up to a second, as on hardware


def build(lab):
    switch, far_switch = lab.switch(bridges=2), lab.switch()
    host = lab.host()
    host.configure(LINK_UPS_PER_MINUTE=0)
    for number, kind in enumerate(KINDS):
        host.add_nic(f"eth{number}", kind, switch, bridge=number % 2)
    peer = lab.peer(switch, f"{PEER}/24", f"{PEER6}/64")
    router = lab.router((switch, [f"{ROUTER}/24", f"{ROUTER6}/64"]),
                        (far_switch, ["198.51.100.254/24", "2001:db8:5::fe/64"]))
    far = lab.peer(far_switch, f"{FAR}/24", f"{FAR6}/64")
    for station in (router, far):  # a real router answers more than one question a second
        station.ns.sysctl("ipv4/icmp_ratelimit", 0)
        station.ns.sysctl("ipv6/icmp/ratelimit", 0)
    far.ns.ip_batch("route add default via 198.51.100.254", "route add default via 2001:db8:5::fe")
    host.start_daemon()
    host.make_group("ipmp0", [f"{address}/24" for address in DATA] + [f"{address}/64" for address in DATA6])
    host.ns.ip_batch(f"route add default via {ROUTER} dev ipmp0", f"route add default via {ROUTER6} dev ipmp0")
    host.ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
    return host, peer


class Questions:
    """Who asks while a NIC is dead: routes through the group, and names by multicast DNS, each name once."""

    ROUTES = [("traceroute", "-n", "-q", "1", "-w", "1", FAR), ("traceroute", "-6", "-n", "-q", "1", "-w", "1", FAR6),
              ("tracepath", "-n", FAR), ("tracepath", "-6", "-n", FAR6)]
    RECORDS = REHEARSALS + FAILOVERS_MAX
    BLOCKS = {"host": "203.0.113", "peer": "203.0.114"}  # two names of one address would be in conflict

    def __init__(self, workshop, host, peer):
        self.workshop, self.host, self.names, self.failed = workshop, host, itertools.count(), []
        self.stations = {"host": host, "peer": peer}
        self.buses = {name: workshop.serve_mdns(station, name, {
            f"{name}{number}.local": f"{self.BLOCKS[name]}.{number}" for number in range(self.RECORDS)})
            for name, station in self.stations.items()}

    def ask(self):
        number = next(self.names)
        clients = [(Client(self.workshop, f"{' '.join(words[:2])} {number}", self.host, *words),
                    rf"^ 2:?  {words[-1]} ") for words in self.ROUTES]
        for asks, answers in (("host", "peer"), ("peer", "host")):
            record = f"{answers}{number}.local"
            clients.append((Client(self.workshop, f"resolve {record}", self.stations[asks], "avahi-resolve", "-4n",
                                   record, env=self.buses[asks]), rf"\t{self.BLOCKS[answers]}.{number}$"))
        return clients

    def judge(self, clients, where):
        for client, answer in clients:
            complaints = client.complaints(0)
            text = client.output.read_text()
            if not complaints and not re.search(answer, text, re.MULTILINE):
                complaints = [text]
            self.failed += [f"{client.name}, {where}: {complaint}" for complaint in complaints]


def victim_of(host, number):
    """The NIC whose loss hurts: in turn where a flow leaves and where it arrives."""
    flow = (PORT, PORT + 1)[number // 2 % 2] + 1000
    if number % 2 == 0:
        return host.outbound_nic(types.SimpleNamespace(port=flow), least_frames=5)
    return host.inbound((DATA, DATA6)[number // 2 % 2][0])


def failover(host, victim, questions=None):
    asked = questions.ask() if questions else []
    host.nics[victim].cut()
    host.wait_state(victim, "failed")
    if questions:
        questions.judge(asked, f"{victim} dead")
    host.nics[victim].heal()
    host.wait_ok("ipmp0")


def start_clients(workshop, host, peer, seconds):
    workshop.make_payload(int(seconds * PAYLOAD_BYTES_PER_SECOND))
    workshop.serve_http(host, PAYLOAD_BYTES_PER_SECOND)
    workshop.serve_ssh(host)
    workshop.serve_rsync(peer)
    rsync = ["sh", "-c", f'rsync --whole-file --bwlimit={PAYLOAD_BYTES_PER_SECOND // 1024} "$1" /run/copy && '
             'cp /run/copy "$2"', "sh"]
    clients = []
    for number, (name, source, address, bits_per_second, words) in enumerate((
            ("TCP", DATA[0], PEER, TCP_BITS_PER_SECOND, ()), ("TCP IPv6", DATA6[0], PEER6, TCP_BITS_PER_SECOND, ()),
            ("TCP to us", DATA[1], PEER, TCP_BITS_PER_SECOND, ("-R",)),
            ("UDP", DATA[0], PEER, UDP_BITS_PER_SECOND, UDP), ("UDP IPv6", DATA6[0], PEER6, UDP_BITS_PER_SECOND, UDP),
            ("UDP to us", DATA[1], PEER, UDP_BITS_PER_SECOND, (*UDP, "-R")),
            ("UDP IPv6 to us", DATA6[1], PEER6, UDP_BITS_PER_SECOND, (*UDP, "-R")))):
        clients.append(Iperf(workshop, f"iperf3 {name}", host, source, peer, address, PORT + number, seconds,
                             bits_per_second, *words))
    for address in (DATA[0], f"[{DATA6[0]}]"):
        clients.append(Copy(workshop, f"curl {address}", peer, "curl", "-sSg", f"http://{address}/payload", "-o"))
    for address in (PEER, f"[{PEER6}]"):
        clients.append(Copy(workshop, f"rsync {address}", host, *CONTAINED, *rsync, f"rsync://{address}/files/payload"))
    clients += [Login(workshop, f"ssh {address}", peer, address, seconds) for address in (DATA[1], DATA6[1])]
    clients += [Ping(workshop, "ping of the broadcast address", peer, seconds, "-b", "192.0.2.255"),
                Ping(workshop, "ping of a multicast group", peer, seconds, f"{SOLICITED_NODE}%e0")]
    for port, group in ((6100, "239.1.2.3"), (6200, "ff15::123")):
        clients += [Multicast(workshop, f"multicast {group} to us", peer, "e0", host, "ipmp0", group, port, seconds),
                    Multicast(workshop, f"multicast {group}", host, "ipmp0", peer, "e0", group, port + 1, seconds)]
    return clients


@pytest.mark.timing
@pytest.mark.parametrize("at_least", [10, pytest.param(20, marks=pytest.mark.long)])
def test_R_POL_4_R_SPR_3_clients_survive_many_failovers(lab, say, at_least):
    host, peer = build(lab)
    workshop = Workshop(host)
    questions = Questions(workshop, host, peer)
    began = time.monotonic()
    for number in range(REHEARSALS):
        failover(host, f"eth{number}", questions)
    seconds = int(min(SECONDS_MAX, 2 + SLACK * at_least * (time.monotonic() - began) / REHEARSALS))
    assert not questions.failed, "\n".join(questions.failed)

    clients = start_clients(workshop, host, peer, seconds)
    failovers = 0
    while failovers < FAILOVERS_MAX and all(client.running() for client in clients):
        victim = victim_of(host, failovers)
        failover(host, victim, questions)
        failovers += 1
    complaints = [f"{client.name}: {text}" for client in clients for text in client.complaints(failovers)]
    say(f"{failovers} failovers under {len(clients)} clients in {seconds} s; "
        f"{6 * (failovers + REHEARSALS)} questions asked while a NIC was dead; "
        f"lost without retransmission: at most {max(client.lost_ms for client in clients):.1f} ms per failover")
    assert not complaints + questions.failed, "\n".join(complaints + questions.failed)
    assert failovers >= at_least, "the machine was too slow: the clients ended before the failovers did"
