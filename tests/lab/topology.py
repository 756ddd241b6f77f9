"""The laboratory: hosts, switches, peers and the cables between them.

    with Lab() as lab:
        switch = lab.switch(bridges=2)              # two switches joined by a link
        host = lab.host()
        host.add_nic("eth0", "veth", switch, bridge=0)
        host.add_nic("eth1", "tap", switch, bridge=1)
        peer = lab.peer(switch, "192.0.2.9/24")
        host.start_daemon()
        host.ifconfig("ipmp0", "ipmp")
        host.nics["eth0"].cut()

Every bridge port is a "wire": it forgets what a cable cannot carry (port.bpf.c), and can be sniffed. The lab owns all
namespaces; leaving the context kills every process and with the last descriptor everything else goes.
"""

import json
import re
import subprocess

from host import Host
from netns import Namespace, build_dir
from sniff import Sniffer


class Lab:
    def __init__(self):
        self.namespaces, self.hosts = [], []
        self._macs = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None:
            for host in self.hosts:
                print(host.describe())
        self.close()

    def close(self):
        for namespace in reversed(self.namespaces):
            namespace.close()
        self.namespaces = []

    def namespace(self, **options):
        namespace = Namespace(**options)
        self.namespaces.append(namespace)
        return namespace

    def new_mac(self):
        self._macs += 1
        return f"02:1a:b0:00:{self._macs >> 8:02x}:{self._macs & 255:02x}"

    def switch(self, bridges=1, snooping=False, **options):
        return Switch(self, bridges, snooping, **options)

    def host(self, **options):
        host = Host(self, **options)
        self.hosts.append(host)
        return host

    def peer(self, switch, *addresses, bridge=0):
        return Peer(self, switch, addresses, bridge)

    def router(self, *legs):
        return Router(self, legs)


