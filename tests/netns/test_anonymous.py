"""Interfaces that are watched though in no group: TRACK_INTERFACES_ONLY_WITH_GROUPS=no (R-DET-12).

    host eth0 --- switch --- peer 192.0.2.9            ipmp0: 192.0.2.1
    host eth1 --- other switch --- 198.51.100.254      eth1: 198.51.100.1, test address 198.51.100.20
"""

import signal

from netns import build_dir, wait_until

ALONE, TEST, ROUTER = "198.51.100.1", "198.51.100.20", "198.51.100.254"
SETTINGS = ["ipv4/conf/eth1/" + name for name in ("rp_filter", "arp_ignore", "arp_announce", "promote_secondaries")] + \
    ["ipv6/conf/eth1/accept_ra", "ipv6/conf/eth1/autoconf", "ipv4/neigh/eth1/retrans_time_ms"]


class Site:
    def __init__(self, lab):
        self.host = host = lab.host()
        host.add_nic("eth0", "veth", lab.switch())
        other = lab.switch()
        self.nic = host.add_nic("eth1", "tap", other)
        self.router = lab.peer(other, f"{ROUTER}/24")
        self.track("yes")
        host.start_daemon()
        host.make_group("ipmp0", ["192.0.2.1/24"], ["eth0"])
        host.ns.ip_batch("link set eth1 up", f"addr add {ALONE}/24 dev eth1", f"route add default via {ROUTER}")
        host.ifconfig("eth1", "addif", f"{TEST}/24", "-failover", "up")

    def track(self, only_with_groups):
        self.host.configure(TRACK_INTERFACES_ONLY_WITH_GROUPS=only_with_groups, LINK_UPS_PER_MINUTE=0)
        if self.host.daemon:
            self.host.daemon.send_signal(signal.SIGHUP)

    def untouched(self):
        """What belongs to the group on its members, and must not change on eth1: settings, filters, addresses, routes,
        rules, multicast mode."""
        ns = self.host.ns
        return ([ns.sysctl(name) for name in SETTINGS], ns.run("tc", "qdisc", "show", "dev", "eth1").stdout,
                [(one["local"], one["prefixlen"], one["scope"]) for one in ns.ip("addr", "show", "dev", "eth1")[0]
                 ["addr_info"]], ns.run("ip", "route", "show", "dev", "eth1").stdout, ns.run("ip", "rule").stdout,
                [flag for flag in ns.link("eth1")["flags"] if flag not in ("NO-CARRIER", "LOWER_UP")])

    def flags(self):
        return self.host.ifconfig("eth1").split("<")[1].split(">")[0].split(",")

    def alone(self):
        return [line for line in self.host.ipmpstat("-gP", "-o", "group,fdt").splitlines() if line.startswith(":")]


def test_R_DET_12_an_interface_without_a_group_is_watched_and_left_alone(lab):
    site = Site(lab)
    host, nic = site.host, site.nic
    wait_until(lambda: site.router.ping(ALONE), 5, "it works")
    before = site.untouched()
    assert site.alone() == [] and "eth1" not in host.interfaces()
    assert host.tool("if_mpadm", "-d", "eth1", check=False).stderr.endswith(
        "cannot offline eth1: not a physical interface or not in an IPMP group\n")

    site.track("no")
    host.wait_state("eth1", "ok")
    assert site.alone() == [":1.00s"]
    assert "--          --          ok        1.00s     eth1\n" in host.ipmpstat("-g")
    def probes_just(*targets):
        *row, shown = host.ipmpstat("-tnP", "-o", "interface,mode,testaddr,targets").splitlines()[-1].split(":")
        return row == ["eth1", "routes", TEST] and set(shown.split()) == set(targets)

    wait_until(lambda: probes_just(ROUTER), 10, "its router is its target")
    host.ns.ip_batch("route add 10.9.9.9/32 via 198.51.100.253")
    wait_until(lambda: probes_just(ROUTER, "198.51.100.253"), 5, "a router that comes later is one, too")
    host.ns.ip_batch("route del 10.9.9.9/32")
    wait_until(lambda: probes_just(ROUTER), 5, "and one that goes is not")
    assert host.interfaces()["eth1"]["group"] == ""
    assert host.ipmpstat("-iP", "-o", "probe").splitlines()[-1] == "ok"
    refusal = host.tool("if_mpadm", "-d", "eth1", check=False)
    assert refusal.returncode == 1
    assert refusal.stderr.endswith("cannot offline eth1: no other functioning interfaces are in its IPMP group\n")

    # By probes, then by its link. Nothing moves.
    wait_until(lambda: host.ipmpstat("-iP", "-o", "interface,probe").splitlines()[-1] == "eth1:ok", 10, "answers came")
    probes = host.ns.run("timeout", 1, build_dir() / "bin/ipmpstat", "-pn", check=False, env=host.environment).stdout
    assert " eth1 " in probes and ROUTER in probes
    nic.silent()
    host.wait_state("eth1", "failed")
    assert "IP interface failure detected on eth1\n" in host.log()
    assert "FAILED" in site.flags()
    assert "[eth1]" in host.ipmpstat("-g")
    nic.heal()
    host.wait_state("eth1", "ok")
    assert "IP interface repair detected on eth1\n" in host.log()
    nic.cut()
    host.wait_state("eth1", "failed")
    assert "The link has gone down on eth1\n" in host.log()
    assert host.groups()["ipmp0"]["state"] == "ok"
    assert site.untouched()[0] == before[0]

    # Off: nothing is left of it. On again, in a group, and out.
    site.track("yes")
    wait_until(lambda: site.alone() == [], 5, "it is watched no longer")
    assert "FAILED" not in site.flags()
    nic.heal()
    wait_until(lambda: site.router.ping(ALONE), 5, "it works")
    assert site.untouched() == before
    site.track("no")
    host.wait_state("eth1", "ok")
    host.kill_daemon()
    host.start_daemon()
    host.wait_state("eth1", "ok")
    assert site.untouched() == before
    host.ifconfig("eth1", "group", "ipmp1")
    host.wait_ok("ipmp1")
    assert host.interfaces()["eth1"]["group"] == "ipmp1"
    assert host.ipmpstat("-gP", "-o", "group,interfaces").splitlines()[-1] == ":"
    host.ifconfig("eth1", "group", "")
    wait_until(lambda: host.interfaces().get("eth1", {}).get("group") == "", 5, "it is watched again")
