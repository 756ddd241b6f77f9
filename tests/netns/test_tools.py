"""The tools against the real daemon: what ifconfig shows of real groups, what ends the daemon, and in what order.

              eth0 --- switch
    host <     |                eth2 joins where a test says so
              eth1                 ipmp0: 192.0.2.1
"""

import json
import re

from netns import wait_until

DATA = "192.0.2.1"


def shown(host, *words):
    """Output of ifconfig with what differs from run to run taken out: index and hardware address."""
    text = host.ifconfig(*words)
    return re.sub(r"\tether (?!0\d)[0-9a-f]{1,2}(:(?!0\d)[0-9a-f]{1,2}){5}\n", "\tether E\n",
                  re.sub(r"index [1-9]\d*\n", "index N\n", text))


def failure(host, *words, tool="ifconfig"):
    result = host.tool(tool, *words, check=False)
    assert result.returncode == 1, result
    return result.stderr


def test_R_STA_1_status_of_a_group_through_its_life(host):
    host.ifconfig("ipmp0", "ipmp")
    assert shown(host, "ipmp0") == (
        "ipmp0: flags=8011000802<BROADCAST,MULTICAST,IPv4,FAILED,IPMP> mtu 68 index N\n"
        "\tinet 0.0.0.0 netmask 0 \n"
        "\tgroupname ipmp0\n")
    for nic, address in (("eth0", "192.0.2.20/24"), ("eth1", "192.0.2.21/24")):
        host.ifconfig(nic, "plumb", "group", "ipmp0", address, "-failover", "up")
    host.ifconfig("eth2", "plumb", "group", "ipmp0", "192.0.2.22/24", "-failover", "standby", "up")
    host.ifconfig("ipmp0", f"{DATA}/24", "up", "addif", "192.0.2.2/24", "up")
    host.wait_ok("ipmp0")
    up = "flags=8001000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4,IPMP> mtu 1500 index N\n"
    assert shown(host, "ipmp0") == (
        f"ipmp0: {up}\tinet {DATA} netmask ffffff00 broadcast 192.0.2.255\n\tgroupname ipmp0\n"
        f"ipmp0:1: {up}\tinet 192.0.2.2 netmask ffffff00 broadcast 192.0.2.255\n")
    assert shown(host, "eth0") == (
        "eth0: flags=9040843<UP,BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER> mtu 1500 index N\n"
        "\tinet 192.0.2.20 netmask ffffff00 broadcast 192.0.2.255\n"
        "\tgroupname ipmp0\n"
        "\tether E\n")
    assert shown(host, "eth2", "inet") == (
        "eth2: flags=69040843<UP,BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,STANDBY,INACTIVE> "
        "mtu 1500 index N\n"
        "\tinet 192.0.2.22 netmask ffffff00 broadcast 192.0.2.255\n"
        "\tgroupname ipmp0\n")

    host.nics["eth0"].cut()
    host.wait_state("eth0", "failed")
    assert shown(host, "eth0", "inet").startswith("eth0: flags=19040803<UP,BROADCAST,MULTICAST,DEPRECATED,IPv4,")
    assert shown(host, "eth2", "inet").startswith("eth2: flags=29040843<")
    host.nics["eth0"].heal()
    host.wait_state("eth0", "unknown")  # there is nobody to probe: its link alone decides
    host.tool("if_mpadm", "-d", "eth0")
    assert shown(host, "eth0", "inet").startswith(
        "eth0: flags=89040842<BROADCAST,RUNNING,MULTICAST,DEPRECATED,IPv4,NOFAILOVER,OFFLINE> mtu")
    host.tool("if_mpadm", "-r", "eth0")

    names = re.findall(r"^([^\s:]+(?::\d+)?): flags", host.ifconfig("-a", "inet"), re.MULTILINE)
    assert names == ["eth0", "eth1", "eth2", "ipmp0", "ipmp0:1", "lo"]
    assert "lo: flags=2001000849<UP,LOOPBACK,RUNNING,MULTICAST,IPv4,VIRTUAL> mtu 65536" in host.ifconfig("-a4")


