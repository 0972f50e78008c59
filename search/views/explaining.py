"""Why a hit was found, for people: below the hit, or as a page of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from retrieval_site.database.reading import reads
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.models import Document
from search.retrieval import keep
from search.retrieval.calibrate import FAIR_DEVIATIONS, STRONG_DEVIATIONS
from search.retrieval.explain import explain, text_of_hit
from search.retrieval.leave_out import folded
from search.retrieval.pages import kept_query
from search.retrieval.present import hits_of
from search.retrieval.scope import visible_collections
from search.units.registry import picture_of
from search.views.cards import hit_address
from search.views.indexing import unindexed
from search.views.parts import chips
from search.views.people import searchers_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence

    from django.http import HttpRequest, HttpResponse

    from search.models import Query, QueryPart
    from search.querysets import Viewer
    from search.retrieval.explain import Side, Why
    from search.retrieval.leave_out import Word
    from search.retrieval.regions import Regions
    from search.retrieval.types import Hit

LEVELS = (0.02, 0.06, 0.12, 0.25)
"""From which shares on a word is marked more strongly."""
STRONGEST = 5
HAS = ((STRONG_DEVIATIONS, gettext_lazy("much")), (FAIR_DEVIATIONS, gettext_lazy("some")))


@dataclass(frozen=True)
class Piece:
    """A piece of a text: a word with how strongly it is marked (0 to 4), or what stands between words (0)."""

    text: str
    level: int = 0
    percent: int = 0
    matched: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of the grid over a picture, in hundredths of its sides, and how strongly it shines (0 to 1)."""

    x: float
    y: float
    width: float
    height: float
    strength: float


@require_safe
@unindexed
@throttled()
@searchers_only
@reads
def why(request: HttpRequest, query_id: uuid.UUID, document_id: int) -> HttpResponse:
    """Say why a document was found; to HTMX without the page around it."""
    query = kept_query(query_id)
    hit = _hit(query, document_id, request.user)
    context = _shown(query, hit, explain(query, hit), request.user)
    alone = bool(getattr(request, "htmx", False))
    response = render(request, "search/parts/why.html" if alone else "search/why.html", context)
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    patch_cache_control(response, private=True, max_age=600)
    return response


def _hit(query: Query, document_id: int, viewer: Viewer) -> Hit:
    """Return the hit as the viewer may see it; raises AppError `document.not_found`."""
    ranking = keep.ranking_of(query)
    entries = [ranked for ranked in ranking.documents if ranked.document_id == document_id]
    hits = hits_of(entries, ranking.kind, visible_collections(viewer))
    if not hits:
        raise AppError("document.not_found")
    return hits[0]


def _shown(query: Query, hit: Hit, found: Why, viewer: Viewer) -> dict[str, Any]:
    image = picture_of(hit.kind, hit.unit)
    several = len(query.asked) > 1
    asked = [
        {
            "chip": chip,
            "photo": _photo(query, chip.row),
            "name": f"asked-{chip.row.place}",
            "has": _how_much(side) if several or chip.sign < 0 else "",
            **_side(chip.row.text, side),
        }
        for chip, side in zip(chips(query, viewer), found.parts, strict=False)
    ]
    return {
        "query": query,
        "document": hit.document,
        "address": hit_address(hit, query.pk),
        "image": image,
        "picture": image and f"{reverse('search:image', args=[image.blob_id])}?w=960",
        "asked": asked,
        "found": _side(text_of_hit(hit), found.found),
        "by_words": found.by_words,
        "both_have": any(word.matched for word in found.found.words or ()),
        "marks": _marks(query, viewer),
    }


def _how_much(side: Side) -> str:
    """Return how much of a part of the search a hit has, in a word; "" where that is not known."""
    if side.closeness is None:
        return ""
    return str(next((word for least, word in HAS if side.closeness >= least), gettext("little")))


def _marks(query: Query, viewer: Viewer) -> dict[str, list[Document]] | None:
    """Return the documents whose marks moved a search, as far as the viewer may see them; None where none did."""
    marks = keep.marks_of(query)
    if marks is None:
        return None
    ids = {"more": marks.relevant, "less": marks.not_relevant}
    rows = Document.objects.visible_to(viewer).filter(pk__in=[*marks.relevant, *marks.not_relevant])
    visible = rows.only("pk", "title", "external_id").in_bulk()
    return {name: [visible[pk] for pk in documents if pk in visible] for name, documents in ids.items()}


def _photo(query: Query, part: QueryPart) -> str:
    return f"{reverse('search:photo', args=[query.pk])}?part={part.place}"


def _side(text: str, side: Side | None) -> dict[str, Any]:
    words, regions = (side.words, side.regions) if side else (None, None)
    by_form = {folded(word.text): word for word in reversed(words or ())}
    strongest = sorted(by_form.values(), key=lambda word: -word.share)
    return {
        "pieces": list(_pieces(text, words)) if words else [],
        "strongest": [(word.text, round(100 * word.share)) for word in strongest[:STRONGEST]],
        "cells": list(_cells(regions)) if regions else [],
    }


def _pieces(text: str, words: Sequence[Word]) -> Iterator[Piece]:
    at = 0
    for word in words:
        yield Piece(text[at : word.start])
        level = sum(word.share >= least for least in LEVELS)
        yield Piece(word.text, level, round(100 * word.share), word.matched)
        at = word.end
    yield Piece(text[at:])


def _cells(regions: Regions) -> Iterator[Cell]:
    left, top, width, height = (100 * side for side in regions.box)
    most = max(max(row) for row in regions.shares)
    rows, columns = len(regions.shares), len(regions.shares[0])
    for row, shares in enumerate(regions.shares):
        for column, share in enumerate(shares):
            x, y = left + width * column / columns, top + height * row / rows
            strength = (max(share, 0.0) / most) ** 0.5 if most > 0 else 0.0
            yield Cell(
                round(x, 2),
                round(y, 2),
                round(width / columns, 2),
                round(height / rows, 2),
                round(strength, 3),
            )
