"""DHCP with a stock client, dhcpcd, on the group and on its members (R-DHC-1..6).

              eth0 --- sw0 --- peer: dnsmasq, leases of two minutes or without end
    host <             |
              eth1 --- sw1
"""

import os
import pathlib
import signal

import pytest
from dhcp import DhcpServer
from netns import build_dir, wait_until

RANGE, ENDLESS = "192.0.2.100,192.0.2.150,120", "192.0.2.100,192.0.2.150,infinite"
RANGE6 = "fd00::100,fd00::200,64,120"

pytestmark = pytest.mark.core


def build(lab, *ranges, families=("inet",), **settings):
    switch = lab.switch(bridges=2)
    host = lab.host()
    for number in range(2):
        host.add_nic(f"eth{number}", "veth", switch, bridge=number)
    peer = lab.peer(switch, "192.0.2.9/24", "fd00::9/64")
    server = DhcpServer(peer, *ranges)
    host.configure(LINK_UPS_PER_MINUTE=0, **settings)
    host.start_daemon()
    for family in families:
        host.ifconfig("ipmp0", family, "ipmp")
    for nic in host.nics:
        host.ifconfig(nic, "plumb", "group", "ipmp0", "up")
    host.wait_ok("ipmp0")
    return host, peer, server


def dhcp(host, *words):
    """Exit code and what was said."""
    result = host.tool("ifconfig", *words, check=False)
    return result.returncode, (result.stdout + result.stderr).strip()


def resolvconf(host):
    """Installs what stands in for it; a function that gives what it was told."""
    program, told = host.ns.root / "sbin/resolvconf", host.ns.root / "told"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$*" >>{told}\ncat >>{told}\n')
    program.chmod(0o755)
    return lambda: told.read_text().splitlines() if told.exists() else [""]


def address_on(host, link, family="inet"):
    """The address of global or link scope, not fe80::."""
    found = [entry["local"] for entry in host.ns.ip("addr", "show", "dev", link)[0]["addr_info"]
             if entry["family"] == family and not entry["local"].startswith("fe80")]
    assert len(found) <= 1, found
    return found[0] if found else None


def default_routes(host):
    return [(route["gateway"], route["dev"]) for route in host.ns.ip("route", "show", "default")]


def question(frame):
    """Client identifier of a DHCP message to the server, and whether its answer is to be broadcast."""
    message, options = frame[42:], frame[42 + 240:]
    while options[0] != 61:
        options = options[2 + options[1]:]
    return options[2:2 + options[1]], bool(message[10] & 0x80)


def clients_of(host):
    """Processes that the daemon's DHCP clients are made of."""
    names, found = ("dhcpcd", "ipmp-dhcp-clien"), []
    inode = os.stat(host.ns.path).st_ino
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "ns/net").stat().st_ino == inode
            if here and (process / "comm").read_text().strip() in names:
                found.append(int(process.name))
        except OSError:
            continue  # it has ended
    return found


