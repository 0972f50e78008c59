"""The container files name what exists: targets, queues, variables, probes. (No container is started here.)"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrieval_site.health.middleware import PROBE_PAGES
from retrieval_site.supervisor.programs import Programs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def known_variables() -> set[str]:
    """Every name that the code reads from the environment."""
    text = "".join(
        path.read_text()
        for path in (ROOT / "retrieval_site").rglob("*.py")
        if path.name in {"config.py", "web_server.py", "bootstrap.py"}
    )
    return set(re.findall(r'(?:env\.\w+|environ\.get)\(\s*"([A-Z0-9_]+)"', text))


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
def test_containers_run_the_same_workers_as_one_command_does(compose: dict[str, Any], name: str) -> None:
    expected = worker_words(name)
    assert set(shlex.split(compose["services"][name]["command"])) == expected
    assert set(shlex.split(compose["services"][f"{name}-gpu"]["command"])) == expected


def test_every_variable_that_compose_sets_is_read(compose: dict[str, Any]) -> None:
    known = known_variables()
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"} <= known
    ours = [service["environment"] for service in compose["services"].values() if "build" in service]
    assert {name for variables in ours for name in variables} <= known


def test_compose_publishes_the_web_server_to_this_machine_alone(compose: dict[str, Any]) -> None:
    published = {name: service.get("ports") for name, service in compose["services"].items()}
    assert published.pop("web") == ["${BIND:-127.0.0.1}:${PORT:-8000}:8000"]
    assert set(published.values()) == {None}
    assert compose["services"]["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-0}"


def test_no_secret_is_written_into_compose() -> None:
    assert "SECRET_KEY:?" in (ROOT / "docker-compose.yml").read_text()  # compose refuses to start without


def test_files_in_which_people_write_secrets_stay_out_of_the_images() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".env", "deploy/helm", "deploy/terraform", "var"} <= set(ignored)


def test_compose_asks_the_port_that_the_image_sets(compose: dict[str, Any]) -> None:
    port = re.search(r"PROBE_PORT=(\d+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert port is not None
    assert "/healthz" in PROBE_PAGES
    assert f":{port[1]}/healthz" in compose["services"]["web"]["healthcheck"]["test"][-1]


def test_the_images_run_the_web_server_that_one_command_runs() -> None:
    commands = re.findall(r"^CMD (\[.*\])$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert {tuple(json.loads(command)[1:]) for command in commands} == {
        tuple(Programs({}).web().command.words[1:])
    }


@pytest.mark.slow
def test_images_collect_their_static_files_when_built_beside_what_versions_share(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    image = dict(re.findall(r"\b([A-Z_]+)=(/\S+)", text.split("FROM")[1]))
    assert not Path(image["STATIC_DIR"]).is_relative_to(image["DATA_DIR"])
    asked = re.findall(
        r"&& SECRET_KEY=(\S+) DATA_DIR=(\S+) (python manage\.py .*?) && rm -r \2$", text, re.MULTILINE
    )
    assert len(asked) == 2, "both targets"
    assert len(set(asked)) == 1
    ((key, _, command),) = set(asked)
    own = {"SECRET_KEY": key, "DATA_DIR": str(tmp_path / "none"), "STATIC_DIR": str(tmp_path / "collected")}
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **own},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = json.loads((tmp_path / "collected" / "staticfiles.json").read_text())["paths"]
    assert (tmp_path / "collected" / names["css/base.css"]).is_file()


def test_images_copy_every_list_of_packages_that_they_install() -> None:
    """A list may include others by `-r`; those that the stage of wheels writes into one include none."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "COPY requirements requirements\n" in dockerfile
    installed = re.findall(r"-r requirements/([\w-]+\.txt)", dockerfile)
    copied = re.findall(r"requirements/([\w-]+\.txt) ", dockerfile)
    assert installed == ["train.txt"]
    included = [
        line for name in installed for line in (ROOT / "requirements" / name).read_text().splitlines()
    ]
    assert {*installed, *(line.split()[1] for line in included if line.startswith("-r"))} == set(copied)