def test_R_STA_1_status_of_the_ipv6_side_and_of_a_placeholder(host):
    host.make_group("ipmp0", ["2001:db8::10/64"], ["eth0", "eth1"])
    host.ifconfig("eth0", "plumb")
    host.ifconfig("eth0", "up")
    text = shown(host, "ipmp0", "inet6")
    assert ("ipmp0:1: flags=8002000841<UP,RUNNING,MULTICAST,IPv6,IPMP> mtu 1500 index N\n"
            "\tinet6 2001:db8::10/64 \n") in text
    assert shown(host, "eth0") == (
        "eth0: flags=1000843<UP,BROADCAST,RUNNING,MULTICAST,IPv4> mtu 1500 index N\n"
        "\tinet 0.0.0.0 netmask ff000000 \n"
        "\tgroupname ipmp0\n"
        "\tether E\n")
    assert re.search(r"^eth1: flags=2000841<UP,RUNNING,MULTICAST,IPv6> mtu 1500 index N\n\tinet6 fe80::\S+/64 \n",
                     shown(host, "eth1", "inet6"), re.MULTILINE)


def test_display_without_a_daemon_shows_the_kernel(host):
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0"])
    host.kill_daemon()
    assert "IPMP" not in host.ifconfig("-a")
    assert f"\tinet {DATA} netmask ffffff00 broadcast 192.0.2.255\n" in host.ifconfig("ipmp0")
    assert shown(host, "lo").startswith("lo: flags=2001000849<UP,LOOPBACK,RUNNING,MULTICAST,IPv4,VIRTUAL> mtu 65536")
    assert failure(host, "nosuch0") == "ifconfig: status: SIOCGLIFFLAGS: nosuch0: no such interface\n"
    assert failure(host, "-g", tool="ipmpstat") == "ipmpstat: cannot contact in.mpathd(1M) -- is IPMP in use?\n"
    assert failure(host, "stop", tool="ipmp") == "ipmp: cannot contact in.mpathd -- is IPMP in use?\n"


def test_R_ADR_2_failover_on_an_up_address_migrates_it(host):
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0", "eth1"])
    host.ifconfig("eth0", "192.0.2.20/24", "-failover", "up")
    assert "192.0.2.20" not in host.addresses()
    host.ifconfig("eth0", "failover")
    wait_until(lambda: host.addresses().get("192.0.2.20", {}).get("inbound"), 5, "the address is bound in the group")
    assert "inet 0.0.0.0 netmask ff000000 " in host.ifconfig("eth0")
    assert "192.0.2.20/24" in host.ns.run("ip", "-br", "addr", "show", "ipmp0").stdout


def test_R_CMD_1_order_decides_and_nothing_is_rolled_back(host):
    host.ifconfig("eth0", "plumb", "group", "a", "192.0.2.20/24", "-failover", "up")
    assert "192.0.2.20" not in host.addresses()
    assert failure(host, "eth1", "plumb", "group", "a", "192.0.2.21/24", "up", "removeif", "192.0.2.77") == (
        "ifconfig: removeif: eth1: no such interface\n")
    assert host.addresses()["192.0.2.21"]["state"] == "up"