class Switch:
    """A namespace of bridges sw0, sw1, ...; all others are joined to sw0 by inter-switch links, unless each is to be a
    network by itself. With a query interval sw0 asks who listens to which multicast groups, and forgets who is silent
    for two and a half of them."""

    def __init__(self, lab, bridges, snooping, query_interval_s=None, mtu_bytes=1500, igmp_version=3, joined=True):
        self.lab, self.ns, self.mtu_bytes = lab, lab.namespace(), mtu_bytes
        for family in ("ip", "ip6", "arp"):
            try:
                self.ns.sysctl(f"bridge/bridge-nf-call-{family}tables", 0)
            except FileNotFoundError:
                pass  # a kernel without br_netfilter has nothing to turn off
        for scope in ("all", "default"):
            self.ns.sysctl(f"ipv6/conf/{scope}/disable_ipv6", 1)
        self.ports = []
        for number in range(bridges):
            self.ns.ip_batch(
                f"link add sw{number} mtu {mtu_bytes} type bridge forward_delay 0 stp_state 0 "
                f"mcast_snooping {int(snooping)} mcast_igmp_version {igmp_version}",
                f"link set sw{number} up")
            if number and joined:
                self.ns.ip_batch(f"link add isl{number}a type veth peer name isl{number}b",
                                 f"link set isl{number}a mtu {mtu_bytes} master sw0 up",
                                 f"link set isl{number}b mtu {mtu_bytes} master sw{number} up")
        if query_interval_s:
            self.ask_for_listeners(query_interval_s)

    def ask_for_listeners(self, interval_s):
        """Makes sw0 the querier; its MLD queries need a link-local address. What it knows counts from a response
        interval later on, so that is short, and set before."""
        self.ns.sysctl("ipv6/conf/sw0/accept_dad", 0)
        self.ns.sysctl("ipv6/conf/sw0/disable_ipv6", 0)
        self.ns.ip_batch(f"link set sw0 type bridge mcast_query_interval {100 * interval_s} "
                         f"mcast_membership_interval {250 * interval_s} "
                         "mcast_query_response_interval 50 mcast_startup_query_interval 50",
                         "link set sw0 type bridge mcast_querier 1")

    def forward_only_to_listeners(self):
        """No multicast but to who has reported; a Linux bridge floods groups that nobody has asked for."""
        self.ns.run("bridge", "-batch", "-", input="".join(f"link set dev {port} mcast_flood off\n"
                                                           for port in self.ports))

    def listening_ports(self, group):
        """Ports behind which the switch knows listeners to a multicast group."""
        entries = json.loads(self.ns.run("bridge", "-j", "mdb", "show").stdout)
        return {entry["port"] for table in entries for entry in table["mdb"] if entry["grp"] == group}

    def adopt(self, port, bridge):
        """Makes a link of our namespace a port."""
        self.ns.ip_batch(f"link set {port} mtu {self.mtu_bytes} master sw{bridge} up")
        self.ns.run("tc", "qdisc", "add", "dev", port, "clsact")
        self.set_filter(port, "ingress", "forget")
        if port not in self.ports:
            self.ports.append(port)

    def set_filter(self, port, direction, section):
        """Puts one program of port.bpf.c on a port, or takes it off (None)."""
        self.prepare_filters(port, **{direction: section})()

    def prepare_filters(self, port, **sections):
        """A function that does the same, for one direction or both, within 2 ms: tc has been started for it."""
        tc = self.ns.popen("tc", "-force", "-batch", "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        places = {direction: f"dev {port} {direction} prio 1 handle 1 bpf" for direction in sections}
        program = f"da obj {build_dir() / 'lab' / 'port.bpf.o'} sec"
        lines = [f"filter replace {places[direction]} {program} {section}"
                 for direction, section in sections.items() if section]
        replaced = len(lines)
        lines += [f"filter del {places[direction]}" for direction, section in sections.items() if not section]

        def put():
            _, errors = tc.communicate("".join(line + "\n" for line in lines), timeout=10)
            failed = [int(number) for number in re.findall(r"^Command failed -:(\d+)", errors, re.MULTILINE)]
            if any(number <= replaced for number in failed):  # what was not there to be taken off is as wanted
                raise RuntimeError(f"filters of {port}: {errors}")

        return put

    def sniff(self, port, expression=""):
        return Sniffer(self.ns, port, expression)


class Station:
    """A namespace with plain links to switches: what peers and routers have in common."""

    def __init__(self, lab):
        self.lab, self.ns = lab, lab.namespace()
        self.links = []

    def attach(self, switch, addresses, bridge=0):
        name, mac = f"e{len(self.links)}", self.lab.new_mac()
        port = f"p{len(switch.ports)}-{name}"
        switch.ns.ip_batch(f"link add {port} type veth peer name {name} address {mac} netns {self.ns.path}")
        switch.adopt(port, bridge)
        self.ns.sysctl(f"ipv6/conf/{name}/accept_dad", 0)
        self.ns.ip_batch(f"link set {name} mtu {switch.mtu_bytes} up",
                         *(f"addr add {address} dev {name}" for address in addresses))
        self.links.append((name, mac, switch, port))

    def neighbours(self):
        """Address -> MAC, as this station believes now."""
        return {entry["dst"]: entry.get("lladdr") for entry in self.ns.ip("neigh", "show")}

    def ping(self, address, count=1, timeout_s=1, size_bytes=56):
        """True when every echo request was answered."""
        return self.ns.run("ping", "-n", "-c", count, "-i", "0.05", "-W", timeout_s, "-s", size_bytes, address,
                           check=False).returncode == 0


class Peer(Station):
    def __init__(self, lab, switch, addresses, bridge):
        super().__init__(lab)
        self.attach(switch, addresses, bridge)
        self.address = addresses[0].split("/")[0] if addresses else None
        self.mac, self.port = self.links[0][1], self.links[0][3]


class Router(Station):
    """legs: (switch, [addresses]) each; forwards both families between them."""

    def __init__(self, lab, legs):
        super().__init__(lab)
        for switch, addresses in legs:
            self.attach(switch, addresses)
        self.ns.sysctl("ipv4/ip_forward", 1)
        self.ns.sysctl("ipv6/conf/all/forwarding", 1)
