"""What routers tell a host reaches the group, by whichever NIC it comes: advertisements, path MTU, errors; and what a
firewall remembers of a connection outlives its NICs (R-GRP-5, R-SPR-5).

              eth0 --- sw0 --- peer 192.0.2.9, fd00::9
    host <             |
              eth1 --- sw1     router 192.0.2.254, fd00::fe --- (MTU 1400) far 198.51.100.9, 2001:db8:5::9

ipmp0: 192.0.2.1, 192.0.2.2, fd00::1, fd00::2, so each family has an address bound to each NIC.
"""

import errno
import re
import socket
import subprocess

import pytest
from clients import CONTAINED
from netns import wait_until
from test_assertions import bound

DATA, DATA6 = ["192.0.2.1", "192.0.2.2"], ["fd00::1", "fd00::2"]
PEER, PEER6 = "192.0.2.9", "fd00::9"
ROUTER, ROUTER6 = "192.0.2.254", "fd00::fe"
FAR, FAR6 = "198.51.100.9", "2001:db8:5::9"
NOWHERE, NOWHERE6 = "203.0.113.1", "2001:db8:bad::1"
FAR_MTU_BYTES = 1400
FAILOVERS = 4
PORT = 6000
RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR
FAMILIES = {"IPv4": (socket.AF_INET, DATA, FAR, NOWHERE), "IPv6": (socket.AF_INET6, DATA6, FAR6, NOWHERE6)}
PREFIX = "2001:db8:1:"

RADVD = f"""
interface e0 {{
    AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 600;
    prefix {PREFIX}:/64 {{ AdvOnLink on; AdvAutonomous on; AdvValidLifetime 7200; AdvPreferredLifetime 3600; }};
}};
"""


class Network:
    def __init__(self, lab, data=(*DATA, *DATA6), routes=True):
        self.switch, far_switch = lab.switch(bridges=2), lab.switch(mtu_bytes=FAR_MTU_BYTES)
        self.host = lab.host()
        self.host.configure(LINK_UPS_PER_MINUTE=0)
        for number in range(2):
            self.host.add_nic(f"eth{number}", "veth", self.switch, bridge=number)
        self.peer = lab.peer(self.switch, f"{PEER}/24", f"{PEER6}/64")
        self.router = lab.router((self.switch, [f"{ROUTER}/24", f"{ROUTER6}/64"]),
                                 (far_switch, ["198.51.100.254/24", "2001:db8:5::fe/64"]))
        far = lab.peer(far_switch, f"{FAR}/24", f"{FAR6}/64")
        far.ns.ip_batch("route add default via 198.51.100.254", "route add default via 2001:db8:5::fe")
        for station in (self.router, far):  # it tells every sender, and at once
            station.ns.sysctl("ipv4/icmp_ratelimit", 0)
            station.ns.sysctl("ipv6/icmp/ratelimit", 0)
        self.host.start_daemon()
        self.host.make_group("ipmp0", [f"{address}/{64 if ':' in address else 24}" for address in data])
        if routes:
            self.host.ns.ip_batch(f"route add default via {ROUTER} dev ipmp0",
                                  f"route add default via {ROUTER6} dev ipmp0")

    def connected(self, kind, source, address):
        with self.host.ns.entered():
            end = socket.socket(kind, socket.SOCK_DGRAM)
        end.settimeout(0.2)
        end.setsockopt(*RECEIVE_ERRORS[kind], 1)  # else only a refusal is told
        end.bind((source, 0))
        end.connect((address, PORT))
        return end

    def fail_over(self, name):
        self.host.nics[name].cut()
        self.host.wait_state(name, "failed")
        self.host.nics[name].heal()
        self.host.wait_ok("ipmp0")


def error_of(end):
    """Sends until an error has come back, and returns it."""
    def told():
        try:
            end.send(b"x")
            end.recv(10)
        except TimeoutError:
            return None
        except OSError as error:
            return error.errno
        return None

    return wait_until(told, 3, "an error comes back")


@pytest.mark.parametrize("family", FAMILIES)
def test_R_SPR_5_the_path_mtu_is_learned_over_every_member(lab, family):
    kind, data, far, _ = FAMILIES[family]
    network = Network(lab)
    host, version = network.host, "-4" if kind == socket.AF_INET else "-6"
    assert set(bound(host, data)) == set(host.nics)
    for source in data:  # the router's message comes by the NIC that it is bound to
        host.ns.run("ip", version, "route", "flush", "cache")
        wire = host.nics[host.inbound(source)].sniff("icmp[0:2] == 0x304 or (icmp6 and ip6[40] == 2)")
        ping = ["ping", "-n", "-c", "1", "-W", "1", "-I", source]
        assert host.ns.run(*ping, "-M", "do", "-s", "1440", far, check=False).returncode != 0
        wait_until(lambda: wire.frames(), 3, "the router says that it is too big")
        known = host.ns.run("ip", version, "route", "get", far, "from", source).stdout
        assert f"mtu {FAR_MTU_BYTES}" in known, known
        assert host.ns.run(*ping, "-M", "want", "-s", "4000", far, check=False).returncode == 0
        wire.close()
    network.fail_over("eth0")
    known = host.ns.run("ip", version, "route", "get", far, "from", data[0]).stdout
    assert f"mtu {FAR_MTU_BYTES}" in known, "it is still known after a failover"


