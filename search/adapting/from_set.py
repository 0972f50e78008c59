"""Learning from an evaluation set in place of marks: which sets may be learned from, and starting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.learning import version_learn
from retrieval_site.errors import AppError
from search.models import EvaluationSet

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from workers.models import Job


def may_be_learned_from(evaluation_set: EvaluationSet) -> bool:
    """Return whether models may learn from a set: judged searches, a third of all, are there to measure alone."""
    return evaluation_set.source != EvaluationSet.Source.JUDGEMENTS


def set_learn(*, evaluation_set: EvaluationSet, version: ModelVersion, by: Any = None) -> Job:
    """Start learning from a set for this version; while such a job waits or runs, that is returned.

    Raises AppError `version.cannot_learn`, `version.wrong_state`.
    """
    if not may_be_learned_from(evaluation_set):
        raise AppError("version.cannot_learn/judged", name=evaluation_set.name)
    return version_learn(version=version, evaluation_set=evaluation_set.pk, by=by)