def test_R_DHC_1_and_4_a_data_address_outlives_failovers_carriers_and_daemons(lab):
    """Leased on the group; three failovers, a renewal, the loss of all links, `down`, and the death of the daemon, once
    with the loss of its state. The resolver's configuration follows."""
    host, peer, server = build(lab, RANGE, DUPLICATE_ADDRESS_PROBES=3)
    told = resolvconf(host)
    assert dhcp(host, "ipmp0", "dhcp", "start") == (0, "")
    leased = address_on(host, "ipmp0")
    assert peer.ping(leased)
    assert default_routes(host) == [("192.0.2.9", "ipmp0")]
    flags = host.ifconfig("ipmp0")
    assert "flags=8001004843<UP,BROADCAST,RUNNING,MULTICAST,DHCP,IPv4,IPMP>" in flags, flags
    assert host.ns.run("ip", "-o", "addr", "show", "dev", "ipmp0").stdout.count("dynamic") == 1

    for _ in range(3):
        victim = host.inbound(leased)
        host.nics[victim].cut()
        host.wait_state(victim, "failed")
        wait_until(lambda: peer.ping(leased), 5, "the leased address answers by the other NIC")
        assert dhcp(host, "ipmp0", "dhcp", "extend") == (0, "")
        host.nics[victim].heal()
        host.wait_ok("ipmp0", timeout_s=30)
    assert server.count("DHCPACK", leased) >= 4

    for nic in host.nics.values():
        nic.cut()
    wait_until(lambda: host.groups()["ipmp0"]["state"] == "failed", 10, "the group has failed")
    assert address_on(host, "ipmp0") == leased
    for nic in host.nics.values():
        nic.heal()
    host.wait_ok("ipmp0", timeout_s=30)
    host.ifconfig("ipmp0", "down")
    assert address_on(host, "ipmp0") is None
    assert dhcp(host, "ipmp0", "dhcp", "ping") == (0, "")
    assert default_routes(host) == []
    host.ifconfig("ipmp0", "up")
    wait_until(lambda: peer.ping(leased), 5, "the leased address answers again")

    host.kill_daemon(signal.SIGKILL)
    wait_until(lambda: not clients_of(host), 10, "clients have ended with the daemon")
    assert peer.ping(leased) and server.count("DHCPRELEASE") == 0
    (host.ns.root / "run/ipmp/state.json").unlink()
    host.start_daemon()
    host.wait_ok("ipmp0")
    assert address_on(host, "ipmp0") == leased and dhcp(host, "ipmp0", "dhcp", "ping")[0] == 2, "it ends by itself"
    assert dhcp(host, "ipmp0", "dhcp", "start") == (0, ""), "or is taken over"
    assert address_on(host, "ipmp0") == leased

    host.kill_daemon(signal.SIGKILL)
    answers = server.count("DHCPACK", leased)
    host.start_daemon()
    assert dhcp(host, "ipmp0", "dhcp", "ping") == (0, "")
    wait_until(lambda: server.count("DHCPACK", leased) > answers, 10, "the new client has asked for the same address")
    assert peer.ping(leased)
    assert dhcp(host, "ipmp0", "dhcp", "release") == (0, "")
    wait_until(lambda: server.count("DHCPRELEASE", leased) == 1, 5, "the server has been told")
    assert address_on(host, "ipmp0") is None and default_routes(host) == []
    wait_until(lambda: not clients_of(host), 10, "the client has ended")
    wait_until(lambda: told()[-1] == "-d ipmp0.dhcp", 5, "there are no name servers any more")
    assert told()[:3] == ["-a ipmp0.dhcp", "search example.org", "nameserver 192.0.2.53"]


def test_R_DHC_2_and_3_test_addresses_on_two_members(lab):
    """Both NICs probe from leased addresses; finite leases are warned about, renewals go on while one is offline."""
    host, peer, server = build(lab, RANGE)
    assert dhcp(host, "ipmp0", "dhcp") == (0, "")
    for nic in host.nics:
        assert dhcp(host, nic, "dhcp", "start") == (0, "")
    tests = {nic: address_on(host, nic) for nic in host.nics}
    assert len({*tests.values(), address_on(host, "ipmp0")}) == 3
    assert default_routes(host) == [("192.0.2.9", "ipmp0")]
    for nic, test in tests.items():
        assert "flags=9044843<UP,BROADCAST,RUNNING,MULTICAST,DHCP,DEPRECATED,IPv4,NOFAILOVER>" in host.ifconfig(nic)
        assert f"the DHCP lease of test address {test}/24 of {nic} is for 120 s only" in host.log()
        wait_until(lambda nic=nic, test=test: f"{nic}:routes:{test}:192.0.2.9" in
                   host.ipmpstat("-tnP", "-o", "interface,mode,testaddr,targets"), 10, f"{nic} probes from its lease")
    host.tool("if_mpadm", "-d", "eth0")
    assert address_on(host, "eth0") is None
    for nic in host.nics:
        answers = server.count("DHCPACK", tests[nic])
        assert dhcp(host, nic, "dhcp", "extend") == (0, "")
        assert server.count("DHCPACK", tests[nic]) > answers
    host.tool("if_mpadm", "-r", "eth0")
    wait_until(lambda: address_on(host, "eth0") == tests["eth0"], 5, "the test address is back")
    host.wait_ok("ipmp0", timeout_s=30)
    host.ifconfig("eth1", "group", "")
    wait_until(lambda: address_on(host, "eth1") is None, 5, "who leaves the group gives its lease up")
    assert "eth1 is no longer under DHCP control" in host.log()
    # A data address of DHCP keeps a NIC out of groups; released, it joins.
    assert dhcp(host, "eth1", "dhcp") == (0, "")
    code, text = dhcp(host, "eth1", "group", "ipmp0")
    assert code == 1 and "cannot join IPMP group ipmp0: eth1 has data addresses managed by a DHCP client" in text, text
    assert dhcp(host, "eth1", "dhcp", "release") == (0, "")
    host.ifconfig("eth1", "group", "ipmp0")


