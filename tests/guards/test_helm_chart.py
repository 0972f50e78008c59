"""The Helm chart, rendered by Helm's own engine: right by Kubernetes' schemas, and by what we ask of every pod."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrieval_site.config import GIB, MIB
from retrieval_site.health.middleware import PROBE_PAGES
from tests.guards.test_deployment_files import known_variables, worker_words
from tests.support.chart_values import CHART, DEPLOY, NEVER_PLAIN, OF_LIBRARIES, REFUSED, SIZES

validating = pytest.importorskip("kubernetes_validate")
pytest.importorskip("helm_python")

OLDEST, NEWEST = "1.27", "1.37"
OPERATORS = {"ScaledObject", "PodMonitor", "PrometheusRule"}
"""Kinds of KEDA and of the Prometheus operator, whose schemas no package brings."""
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    asked = SIZES | REFUSED
    command = [sys.executable, str(Path(__file__).with_name("render_chart.py"))]
    done = subprocess.run(command, input=json.dumps(list(asked.values())), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def sizes(answers: dict[str, dict[str, Any]]) -> dict[str, list[Manifest]]:
    return {size: list(_documents(answers[size]["manifests"])) for size in SIZES}


def _documents(manifests: dict[str, str]) -> Any:
    for name, text in sorted(manifests.items()):
        if name.endswith(".yaml"):
            yield from filter(None, yaml.safe_load_all(text))


def _pods(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    """Every pod's specification by the part that it is."""
    templates = _templates(manifests).values()
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"] for each in templates}


