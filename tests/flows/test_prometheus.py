"""A real Prometheus reads a whole site: alerts of deploy/ fire, and the questions of the dashboards have answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.core.files.base import ContentFile

from tests.flows import test_api_story as story
from tests.flows.served import ROOT, Served, free_port, open_folder, wait_for
from tests.flows.test_api_story import FINISHED, photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flows.test_api_story import Program

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROMETHEUS is None, reason="Debian's package prometheus is not installed"),
]
operator, filled = story.operator, story.filled
RULES = ROOT / "deploy/prometheus/alerts.yml"
BOARDS = [json.loads(path.read_text()) for path in sorted((ROOT / "deploy/grafana").glob("*.json"))]
# What Grafana puts in place of its variables: all namespaces, and a while of several scrapes.
VARIABLES = {"$namespace": ".*", "$__rate_interval": "10s"}
PATIENCE_SECONDS = 90
"""What comes from the database is looked up twice a minute."""
NOTHING_YET = {
    'status=~"5.."': "no request failed",
    'status="429"': "no request was refused",
    "sightline_encoder_deaths_last_day": "no input ended an encoder",
    "sightline_index_recall{": "recall is measured once a day, of versions that have an index",
    "sightline_index_recall_low": "the same",
    "sightline_index_recall_high": "the same",
    "sightline_index_setting": "few vectors are scanned, without an index",
    "sightline_query_drift_psi": "drift is measured once a day, of many queries",
}
"""What a young site has no numbers of, by what stands in the question, and why."""


@dataclass
class Prometheus:
    """Its HTTP API."""

    port: int

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of a good answer; fails with the reason of a bad one."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as refusal:
            pytest.fail(f"{query}: {refusal.read().decode()}")
        assert said["status"] == "success"
        return said["data"]

    def series(self, expression: str) -> list[Any]:
        """Return what an expression gives now."""
        return list(self.ask("query", query=expression)["result"])

    def alerts(self) -> dict[str, str]:
        """Return the alerts that are pending or firing, and which of both."""
        return {each["labels"]["alertname"]: each["state"] for each in self.ask("alerts")["alerts"]}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with open_folder() as folder:
        served = Served(folder / "data", free_port(), extra={"THROTTLE": "0"})
        served.start()
        yield served
        served.stop()


@pytest.fixture(scope="module")
def prometheus(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that reads the site's probes' port every second, and goes by the rules of deploy/."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    probes = re.search(r"Probes: http://(127\.0\.0\.1:\d+)/readyz", served.output)
    assert probes is not None
    targets = [{"targets": [probes[1]]}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "sightline", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with _running(folder, port):
        yield Prometheus(port)


@contextmanager
def _running(folder: Path, port: int) -> Iterator[None]:
    """The program on its own folder and port, once it is ready."""
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command = [str(PROMETHEUS), *words, f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def is_ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_for(is_ready, 60)
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_site_without_a_model_has_an_alert_pending(prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.alerts().get("SightlineNoChampion") == "pending", PATIENCE_SECONDS)
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_three_failed_jobs_fire_an_alert_and_a_model_ends_the_other(
    prometheus: Prometheus, filled: Program
) -> None:
    for _ in range(3):
        broken = ContentFile(b"PK\x03\x04 and no more of a zip", "broken.zip")
        sent = {"collection": "notes", "file": broken}
        job = filled.must("POST", "documents/import/", form=sent)
        ended = wait_for(lambda job=job: _ended(filled, job), 120)
        assert ended["state"] == "failed"
    alerts = wait_for(lambda: _firing(prometheus, "SightlineJobsFail"), PATIENCE_SECONDS)
    assert "SightlineNoChampion" not in alerts


def _ended(program: Program, job: dict[str, Any]) -> Any:
    found = program.must("GET", f"jobs/{job['id']}/")
    return found if found["state"] in FINISHED else None


def _firing(prometheus: Prometheus, name: str) -> dict[str, str] | None:
    alerts = prometheus.alerts()
    return alerts if alerts.get(name) == "firing" else None


def _questions() -> list[str]:
    """Every expression of the dashboards, with Grafana's variables replaced."""
    panels = [panel for board in BOARDS for panel in board["panels"]]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    for name, value in VARIABLES.items():
        asked = [each.replace(name, value) for each in asked]
    assert not [each for each in asked if "$" in each]
    return asked


def test_every_question_of_the_dashboards_is_answered(prometheus: Prometheus, filled: Program) -> None:
    questions = _questions()
    assert len(questions) > 50
    unanswered, until = set(questions), time.monotonic() + PATIENCE_SECONDS
    expected = {each for each in questions if any(part in each for part in NOTHING_YET)}
    while unanswered - expected and time.monotonic() < until:
        filled.must("POST", "search/", form={"image": photo("red")})
        filled.must("POST", "search/", {"text": "red"})
        time.sleep(1)
        unanswered = {each for each in unanswered if not prometheus.series(each)}
    assert unanswered == expected


def test_every_reason_for_no_answer_is_needed() -> None:
    assert [part for part in NOTHING_YET if not any(part in each for each in _questions())] == []
