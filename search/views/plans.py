"""How an answer was found, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.retrieval.types import Plan

_UNCOUNTED = {
    "exact": "Every candidate was compared.",
    "binary": "Of the candidates that the binary index proposed, every one was compared.",
    "ann": "The index proposed the candidates.",
}


def described(plan: Plan, *, counted: bool) -> str:
    """Return the plan for a person who is curious, with its numbers where they may know them."""
    if not counted:
        return _UNCOUNTED[plan.kind]
    if plan.kind == "exact":
        return f"Every one of {plan.candidates:,} candidates was compared."
    if plan.kind == "binary":
        return f"Of {plan.candidates:,} candidates that the binary index proposed, every one was compared."
    return f"The index proposed {plan.candidates:,} candidates (ef_search {plan.ef_search})."
