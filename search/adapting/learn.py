"""Learning from marks or an evaluation set, as a job: collect, learn, write and validate the next version."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import File

from models_admin.files import version_folder
from models_admin.jobs import validate_version
from models_admin.learning import learning_base
from models_admin.models import ModelVersion
from models_admin.services import version_add
from retrieval_site.errors import AppError
from search.adapting.collect import examples_of
from search.adapting.collect_set import examples_of_set
from search.adapting.words import EVALUATION_SET, METRICS, measured, said_of
from search.evaluation.measure import set_of_job
from search.evaluation.rights import name_for_everybody
from search.vectors.dropped import told_once_dropped
from workers.adapting.learning import STEPS_IN_ALL, learn
from workers.inference.adapted import adapted_write

if TYPE_CHECKING:
    from models_admin.job_types import LearnParameters, LearnResult
    from workers.adapting.learning import Learned
    from workers.jobs.context import JobRun

STEPS_BETWEEN = 20
"""Steps of learning between two looks at whether somebody wants to stop it: at most a second or two."""


def learned_version(run: JobRun[LearnParameters, LearnResult]) -> ModelVersion | None:
    """Return the valid version that the marks gave; None where there is nothing to learn, as the result then says.

    What a run before this one came to is not done again. Raises AppError `version.cannot_learn`, `model.not_found`,
    and `model.not_ready` where the vectors that are learned from are dropped meanwhile.
    """
    if run.result.said is None:
        _learn(run)
    if run.result.new_id is None:
        return None
    version = _version(run.result.new_id)
    validate_version(version, run)
    return version


def _learn(run: JobRun[LearnParameters, LearnResult]) -> None:
    base = learning_base(_version(run.parameters.version))
    set_id = run.parameters.evaluation_set
    source = None if set_id is None else set_of_job(set_id)
    with told_once_dropped(base):
        if source is None:
            examples = examples_of(base, run.parameters.collection, run)
        else:
            examples = examples_of_set(base, source, run)
    run.stage("learn", STEPS_IN_ALL)
    learned = learn(examples, step_done=_LearningSteps(run))
    said = said_of(learned)
    if not learned.maps:
        run.remember(said=said, searches=learned.searches)
        return
    run.stage("write the bundle")
    found = measured(learned)
    words = "marks"
    if source is not None:
        named = name_for_everybody(source) or str(source.pk)  # whoever may use the version reads its metrics
        found[METRICS][EVALUATION_SET] = named
        words = f"the evaluation set “{named}”"
    version = _written(base, learned, found, f"Learned from {words}, from {base}. {said}", run)
    run.remember(said=said, searches=learned.searches, new=version.key, new_id=version.pk)


def _written(
    base: ModelVersion,
    learned: Learned,
    metrics: dict[str, Any],
    note: str,
    run: JobRun[LearnParameters, LearnResult],
) -> ModelVersion:
    with tempfile.TemporaryDirectory(prefix="sightline-") as room:
        path = Path(room) / "adapted.bundle.zip"
        adapted_write(version_folder(base), learned.maps, path, adapted_from=base.key, metrics=metrics)
        with path.open("rb") as file:
            return version_add(bundle=File(file, name=str(path)), note=note, by=run.job.owner)


def _version(version_id: int) -> ModelVersion:
    version: ModelVersion | None = (
        ModelVersion.objects.filter(pk=version_id).select_related("bundle", "served").first()
    )
    if version is None:
        raise AppError("model.not_found/deleted")
    return version


class _LearningSteps:
    """Shows the steps on the job, and stops it where somebody asked for that."""

    def __init__(self, run: JobRun[LearnParameters, LearnResult]) -> None:
        self._run, self._steps = run, 0

    def __call__(self) -> None:
        self._steps += 1
        self._run.advance(1)
        if self._steps % STEPS_BETWEEN == 0:
            self._run.checkpoint()
