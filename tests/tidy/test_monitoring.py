"""What docs/monitoring has for Prometheus and Grafana. That there are metrics of the names used in it is tested
in src/exporter/metrics_documents_test.cpp."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MONITORING = Path(__file__).resolve().parents[2] / "docs/monitoring"


def promtool(*words):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian package prometheus)")
    return subprocess.run(["promtool", *words], cwd=MONITORING, text=True, capture_output=True, check=False)


def test_alert_rules_are_well_formed():
    result = promtool("check", "rules", "ipmp-alerts.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_alerts_fire_when_they_should():
    result = promtool("test", "rules", "ipmp-alerts-test.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_is_tested():
    alerts = re.findall(r"- alert: (\w+)", (MONITORING / "ipmp-alerts.yml").read_text())
    tested = re.findall(r"alertname: (\w+)\n", (MONITORING / "ipmp-alerts-test.yml").read_text())
    assert alerts and sorted(alerts) == sorted(tested)


def test_the_dashboard_is_one_whose_panels_fit_side_by_side():
    panels = json.loads((MONITORING / "ipmp-dashboard.json").read_text())["panels"]
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert all(target["expr"] for target in panel["targets"]), panel["title"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 0