def test_R_DHC_5_dhcpv6_on_the_group_and_on_a_member(lab):
    host, peer, server = build(lab, RANGE6, families=("inet6",))
    for name in ("ipmp0", "eth0"):
        assert dhcp(host, name, "inet6", "dhcp", "start") == (0, "")
    data, test = address_on(host, "ipmp0", "inet6"), address_on(host, "eth0", "inet6")
    assert data and test and data != test
    shown = host.ifconfig("-a6")
    assert "ipmp0:1: flags=8002004841<UP,RUNNING,MULTICAST,DHCP,IPv6,IPMP>" in shown, shown
    assert "eth0:1: flags=a044841<UP,RUNNING,MULTICAST,DHCP,DEPRECATED,IPv6,NOFAILOVER>" in shown, shown
    host.ns.ip_batch("route add fd00::/64 dev ipmp0")  # what a router would announce
    wait_until(lambda: peer.ping(data), 5, "the data address answers")
    victim = host.inbound(data)
    host.nics[victim].cut()
    host.wait_state(victim, "failed")
    wait_until(lambda: peer.ping(data), 5, "the data address answers by the other NIC")
    assert dhcp(host, "ipmp0", "inet6", "dhcp", "extend") == (0, "")
    for name in ("eth0", "ipmp0"):  # dhcpcd forbids link-local addresses to the kernel; that is undone
        assert host.ns.sysctl(f"ipv6/conf/{name}/addr_gen_mode") == "0"
    host.nics[victim].heal()
    host.wait_ok("ipmp0", timeout_s=30)
    for name in ("ipmp0", "eth0"):
        assert dhcp(host, name, "inet6", "dhcp", "release") == (0, "")
    assert address_on(host, "ipmp0", "inet6") is None and address_on(host, "eth0", "inet6") is None
    assert server.count("DHCPRELEASE") == 2


def test_R_DHC_6_logical_interfaces_client_ids_and_every_word(lab):
    """`ipmp0:1 dhcp`, CLIENT_ID, status, inform; exit codes and texts; who reconfigures takes charge."""
    host, peer, server = build(lab, ENDLESS)
    (host.ns.root / "etc/default/dhcpclient").write_text("eth1.CLIENT_ID=0xfe0102\n")
    sniffers = [nic.sniff("udp dst port 67") for nic in host.nics.values()]
    host.ifconfig("ipmp0:1", "plumb")
    assert dhcp(host, "ipmp0", "dhcp", "primary", "wait", "forever", "start") == (0, "")
    assert dhcp(host, "ipmp0:1", "dhcp") == (0, "")
    assert dhcp(host, "eth1", "auto-dhcp") == (0, "")
    assert len(host.ns.ip("-4", "addr", "show", "dev", "ipmp0")[0]["addr_info"]) == 2
    assert "leases without end" not in host.log()
    asked = [question(frame.data) for sniffer in sniffers for frame in sniffer.frames()]
    duid = bytes.fromhex((host.ns.root / "var/lib/ipmp/duid").read_text().replace(":", "").strip())
    by_group = {client_id for client_id, broadcast in asked if broadcast}
    assert len(by_group) == 2  # ipmp0 and ipmp0:1: one DUID, an IAID each (RFC 4361)
    assert all(client_id[0] == 0xff and client_id[5:] == duid for client_id in by_group)
    assert {client_id for client_id, broadcast in asked if not broadcast} == {b"\xfe\x01\x02"}

    code, text = dhcp(host, "ipmp0", "dhcp", "status")
    lines = text.splitlines()
    assert code == 0 and lines[0].split() == ["Interface", "State", "Sent", "Recv", "Declined", "Flags"]
    assert lines[1].split() == ["ipmp0", "BOUND", "--", "--", "--", "[PRIMARY]"], text
    assert lines[2].startswith("(Began, Expires, Renew) = (") and lines[2].endswith(", Never, Never)"), text
    not_controlled = "ifconfig: eth0: interface is not under DHCP control"
    for words, expected in {
            ("eth0", "dhcp", "status"): (2, not_controlled),
            ("eth0", "dhcp", "ping"): (2, not_controlled),
            ("eth0", "dhcp", "drop"): (2, "ifconfig: eth0: eth0 is not under DHCP control"),
            ("eth0", "dhcp", "extend"): (2, "ifconfig: eth0: eth0 is not under DHCP control"),
            ("nic9", "dhcp"): (2, "ifconfig: nic9: no such interface"),
            ("nic9", "dhcp", "status"): (2, "ifconfig: nic9: no such interface"),
            ("ipmp0:7", "dhcp"): (2, "ifconfig: ipmp0:7: no such interface"),
            ("eth0", "dhcp", "fly"): (3, "ifconfig: eth0: fly: not a DHCP word"),
            ("eth0", "dhcp", "wait"): (3, "ifconfig: eth0: wait: needs a number of seconds, or forever"),
            ("eth0", "dhcp", "wait", "x"): (3, "ifconfig: eth0: wait x: not a number of seconds"),
            ("eth0", "dhcp", "inform"): (3, "ifconfig: eth0: has no address that is up to ask parameters for")}.items():
        assert dhcp(host, *words) == expected

    host.ifconfig("ipmp0:1", "netmask", "255.255.255.128")
    assert dhcp(host, "ipmp0:1", "dhcp", "ping")[0] == 2
    assert "ipmp0 is no longer under DHCP control" in host.log()
    host.ifconfig("ipmp0:1", "unplumb")
    assert dhcp(host, "ipmp0", "dhcp", "drop") == (0, "") and server.count("DHCPRELEASE") == 0
    host.ifconfig("ipmp0", "192.0.2.77/24", "up")
    assert dhcp(host, "ipmp0", "dhcp")[0] == 2  # it has an address
    assert dhcp(host, "ipmp0", "dhcp", "inform") == (0, "")
    assert dhcp(host, "ipmp0", "dhcp", "status")[1].splitlines()[1].split()[1] == "INFORMATION"
    assert dhcp(host, "ipmp0", "dhcp", "drop") == (0, "") and peer.ping("192.0.2.77")

    server.stop()
    assert dhcp(host, "eth0", "dhcp", "wait", "0") == (0, "")
    assert dhcp(host, "eth0", "dhcp", "wait", "1") == (
        4, "ifconfig: eth0: no answer from a DHCP server yet; it goes on trying")
    assert dhcp(host, "eth0", "dhcp", "status")[1].splitlines()[1].split()[1] == "SELECTING"
    assert dhcp(host, "eth0", "dhcp", "release") == (0, "")
    host.tool("ipmp", "stop", "--purge")
    wait_until(lambda: not clients_of(host), 10, "no client is left")