EXTRAS = ("ldap", "tracing")


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_of_the_images_are_lists_that_include_no_other(compose: dict[str, Any], extra: str) -> None:
    for name in ("lean", extra):
        assert "\n-r" not in (ROOT / "requirements" / f"{name}.txt").read_text()
    assert f'--build-arg EXTRAS="{" ".join(EXTRAS)}"' in (ROOT / "deploy" / "Dockerfile").read_text()
    built = [service["build"] for service in compose["services"].values() if "build" in service]
    assert all(build["args"] == {"EXTRAS": "${EXTRAS:-}"} for build in built)
    steps = WORKFLOWS["images"]["jobs"]["image"]["steps"]
    given = [step["with"] for step in steps if "build-push-action" in step.get("uses", "")]
    assert [step["build-args"] for step in given] == ["EXTRAS=${{ vars.EXTRAS }}"]


def test_bootstrap_runs_before_web_and_workers(compose: dict[str, Any]) -> None:
    assert compose["services"]["setup"]["command"] == "python manage.py bootstrap"
    for name in ("web", "query", "bulk", "query-gpu", "bulk-gpu"):
        assert compose["services"][name]["depends_on"] == {
            "setup": {"condition": "service_completed_successfully"}
        }


def test_the_page_of_settings_lists_every_variable() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    missing = {name for name in known_variables() if f"`{name}`" not in page}
    assert len(known_variables()) > 15
    assert missing == set()


WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_have_no_rights_but_those_that_a_job_names(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("id-token", "write")}
        assert job["timeout-minutes"] <= 120
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w/-]+@v\d+|[\w/-]+@[0-9a-f]{40}", action) for action in used)
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout")]
        assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_image_that_is_tagged_was_scanned_and_started_as_it_was_pushed(compose: dict[str, Any]) -> None:
    jobs = WORKFLOWS["images"]["jobs"]
    built = jobs["image"]["strategy"]["matrix"]["include"]
    platforms = {(each["target"], each["platform"], each["runner"]) for each in built}
    assert platforms == {
        ("lean", "linux/amd64", "ubuntu-24.04"),
        ("lean", "linux/arm64", "ubuntu-24.04-arm"),
        ("full", "linux/amd64", "ubuntu-24.04"),
    }
    services = compose["services"].values()
    targets = {service["build"]["target"] for service in services if "build" in service}
    assert (
        {each["target"] for each in built} == targets == set(jobs["publish"]["strategy"]["matrix"]["target"])
    )
    steps = jobs["image"]["steps"]
    (build,) = (step for step in steps if "build-push-action" in step.get("uses", ""))
    assert "push-by-digest=true" in build["with"]["outputs"]
    assert "tags" not in build["with"]
    digest = "${{ steps.built.outputs.digest }}"
    (scan,) = (step for step in steps if "scan-action" in step.get("uses", ""))
    assert scan["with"]["image"] == f"registry:${{{{ env.IMAGE }}}}@{digest}"
    assert (scan["with"]["severity-cutoff"], scan["with"].get("fail-build", True)) == ("critical", True)
    (start,) = (step for step in steps if "docker run" in step.get("run", ""))
    assert '"$IMAGE@$DIGEST" python manage.py check' in start["run"]
    noted = next(place for place, step in enumerate(steps) if "upload-artifact" in step.get("uses", ""))
    assert max(steps.index(build), steps.index(scan), steps.index(start)) < noted


def test_tags_come_after_every_platform_and_all_that_is_published_is_signed_by_its_digest() -> None:
    jobs = WORKFLOWS["images"]["jobs"]
    assert (jobs["publish"]["needs"], jobs["chart"]["needs"]) == ("image", "publish")
    (tagged,) = (
        step["run"] for step in jobs["publish"]["steps"] if "imagetools create" in step.get("run", "")
    )
    assert 'tag="$IMAGE:${GITHUB_REF_NAME#v}-$TARGET"' in tagged  # what the chart asks for
    assert 'cosign sign --yes --recursive "$IMAGE@$digest"' in tagged
    (charted,) = (step["run"] for step in jobs["chart"]["steps"] if "helm push" in step.get("run", ""))
    assert 'cosign sign --yes "$REGISTRY/charts/sightline@$(' in charted
    for job in (jobs["publish"], jobs["chart"]):
        assert job["permissions"]["id-token"] == "write"
        assert any("cosign-installer" in step.get("uses", "") for step in job["steps"])
    assert "id-token" not in jobs["image"]["permissions"]


def test_checks_run_the_one_script() -> None:
    (job,) = WORKFLOWS["checks"]["jobs"].values()
    assert any("bash .ci/run" in step.get("run", "") for step in job["steps"])
