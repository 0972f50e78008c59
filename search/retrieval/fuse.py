"""Fuse: from the candidates of every retriever to one ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.retrieval.types import Candidates


def fuse(found: Sequence[Candidates]) -> Candidates:
    """Return the candidates of the one retriever as they are; raises AppError `parameter.not_supported` for several.

    Scores of different retrievers are not comparable. To fuse several takes their ranks, or scores that were
    calibrated on judged queries; one plan that tells of all of them; and `exhausted` only where all are.
    """
    if len(found) != 1:
        raise AppError("parameter.not_supported", parameters=["mode"])
    return found[0]
