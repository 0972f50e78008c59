"""What a kept answer tells others than its asker: nothing of documents, or of words, that they may not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from search.models import Collection, Document
from search.retrieval import keep
from search.retrieval.calibrate import match_of
from search.retrieval.scope import visible_collections
from search.retrieval.types import AS_WRITTEN, MENDED

if TYPE_CHECKING:
    from search.models import Query
    from search.querysets import Viewer
    from search.retrieval.types import AnswerReader, Match, SearchWarning


def tells_all(query: Query, reader: AnswerReader) -> bool:
    """Return whether a reader may know what was found and not shown: its asker could see it, a superuser can."""
    return keep.asked_by(query, reader) or bool(getattr(reader.viewer, "is_superuser", False))


def match_told(query: Query, reader: AnswerReader) -> Match | None:
    """Return whether anything fits of what the reader may see."""
    if not query.match or tells_all(query, reader):
        return cast("Match | None", query.match or None)
    ranked = keep.ranking_of(query).documents
    rows = Document.objects.filter(collection__in=visible_collections(reader.viewer))
    seen = set(rows.filter(pk__in=[one.document_id for one in ranked]).values_list("pk", flat=True))
    return match_of([one.strength for one in ranked if one.document_id in seen])


def warnings_told(query: Query, reader: AnswerReader) -> tuple[SearchWarning, ...]:
    """Return the answer's warnings, those of spelling only to whoever sees the collections with these words."""
    spelling = {MENDED, AS_WRITTEN}
    if spelling.isdisjoint(warning["id"] for warning in query.warnings) or tells_all(query, reader):
        return tuple(query.warnings)
    if _sees_all_searched(query, reader.viewer):
        return tuple(query.warnings)
    return tuple(warning for warning in query.warnings if warning["id"] not in spelling)


def _sees_all_searched(query: Query, viewer: Viewer) -> bool:
    """Return whether somebody sees all collections in which a search may have looked."""
    visible = visible_collections(viewer)
    if query.collections:
        searched = set(Collection.objects.filter(slug__in=query.collections).values_list("pk", flat=True))
        return len(searched) == len(set(query.collections)) and searched <= set(visible)
    return not Collection.objects.exclude(pk__in=visible).exists()