def _templates(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    """Every pod's template by the name of what makes it."""
    jobs = [(each, each["spec"]["jobTemplate"]) for each in manifests if each["kind"] == "CronJob"]
    makers = jobs + [(each, each) for each in manifests if each["kind"] in {"Deployment", "Job"}]
    return {each["metadata"]["name"]: job["spec"]["template"] for each, job in makers}


def _containers(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    return {part: pod["containers"][0] for part, pod in _pods(manifests).items()}


def _of(manifests: list[Manifest], kind: str, part: str = "") -> Manifest:
    (found,) = (
        each for each in manifests if each["kind"] == kind and each["metadata"]["name"].endswith(part)
    )
    return found


def test_helm_takes_the_values_and_its_linter_finds_nothing(answers):
    for size in SIZES:
        assert "error" not in answers[size], answers[size]
        assert [each["error"] for each in answers[size]["lint"]] == ["icon is recommended"]


@pytest.mark.parametrize("why", REFUSED)
def test_values_that_cannot_be_meant_are_refused(answers, why):
    assert "schema" in answers[why]["error"] or "specification" in answers[why]["error"]


@pytest.mark.parametrize(("size", "version"), [("with all there is", OLDEST), ("large, GPU", NEWEST)])
def test_manifests_are_right_by_the_schemas_of_kubernetes(sizes, size, version):
    checked = [each for each in sizes[size] if each["kind"] not in OPERATORS]
    assert len(checked) >= 13
    for each in checked:
        validating.validate(each, version, strict=True)


def test_every_part_is_there(sizes):
    for size, manifests in sizes.items():
        asked = {"backup"} if size == "with all there is" else set()
        assert set(_pods(manifests)) == {"web", "query", "bulk", "setup", "console"} | asked
        for kind in ("PodDisruptionBudget", "NetworkPolicy"):
            parts = {each["metadata"]["name"] for each in manifests if each["kind"] == kind}
            assert parts >= {"sightline-web", "sightline-query", "sightline-bulk"}


def test_no_pod_has_more_rights_than_it_needs(sizes):
    for size, manifests in sizes.items():
        mounts = {"/data", "/tmp"} | ({"/srv/scans"} if size == "with all there is" else set())
        for pod in _pods(manifests).values():
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["securityContext"]["runAsUser"] > 0
            assert pod["automountServiceAccountToken"] is False
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
            (container,) = pod["containers"]
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"]
            assert not rights["allowPrivilegeEscalation"]
            assert rights["capabilities"] == {"drop": ["ALL"]}
            assert {mount["mountPath"] for mount in container["volumeMounts"]} == mounts
            named = {mount["name"] for mount in container["volumeMounts"]}
            assert named == {volume["name"] for volume in pod["volumes"]}


def test_every_container_says_what_it_needs_and_how_it_is_asked(sizes):
    for manifests in sizes.values():
        for part, container in _containers(manifests).items():
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}
            assert "memory" in resources["limits"]
            assert re.fullmatch(r"sightline:[\d.]+-(lean|full)", container["image"])
            probes = {"startupProbe", "livenessProbe", "readinessProbe"} & set(container)
            assert len(probes) == (3 if part in {"web", "query", "bulk"} else 0)


def test_variables_are_those_that_the_code_reads_once_each_and_secrets_come_from_the_secret(sizes):
    for manifests in sizes.values():
        for part, container in _containers(manifests).items():
            plain = [each["name"] for each in container["env"] if "value" in each]
            secret = [each["name"] for each in container["env"] if "valueFrom" in each]
            assert len({*plain, *secret}) == len(plain) + len(secret)
            assert {*plain, *secret} <= known_variables() | OF_LIBRARIES
            assert not NEVER_PLAIN & set(plain)
            assert set(secret) <= NEVER_PLAIN
            assert ("ADMIN_PASSWORD" in secret) == (part == "setup")


def test_the_schema_refuses_exactly_what_the_secret_has():
    schema = json.loads((CHART / "values.schema.json").read_text())
    refused = set(schema["properties"]["settings"]["propertyNames"]["not"]["enum"])
    assert refused == NEVER_PLAIN
    likely = {name for name in known_variables() if re.search("SECRET|PASSWORD|TOKEN|_URL$", name)}
    assert likely - NEVER_PLAIN == {"SITE_URL", "LDAP_URL"}  # an address of LDAP holds no password


def test_the_docs_name_every_key_of_the_secret():
    """A key that nobody reads would be passed over in silence."""
    page = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()
    (said,) = re.findall(r"^.*reads these keys of it and no others: (.+)$", page, re.MULTILINE)
    assert set(re.findall(r"`([A-Z0-9_]+)`", said)) == NEVER_PLAIN


def test_workers_run_as_one_command_runs_them(sizes):
    containers = _containers(sizes["as it stands"])
    for name in ("query", "bulk"):
        assert set(containers[name]["command"]) == worker_words(name)
    assert containers["web"]["command"] == ["python", "-m", "retrieval_site.web"]
    assert containers["setup"]["command"] == ["python", "manage.py", "bootstrap"]


def test_backups_are_made_by_a_job_whose_words_no_shell_reads(sizes, tmp_path):
    cron = _of(sizes["with all there is"], "CronJob", "-backup")["spec"]
    assert (cron["schedule"], cron["suspend"], cron["concurrencyPolicy"]) == ("@daily", False, "Forbid")
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nfor word in "$@"; do echo "[$word]"; done\n')
    python.chmod(0o755)
    command = _containers(sizes["with all there is"])["backup"]["command"]
    run = subprocess.run(
        command, env={"PATH": f"{tmp_path}:/bin"}, capture_output=True, text=True, check=True
    )
    words = run.stdout.split()
    create = ["manage.py", "backup", "create", "s3://bucket/$(id)", "--recipient", "age1x"]
    prune = ["manage.py", "backup", "prune", "s3://bucket/$(id)", "--keep", "30"]
    assert words == [f"[{word}]" for word in (*create, *prune)]


def test_a_console_is_made_only_when_it_is_asked_for_and_ends_by_itself(sizes):
    cron = _of(sizes["as it stands"], "CronJob", "-console")["spec"]
    assert cron["suspend"] is True
    assert _containers(sizes["as it stands"])["console"]["command"] == ["sleep", str(12 * 3600)]


@pytest.mark.parametrize(("part", "silence"), [("query", 60), ("bulk", 300)])
def test_a_workers_probe_fails_where_the_file_is_old_or_missing(sizes, tmp_path, part, silence):
    container = _containers(sizes["small"])[part]
    probes = [container[f"{probe}Probe"]["exec"]["command"] for probe in ("startup", "liveness", "readiness")]
    assert probes[0] == probes[1] == probes[2]
    assert {"name": "ALIVE_FILE", "value": "/tmp/alive"} in container["env"]
    alive = tmp_path / "alive"
    command = [word.replace("/tmp/alive", str(alive)) for word in probes[0]]

    def fails() -> bool:
        return subprocess.run(command, capture_output=True, check=False).returncode != 0

    assert fails()
    alive.touch()
    assert not fails()
    old = time.time() - silence - 1
    os.utime(alive, (old, old))
    assert fails()


def test_migrations_come_before_the_pods_and_need_nothing_of_the_release(sizes):
    for manifests in sizes.values():
        hooks = [each for each in manifests if "helm.sh/hook" in each["metadata"].get("annotations", {})]
        assert {each["kind"] for each in hooks} == {"Job", "NetworkPolicy"}
        for each in hooks:
            assert each["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert not [each for each in manifests if each["kind"] in {"Secret", "PersistentVolumeClaim"}]


def test_probes_and_scrapes_come_to_the_port_that_the_image_sets(sizes):
    web = _containers(sizes["medium"])["web"]
    ports = {each["name"]: each["containerPort"] for each in web["ports"]}
    image = (DEPLOY / "Dockerfile").read_text()
    assert f"PORT={ports['web']} " in image
    assert f"PROBE_PORT={ports['probes']}\n" in image
    # not /readyz: a part that is away would take every pod, and with them the pages that say so, off the ingress
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/startedz")):
        assert web[probe]["httpGet"] == {"path": path, "port": "probes"}
        assert path in PROBE_PAGES
    (endpoint,) = _of(sizes["medium"], "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == "probes"
    assert endpoint["path"] in PROBE_PAGES
    (port,) = _of(sizes["medium"], "Service")["spec"]["ports"]
    assert port["targetPort"] == "web"  # probes and metrics are nobody else's


def test_what_a_pod_receives_waits_in_the_pod_itself(sizes):
    spool = re.search(r" SPOOL_DIR=(/\S+)", (DEPLOY / "Dockerfile").read_text())
    assert spool is not None
    for manifests in sizes.values():
        pod = _pods(manifests)["web"]
        mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
        (volume,) = (
            each
            for each in pod["volumes"]
            if each["name"] == next(name for path, name in mounts.items() if spool[1].startswith(f"{path}/"))
        )
        assert "emptyDir" in volume


def test_everything_that_points_at_pods_meets_them(sizes):
    for manifests in sizes.values():
        labels = {name: pod["metadata"]["labels"] for name, pod in _templates(manifests).items()}
        for each in manifests:
            spec = each.get("spec", {})
            if each["kind"] in {"Deployment", "PodDisruptionBudget", "PodMonitor"}:
                asked = spec["selector"]["matchLabels"]
            elif each["kind"] in {"Service", "NetworkPolicy"}:
                asked = spec["selector"] if each["kind"] == "Service" else spec["podSelector"]["matchLabels"]
            else:
                continue
            assert asked.items() <= labels[each["metadata"]["name"]].items()
        for each in manifests:
            if each["kind"] in {"HorizontalPodAutoscaler", "ScaledObject"}:
                target = each["spec"]["scaleTargetRef"]["name"]
                assert "replicas" not in _of(manifests, "Deployment", target)["spec"]


def test_bulk_workers_follow_the_jobs(sizes):
    scaled = _of(sizes["medium"], "ScaledObject")["spec"]
    (trigger,) = scaled["triggers"]
    assert trigger["type"] == "prometheus"
    assert "sightline_jobs{" in trigger["metadata"]["query"]
    assert trigger["metadata"]["threshold"] == "2"
    assert 1 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]


def test_gpu_workers_run_the_full_image_on_their_nodes(sizes):
    pods = _pods(sizes["large, GPU"])
    for part in ("query", "bulk"):
        (container,) = pods[part]["containers"]
        assert container["image"].endswith("-full")
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert {"name": "DEVICE", "value": "cuda:0"} in container["env"]  # a setting goes first
        assert pods[part]["nodeSelector"]
        assert pods[part]["tolerations"]
    assert pods["web"]["containers"][0]["image"].endswith("-lean")


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ("as it stands", "nginx.org/client-max-body-size"),
        ("small", "nginx.ingress.kubernetes.io/proxy-body-size"),
    ],
)
def test_the_ingress_lets_the_largest_import_through(sizes, size, name):
    ingress = _of(sizes[size], "Ingress")
    limit = re.fullmatch(r"(\d+)m", ingress["metadata"]["annotations"][name])
    assert limit is not None
    assert int(limit[1]) * MIB >= 4 * GIB + MIB
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]


