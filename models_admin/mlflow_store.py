"""Where MLflow's store is, for the commands that put bundles there and take them from there."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

from workers.training.errors import TrainingError
from workers.training.tracking.registry import bundle_fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.core.management.base import CommandParser

    from models_admin.models import ModelVersion
    from workers.training.tracking.registry import FetchedBundle

VARIABLE = "MLFLOW_TRACKING_URI"
_TAG = "sightline.tag."
"""Before each of a version's tags, which have no values, among others' tags in MLflow."""


def store_argument(parser: CommandParser) -> None:
    """Add the option that names the store."""
    parser.add_argument("--mlflow", metavar="URI", help=f"the MLflow tracking store (default: {VARIABLE})")


def store_uri(named: str | None) -> str:
    """Return the store's address, as named or of the environment; raises CommandError without either."""
    uri = named or os.environ.get(VARIABLE, "")
    if not uri:
        raise CommandError(f"Say where MLflow is, by --mlflow or {VARIABLE}.")
    return uri


def tags_for_store(version: ModelVersion) -> dict[str, str]:
    """Return what MLflow keeps of a version: its key here, and its tags."""
    return {"sightline.model": version.key} | {f"{_TAG}{tag}": "" for tag in version.tags}


def tags_of_store(tags: Mapping[str, str]) -> list[str]:
    """Return a version's tags out of those that MLflow has of it."""
    return sorted(name.removeprefix(_TAG) for name in tags if name.startswith(_TAG))


@contextmanager
def fetched(address: str, named: str | None) -> Iterator[FetchedBundle]:
    """Give the bundle of `models:/name@alias` as a file, with its tags, during the block; raises CommandError."""
    with tempfile.TemporaryDirectory(prefix="sightline-") as room:
        try:
            yield bundle_fetch(address, store_uri(named), Path(room))
        except TrainingError as error:
            raise CommandError(str(error)) from error
