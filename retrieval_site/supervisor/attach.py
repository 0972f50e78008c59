"""The environment of one installation: which servers, which secret key. Children and commands get the same."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from retrieval_site.supervisor.paths import DataPaths

PROJECT_FOLDER = Path(__file__).resolve().parents[2]


def data_paths() -> DataPaths:
    """Return the paths of the installation that DATA_DIR names (default: `var` beside manage.py)."""
    return DataPaths(Path(os.environ.get("DATA_DIR") or PROJECT_FOLDER / "var").resolve())


def attach_environment() -> None:
    """Fill in what the environment leaves open or empty: the embedded servers' addresses and the kept secret key.

    The addresses follow from DATA_DIR alone, so that `manage.py` in another terminal finds the servers of a
    running `serve`. Nothing is started and nothing is written here.
    """
    paths = data_paths()
    own = {"DATA_DIR": str(paths.root), "DATABASE_URL": paths.database_url, "REDIS_URL": paths.redis_url}
    if paths.secret_key.is_file():
        own["SECRET_KEY"] = paths.secret_key.read_text().strip()
    os.environ.update({name: value for name, value in own.items() if not os.environ.get(name)})


def ensure_secret_key(paths: DataPaths) -> str:
    """Return the installation's secret key, made at the first start and readable by its owner alone."""
    if not paths.secret_key.exists():
        descriptor = os.open(paths.secret_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return paths.secret_key.read_text().strip()
