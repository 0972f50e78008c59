"""What a bare cluster is given before the chart: PostgreSQL, Redis and certificates, as docs/kubernetes.md says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from search.checks import EXTENSIONS
from tests.support.chart_values import CHART, DEPLOY

validating = pytest.importorskip("kubernetes_validate")

OLDEST, NEWEST = "1.27", "1.37"
WITHOUT_SCHEMA = {"Cluster"}
"""The kind of CloudNativePG, whose schema no package brings."""
PAGE = (DEPLOY.parent / "docs" / "kubernetes.md").read_text()
Manifest = dict[str, Any]


def _stores() -> dict[tuple[str, str], Manifest]:
    text = (DEPLOY / "helm" / "stores.yaml").read_text()
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def test_the_stores_of_a_bare_cluster_are_right_by_the_schemas_and_hold_no_password():
    stores = _stores()
    for version in (OLDEST, NEWEST):
        for each in (each for each in stores.values() if each["kind"] not in WITHOUT_SCHEMA):
            validating.validate(each, version, strict=True)
    for name in ("database-owner", "redis"):
        assert stores["Secret", name]["stringData"]["password"].startswith("REPLACE")
    namespace = stores["Namespace", "databases"]["metadata"]["name"]
    assert {each["metadata"].get("namespace", namespace) for each in stores.values()} == {namespace}


def test_the_database_of_a_bare_cluster_has_what_sightline_needs():
    stores = _stores()
    cluster = stores["Cluster", "database"]["spec"]
    made = cluster["bootstrap"]["initdb"]
    assert [f"CREATE EXTENSION {name}" for name in EXTENSIONS] == made["postInitApplicationSQL"]
    owner = stores["Secret", made["secret"]["name"]]
    assert owner["type"] == "kubernetes.io/basic-auth"  # the one kind that the operator takes
    assert owner["stringData"]["username"] == made["owner"]
    assert all(isinstance(value, str) for value in cluster["postgresql"]["parameters"].values())
    (server,) = re.findall(r"/postgresql:(\d+)-", cluster["imageName"])
    (client,) = re.findall(r"The images have `pg_dump` (\d+)", PAGE)
    assert int(server) <= int(client)


def test_the_redis_of_a_bare_cluster_has_a_password_and_no_more_rights_than_it_needs():
    stores = _stores()
    pod = stores["Deployment", "redis"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    words = container["args"]
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["--requirepass"] == "$(REDIS_PASSWORD)"
    assert given["--maxmemory-policy"] == "volatile-lru"
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "password"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert (
        stores["Service", "redis"]["spec"]["selector"]
        == (stores["Deployment", "redis"]["spec"]["template"]["metadata"]["labels"])
    )


@pytest.mark.parametrize(
    ("name", "port", "labels"),
    [
        ("database", 5432, {"cnpg.io/cluster": "database"}),
        ("redis", "redis", {"app.kubernetes.io/name": "redis"}),
    ],
)
def test_only_the_sites_namespace_reaches_a_store(name, port, labels):
    policy = _stores()["NetworkPolicy", name]["spec"]
    assert policy["podSelector"] == {"matchLabels": labels}
    first, *others = policy["ingress"]
    site = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "sightline"}}}
    assert first == {"from": [site], "ports": [{"port": port}]}
    assert all(rule["from"] for rule in others)  # an empty list would let everybody in
    assert "sightline" not in str(others)


def test_the_page_names_the_stores_as_they_are_called():
    stores = _stores()
    made = stores["Cluster", "database"]["spec"]["bootstrap"]["initdb"]
    assert f"postgresql://{made['owner']}:PASSWORD@database-rw.databases:5432/{made['database']}" in PAGE
    assert "redis://:PASSWORD@redis.databases:6379/0" in PAGE
    values = yaml.safe_load((CHART / "values.yaml").read_text())["networkPolicy"]
    for namespace in (values["ingressNamespace"], values["monitoringNamespace"], "cnpg-system"):
        assert f"-n {namespace} --create-namespace" in PAGE


def test_the_issuer_answers_by_the_ingress_of_the_chart():
    issuer = yaml.safe_load((DEPLOY / "helm" / "issuer.yaml").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    (solver,) = issuer["spec"]["acme"]["solvers"]
    assert solver["http01"]["ingress"]["ingressClassName"] == values["ingress"]["className"]
    assert f"cert-manager.io/cluster-issuer: {issuer['metadata']['name']}" in PAGE
