"""Pages of a kept answer: the same for everybody but for what each may see now; deeper for the one who asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.models import Document, Query
from search.retrieval import keep
from search.retrieval.candidates import find_candidates, make_plan, set_plan
from search.retrieval.cursor import Cursor, cursor_write
from search.retrieval.present import present
from search.retrieval.rank import best_by_document
from search.retrieval.scope import make_scope, table_for, visible_collections
from search.units.registry import unit_kind_of

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from search.querysets import Viewer
    from search.retrieval.types import Hit

DEEPER_DOCUMENTS = 100
"""How many further documents are looked for when somebody reads on past the kept answer."""


@dataclass(frozen=True)
class Page:
    """The hits from a cursor on, and the cursor behind them; None at the end."""

    hits: list[Hit]
    next: Cursor | None


def read_page(query: Query, cursor: Cursor, limit: int, collections: tuple[int, ...], *, more: bool) -> Page:
    """Return up to `limit` visible hits from the cursor on; `more`: the answer could be looked for deeper."""
    hits: list[Hit] = []
    passed, answer = cursor.passed, query.answer
    while len(hits) < limit and passed < len(answer):
        kept = answer[passed : passed + limit - len(hits)]
        units = keep.units_of(query, kept)
        hits += present(units, unit_kind_of(query.target).name, collections, cursor.shown + len(hits) + 1)
        passed += len(kept)
    behind = Cursor(query.pk, passed, cursor.shown + len(hits))
    return Page(hits, behind if more or _any_visible(answer[passed:], collections) else None)


def _any_visible(kept: Sequence[dict[str, Any]], collections: tuple[int, ...]) -> bool:
    """Return whether a further page has anything: a link to an empty one would tell that something is hidden."""
    ids = [entry["document"] for entry in kept]
    return bool(ids) and Document.objects.filter(pk__in=ids, collection__in=collections).exists()


def deepen(query_id: uuid.UUID, viewer: Viewer) -> bool:
    """Look for documents behind the kept answer and keep them too; return whether there may be still more.

    What was kept stays as it is, so earlier pages never change and no document comes twice. Call it in a
    transaction: two who read on at once must not both append.
    """
    query = Query.objects.select_for_update(of=["self"]).select_related("version").get(pk=query_id)
    encoded = keep.encoded_of(query)
    room = keep.KEPT_MAX - len(query.answer)
    if encoded is None or room <= 0 or not keep.asked_by(query, viewer):
        return False
    wanted = min(room, DEEPER_DOCUMENTS)
    try:
        collections = visible_collections(viewer, query.collections)
        scope = make_scope(table_for(encoded.version, keep.target_of(query)), collections, query.filters)
        plan = make_plan(encoded.version, scope, wanted)
    except AppError:  # a collection or the vectors are gone or hidden now: what was kept is all there is
        return False
    set_plan(plan)
    known = {entry["document"] for entry in query.answer} | {query.document_id or 0}
    found = find_candidates(encoded, replace(scope, excluded=frozenset(known)), wanted, plan)
    new = best_by_document(found.units)[:room]
    query.answer += keep.entries(new, query.target)
    query.plan["more"] = not found.exhausted
    query.save(update_fields=["answer", "plan"])
    return not found.exhausted


def as_text(cursor: Cursor | None, viewer: Viewer) -> str | None:
    """Return the cursor as given out, None at the end."""
    return None if cursor is None else cursor_write(cursor, viewer)


def may_have_more(query: Query) -> bool:
    """Return whether the search stopped before it had seen everything."""
    return bool(query.plan.get("more")) and len(query.answer) < keep.KEPT_MAX