def test_strangers_reach_nothing_but_the_web_port(sizes):
    for size, manifests in sizes.items():
        policies = {
            each["metadata"]["name"].rpartition("-")[2]: each["spec"]
            for each in manifests
            if each["kind"] == "NetworkPolicy"
        }
        assert set(policies) == set(_pods(manifests))
        assert all(policy["ingress"] == [] for part, policy in policies.items() if part != "web")
        out = {"query", "bulk", "console", "backup"} | ({"web"} if size == "with all there is" else set())
        for part, policy in policies.items():
            internet = [peer for rule in policy["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
            assert bool(internet) == (part in out)
            assert all("10.0.0.0/8" in peer["ipBlock"]["except"] for peer in internet)


def test_pods_ask_other_servers_only_by_the_ports_that_are_named(sizes):
    for size, ports in (("medium", set()), ("large, GPU", {443, 636}), ("with all there is", {443, 587})):
        policy = _of(sizes[size], "NetworkPolicy", "-web")
        asked = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
        assert asked == {53, 5432, 6379} | ports


@pytest.mark.parametrize(
    ("size", "peer"),
    [
        ("medium", {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "nginx-ingress"}}}),
        ("with all there is", {"ipBlock": {"cidr": "130.211.0.0/22"}}),
    ],
)
def test_web_pods_hear_the_ingress_and_prometheus_alone(sizes, size, peer):
    ingress, prometheus = _of(sizes[size], "NetworkPolicy", "-web")["spec"]["ingress"]
    assert ingress == {"from": [peer], "ports": [{"port": "web"}]}
    assert prometheus["ports"] == [{"port": "probes"}]