def test_R_CMD_1_logical_interfaces_by_number(host):
    host.ifconfig("ipmp0", "ipmp")
    host.ifconfig("ipmp0:3", "plumb", "192.0.2.3/24", "up")
    assert "ipmp0:3: flags=" in host.ifconfig("ipmp0")
    assert "\tinet 192.0.2.3 netmask ffffff00 broadcast 192.0.2.255\n" in host.ifconfig("ipmp0:3")
    again = host.tool("ifconfig", "ipmp0:3", "plumb", check=False)
    assert (again.returncode, again.stderr) == (0, "ifconfig: cannot plumb ipmp0:3: Interface already exists\n")
    assert host.ifconfig("ipmp0", "addif", "192.0.2.4/24") == "Created new logical interface ipmp0:1\n"
    host.ifconfig("ipmp0:3", "unplumb")
    assert failure(host, "ipmp0:3") == "ifconfig: status: SIOCGLIFFLAGS: ipmp0:3: no such interface\n"
    assert failure(host, "ipmp0:3", "unplumb") == "ifconfig: cannot unplumb ipmp0:3: Interface does not exist\n"
    assert "192.0.2.3" not in host.ns.run("ip", "addr", "show", "ipmp0").stdout
    assert failure(host, "ipmp0:1", "removeif", "192.0.2.4") == (
        "ifconfig: removeif: bad physical interface name ipmp0:1\n")
    host.ifconfig("ipmp0", "192.0.2.5/24")
    assert failure(host, "ipmp0", "removeif", "192.0.2.5") == "ifconfig: removeif: cannot remove interface: ipmp0\n"


def test_R_CMD_1_broadcast_of_a_present_address(host):
    host.ifconfig("eth0", "plumb", "192.0.2.20/24", "broadcast", "192.0.2.0", "up")
    assert "broadcast 192.0.2.0\n" in host.ifconfig("eth0")
    host.ifconfig("eth0", "broadcast", "192.0.2.127")
    assert "brd 192.0.2.127 " in host.ns.run("ip", "addr", "show", "eth0").stdout
    host.ifconfig("eth0", "broadcast", "+")
    assert "broadcast 192.0.2.255\n" in host.ifconfig("eth0")


def test_R_CMD_2_if_mpadm_with_the_real_daemon(host):
    """The reference's acceptance 8 among others."""
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0", "eth1"])
    fatal = "if_mpadm: fatal: "
    assert failure(host, "-d", "eth2", tool="if_mpadm") == (
        fatal + "cannot offline eth2: not a physical interface or not in an IPMP group\n")
    assert failure(host, "-r", "eth0", tool="if_mpadm") == fatal + "interface eth0 is not offline\n"
    assert failure(host, "-d", "nosuch0", tool="if_mpadm") == (
        fatal + "cannot get interface flags on nosuch0: No such device or address\n")
    assert host.tool("if_mpadm", "-d", "eth0").stdout == ""
    assert failure(host, "-d", "eth0", tool="if_mpadm") == fatal + "interface eth0 is already offline\n"
    assert failure(host, "-d", "eth1", tool="if_mpadm") == (
        fatal + "cannot offline eth1: no other functioning interfaces are in its IPMP group\n")
    assert failure(host, "-d", "ipmp0", tool="if_mpadm") == (
        fatal + "cannot offline ipmp0: not a physical interface or not in an IPMP group\n")
    host.tool("if_mpadm", "-r", "eth0")
    host.wait_state("eth0", "ok")


def test_ipmp_shows_everything(host):
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0"])
    text = host.tool("ipmp", "status").stdout
    assert text == "\n".join(host.ipmpstat(mode) for mode in ("-g", "-i", "-an"))
    status = json.loads(host.tool("ipmp", "status", "--json").stdout)
    assert status["groups"][0]["active"] == ["eth0"]
    assert host.tool("ipmp", "ifconfig", "ipmp0").stdout == host.ifconfig("ipmp0")


def test_stop_leaves_the_data_path(host, lab):
    peer = lab.peer(host.nics["eth0"].switch, "192.0.2.9/24")
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0", "eth1"])
    host.tool("ipmp", "stop")
    assert host.daemon.wait(timeout=5) == 0
    assert peer.ping(DATA, count=3)