@pytest.mark.parametrize("family", FAMILIES)
def test_R_SPR_5_errors_reach_the_sockets_that_caused_them(lab, family):
    """Nobody listens at the port; no route leads there."""
    kind, data, far, nowhere = FAMILIES[family]
    network = Network(lab)
    for failed_over in (None, "eth0", "eth1"):
        if failed_over:
            network.fail_over(failed_over)
        for source in data:
            for address, expected in ((far, {errno.ECONNREFUSED}), (nowhere, {errno.ENETUNREACH, errno.EHOSTUNREACH})):
                with network.connected(kind, source, address) as end:
                    assert error_of(end) in expected, (source, address)


def test_R_GRP_5_router_advertisements_configure_the_group_and_no_member(lab):
    network = Network(lab, data=DATA, routes=False)
    host, router = network.host, network.router
    configuration = host.ns.root / "radvd.conf"
    configuration.write_text(RADVD)
    configuration.chmod(0o600)
    log = open(host.ns.root / "radvd.log", "w", encoding="ascii")
    radvd = router.ns.popen(*CONTAINED, "radvd", "-n", "-m", "stderr", "-C", configuration, "-p", "/run/radvd.pid",
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()

    def global_addresses(link):
        return {info["local"]: info for info in host.ns.ip("-6", "addr", "show", "dev", link)[0]["addr_info"]
                if info["local"].startswith(PREFIX) and not info.get("tentative")}

    def told():
        assert radvd.poll() is None, (host.ns.root / "radvd.log").read_text()
        return global_addresses("ipmp0")

    [address] = wait_until(told, 15, "ipmp0 has an address by autoconfiguration")
    wait_until(lambda: host.addresses().get(address, {}).get("inbound"), 5, "it is bound to a NIC")
    defaults = host.ns.ip("-6", "route", "show", "default")
    assert [route["dev"] for route in defaults] == ["ipmp0"]
    assert all(not global_addresses(nic) for nic in host.nics)
    for nic in host.nics:
        assert (host.ns.sysctl(f"ipv6/conf/{nic}/accept_ra"), host.ns.sysctl(f"ipv6/conf/{nic}/autoconf")) == ("0", "0")
    router.ns.ip_batch(f"addr add {PREFIX}:fe/64 dev e0 nodad")
    assert router.ping(address)
    network.fail_over(host.inbound(address))
    wait_until(lambda: router.ping(address), 2, "the router reaches it after a failover")
    assert host.ns.run("ping", "-n", "-c", "1", "-W", "1", "-I", address, FAR6).returncode == 0
    assert list(global_addresses("ipmp0")) == [address]

    def left_s():
        return global_addresses("ipmp0")[address]["valid_life_time"]

    wait_until(lambda: left_s() < 7199, 6, "time passes since the last advertisement")
    wait_until(lambda: left_s() >= 7199, 6, "an advertisement renews it")
    host.ifconfig("eth0", "group", "")
    assert (host.ns.sysctl("ipv6/conf/eth0/accept_ra"), host.ns.sysctl("ipv6/conf/eth0/autoconf")) == ("1", "1")
    wait_until(lambda: global_addresses("eth0"), 8, "the NIC that left is autoconfigured again")
    assert all(not global_addresses(nic) for nic in host.nics if nic != "eth0")
    assert router.ping(address)


RULES = """
table inet guard {
    chain input {
        type filter hook input priority 0; policy drop;
        iif "lo" accept
        iifname "ipmp0" ct state invalid counter comment "invalid"
        iifname "ipmp0" ct state established,related accept
        iifname "ipmp0" meta l4proto { icmp, icmpv6 } accept
        iifname "eth*" meta l4proto icmpv6 accept
        counter comment "dropped"
    }
    chain output {
        type filter hook output priority 0; policy accept;
        oifname "ipmp0" meta l4proto tcp ct state new counter comment "opened"
        oifname "ipmp0" meta l4proto tcp ct state invalid counter comment "invalid out"
    }
}
"""


def test_R_SPR_5_connection_tracking_takes_a_connection_for_one_through_failovers(lab):
    """A firewall that lets in what answers only: connections of both families go on, and none is new or invalid."""
    network = Network(lab)
    host = network.host
    host.ns.run("nft", "-f", "-", input=RULES)
    meters = [host.meter("tcp", DATA[0], network.peer, PEER), host.meter("tcp", DATA6[0], network.peer, PEER6)]
    for number in range(FAILOVERS):
        for meter in meters:
            meter.wait_messages(100)
        network.fail_over(host.outbound_nic(meters[number // 2 % 2]) if number % 2 == 0 else
                          host.inbound((DATA, DATA6)[number // 2 % 2][0]))
    for meter in meters:
        meter.wait_messages(100)
        report = meter.stop()
        assert report["error"] is None and report["a_to_b"]["missing"] == report["b_to_a"]["missing"] == 0
    counted = dict(re.findall(r'counter packets (\d+) bytes \d+ comment "([^"]+)"', text)[0][::-1]
                   for text in host.ns.run("nft", "list", "ruleset").stdout.splitlines() if "counter packets" in text)
    assert counted["opened"] == "2", counted  # the two opening segments
    assert (counted["invalid"], counted["invalid out"]) == ("0", "0"), counted
