"""`manage.py models get`: fetch a model of the catalogue, or any other in a known layout; validate and prepare it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from models_admin.catalogue import catalogue_model, model_get
from models_admin.job_types import GET_MODEL, PREPARE, GetModelParameters, VersionParameters
from models_admin.models import ModelVersion
from models_admin.own_models import own_model_get
from workers.hub.layouts import VARIANTS
from workers.jobs.services import jobs_with

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from workers.jobs.command import JobCommand
    from workers.models import Job

HELP = (
    "fetch a model of the catalogue or of any repository, validate it and prepare it beside the running one"
)
_OWN = ("repository", "name", "licence", "subfolder", "variant")
"""What is said of a model that the catalogue does not have."""


def add_arguments(parser: ArgumentParser) -> None:
    """Take the model's name, and where its files are if not in the catalogue's place; or all about another model."""
    parser.add_argument("model", nargs="?", default="", help="its name in `manage.py models list`")
    parser.add_argument("--revision", default="", help="a branch, tag or commit other than the catalogue's")
    parser.add_argument(
        "--weights-revision", default="", help="the same of the repository of its native weights"
    )
    parser.add_argument("--folder", type=Path, help="a folder of the same layout, instead of the hub")
    parser.add_argument("--endpoint", default="", help="a hub other than HUB_ENDPOINT; it gets no token")
    parser.add_argument("--accept-licence", action="store_true", help="accept a licence for research only")
    own = parser.add_argument_group("a model that is not in the catalogue, on the hub or in --folder")
    own.add_argument("--repository", default="", metavar="OWNER/NAME", help="on the hub")
    own.add_argument("--name", default="", help="what the model is called here")
    own.add_argument("--licence", default="", help="its licence, which you accept by naming it")
    own.add_argument("--subfolder", default="", help="where the graphs lie in the repository or folder")
    own.add_argument("--variant", default="", choices=VARIANTS, help="which of the graphs")


def handle(command: JobCommand, options: dict[str, Any]) -> None:
    """See the jobs through and write the version's key, for `activate_model`."""
    job = _started(options)
    result = GET_MODEL.result_of(command.complete(job))
    version = ModelVersion.objects.get(pk=result.version or 0)
    if preparing := jobs_with(PREPARE, VersionParameters(version=version.pk)).first():
        command.complete(preparing)
    command.stdout.write(command.style.SUCCESS(version.key))


def _started(options: dict[str, Any]) -> Job:
    """Start the job, by the catalogue's row or by what the options say of another model."""
    folder, own = options["folder"], {key: options[key].strip() for key in _OWN}
    place = {
        "revision": options["revision"],
        "weights_revision": options["weights_revision"],
        "folder": str(folder.resolve()) if folder else "",
        "endpoint": options["endpoint"],
    }
    if options["model"] and not any(own.values()):
        return model_get(model=catalogue_model(options["model"]), accept=options["accept_licence"], **place)
    if options["model"] or not own["name"] or not own["licence"]:
        raise CommandError(
            "Say a name of the catalogue; or, for another model, --name and --licence with --repository or --folder."
        )
    return own_model_get(asked=GetModelParameters(**own, **place), accept=True)
