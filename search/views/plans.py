"""How an answer was found, in words for a person who is curious."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.filters.registry import filters_described
from search.models.feedback import COMPOSED
from search.units.registry import unit_kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import Query
    from search.retrieval.types import Plan

_STEPS = {
    "decode": "Reading the photo",
    "encode": "The model",
    "transport": "To the model and back",
    "search": "Comparing",
    "fetch": "Fetching what is shown",
    "total": "Together",
}


def described(query: Query, plan: Plan, *, counted: bool) -> list[str]:
    """Return sentences: what was compared with the query, by which filters, and how; numbers if one may know them."""
    if plan.kind == "lexical":
        return _by_words(query)
    nothing_known = any(warning["id"] == "text.nothing_known" for warning in query.warnings)
    if nothing_known and query.modality != COMPOSED:
        return ["Nothing was compared, because the model knows none of the words."]
    units = unit_kind_of(query.target).shown.plural
    by_order = query.version is not None and query.version.similarity == "order"
    sentences = [(_picked if by_order else _compared)(plan, units, counted=counted)]
    if "lexical" in plan.retrievers:
        sentences.append(
            "The words of your search, and part numbers among them, were looked for too; what has both came to the top."
        )
    if filters := filters_described(query.filters):
        sentences.append(f"Only documents with {filters} counted.")
    sentences.append("Each document stands once, by its best " + units.removesuffix("s") + ".")
    if query.marks is not None:
        sentences.append(
            "What you marked moved the search: towards what is relevant, and away from what is not."
        )
    elif query.modality == COMPOSED:
        sentences.append("What you asked with was weighed as its sliders say.")
    return sentences


def _by_words(query: Query) -> list[str]:
    """Return how words alone found what they did."""
    sentences = ["Documents that have the words of your search, or a part number in it, were looked for."]
    if filters := filters_described(query.filters):
        sentences.append(f"Only documents with {filters} counted.")
    return sentences


def _compared(plan: Plan, units: str, *, counted: bool) -> str:
    """Return what was compared; an exact plan's number is only how many were kept, so it is not told."""
    if plan.kind == "exact":
        return f"All {units} that could be found were compared with your search, so none was missed."
    most = _most(plan, units, counted=counted)
    if plan.kind == "binary":
        return f"An index of rough copies proposed {most}; these were compared exactly."
    return f"An index proposed {most} close to your search. It is fast and rarely misses one."


def _picked(plan: Plan, units: str, *, counted: bool) -> str:
    """Return how an order embedding's answer was found: no index knows its similarity."""
    most = _most(plan, units, counted=counted)
    return f"A fast measure picked {most}; these were compared by the model's own measure, which is slower."


def _most(plan: Plan, units: str, *, counted: bool) -> str:
    return f"up to {plan.candidates:,} {units}" if counted else f"the likeliest {units}"


def timings_named(timings_ms: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the steps of the search under names that say what happened, in their order."""
    return [(name, timings_ms[step]) for step, name in _STEPS.items() if step in timings_ms]
