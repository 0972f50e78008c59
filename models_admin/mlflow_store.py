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
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

VARIABLE = "MLFLOW_TRACKING_URI"


def store_argument(parser: CommandParser) -> None:
    """Add the option that names the store."""
    parser.add_argument("--mlflow", metavar="URI", help=f"the MLflow tracking store (default: {VARIABLE})")


def store_uri(named: str | None) -> str:
    """Return the store's address, as named or of the environment; raises CommandError without either."""
    uri = named or os.environ.get(VARIABLE, "")
    if not uri:
        raise CommandError(f"Say where MLflow is, by --mlflow or {VARIABLE}.")
    return uri


@contextmanager
def fetched(address: str, named: str | None) -> Iterator[Path]:
    """Give the bundle of `models:/name@alias` as a file during the block; raises CommandError."""
    with tempfile.TemporaryDirectory(prefix="sightline-") as room:
        try:
            yield bundle_fetch(address, store_uri(named), Path(room))
        except TrainingError as error:
            raise CommandError(str(error)) from error
