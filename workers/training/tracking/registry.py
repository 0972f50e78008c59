"""Bundles in MLflow's model registry: registered under a name with an alias, and fetched by `models:/name@alias`.

An optional extra (requirements/mlflow.txt), imported when it is used.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from workers.training.errors import TrainingError
from workers.training.tracking.mlflow_store import mlflow_client, mlflow_experiment

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = "models:/"
EXPERIMENT = "Sightline bundles"
SHA256_TAG = "sightline.sha256"
_ADDRESS = re.compile(r"models:/(?P<name>[^/@:]+)(?:@(?P<alias>[^/@:]+)|/(?P<version>[0-9]+))")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RegisteredBundle:
    """A model version in MLflow: its name, its number there, and whether this call made it."""

    name: str
    version: str
    is_new: bool


def is_registry_address(written: str) -> bool:
    """Return whether something is meant to be an address of a model in MLflow's registry."""
    return written.startswith(SCHEME)


def bundle_register(
    bundle: Path, uri: str, name: str, *, alias: str = "", tags: dict[str, str] | None = None
) -> RegisteredBundle:
    """Register a bundle's file as a version of the model `name` in the store at `uri`, and move an alias to it.

    The same file is one version, however often it is registered; `tags` are added to those that it has there. Raises
    TrainingError without MLflow, and where the store does not answer or refuses.
    """
    client, error = mlflow_client(uri)
    digest = _sha256(bundle)
    try:
        found = _known(client, name, digest)
        version = found or _made(client, uri, name, bundle, (tags or {}) | {SHA256_TAG: digest})
        if found:
            _tag(client, name, version, tags or {})
        if alias:
            client.set_registered_model_alias(name, alias, version)
    except error as problem:
        raise TrainingError(f"MLflow at {uri}: {problem}") from None
    return RegisteredBundle(name, version, is_new=found is None)


class FetchedBundle(NamedTuple):
    """A bundle's file, and the tags that its version has in MLflow."""

    path: Path
    tags: dict[str, str]


def bundle_fetch(address: str, uri: str, folder: Path) -> FetchedBundle:
    """Fetch the bundle of `models:/name@alias` or `models:/name/number` into a folder; return it with its tags.

    Raises TrainingError for another address, without MLflow, where the store does not answer or has no such model,
    where the model is no bundle, and where its bytes are not those that were registered.
    """
    asked = _ADDRESS.fullmatch(address)
    if asked is None:
        raise TrainingError(f"{address} is not models:/name@alias or models:/name/number.")
    client, error = mlflow_client(uri)
    try:
        found = (
            client.get_model_version_by_alias(asked["name"], asked["alias"])
            if asked["alias"]
            else client.get_model_version(asked["name"], asked["version"])
        )
        place = client.get_model_version_download_uri(found.name, found.version)
        files = _downloaded(place, uri, folder)
    except (error, OSError) as problem:
        raise TrainingError(f"MLflow at {uri}: {problem}") from None
    if len(files) != 1:
        raise TrainingError(f"{address} is no bundle of Sightline: it has {len(files)} zip files, not one.")
    if found.tags.get(SHA256_TAG, digest := _sha256(files[0])) != digest:
        raise TrainingError(f"{address} is not the file that was registered: its SHA-256 is another one.")
    return FetchedBundle(files[0], dict(found.tags))


def _known(client: Any, name: str, digest: str) -> str | None:
    """Return the number of the version that holds the same file already."""
    written = name.replace("'", "")
    for version in client.search_model_versions(f"name = '{written}'"):
        if version.tags.get(SHA256_TAG) == digest:
            return str(version.version)
    return None


def _tag(client: Any, name: str, version: str, tags: dict[str, str]) -> None:
    """Add tags to a version that is there already."""
    for tag, value in tags.items():
        client.set_model_version_tag(name, version, tag, value)


def _made(client: Any, uri: str, name: str, bundle: Path, tags: dict[str, str]) -> str:
    if not client.search_registered_models(f"name = '{name.replace(chr(39), '')}'"):
        client.create_registered_model(name)
    run = client.create_run(mlflow_experiment(client, EXPERIMENT, uri), run_name=bundle.name)
    client.log_artifact(run.info.run_id, str(bundle), "bundle")
    client.set_terminated(run.info.run_id)
    source = f"{run.info.artifact_uri}/bundle"
    return str(client.create_model_version(name, source, run.info.run_id, tags=tags).version)


def _downloaded(place: str, uri: str, folder: Path) -> list[Path]:
    from mlflow.artifacts import download_artifacts

    download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=uri)
    return sorted(path for path in folder.rglob("*.zip") if path.is_file())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
