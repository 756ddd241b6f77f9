"""The kinds of NIC a host of the laboratory can have, each with its cable to a switch port.

veth      fast; Linux delivers its carrier loss at once, which real NICs do not enjoy
tap       joined to the port by the program `wire`: carrier as hardware has it, loss, delay, jitter
macvlan   the only kind that filters multicast
"""

import functools
import subprocess

from netns import build_dir


class Nic:
    """A NIC of `host`, and its cable to a switch port. Subclasses say what kind."""

    def __init__(self, host, name, switch, bridge):
        self.host, self.name, self.switch, self.bridge = host, name, switch, bridge
        self.mac = host.lab.new_mac()
        self.port = f"p{len(switch.ports)}-{name}"[:15]
        self.recreate()

    def recreate(self):
        """Plugs the NIC in (again), under its name and with its MAC; admin-down."""
        self._create()
        self.switch.adopt(self.port, self.bridge)
        # A wire without carrier at the switch's side would make the first announcement vanish.
        self.switch.ns.run("ip", "link", "set", self.port, "up")

    def rename(self, name):
        self.host.ns.ip_batch(f"link set {self.name} name {name}")
        del self.host.nics[self.name]
        self.name = name
        self.host.nics[name] = self

    def delete(self):
        self.host.ns.run("ip", "link", "del", self.name)

    def sniff(self, expression=""):
        """Frames on this NIC's wire, seen at the switch."""
        return self.switch.sniff(self.port, expression)

    def cut(self):
        """Carrier lost at the NIC (and, but for tap, nothing passes any more)."""
        self.switch.ns.run("ip", "link", "set", self.port, "down")

    def heal(self):
        """Undoes cut() and silent()."""
        self.silent("none")
        self.switch.ns.run("ip", "link", "set", self.port, "up")

    def silent(self, direction="both"):
        """Drops frames while the carrier stays; direction (in, out, both, none) as the host sees it."""
        self.prepare_silence(direction)()

    def prepare_silence(self, direction):
        """A function that does the same within 2 ms, for who measures from there on."""
        return self.switch.prepare_filters(self.port, ingress="drop" if direction in ("out", "both") else "forget",
                                           egress="drop" if direction in ("in", "both") else None)

    def sent(self):
        return self.host.ns.packets(self.name)[1]


class VethNic(Nic):
    kind = "veth"

    def _create(self):
        self.switch.ns.ip_batch(f"link add {self.port} type veth peer name {self.name} address {self.mac} "
                                f"netns {self.host.ns.path}")


class MacvlanNic(Nic):
    """The only kind that filters multicast. Its parent, in a namespace of its own, plays the hardware."""

    kind = "macvlan"
    hardware = None

    def _create(self):
        if self.hardware is None:
            self.hardware = self.host.lab.namespace()
            self.hardware.sysctl("ipv6/conf/default/disable_ipv6", 1)
        if not self.hardware.link("hw"):
            self.switch.ns.ip_batch(f"link add {self.port} type veth peer name hw netns {self.hardware.path}")
            self.hardware.ip_batch("link set hw up")
        self.hardware.ip_batch(f"link add link hw name {self.name} address {self.mac} netns {self.host.ns.path} "
                               "type macvlan mode private")

    def recreate(self):
        self._create()
        if self.port not in self.switch.ports:
            self.switch.adopt(self.port, self.bridge)


class TapNic(Nic):
    """Two taps joined by the program `wire`: carrier as hardware has it, loss, delay and jitter."""

    kind = "tap"

    def _create(self):
        self.wire = self.host.ns.popen(
            build_dir() / "lab" / "wire", self.host.ns.path, self.name, self.mac,
            self.switch.ns.path, self.port, self.host.lab.new_mac(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.wire.stdout.readline() != "ready\n":
            raise RuntimeError(f"wire of {self.name} did not start")

    def command(self, text):
        """One command to the wire (wire.cpp lists them); returns what follows "ok"."""
        self.wire.stdin.write(text + "\n")
        self.wire.stdin.flush()
        answer = self.wire.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise RuntimeError(f"wire of {self.name}: {text}: {answer or 'it has ended'}")
        return answer[2:].strip()

    def cut(self):
        self.command("carrier down")

    def heal(self):
        self.command("silent none")
        self.command("carrier up")

    def prepare_silence(self, direction):
        return functools.partial(self.command, "silent " + {"out": "ab", "in": "ba"}.get(direction, direction))

    def delete(self):
        self.host.ns.run("ip", "link", "del", self.name)
        self.wire.wait(timeout=5)


NIC_KINDS = {kind.kind: kind for kind in (VethNic, TapNic, MacvlanNic)}
