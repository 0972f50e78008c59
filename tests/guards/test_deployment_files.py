"""The container files name what exists: targets, queues, variables, probes. (No container is started here.)"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrieval_site.health.middleware import PROBE_PAGES
from retrieval_site.supervisor.programs import Programs

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    found = [
        doc
        for name in kustomization["resources"]
        for doc in yaml.safe_load_all((KUBERNETES / name).read_text())
    ]
    assert len(found) >= 8
    return found


def containers(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    pods = [doc["spec"]["template"]["spec"] for doc in manifests if doc["kind"] in {"Deployment", "Job"}]
    return {container["name"]: container for pod in pods for container in pod["containers"]}


def known_variables() -> set[str]:
    """Every name that the code reads from the environment."""
    text = "".join(
        path.read_text()
        for path in (ROOT / "retrieval_site").rglob("*.py")
        if path.name in {"config.py", "web_server.py", "bootstrap.py"}
    )
    return set(re.findall(r'(?:env\.\w+|environ\.get)\(\s*"([A-Z_]+)"', text))


def worker_words(name: str) -> set[str]:
    words = list(getattr(Programs({}), name)().command.words)
    return set(words[words.index("celery") :])


def test_compose_has_every_process_of_the_design(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "setup", "web", "query", "bulk", "query-gpu", "bulk-gpu"}
    assert services["postgres"]["image"] == "pgvector/pgvector:pg18"
    assert services["query"]["profiles"] == services["bulk"]["profiles"] == ["cpu"]
    assert services["query-gpu"]["profiles"] == services["bulk-gpu"]["profiles"] == ["gpu"]
    assert services["query-gpu"]["environment"]["DEVICE"] == "cuda"


def test_the_images_targets_exist(compose: dict[str, Any]) -> None:
    targets = set(
        re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    )
    built = {service["build"]["target"] for service in compose["services"].values() if "build" in service}
    assert built == {"lean", "full"}
    assert built <= targets


@pytest.mark.parametrize("name", ["query", "bulk"])
def test_containers_run_the_same_workers_as_one_command_does(
    compose: dict[str, Any], manifests: list[dict[str, Any]], name: str
) -> None:
    expected = worker_words(name)
    assert set(shlex.split(compose["services"][name]["command"])) == expected
    assert set(shlex.split(compose["services"][f"{name}-gpu"]["command"])) == expected
    assert set(containers(manifests)[name]["command"]) == expected


def test_every_variable_that_the_files_set_is_read(
    compose: dict[str, Any], manifests: list[dict[str, Any]]
) -> None:
    known = known_variables()
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"} <= known
    ours = [service["environment"] for service in compose["services"].values() if "build" in service]
    ours += [
        doc.get("stringData") or doc.get("data")
        for doc in manifests
        if doc["kind"] in {"Secret", "ConfigMap"}
    ]
    assert {name for variables in ours for name in variables} <= known


def test_no_secret_is_written_into_the_files(manifests: list[dict[str, Any]]) -> None:
    secret = next(doc for doc in manifests if doc["kind"] == "Secret")
    assert all(value.startswith("REPLACE") for value in secret["stringData"].values())
    assert "SECRET_KEY:?" in (ROOT / "docker-compose.yml").read_text()  # compose refuses to start without


def test_probes_ask_addresses_that_answer(manifests: list[dict[str, Any]]) -> None:
    web = containers(manifests)["web"]
    probes = [web[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")]
    assert {probe["path"] for probe in probes} == {"/healthz", "/readyz"}
    assert {probe["path"] for probe in probes} <= set(PROBE_PAGES)
    assert {probe["port"] for probe in probes} == {"probes"}


def test_probes_and_scrapes_come_to_the_port_that_the_image_sets(
    compose: dict[str, Any], manifests: list[dict[str, Any]]
) -> None:
    port = re.search(r"PROBE_PORT=(\d+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert port is not None
    ports = {entry["name"]: entry["containerPort"] for entry in containers(manifests)["web"]["ports"]}
    assert ports["probes"] == int(port[1]) != ports["web"]
    assert f":{port[1]}/healthz" in compose["services"]["web"]["healthcheck"]["test"][-1]
    pod = next(
        doc["spec"]["template"]
        for doc in manifests
        if doc["kind"] == "Deployment" and doc["metadata"]["name"] == "sightline-web"
    )
    annotations = pod["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == port[1]
    assert annotations["prometheus.io/path"] in PROBE_PAGES
    service = next(doc for doc in manifests if doc["kind"] == "Service")
    assert [entry["targetPort"] for entry in service["spec"]["ports"]] == [
        ports["web"]
    ]  # nobody else's way in


def test_the_images_run_the_web_server_that_one_command_runs() -> None:
    commands = re.findall(r"^CMD (\[.*\])$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert {tuple(json.loads(command)[1:]) for command in commands} == {
        tuple(Programs({}).web().command.words[1:])
    }


def test_bootstrap_runs_before_web_and_workers(compose: dict[str, Any]) -> None:
    assert compose["services"]["setup"]["command"] == "python manage.py bootstrap"
    for name in ("web", "query", "bulk", "query-gpu", "bulk-gpu"):
        assert compose["services"][name]["depends_on"] == {
            "setup": {"condition": "service_completed_successfully"}
        }


def test_the_operators_page_lists_every_variable() -> None:
    page = (ROOT / "docs" / "operator.md").read_text()
    missing = {name for name in known_variables() if f"`{name}`" not in page}
    assert len(known_variables()) > 15
    assert missing == set()
