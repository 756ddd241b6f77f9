"""A host of the laboratory: NICs, the real in.mpathd, and the real tools run against it."""

import json
import os
import re
import signal
import subprocess
import time

from meter import Meter
from netns import build_dir, wait_until
from nic import NIC_KINDS


class Host:
    def __init__(self, lab, mounts=False):
        self.lab, self.ns = lab, lab.namespace(private_files=True, mounts=mounts)
        self.nics, self.daemon = {}, None
        self.environment = {**os.environ, "IPMP_ROOT": str(self.ns.root)}
        self.environment.pop("NOTIFY_SOCKET", None)
        (self.ns.root / "etc/default").mkdir(parents=True)
        (self.ns.root / "run/ipmp").mkdir(parents=True)
        self.configure()

    def add_nic(self, name, kind, switch, bridge=0):
        self.nics[name] = NIC_KINDS[kind](self, name, switch, bridge)
        return self.nics[name]

    # The daemon

    def configure(self, **settings):
        """Writes etc/default/mpathd, e.g. configure(LINK_UPS_PER_MINUTE=0). Here addresses are used unasked, and
        a repair that probes must agree to takes two seconds, as most tests would just wait for it; the defaults are
        DUPLICATE_ADDRESS_PROBES=3 and FAILURE_DETECTION_TIME=10000."""
        settings = {"DUPLICATE_ADDRESS_PROBES": 0, "FAILURE_DETECTION_TIME": 1000, **settings}
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self.ns.root / "etc/default/mpathd").write_text(text)

    def launch_daemon(self):
        """Starts in.mpathd -f and returns at once."""
        with open(self.ns.root / "mpathd.log", "ab") as log:
            self.daemon = self.ns.popen(build_dir() / "bin/in.mpathd", "-f", env=self.environment, stdout=log,
                                        stderr=log)

    def start_daemon(self):
        """Starts it and returns once a client can connect."""
        self.launch_daemon()

        def ready():
            if self.daemon.poll() is not None:
                raise RuntimeError(f"in.mpathd ended with {self.daemon.returncode}:\n{self.log()}")
            return self.tool("ipmpstat", "-g", check=False).returncode == 0

        wait_until(lambda: self.daemon.poll() is not None or (self.ns.root / "run/ipmp/mpathd.sock").exists(), 10,
                   "in.mpathd's socket")
        wait_until(ready, 10, "in.mpathd answers")

    def kill_daemon(self, signal_number=signal.SIGKILL):
        self.daemon.send_signal(signal_number)
        self.daemon.wait(timeout=10)

    def pause_daemon(self, seconds):
        """The daemon does not run for so long, as on a machine that has no time for it."""
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self.daemon.send_signal(signal.SIGCONT)

    def log(self):
        path = self.ns.root / "mpathd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def describe(self):
        """What a person wants to see after a failure."""
        if self.ns.fd is None:
            return "(host is closed)"
        parts = ["--- in.mpathd's log (last 40 lines)", *self.log().splitlines()[-40:]]
        if self.daemon and self.daemon.poll() is None:
            for mode in ("-g", "-i", "-an", "-tn"):
                result = self.tool("ipmpstat", mode, check=False)
                parts += [f"--- ipmpstat {mode}", result.stdout, result.stderr]
        else:
            parts.append("--- in.mpathd is not running")
        return "\n".join(parts)

    # The tools

    def tool(self, name, *args, check=True):
        return self.ns.run(build_dir() / "bin" / name, *args, check=check, env=self.environment)

    def start_tool(self, name, *args):
        """Without waiting for its end."""
        return self.ns.popen(build_dir() / "bin" / name, *args, env=self.environment, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)

    def ifconfig(self, *args):
        return self.tool("ifconfig", *args).stdout

    def ipmpstat(self, *args):
        return self.tool("ipmpstat", *args).stdout

    def _rows(self, mode, fields):
        """{first field: {field: value}} of one parsable mode."""
        out = self.ipmpstat(mode + "nP", "-o", ",".join(fields))
        rows = {}
        for line in out.splitlines():
            values = [re.sub(r"\\(.)", r"\1", value) for value in re.split(r"(?<!\\):", line)]
            rows[values[0]] = dict(zip(fields, values))
        return rows

    def groups(self):
        return self._rows("-g", ("group", "groupname", "state", "fdt", "interfaces"))

    def interfaces(self):
        return self._rows("-i", ("interface", "active", "group", "flags", "link", "state"))

    def addresses(self):
        return self._rows("-a", ("address", "state", "group", "inbound", "outbound"))

    # What tests ask for again and again

    def make_group(self, group, data, nics=None):
        """Creates an IPMP interface of all NICs (or those named) and the data addresses, and waits until all is ok."""
        families = ["inet6"] if all(":" in address for address in data) else ["inet"]
        if any(":" in address for address in data) and families == ["inet"]:
            families.append("inet6")
        for family in families:
            self.ifconfig(group, family, "ipmp")
        for name in nics or self.nics:
            for family in families:
                self.ifconfig(name, family, "plumb", "up")
            self.ifconfig(name, "group", group)
        for family in families:
            self.ifconfig(group, family, "up")
        for address in data:
            self.ifconfig(group, "inet6" if ":" in address else "inet", "addif", address, "up")
        self.wait_ok(group)
        bare = [address.split("/")[0] for address in data]
        wait_until(lambda: all(self.addresses().get(address, {}).get("inbound") for address in bare), 10,
                   "every data address is bound")

    def wait_ok(self, group, timeout_s=15):
        return wait_until(lambda: self.groups().get(group, {}).get("state") == "ok", timeout_s, f"{group} is ok")

    def wait_slots_level(self, group, timeout_s=5):
        """Until every active NIC has its share of the outbound slots: a NIC that came gets it over a second."""
        def level():
            state = json.loads((self.ns.root / "run/ipmp/state.json").read_text())
            for family in state["state"]["groups"][group]["families"]:
                shares = [family["slots"].count(index) for index in family["active"]]
                if shares and max(shares) - min(shares) > 1:
                    return False
            return True

        wait_until(level, timeout_s, f"slots of {group} are level")

    def wait_state(self, nic, state, timeout_s=15):
        return wait_until(lambda: self.interfaces().get(nic, {}).get("state") == state, timeout_s,
                          f"{nic} is {state}")

    def inbound(self, address):
        """The NIC a data address is bound to."""
        return self.addresses()[address]["inbound"]

    def sent_by_nic(self):
        return {name: nic.sent() for name, nic in self.nics.items()}

    def outbound_nic(self, meter, least_frames=20):
        """The NIC that a meter's flow leaves by, seen on the wires."""
        sniffers = {name: nic.sniff(f"port {meter.port}") for name, nic in self.nics.items()}

        def busiest():
            sent = {name: sum(not frame.outgoing for frame in sniffer.frames()) for name, sniffer in sniffers.items()}
            name = max(sent, key=sent.get)
            return name if sent[name] >= least_frames else None

        try:
            return wait_until(busiest, 10, "the flow's frames on some NIC's wire")
        finally:
            for sniffer in sniffers.values():
                sniffer.close()

    def meter(self, protocol, address, peer, peer_address=None, messages_per_second=1000):
        return Meter(protocol, self.ns, address, peer.ns, peer_address or peer.address, messages_per_second)
