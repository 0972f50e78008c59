"""`manage.py models get NAME`: fetch a model of the catalogue, validate and prepare it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models_admin.catalogue import catalogue_model, model_get
from models_admin.job_types import GET_MODEL, PREPARE, VersionParameters
from models_admin.models import ModelVersion
from workers.jobs.services import jobs_with

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from workers.jobs.command import JobCommand

HELP = "fetch a model of the catalogue, validate it and prepare it beside the running one"


def add_arguments(parser: ArgumentParser) -> None:
    """Take the model's name, and where its files are if not in the catalogue's place."""
    parser.add_argument("model", help="its name in `manage.py models list`")
    parser.add_argument("--revision", default="", help="a branch, tag or commit other than the catalogue's")
    parser.add_argument("--folder", type=Path, help="a folder of the same layout, instead of the hub")
    parser.add_argument("--endpoint", default="", help="a hub other than HUB_ENDPOINT; it gets no token")
    parser.add_argument("--accept-licence", action="store_true", help="accept a licence for research only")


def handle(command: JobCommand, options: dict[str, Any]) -> None:
    """See the jobs through and write the version's key, for `activate_model`."""
    folder = options["folder"]
    job = model_get(
        model=catalogue_model(options["model"]),
        accept=options["accept_licence"],
        revision=options["revision"],
        folder=str(folder.resolve()) if folder else "",
        endpoint=options["endpoint"],
    )
    result = GET_MODEL.result_of(command.complete(job))
    version = ModelVersion.objects.get(pk=result.version or 0)
    if preparing := jobs_with(PREPARE, VersionParameters(version=version.pk)).first():
        command.complete(preparing)
    command.stdout.write(command.style.SUCCESS(version.key))
