"""Where no passage can be found but pictures can: they are searched in their place, or told of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.retrieval.dense import estimate
from search.retrieval.retrieve import ready
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_admin.models import ModelVersion
    from search.retrieval.retrieve import Retriever
    from search.retrieval.types import Candidates, EncodedQuery, Scope, SearchRequest, SearchWarning

_ASK_AGAIN = ": look for pictures (target “images”)."
_SHOWN = ", so you see pictures."


@dataclass(frozen=True)
class Retrieved:
    """What the retrievers found, where, and what should be known of it."""

    found: tuple[Candidates, ...]
    scope: Scope
    warnings: tuple[SearchWarning, ...] = ()


def pictures_instead(
    query: EncodedQuery, retrieved: Retrieved, request: SearchRequest, retrievers: Sequence[Retriever]
) -> Retrieved:
    """Return what was found; where that is no passage but there are pictures, these,
    or a warning where the request does not let them be searched.
    """
    scope = retrieved.scope
    if query.nothing_known or scope.table.kind != PASSAGE.name or any(one.units for one in retrieved.found):
        return retrieved
    pictures = _pictures(query.version, scope)
    if pictures is None:
        return retrieved
    if not request.or_pictures:
        return replace(retrieved, warnings=(_only_pictures(_ASK_AGAIN),))
    with ready(retrievers, query.version, pictures, request.limit) as retrieve:
        return Retrieved(retrieve(query), pictures, (_only_pictures(_SHOWN),))


def _pictures(version: ModelVersion, scope: Scope) -> Scope | None:
    """Return the same scope among pictures; None where there are none."""
    table = VectorTable(version.pk, IMAGE.name)
    if table not in tables_of(version):
        return None
    pictures = replace(scope, table=table)
    return pictures if estimate(pictures).matching else None


def _only_pictures(what_then: str) -> SearchWarning:
    message = f"These collections have pictures but no texts to search{what_then}"
    return {"id": "target.only_pictures", "message": message, "detail": {"target": IMAGE.target}}