@pytest.mark.parametrize("size", SIZES)
def test_web_pods_are_scraped_by_one_way(sizes, size):
    (pod,) = [pod for name, pod in _templates(sizes[size]).items() if name.endswith("-web")]
    is_annotated = "prometheus.io/scrape" in pod["metadata"].get("annotations", {})
    is_monitored = any(each["kind"] == "PodMonitor" for each in sizes[size])
    assert is_annotated != is_monitored


def test_the_release_brings_the_rules_of_the_repository_for_its_own_namespace(sizes):
    rules = _of(sizes["medium"], "PrometheusRule")["spec"]
    own = 'namespace="find"'
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["expr"].count(own) == len(re.findall(r"sightline_\w+\{" + own, rule["expr"]))
            assert rule["expr"].count(own) == len(re.findall(r"sightline_\w+", rule["expr"])) > 0
            rule["expr"] = rule["expr"].replace(f"{{{own}}}", "").replace(f"{own}, ", "")
    assert rules == yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())


def test_the_release_brings_the_dashboards_of_the_repository(sizes):
    boards = _of(sizes["medium"], "ConfigMap")["data"]
    assert {name: json.loads(text) for name, text in boards.items()} == {
        path.name: json.loads(path.read_text()) for path in (DEPLOY / "grafana").glob("*.json")
    }
    assert boards


def test_what_comes_before_a_release_is_right_and_holds_no_secret(sizes):
    secret, claim = yaml.safe_load_all((DEPLOY / "helm" / "before.yaml").read_text())
    for each in (secret, claim):
        validating.validate(each, OLDEST, strict=True)
    assert set(secret["stringData"]) <= NEVER_PLAIN
    assert all(value.startswith("REPLACE") for value in secret["stringData"].values())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert (values["secret"], values["claim"]) == (secret["metadata"]["name"], claim["metadata"]["name"])


def test_the_volume_is_given_to_the_user_that_pods_run_as(sizes):
    pod = yaml.safe_load((DEPLOY / "helm" / "own-volume.yaml").read_text())
    validating.validate(pod, OLDEST, strict=True)
    rights = _pods(sizes["small"])["setup"]["securityContext"]
    (container,) = pod["spec"]["containers"]
    assert container["command"] == ["chown", f"{rights['runAsUser']}:{rights['runAsGroup']}", "/data"]
    (volume,) = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == "sightline-data"


def _amount(written: str) -> float:
    """Return processors, or GiB."""
    for unit, share in (("Mi", 1024), ("Gi", 1), ("m", 1000)):
        if written.endswith(unit):
            return int(written.removesuffix(unit)) / share
    return int(written)


def _requested(manifests: list[Manifest], end: str) -> list[float]:
    """Return the processors, the GiB and the number of pods that run at the `min` or `max`."""
    found = [0.0, 0.0, 0.0]
    scaled = [each["spec"] for each in manifests if "scaleTargetRef" in each.get("spec", {})]
    scales = {spec["scaleTargetRef"]["name"]: spec for spec in scaled}
    for each in (each for each in manifests if each["kind"] == "Deployment"):
        scale = scales.get(each["metadata"]["name"], {})
        count = scale.get(f"{end}Replicas") or scale.get(f"{end}ReplicaCount") or each["spec"]["replicas"]
        requests = each["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
        more = (_amount(requests["cpu"]), _amount(requests["memory"]), 1)
        found = [value + count * one for value, one in zip(found, more, strict=True)]
    return found


@pytest.mark.parametrize("size", ["small", "medium", "large, GPU"])
def test_the_docs_add_the_requests_up_rightly(sizes, size):
    page = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()
    least, most = (_requested(sizes[size], end) for end in ("min", "max"))
    spans = [
        f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in zip(least, most, strict=True)
    ]
    assert f"| {size.split(',')[0]} | {' | '.join(spans)} |" in page
