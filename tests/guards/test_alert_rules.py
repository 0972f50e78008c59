"""The example alert rules are right in Prometheus' eyes, and name metrics that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from retrieval_site.health import metrics
from search.monitoring.gauges import health_gauges

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool, of Debian's package prometheus, is not installed")
@pytest.mark.parametrize("asked", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_finds_nothing_wrong(asked):
    done = subprocess.run([str(PROMTOOL), *asked], cwd=RULES, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db
def test_every_metric_of_the_rules_exists():
    named = set(re.findall(r"sightline_\w+", (RULES / "alerts.yml").read_text()))
    known = {f"sightline_{gauge.name}" for gauge in health_gauges()}
    known |= {f"{metrics.requests_total._name}_total", "sightline_queue_messages", "sightline_query_workers"}
    assert named - known == set()
