"""How an answer was found, in words for a person who is curious."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.filters.registry import filters_described
from search.models.feedback import COMPOSED
from search.units.registry import unit_kind_of
from search.vectors.tables import CODED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Query
    from search.retrieval.types import Plan

_STEPS = {
    "decode": gettext_lazy("Reading the photo"),
    "encode": gettext_lazy("The model"),
    "transport": gettext_lazy("To the model and back"),
    "search": gettext_lazy("Comparing"),
    "fetch": gettext_lazy("Fetching what is shown"),
    "total": gettext_lazy("Together"),
}


def described(query: Query, plan: Plan, *, counted: bool) -> list[str]:
    """Return sentences: what was compared with the query, by which filters, and how; numbers if one may know them."""
    if plan.kind == "lexical":
        return _by_words(query)
    nothing_known = any(warning["id"] == "text.nothing_known" for warning in query.warnings)
    if nothing_known and query.modality != COMPOSED:
        return [gettext("Nothing was compared, because the model knows none of the words.")]
    shown = unit_kind_of(query.target).shown
    by_order = query.version is not None and query.version.similarity == "order"
    sentences = [(_picked if by_order else _compared)(plan, shown.plural, counted=counted)]
    if "lexical" in plan.retrievers:
        sentences.append(
            gettext(
                "The words of your search, and part numbers among them, were looked for too; what has "
                "both came to the top."
            )
        )
    if filters := filters_described(query.filters):
        sentences.append(gettext("Only documents with {filters} counted.").format(filters=filters))
    sentences.append(str(shown.best))
    if query.marks is not None:
        sentences.append(
            gettext("What you marked moved the search: towards what is relevant, and away from what is not.")
        )
    elif query.modality == COMPOSED:
        sentences.append(gettext("What you asked with was weighed as its sliders say."))
    return sentences


def _by_words(query: Query) -> list[str]:
    """Return how words alone found what they did."""
    sentences = [
        gettext("Documents that have the words of your search, or a part number in it, were looked for.")
    ]
    if filters := filters_described(query.filters):
        sentences.append(gettext("Only documents with {filters} counted.").format(filters=filters))
    return sentences


def _compared(plan: Plan, units: str, *, counted: bool) -> str:
    """Return what was compared; an exact plan's number is only how many were kept, so it is not told."""
    if plan.kind == "exact":
        return gettext(
            "All {units} that could be found were compared with your search, so none was missed."
        ).format(units=units)
    most = _most(plan, units, counted=counted)
    if plan.kind in CODED:
        return gettext("An index of rough copies proposed {most}; these were compared exactly.").format(
            most=most
        )
    return gettext("An index proposed {most} close to your search. It is fast and rarely misses one.").format(
        most=most
    )


def _picked(plan: Plan, units: str, *, counted: bool) -> str:
    """Return how an order embedding's answer was found: no index knows its similarity."""
    most = _most(plan, units, counted=counted)
    return gettext(
        "A fast measure picked {most}; these were compared by the model's own measure, which is slower."
    ).format(most=most)


def _most(plan: Plan, units: str, *, counted: bool) -> str:
    return (
        gettext("up to {candidates} {units}").format(candidates=intcomma(plan.candidates), units=units)
        if counted
        else gettext("the likeliest {units}").format(units=units)
    )


def timings_named(timings_ms: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the steps of the search under names that say what happened, in their order."""
    return [(name, timings_ms[step]) for step, name in _STEPS.items() if step in timings_ms]
