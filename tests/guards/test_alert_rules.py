"""Alert rules and dashboards are right in Prometheus' eyes, and name metrics that `/metrics` serves."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from retrieval_site.health.gauges import gauges_forget

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
PROMTOOL = shutil.which("promtool")
MEMBERS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((DEPLOY / "grafana").glob("*.json"))}
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool, of Debian's package prometheus, is not installed"
)


def _panels() -> list[dict]:
    return [panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] != "row"]


def _expressions() -> list[str]:
    """Every expression of dashboards, of alerts, and of the chart's autoscaling."""
    shown = [target["expr"] for panel in _panels() for target in panel["targets"]]
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    scaling = (DEPLOY / "helm/sightline/templates/autoscaling.yaml").read_text()
    asked = re.findall(r"^ +query: (.+)$", scaling, re.MULTILINE)
    assert len(asked) == 1
    return [*shown, *(rule["expr"] for group in groups for rule in group["rules"]), *asked]


@needs_promtool
@pytest.mark.parametrize("asked", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_finds_nothing_wrong(asked):
    done = subprocess.run([str(PROMTOOL), *asked], cwd=RULES, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_reads_every_expression(tmp_path):
    expressions = [each.replace("$__rate_interval", "5m") for each in _expressions()]
    assert len(expressions) > 60
    rules = [{"record": f"shown:{number}", "expr": each} for number, each in enumerate(expressions)]
    file = tmp_path / "shown.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))
    done = subprocess.run([str(PROMTOOL), "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db
@pytest.mark.usefixtures("clean_redis")
def test_every_metric_of_the_expressions_is_served(client):
    gauges_forget()
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    served = {f"{family.name}{end}" for family in families for end in MEMBERS.get(family.type, ())}
    named = set(re.findall(r"\b(?:sightline|process)_\w+", " ".join(_expressions())))
    assert len(named) > 35
    assert named - served == set()


def test_every_alert_is_tried_out():
    rules = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in rules for rule in group["rules"]}
    tests = yaml.safe_load((RULES / "alerts_test.yml").read_text())["tests"]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fired == alerts


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_show_the_namespace_that_is_chosen(name):
    """All of them, and installations without that label, by the value that is chosen at first."""
    board = BOARDS[name]
    (chosen,) = (each for each in board["templating"]["list"] if each["name"] == "namespace")
    assert (chosen["current"]["value"], chosen["allValue"]) == ("$__all", ".*")
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            named = re.findall(r"sightline_[a-z_]+(.{0,13})", target["expr"])
            assert named
            assert set(named) == {'{namespace=~"'}


def test_every_rule_keeps_installations_apart():
    """Every number that is aggregated keeps the namespace; what was never there has none, and the chart names it."""
    rules = [
        rule
        for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    for rule in rules:
        aggregated = re.findall(r"\b(?:max|min|sum|group)\b(.{0,14})", rule["expr"])
        assert aggregated
        assert set(aggregated) <= {" by (namespace"}


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_can_be_loaded(name):
    board = BOARDS[name]
    assert board["uid"] == f"sightline-{name}"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    sources = {json.dumps(panel["datasource"]) for panel in board["panels"] if panel["type"] != "row"}
    assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert board["templating"]["list"][0]["name"] == "datasource"
