"""The second step with its two exceptions: words of which none is known, and a target that is not there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search.retrieval.candidates import estimate, find_candidates, make_plan, set_plan
from search.retrieval.types import Candidates, Plan
from search.units.image import IMAGE
from search.units.passage import PASSAGE
from search.vectors.tables import VectorTable, tables_of

if TYPE_CHECKING:
    from search.retrieval.types import EncodedQuery, Scope, SearchRequest, SearchWarning
    from workers.inference.words import UnknownWords

NOTHING = Candidates((), Plan("exact", 0), exhausted=True)
WORDS_QUOTED = 10
_ASK_AGAIN = ": look for pictures (target “images”)."
_SHOWN = ", so you see pictures."


@dataclass(frozen=True)
class Looked:
    """What was found, for which request and where (its target may have changed), and what should be known of it."""

    request: SearchRequest
    scope: Scope
    found: Candidates
    warnings: list[SearchWarning]


def look(request: SearchRequest, encoded: EncodedQuery, scope: Scope, plan: Plan) -> Looked:
    """Find candidates by the plan that `set_plan` has set in this transaction.

    Words of which the model knows none find nothing: their vector is that of any other unknown words. Where no
    passages can be found but pictures, they are searched if the request allows it, and told of if not.
    """
    warnings = [*encoded.warnings, *_of_words(encoded.unknown)]
    if encoded.unknown.nothing_known:
        return Looked(request, scope, NOTHING, warnings)
    found = find_candidates(encoded, scope, request.limit, plan)
    pictures = _pictures(encoded, scope) if not found.units and request.target == PASSAGE.target else None
    if pictures is None:
        return Looked(request, scope, found, warnings)
    if not request.or_pictures:
        return Looked(request, scope, found, [*warnings, _only_pictures(_ASK_AGAIN)])
    plan = make_plan(encoded.version, pictures, request.limit)
    set_plan(plan)
    found = find_candidates(encoded, pictures, request.limit, plan)
    return Looked(replace(request, target=IMAGE.target), pictures, found, [*warnings, _only_pictures(_SHOWN)])


def _pictures(encoded: EncodedQuery, scope: Scope) -> Scope | None:
    """Return the same scope among pictures; None where there are none."""
    table = VectorTable(encoded.version.pk, IMAGE.name)
    if table not in tables_of(encoded.version):
        return None
    pictures = replace(scope, table=table)
    return pictures if estimate(pictures).matching else None


def _of_words(unknown: UnknownWords) -> list[SearchWarning]:
    if not unknown.words and not unknown.nothing_known:
        return []
    words = ", ".join(f"“{word}”" for word in unknown.words[:WORDS_QUOTED])
    words += " and others" if len(unknown.words) > WORDS_QUOTED else ""
    detail = {"unknown_words": list(unknown.words)}
    if unknown.nothing_known:
        message = f"The model knows none of these words: {words}."
        return [{"id": "text.nothing_known", "message": message, "detail": detail}]
    message = f"The model does not know {words}; it searched for the rest."
    return [{"id": "text.unknown_words", "message": message, "detail": detail}]


def _only_pictures(what_then: str) -> SearchWarning:
    message = f"These collections have pictures but no texts to search{what_then}"
    return {"id": "target.only_pictures", "message": message, "detail": {"target": IMAGE.target}}
