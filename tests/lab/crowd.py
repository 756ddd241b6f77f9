"""Many peers with addresses, MACs and neighbour entries of their own, behind one port of a switch."""

import socket

from netns import wait_until

DISCARD = 9


def sink(namespace, family):
    """Takes what peers say and answers nothing, so that the host's kernel has no reason to ask who they are."""
    with namespace.entered():
        end = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    end.bind(("", DISCARD))
    return end


class Crowd:
    """Many peers behind one port of the switch, the first with host number `first`."""

    def __init__(self, lab, switch, first, count):
        self.station = lab.peer(switch)
        self.ns, self.port, self.switch = self.station.ns, self.station.port, switch
        for name, value in (("arp_ignore", 1), ("rp_filter", 0)):
            for scope in ("all", "default"):
                self.ns.sysctl(f"ipv4/conf/{scope}/{name}", value)
        self.macs = {f"m{number}": lab.new_mac() for number in range(first, first + count)}
        lines = []
        for number, (name, mac) in enumerate(self.macs.items(), first):
            lines += [f"link add link e0 name {name} address {mac} type macvlan mode bridge", f"link set {name} up",
                      f"addr add 192.0.2.{number}/24 dev {name}", f"addr add fd00::{number:x}/64 dev {name} nodad"]
        self.ns.ip_batch(*lines)

    def greet(self, data):
        """Every peer sends something to every data address, and so gets a neighbour entry."""
        def all_know():
            for name in self.macs:
                for address in set(data) - self.known(name).keys():
                    family = socket.AF_INET6 if ":" in address else socket.AF_INET
                    with self.ns.entered(), socket.socket(family, socket.SOCK_DGRAM) as end:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
                        end.sendto(b"hello", (address, DISCARD))
            return all(set(data) <= self.known(name).keys() for name in self.macs)

        self._entries = None
        wait_until(lambda: self.look() and all_know(), 15, f"peers behind {self.port} have neighbour entries")

    def look(self):
        """Reads what all of them believe now."""
        self._entries = {}
        for entry in self.ns.ip("neigh", "show"):
            if "lladdr" in entry:
                self._entries.setdefault(entry["dev"], {})[entry["dst"]] = entry["lladdr"]
        return True

    def known(self, name):
        return self._entries.get(name, {})

    def believed(self, address):
        """Where all of them believe an address is: a set of MACs."""
        self.look()
        return {self.known(name).get(address) for name in self.macs}