def test_purge_gives_the_host_back_as_it_was(host):
    settings = ["ipv4/conf/eth0/rp_filter", "ipv4/conf/eth0/arp_ignore", "ipv6/conf/eth0/accept_ra"]

    def kernel():
        links = sorted(link["ifname"] for link in host.ns.ip("link", "show"))
        rules = host.ns.run("ip", "rule", "show").stdout
        return links, rules, [host.ns.run("sysctl", "-n", "net/" + name).stdout for name in settings]

    before = kernel()
    host.make_group("ipmp0", [f"{DATA}/24", "2001:db8::1/64"], ["eth0", "eth1"])
    host.ifconfig("eth0", "192.0.2.20/24", "-failover", "up")
    host.ifconfig("eth2", "plumb", "up", "group", "other")
    assert kernel() != before
    host.tool("ipmp", "stop", "--purge")
    assert host.daemon.wait(timeout=5) == 0
    assert kernel() == before
    for nic in ("eth0", "eth1", "eth2"):
        assert "bpf" not in host.ns.run("tc", "filter", "show", "dev", nic, "ingress").stdout
    host.start_daemon()
    assert host.groups() == {}
    assert "groupname" not in host.ifconfig("-a")


def test_up_of_a_group_without_addresses_is_remembered(host):
    """Through a restart; an address that is set later is UP at once."""
    host.ifconfig("ipmp0", "ipmp")
    assert "<UP," not in host.ifconfig("ipmp0")
    host.ifconfig("ipmp0", "up")
    assert "<UP,BROADCAST" in host.ifconfig("ipmp0") and "inet 0.0.0.0 netmask ff000000" in host.ifconfig("ipmp0")
    host.kill_daemon()
    host.start_daemon()
    assert "<UP,BROADCAST" in host.ifconfig("ipmp0")
    host.ifconfig("ipmp0", "down")
    assert "<UP," not in host.ifconfig("ipmp0") and "inet 0.0.0.0 netmask 0 " in host.ifconfig("ipmp0")
    host.ifconfig("ipmp0", "up")
    host.ifconfig("ipmp0", f"{DATA}/24")
    assert host.addresses()[DATA]["state"] == "up"
    assert any(entry["local"] == DATA for entry in host.ns.ip("addr", "show", "dev", "ipmp0")[0]["addr_info"])


def test_D4_policy_of_a_group_is_shown_set_and_kept(host):
    host.ifconfig("ipmp0", "ipmp")
    assert host.tool("ipmp", "policy", "ipmp0").stdout == "flow\n"
    for policy in ("tuple", "destination", "source"):
        assert host.tool("ipmp", "policy", "ipmp0", policy).stdout == ""
        assert host.tool("ipmp", "policy", "ipmp0").stdout == policy + "\n"
    assert json.loads(host.tool("ipmp", "status", "--json").stdout)["groups"][0]["policy"] == "source"
    host.kill_daemon()
    host.start_daemon()
    assert host.tool("ipmp", "policy", "ipmp0").stdout == "source\n"
    assert failure(host, "policy", "ipmp0", "fair", tool="ipmp") == (
        "ipmp: fair: not one of flow, tuple, destination, source\n")
    assert failure(host, "policy", "eth0", tool="ipmp") == "ipmp: eth0: not an IPMP interface\n"
    assert failure(host, "policy", "eth0", "flow", tool="ipmp") == "ipmp: eth0: not an IPMP interface\n"
    assert host.tool("ipmp", "policy", "ipmp0").stdout == "source\n"


def test_R_GRP_9_gso_limits_are_the_members_smallest(host):
    host.make_group("ipmp0", [f"{DATA}/24"], ["eth0", "eth1"])

    def limits():
        return {(link["gso_max_size"], link["gso_max_segs"])
                for link in host.ns.ip("-d", "link") if link["ifname"] in ("ipmp0", "ipmpl0")}

    assert limits() == {(65536, 65535)}
    host.ns.run("ip", "link", "set", "eth0", "gso_max_size", 30000)
    host.ns.run("ip", "link", "set", "eth1", "gso_max_segs", 20)
    wait_until(lambda: limits() == {(30000, 20)}, 5, "both ends have the smallest of each")
    host.ifconfig("eth1", "group", "")
    wait_until(lambda: limits() == {(30000, 65535)}, 5, "those of the one that is left")
    host.ns.run("ip", "link", "set", "ipmp0", "gso_max_size", 50000)
    wait_until(lambda: limits() == {(30000, 65535)}, 5, "and that lasts")
