"""Loading the demo: documents, the committed model, example photos. Running it again changes nothing.

Everything goes the way that a person's own data goes: an import job, an upload, validation, preparation, activation.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.core.files.base import File

from demo.corpus import write_documents
from demo.drawing import draw, scene_sample
from demo.examples import LIST_NAME, SLUG, drawing, examples, examples_folder
from models_admin.models import VersionState
from models_admin.services import champion, version_activate, version_prepare, version_upload
from retrieval_site.errors import AppError
from retrieval_site.own_folder import own_folder, temporary_root
from search.importers.together import together_by_path
from search.models import Collection, Document, DocumentImage
from search.services.collections import collection_create
from search.services.imports import import_start
from workers.jobs.following import job_complete
from workers.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from models_admin.models import ModelVersion
    from workers.models import Job

    Say: TypeAlias = Callable[[str], object]

BUNDLE = Path(__file__).parent / "bundle" / "demo.bundle.zip"
NAME = "Machine parts"
DESCRIPTION = "Drawn service notes on machine parts: made up, to try things out with."
SEED = 20
COUNT = 2240
"""Every combination of kind, colour and condition twice."""

EXAMPLES = (
    ("pump", "red", "leaking"),
    ("gear", "blue", "rusty"),
    ("gate valve", "green", "cracked"),
    ("fan", "yellow", "dusty"),
    ("bearing", "black", "worn"),
    ("electric motor", "orange", "burnt"),
    ("hose", "white", "leaking"),
    ("pulley", "purple", "cracked"),
)
EXAMPLE_SEED, EXAMPLE_PX = 4711, 800


def load(say: Say, *, bundle: Path = BUNDLE, count: int = COUNT) -> None:
    """Load whatever of the demo is not there yet. Raises AppError `demo.failed` with the reason of a failed job.

    Texts and model come first, so that searching begins after seconds; drawing pictures takes longer than all else.
    """
    collection = load_documents(say, count)
    load_model(say, bundle)
    draw_examples()
    load_pictures(say, collection, count)


def draw_examples() -> None:
    """Draw the example photos unless they are there; the list comes last, so that it never names a missing one."""
    if len(examples()) == len(EXAMPLES):
        return
    folder = examples_folder()
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (kind, colour, condition) in enumerate(EXAMPLES):
        rng = np.random.default_rng([EXAMPLE_SEED, number])
        scene = scene_sample(rng, kind=kind, colour=colour, condition=condition, count=1)
        key = f"{condition}-{colour}-{kind}".replace(" ", "-")
        draw(replace(scene, occluder=None), EXAMPLE_PX).save(folder / f"{key}.jpg", quality=88)
        rows.append({"key": key, "label": f"{condition} {colour} {kind}"})
    (folder / LIST_NAME).write_text(json.dumps(rows), encoding="utf-8")


def load_documents(say: Say, count: int = COUNT) -> Collection:
    """Write the demo's documents, without their pictures, and import them, unless as many are there."""
    collection = Collection.objects.filter(slug=SLUG).first() or collection_create(
        name=NAME, slug=SLUG, description=DESCRIPTION, visibility=Collection.Visibility.PUBLIC
    )
    if Document.objects.filter(collection=collection).count() < count:
        say(f"Importing {count:,} documents …")
        _import(collection, count, say, pictured=False)
    return collection


def load_pictures(say: Say, collection: Collection, count: int = COUNT) -> None:
    """Draw the documents' pictures and import the same documents with them, unless there are pictures."""
    if not DocumentImage.objects.filter(document__collection=collection).exists():
        say("Drawing the documents' pictures …")
        with drawing():
            _import(collection, count, say, pictured=True)


def _import(collection: Collection, count: int, say: Say, *, pictured: bool) -> None:
    """Import them as a stored file: the worker may be on another machine, or in another container."""
    processes = min(4, os.cpu_count() or 1) if pictured else 1
    with own_folder(temporary_root()) as folder:
        write_documents(folder, seed=SEED, count=count, processes=processes, pictured=pictured)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        with together_by_path([(str(path.relative_to(folder)), path) for path in paths]) as file:
            job = import_start(collection=collection, file=file)
    _complete(job, say)


def load_model(say: Say, bundle: Path = BUNDLE) -> ModelVersion:
    """Upload, validate and prepare the demo's model, and activate it where no other model answers searches."""
    with bundle.open("rb") as file:
        version, validation = version_upload(
            bundle=File(file, name=str(bundle)), note="The demo's own model."
        )
    if version.state in (VersionState.UPLOADED, VersionState.VALIDATING):
        say("Validating the demo's model …")
        _complete(validation, say)
        version.refresh_from_db()
    if version.state != VersionState.READY:
        say(f"Encoding the documents for {version} …")
        _complete(version_prepare(version=version), say)
        version.refresh_from_db()
    if champion() is None:
        version_activate(version=version, reason="demo load")
        say(f"{version} answers searches.")
    return version


def _complete(job: Job, say: Say) -> None:
    done = job_complete(job, say)
    if done.state != JobState.SUCCEEDED:
        reason = done.error or "see its page"
        raise AppError(
            "demo.failed",
            type=done.type,
            state=done.state,
            reason=reason,
            job=str(done.pk),
            error=done.error_id,
        )
