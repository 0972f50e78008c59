"""What evaluation sets say at the gate: the version's newest result of each set and direction beside the champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from models_admin.hooks import Verdict
from search.adapting.words import learned_from
from search.evaluation.rights import name_for_everybody
from search.evaluation.tables import ahead_words, newest_by_direction
from search.models import EvaluationSet

if TYPE_CHECKING:
    from models_admin.models import ModelVersion
    from search.models import EvaluationResult

QUERIES_MIN = 10
"""Queries that both versions answered, below which a result does not count at the gate."""


def evaluation_verdict(version: ModelVersion, champion: ModelVersion) -> Verdict | None:
    """Say what evaluation sets say of a version beside the champion, the worst first; None where there is no set.

    Worse is a difference in nDCG@10 whose whole 95 % interval lies below zero, on at least QUERIES_MIN queries.
    """
    if not EvaluationSet.objects.exists():
        return None
    evidence = gettext("Evaluation sets")
    newest = newest_by_direction(version.evaluation_results.all())
    results = [row for row in newest if row.against.get("version") == champion.key]
    if not results:
        says = gettext("It was not measured beside {champion} by an evaluation set.").format(
            champion=champion
        )
        return Verdict(evidence, says)
    results.sort(key=lambda row: not _is_worse(row))
    return Verdict(evidence, " ".join(map(_said, results)), is_worse=any(map(_is_worse, results)))


def _is_worse(result: EvaluationResult) -> bool:
    against = result.against
    return bool(against["queries"] >= QUERIES_MIN and against["differences"]["ndcg_at_10"]["high"] < 0)


def _said(result: EvaluationResult) -> str:
    evaluation_set, queries = result.evaluation_set, result.against["queries"]
    words = gettext("{name}, {direction}, nDCG@10 on {queries} queries: {ahead}.").format(
        name=name_for_everybody(evaluation_set) or gettext("A set"),
        direction=result.direction,
        queries=intcomma(queries),
        ahead=ahead_words(result.against),
    )
    if queries < QUERIES_MIN:
        few = gettext("That is too few: the gate counts results from {queries_min} queries on.")
        words += f" {few.format(queries_min=QUERIES_MIN)}"
    if learned_from(result.version) in (evaluation_set.name, str(evaluation_set.pk)):
        words += " " + gettext("It learned from this set, which favours it.")
    return words
