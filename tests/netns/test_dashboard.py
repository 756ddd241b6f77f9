"""The dashboard's queries and the alerts' by Prometheus itself, which scrapes the exporter beside the real daemon: each
one answers, with series that have the labels that are shown. Where somebody installed Prometheus (docs/TESTING.md).

              eth0 --- switch --- peer 192.0.2.9, probed
    host <    eth1 ---/
"""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from netns import wait_until
from test_exporter import ADDRESS, Exporter, probed  # noqa: F401  (a fixture)

MONITORING = Path(__file__).resolve().parents[2] / "docs/monitoring"
PROMETHEUS = ("127.0.0.1", 9090)
# What nothing in this laboratory makes.
MAY_BE_EMPTY = ("ipmp_duplicate_addresses", "ipmp_datapath_frames_total")


class Prometheus:
    def __init__(self, host, directory):
        (directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
            f"rule_files: [{MONITORING / 'ipmp-alerts.yml'}]\n"
            f"scrape_configs: [{{job_name: ipmp, static_configs: [{{targets: ['{ADDRESS[0]}:{ADDRESS[1]}']}}]}}]\n")
        self.host = host
        with open(directory / "prometheus.log", "wb") as log:
            self.child = host.ns.popen(
                "prometheus", f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={PROMETHEUS[0]}:{PROMETHEUS[1]}", stdout=log, stderr=log)

    def ask(self, path, **parameters):
        with self.host.ns.entered():
            try:
                url = f"http://{PROMETHEUS[0]}:{PROMETHEUS[1]}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return json.load(answer)["data"]
            except OSError:
                return None

    def query(self, expression):
        """The label sets of the series it gives."""
        data = self.ask("query", query=expression)
        return [series["metric"] for series in data["result"]] if data else []

    def healths(self):
        """Of all rules."""
        data = self.ask("rules")
        return {rule["health"] for group in data["groups"] for rule in group["rules"]} if data else set()


def targets():
    for panel in json.loads((MONITORING / "ipmp-dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            expression = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "30s")
            yield expression.replace("$__range", "30s"), re.findall(r"{{(\w+)}}", target["legendFormat"])


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed (Debian package prometheus)")
def test_prometheus_answers_every_query(probed, tmp_path):  # noqa: F811
    Exporter(probed)
    prometheus = Prometheus(probed, tmp_path)
    wait_until(lambda: prometheus.query("ipmp_up == 1"), 30, "Prometheus has scraped")
    probed.nics["eth0"].cut()
    probed.wait_state("eth0", "failed")
    for expression, shown in targets():
        if expression.startswith(("sum by (instance) (" + MAY_BE_EMPTY[0], "rate(" + MAY_BE_EMPTY[1])):
            continue
        series = wait_until(lambda query=expression: prometheus.query(query), 15, f"series of {expression}")
        for labels in series:
            assert set(shown) <= set(labels), f"{expression} gives {labels}"
    wait_until(lambda: prometheus.query('ALERTS{alertname="IpmpInterfaceFailed", interface="eth0"}'), 15, "an alert")
    wait_until(lambda: prometheus.healths() == {"ok"}, 15, "every rule has been evaluated")
