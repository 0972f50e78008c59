"""The Terraform files are read by a parser of their language: what they name exists, and nothing is open to the world.

Terraform itself was not run: whether the provider takes every argument is not shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

hcl2 = pytest.importorskip("hcl2")

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "terraform" / "google"
FILES = sorted(FOLDER.glob("*.tf"))


def blocks(kind: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return the blocks of a kind over all files, each with its labels."""
    found = []
    for file in FILES:
        for labelled in hcl2.loads(file.read_text()).get(kind, []):
            labels, inner = [], labelled
            while len(inner) == 1 and isinstance(next(iter(inner.values())), dict) and len(labels) < 2:
                ((label, inner),) = inner.items()
                labels.append(label.strip('"'))
            found.append((tuple(labels), inner))
    return found


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    return {".".join(labels): block for labels, block in blocks("resource")}


def test_everything_that_is_named_exists_and_every_variable_is_used(
    resources: dict[str, dict[str, Any]],
) -> None:
    written = "\n".join(file.read_text() for file in FILES)
    assert len(resources) > 15
    named = set(re.findall(r"\b((?:google|random)_[a-z_]+\.[a-z]+)\b", written))
    assert len(named) > 10
    assert named <= set(resources)
    declared = {labels[0] for labels, _ in blocks("variable")}
    assert set(re.findall(r"\bvar\.([a-z_]+)", written)) == declared


def test_stores_and_nodes_have_no_public_address(resources: dict[str, dict[str, Any]]) -> None:
    database = resources["google_sql_database_instance.own"]["settings"][0]["ip_configuration"][0]
    assert database["ipv4_enabled"] is False
    assert "ENCRYPTED_ONLY" in database["ssl_mode"]
    assert "enforced" in resources["google_storage_bucket.own"]["public_access_prevention"]
    assert "PRIVATE_SERVICE_ACCESS" in resources["google_redis_instance.own"]["connect_mode"]
    assert (
        resources["google_container_cluster.own"]["private_cluster_config"][0]["enable_private_nodes"] is True
    )


def test_volumes_lie_in_the_network_of_the_nodes() -> None:
    written = (FOLDER / "outputs.tf").read_text()
    assert "network = google_compute_network.own.name" in written
    assert 'provisioner          = "filestore.csi.storage.gke.io"' in written


def test_the_docs_name_every_output_and_every_service() -> None:
    page = (FOLDER.parents[2] / "docs" / "kubernetes.md").read_text()
    section = page.partition("### Terraform")[2].partition("\n### ")[0]
    assert {labels[0] for labels, _ in blocks("output")} <= set(re.findall(r"\w+", section))
    (command,) = re.findall(r"gcloud services enable (.+?)`", section)
    (said,) = re.findall(r"project's id; (.+?) APIs", (FOLDER / "variables.tf").read_text())
    assert {name.removesuffix(".googleapis.com") for name in command.split()} == set(
        re.split(r", | and ", said)
    )


def test_what_is_secret_is_said_to_be() -> None:
    outputs = {labels[0]: block for labels, block in blocks("output")}
    assert {name for name, block in outputs.items() if block.get("sensitive")} == {
        "database_url",
        "redis_url",
        "bucket",
    }


def test_the_versions_of_providers_are_pinned() -> None:
    ((_, terraform),) = blocks("terraform")
    providers = terraform["required_providers"][0]
    assert all("~>" in str(provider) for name, provider in providers.items() if not name.startswith("__"))
