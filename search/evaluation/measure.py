"""Measuring a version by an evaluation set: one row for each direction, kept for good."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from models_admin.models import ModelVersion, VersionState
from models_admin.services import champion
from retrieval_site.errors import AppError
from search.evaluation.asking import rankings
from search.evaluation.cost import cost_of, coverage_of
from search.indexing.encoders import encoder_of
from search.job_types import EvaluateResult
from search.judged.measures import ndcg, reciprocal_rank, success_at_1, success_at_10
from search.models import Document, EvaluationResult, EvaluationSet
from search.vectors.dropped import told_once_dropped
from workers.training.measures.bootstrap import paired_means

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from search.evaluation.asking import Rankings
    from search.job_types import EvaluateParameters
    from search.models import EvaluationQuery
    from workers.jobs.context import JobRun

    Values = dict[str, list[float]]

MEASURES = ("r_at_1", "r_at_10", "mrr", "ndcg_at_10")
DIGITS = 6


def evaluate(run: JobRun[EvaluateParameters, EvaluateResult]) -> EvaluateResult:
    """Ask all queries of a set under a version and keep what came of it; a second run of the same job keeps nothing.

    The champion is asked first where documents have changed since it last was, for both are to find the same ones.
    Raises AppError `evaluation.not_found`, `model.not_found`, `version.wrong_state`.
    """
    asked = run.parameters
    evaluation_set = set_of_job(asked.evaluation_set)
    version = ModelVersion.objects.filter(pk=asked.version).first()
    if version is None:
        raise AppError("model.not_found/deleted")
    if version.state != VersionState.READY:
        raise AppError("version.wrong_state", model=version.key, state=str(version.state), action="measured")
    queries = answerable(evaluation_set)
    other = champion()
    if other is not None and other.pk != version.pk and _is_outdated(evaluation_set, other):
        _measure(evaluation_set, other, queries, run)
    return EvaluateResult(queries=len(queries), answered=_measure(evaluation_set, version, queries, run))


def _is_outdated(evaluation_set: EvaluationSet, version: ModelVersion) -> bool:
    """Return whether documents have changed since a version that can be asked was measured by the set, if it was."""
    if version.state != VersionState.READY:
        return False
    newest = evaluation_set.results.filter(version=version).order_by("at").last()
    if newest is None or newest.coverage != coverage_of(version):
        return True
    documents = Document.objects.filter(updated_at__gt=newest.at)
    if evaluation_set.collection_id is not None:
        documents = documents.filter(collection=evaluation_set.collection_id)
    return documents.exists()


def _measure(
    evaluation_set: EvaluationSet,
    version: ModelVersion,
    queries: Sequence[EvaluationQuery],
    run: JobRun[EvaluateParameters, EvaluateResult],
) -> int:
    """Ask the queries under the version and keep a row for each direction; return how many it answered.

    Raises AppError `model.not_ready` where the version's vectors are dropped meanwhile.
    """
    with told_once_dropped(version):
        found = rankings(version, evaluation_set.collection_id, queries, run)
        cost, coverage = cost_of(version, encoder_of(version)), coverage_of(version)
    with transaction.atomic():
        for direction, asking in _directions(queries).items():
            result = _result(evaluation_set, version, asking, found)
            result |= {"cost": cost, "coverage": coverage}
            EvaluationResult.objects.get_or_create(
                evaluation_set=evaluation_set,
                version=version,
                direction=direction,
                run=run.job.pk,
                defaults={
                    **result,
                    "against": _against(evaluation_set, version, direction, result["values"]),
                },
            )
    return len(found)


def set_of_job(set_id: int) -> EvaluationSet:
    """Return the set that a job works with, whose rights were asked before; raises AppError `evaluation.not_found`."""
    found = EvaluationSet.objects.filter(pk=set_id).first()
    if found is None:
        raise AppError("evaluation.not_found")
    return found


def answerable(evaluation_set: EvaluationSet) -> list[EvaluationQuery]:
    """Return the queries with the grades of documents that still exist, where one of those is relevant."""
    queries = list(evaluation_set.queries.select_related("picture"))
    graded = {int(document) for query in queries for document in query.grades}
    there = set(Document.objects.filter(pk__in=graded).values_list("pk", flat=True))
    for query in queries:
        query.grades = {
            int(document): grade for document, grade in query.grades.items() if int(document) in there
        }
    return [
        query for query in queries if max(query.grades.values(), default=0) >= evaluation_set.relevant_from
    ]


def _directions(queries: Sequence[EvaluationQuery]) -> dict[str, list[EvaluationQuery]]:
    """Return the queries by what asks and what is found."""
    found: dict[str, list[EvaluationQuery]] = {}
    for query in queries:
        found.setdefault(f"{query.modality} → {query.target}", []).append(query)
    return found


def _result(
    evaluation_set: EvaluationSet, version: ModelVersion, queries: Sequence[EvaluationQuery], found: Rankings
) -> dict[str, Any]:
    measures = measures_from(evaluation_set.relevant_from)
    values: Values = {
        str(query.pk): [round(measure(found[query.pk], query.grades), DIGITS) for measure in measures]
        for query in queries
        if query.pk in found
    }
    return {
        "queries": len(values),
        "left_out": len(queries) - len(values),
        "values": values,
        "measures": estimates(np.array(list(values.values()), np.float64)) if values else {},
    }


def measures_from(relevant_from: int) -> list[Callable[[Sequence[int], Mapping[int, int]], float]]:
    """Return the measures in the order of MEASURES; from the grade `relevant_from` on a document is relevant."""
    binary = [success_at_1, success_at_10, reciprocal_rank]
    return [*(partial(measure, relevant_from=relevant_from) for measure in binary), ndcg]


def estimates(values: Any, other: Any = None) -> dict[str, dict[str, float]]:
    """Return each measure's mean `(queries, measures)`, or its difference to another's, with the 95 % interval."""
    found = paired_means(values, np.zeros_like(values) if other is None else other)
    return {
        name: {
            "value": round(one.value, DIGITS),
            "low": round(one.low, DIGITS),
            "high": round(one.high, DIGITS),
        }
        for name, one in zip(MEASURES, found, strict=True)
    }


def _against(
    evaluation_set: EvaluationSet, version: ModelVersion, direction: str, values: Values
) -> dict[str, Any]:
    """Return how far the version is ahead of the champion, on the queries that both answered; {} without another."""
    other = champion()
    if other is None or other.pk == version.pk:
        return {}
    rows = EvaluationResult.objects.filter(evaluation_set=evaluation_set, version=other, direction=direction)
    theirs = rows.order_by("at").last()
    both = [query for query in values if theirs and query in theirs.values]
    if theirs is None or not both:
        return {}
    ours, others = (np.array([each[query] for query in both]) for each in (values, theirs.values))
    return {"version": other.key, "queries": len(both), "differences": estimates(ours, others)}