def test_R_ADR_6_a_leased_address_of_another_host_is_not_used(lab):
    """The only address the server has is somebody else's: it is given up, and taken once that host is gone."""
    host, peer, _ = build(lab, "192.0.2.100,192.0.2.100,120", DUPLICATE_ADDRESS_PROBES=3)
    peer.ns.ip_batch("addr add 192.0.2.100/24 dev e0")
    assert dhcp(host, "ipmp0", "dhcp", "wait", "0") == (0, "")
    wait_until(lambda: "192.0.2.100 of ipmp0 is of no use: another host has the address" in host.log(), 10,
               "the duplicate is told")
    assert address_on(host, "ipmp0") is None
    peer.ns.ip_batch("addr del 192.0.2.100/24 dev e0")
    assert dhcp(host, "ipmp0", "dhcp", "wait", "30") == (0, "")
    assert address_on(host, "ipmp0") == "192.0.2.100"


def test_a_host_without_dhcpcd_says_what_to_install(lab):
    host = lab.host()
    host.add_nic("eth0", "veth", lab.switch())
    host.daemon = host.ns.popen("unshare", "-m", "sh", "-c", "mount --bind /dev/null /usr/sbin/dhcpcd && "
                                f"exec {build_dir()}/bin/in.mpathd -f", env=host.environment)
    wait_until(lambda: host.tool("ipmpstat", "-g", check=False).returncode == 0, 10, "in.mpathd answers")
    host.ifconfig("eth0", "plumb", "up")
    assert dhcp(host, "eth0", "dhcp") == (
        6, "ifconfig: eth0: unable to start the DHCP client: dhcpcd is not installed: apt install dhcpcd-base")
    assert dhcp(host, "eth0", "dhcp", "ping")[0] == 2


@pytest.mark.long
def test_R_DHC_3_a_test_address_whose_lease_ends_is_no_longer_probed_from(lab):
    """The server is gone for longer than the lease: the NIC goes back to link-based detection, and says so."""
    host, _, server = build(lab, RANGE)
    assert dhcp(host, "eth0", "dhcp") == (0, "")
    test = address_on(host, "eth0")
    server.stop()
    told = f"the DHCP lease of {test} of eth0 has ended: back to link-based failure detection"
    wait_until(lambda: told in host.log(), 150, "the lease has ended")
    wait_until(lambda: address_on(host, "eth0") is None, 5, "its address is gone")
    assert "eth0:disabled::" in host.ipmpstat("-tnP", "-o", "interface,mode,testaddr,targets")
    assert host.interfaces()["eth0"]["state"] == "ok"
