"""ipmp-exporter beside the real daemon: what Prometheus sees of a NIC that is cut and healed, and of a daemon that
goes. The mapping itself is tested in src/exporter/metrics_test.cpp, the alerts in docs/monitoring.

              eth0 --- switch --- peer 192.0.2.9, probed
    host <    eth1 ---/
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from netns import PATIENCE, build_dir, wait_until

ADDRESS = ("127.0.0.1", 9916)
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")


class Exporter:
    def __init__(self, host):
        self.host = host
        root = os.open(host.ns.root, os.O_PATH | os.O_DIRECTORY)  # its path is for root only
        try:
            with open(host.ns.root / "exporter.log", "ab") as log:
                self.child = host.ns.popen(
                    *UNPRIVILEGED, build_dir() / "bin/ipmp-exporter", stdout=log, stderr=log, pass_fds=[root],
                    env={**host.environment, "IPMP_ROOT": f"/proc/self/fd/{root}"})
        finally:
            os.close(root)
        wait_until(self.text, 10, "the exporter answers")

    def text(self):
        """What a scrape gets; nothing while nobody listens."""
        with self.host.ns.entered():
            try:
                url = f"http://{ADDRESS[0]}:{ADDRESS[1]}/metrics"
                with urllib.request.urlopen(url, timeout=10 * PATIENCE) as answer:
                    return answer.read().decode()
            except urllib.error.URLError:
                return ""

    def metrics(self):
        """{series: value} of one scrape."""
        lines = [line for line in self.text().splitlines() if not line.startswith("#")]
        return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}

    def value(self, name, **labels):
        """Of the one series with this name and these labels at least; none if there is none."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        found = [value for series, value in self.metrics().items()
                 if series.split("{")[0] == name and wanted <= set(re.findall(r'\w+="[^"]*"', series))]
        assert len(found) <= 1, f"{name} {labels} is not unambiguous"
        return found[0] if found else None

    def wait(self, expected, name, **labels):
        wait_until(lambda: self.value(name, **labels) == expected, 15, f"{name} {labels} is {expected}")

    def log(self):
        return (self.host.ns.root / "exporter.log").read_text()


@pytest.fixture
def probed(lab):
    switch = lab.switch()
    lab.peer(switch, "192.0.2.9/24").ns.sysctl("ipv4/icmp_echo_ignore_broadcasts", 0)
    host = lab.host()
    for name in ("eth0", "eth1"):
        host.add_nic(name, "veth", switch)
    host.configure(LINK_UPS_PER_MINUTE=0)
    host.start_daemon()
    host.make_group("ipmp0", ["192.0.2.1/24", "192.0.2.2/24"])
    host.ifconfig("eth0", "addif", "192.0.2.20/24", "-failover", "up")
    return host


def check_by_promtool(text):
    """Where somebody installed it; docs/TESTING.md."""
    if shutil.which("promtool"):
        result = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True,
                                check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_sees_a_failover_and_a_daemon_that_goes(probed):
    exporter = Exporter(probed)
    exporter.wait(1, "ipmp_group_state", group="ipmp0", state="ok")
    exporter.wait(1, "ipmp_interface_bindings", interface="eth0", family="inet")
    wait_until(lambda: (exporter.value("ipmp_probe_round_trip_seconds_count", interface="eth0") or 0) >= 1, 10,
               "a probe was answered")
    before = exporter.metrics()
    check_by_promtool(exporter.text())
    own_bytes = probed.ns.link("eth0")["stats64"]["tx"]["bytes"]
    assert 0 < before['ipmp_interface_transmit_bytes_total{group="ipmp0",interface="eth0"}'] <= own_bytes
    assert before['ipmp_probes_sent_total{interface="eth0",family="inet"}'] >= 1
    assert before['ipmp_failover_stage_seconds_count{stage="decision"}'] == 0

    probed.nics["eth0"].cut()
    exporter.wait(1, "ipmp_interface_unusable_reason", interface="eth0", reason="link")
    exporter.wait(1, "ipmp_group_state", group="ipmp0", state="degraded")
    exporter.wait(2, "ipmp_interface_bindings", interface="eth1", family="inet")
    during = exporter.metrics()
    assert during['ipmp_interface_state{group="ipmp0",interface="eth0",state="failed"}'] == 1
    assert during['ipmp_group_interfaces{group="ipmp0",role="active"}'] == 1
    assert during['ipmp_failover_stage_seconds_count{stage="decision"}'] == 1
    assert during['ipmp_failover_stage_seconds_bucket{stage="writing",le="+Inf"}'] == 1

    probed.nics["eth0"].heal()
    exporter.wait(1, "ipmp_group_state", group="ipmp0", state="ok")
    exporter.wait(0, "ipmp_interface_unusable_reason", interface="eth0", reason="link")

    probed.kill_daemon()
    assert exporter.metrics()["ipmp_up"] == 0
    assert exporter.value("ipmp_group_state", state="ok") is None
    probed.start_daemon()
    exporter.wait(1, "ipmp_group_state", group="ipmp0", state="ok")
    assert "going on without" in exporter.log() and "answers again" in exporter.log()

    probed.daemon.send_signal(signal.SIGSTOP)
    with probed.ns.entered():
        scrape = socket.create_connection(ADDRESS)
    with scrape:
        scrape.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        began = time.monotonic()
        exporter.child.send_signal(signal.SIGTERM)
        assert exporter.child.wait(timeout=10) == 0
        assert time.monotonic() - began < 1 * PATIENCE, "it waited for the daemon"


def test_an_exporter_that_cannot_listen_says_why(lab):
    host = lab.host()
    for address, complaint in (("9916", "9916 is no ADDRESS:PORT"),
                               ("192.0.2.7:9916", "cannot listen on 192.0.2.7:9916")):
        result = host.tool("ipmp-exporter", "-l", address, check=False)
        assert result.returncode == 1 and complaint in result.stderr
