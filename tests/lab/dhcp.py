"""A DHCP server of the laboratory: dnsmasq in a peer's namespace, with everything it knows in memory."""

import re
import subprocess
import tempfile


class DhcpServer:
    """Serves a peer's link. `ranges` as dnsmasq's --dhcp-range has them; a lease is of two minutes at least there."""

    def __init__(self, peer, *ranges):
        self.log_file = tempfile.TemporaryFile()
        words = ["dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--port=0", "--leasefile-ro", "--no-ping",
                 "--pid-file=", "--user=root", "--interface=e0", "--bind-interfaces", "--dhcp-authoritative",
                 "--log-dhcp", "--log-facility=-", "--dhcp-option=6,192.0.2.53", "--dhcp-option=15,example.org",
                 *(f"--dhcp-range={text}" for text in ranges)]
        self.process = peer.ns.popen(*words, stdout=self.log_file, stderr=subprocess.STDOUT)

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode(errors="replace")

    def count(self, message, address=""):
        """How many such messages about an address it has sent or received, e.g. DHCPACK or DHCPREQUEST."""
        return len(re.findall(rf"\b{message}\(e0\) {re.escape(address)}", self.log()))

    def stop(self):
        self.process.kill()
        self.process.wait()
