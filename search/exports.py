"""Judgements as files that other tools read: TREC qrels, the rankings that were judged as a TREC run, and CSV.

All stream: memory does not grow with their number.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from django.db.models import Aggregate, IntegerField, OuterRef, Subquery

from retrieval_site.database.reading import read
from search.models import Collection, Document, Judgement, Query, QueryPart
from search.sessions import pseudonym
from search.spreadsheets import csv_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import QuerySet

    from search.querysets import Viewer

CSV_COLUMNS = (
    "query_id", "modality", "query_text", "collection", "external_id", "title", "grade", "comment", "rater",
    "version", "rank", "score", "created_at", "updated_at",
)  # fmt: skip
_SPACE = re.compile(r"[\s%]")
CHUNK_ROWS = 500
RUN_CHUNK = 50
"""Kept answers read at once: each has up to a thousand documents."""


class LowerMedian(Aggregate):
    """The median of a column; of an even number of values the lower one of the two in the middle."""

    function = "percentile_disc"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = IntegerField()


def exportable_by(viewer: Viewer) -> Any:
    """Return the judgements that a viewer may take away: of documents that they curate.

    Staff also take those of all other documents that they may see. Nobody else gets any.
    """
    return Judgement.objects.filter(document__collection__in=Collection.objects.exported_by(viewer))


def qrels_lines(judgements: Any) -> Iterator[str]:
    """Yield `qid 0 docid grade` lines, one for each judged document of a query.

    Where several people judged it, the grade is their median, the lower one for an even number: a document counts
    as relevant only if at least half of them said so. The docid is `collection/external_id`, white space and `%` as
    percent escapes, since the format separates by white space.
    """
    rows = agreed_grades(judgements, "document__collection__slug", "document__external_id")
    for query_id, _, slug, external_id, grade in rows.iterator(chunk_size=CHUNK_ROWS):
        yield f"{query_id} 0 {trec_id(slug, external_id)} {grade}\n"


def agreed_grades(judgements: Any, *columns: str) -> Any:
    """Return rows of query id, document id, `columns` and the median grade, one for each judged document of a query."""
    rows = judgements.order_by().values_list("query_id", "document_id", *columns)
    return rows.annotate(agreed=LowerMedian("grade")).order_by("query_id", "document_id")


def trec_id(slug: str, external_id: str) -> str:
    """Return a document's name in qrels and runs: reversible, without white space."""
    return f"{slug}/{_SPACE.sub(lambda found: quote(found[0], safe=''), external_id)}"


def run_lines(judgements: Any, documents: QuerySet[Document]) -> Iterator[str]:
    """Yield `qid Q0 docid rank score tag` lines: the kept answers of the judged queries, as far as in `documents`.

    Ids are those of the qrels; the tag is the version that answered. trec_eval sorts by score and ignores the rank, so
    a score that is not below the one before is written as the next smaller number that trec_eval tells apart.
    """
    queries = Query.objects.filter(pk__in=judgements.order_by().values("query")).select_related("version")
    rows = queries.order_by("pk").iterator(chunk_size=RUN_CHUNK)
    while chunk := list(islice(rows, RUN_CHUNK)):
        wanted = {hit["document"] for query in chunk for hit in query.answer}
        names = read(partial(_names, documents, wanted))
        for query in chunk:
            yield from _ranking(query, names)


def _names(documents: QuerySet[Document], wanted: set[int]) -> dict[int, str]:
    named = documents.filter(pk__in=wanted).values_list("pk", "collection__slug", "external_id")
    return {pk: trec_id(slug, external_id) for pk, slug, external_id in named}


def _ranking(query: Query, names: Mapping[int, str]) -> Iterator[str]:
    last = np.float32(np.inf)  # trec_eval reads scores into C's `float`
    hits = (hit for hit in query.answer if hit["document"] in names)
    for rank, hit in enumerate(hits, 1):
        last = min(np.float32(hit["score"]), np.nextafter(last, np.float32(-np.inf)))
        yield f"{query.pk} Q0 {names[hit['document']]} {rank} {last:.9g} {query.version or 'unknown'}\n"


def csv_lines(judgements: Any) -> Iterator[str]:
    """Yield a header and one line for each judgement, newest last; safe to open in a spreadsheet."""
    yield csv_line(CSV_COLUMNS)
    rows = judgements.select_related("query__version", "document__collection", "user")
    part = QueryPart.objects.filter(
        query=OuterRef("query"), place=0
    )  # as columns: a query for all parts is one more
    rows = rows.annotate(
        asked_modality=Subquery(part.values("modality")), asked_text=Subquery(part.values("text"))
    )
    for judgement in rows.order_by("pk").iterator(chunk_size=CHUNK_ROWS):
        yield csv_line(_cells(judgement))


def _cells(judgement: Any) -> list[Any]:
    query, document = judgement.query, judgement.document
    rank, score = place_in_answer(query.answer, document)
    return [
        query.pk, judgement.asked_modality or "", judgement.asked_text or "",
        document.collection.slug, document.external_id, document.title,
        judgement.grade, judgement.comment, rater_name(judgement), query.version or "", rank, score,
        judgement.created_at.isoformat(), judgement.updated_at.isoformat(),
    ]  # fmt: skip


def place_in_answer(answer: list[dict[str, Any]], document: Document) -> tuple[int | str, float | str]:
    """Return the document's rank (from 1) and score in a kept answer, empty cells where it is not in it."""
    for place, hit in enumerate(answer, 1):
        if hit["document"] == document.pk:
            return hit.get("rank", place), hit["score"]
    return "", ""


def rater_name(judgement: Judgement) -> str:
    """Return the user's name, or the pseudonym of an anonymous rater."""
    if judgement.user is not None:
        return str(judgement.user.get_username())
    return pseudonym(judgement.session)
