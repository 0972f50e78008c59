"""Documents that are nearly the same, found by their vectors: a job looks each one's nearest neighbours up.

What is compared is a document's first passage, or its first picture where it has no text. Two are nearly the same by
the rule that also collapses hits, if they have as many passages and pictures. The oldest of several stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from psycopg import sql

from models_admin.services import champion
from retrieval_site.kept import Kept
from search.curating.quality import KEPT_MAX, KEPT_SECONDS, has_many_documents, quality_condition
from search.curating.sameness import same_keys
from search.job_types import FIND_DUPLICATES, DuplicatesParameters
from search.models import Document, NearDuplicate
from search.retrieval.collapse import nearly_same
from search.units.registry import unit_kind
from search.vectors.dropped import told_once_dropped
from search.vectors.nearest import nearest
from search.vectors.tables import VectorTable, tables_of
from workers.jobs.services import job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from retrieval_site.accounts.models import User
    from search.job_types import DuplicatesResult
    from search.models import Collection
    from workers.jobs.context import JobRun

BATCH_DOCUMENTS = 100
LISTED_MAX = 300
"""Documents that the page of duplicates shows at once."""
NEIGHBOURS = 10
"""Nearest units that are looked at for each document."""
_FIRST = {
    "passage": "SELECT id, document_id FROM search_passage WHERE document_id = ANY(%(documents)s) AND ordinal = 0",
    "image": """
        SELECT id, document_id FROM search_documentimage image
        WHERE document_id = ANY(%(documents)s) AND ordinal = 0
        AND NOT EXISTS (SELECT FROM search_passage passage WHERE passage.document_id = image.document_id)
    """,
}
_PAIRS = sql.SQL("""
    SELECT own.document_id, other.document_id, unit.{content}, other_unit.{content}, -other.distance
    FROM ({first}) own
    JOIN {table} stored ON stored.unit_id = own.id
    JOIN {units} unit ON unit.id = own.id
    CROSS JOIN LATERAL (
        SELECT unit_id, document_id, {distance} AS distance FROM {table} compared
        WHERE collection_id = %(collection)s ORDER BY {order} LIMIT {neighbours}
    ) other
    JOIN {units} other_unit ON other_unit.id = other.unit_id
    WHERE other.document_id < own.document_id AND other_unit.ordinal = 0
    AND {sizes}
    ORDER BY own.document_id, other.document_id
""")
_SIZES = sql.SQL("""
    (SELECT count(*) FROM search_passage WHERE document_id = own.document_id)
        = (SELECT count(*) FROM search_passage WHERE document_id = other.document_id)
    AND (SELECT count(*) FROM search_documentimage WHERE document_id = own.document_id)
        = (SELECT count(*) FROM search_documentimage WHERE document_id = other.document_id)
""")


@dataclass(frozen=True)
class SamePair:
    """A document and an older one that is nearly the same."""

    document: int
    same_as: int


def duplicates_look(*, collection: Collection, by: User) -> Job:
    """Start to look for near-duplicates; where a job is at it already, return that."""
    return job_create_once(FIND_DUPLICATES, DuplicatesParameters(collection=collection.pk), owner=by)[0]


def duplicates_job(collection: Collection) -> Job | None:
    """Return the newest job that looked for them."""
    return Job.objects.filter(type=FIND_DUPLICATES.name, params__collection=collection.pk).first()


def duplicate_groups(collection: Collection) -> list[list[Document]]:
    """Return the first groups of documents that are the same or nearly so, the oldest of each group first."""
    heads = dict(_near_heads(collection))
    for document, same in _same_pairs(collection):
        _join(heads, document, same)
    rows = Document.objects.filter(pk__in={*heads, *heads.values()}, collection=collection)
    groups: dict[int, list[Document]] = {}
    for document in rows.defer("body").order_by("pk").select_related("collection").prefetch_related("images"):
        groups.setdefault(_root(heads, document.pk), []).append(document)
    return [group for group in groups.values() if len(group) > 1]


def _root(heads: dict[int, int], document: int) -> int:
    """Return the oldest document that one leads to: each step is to an older one."""
    while document in heads:
        document = heads[document]
    return document


def _join(heads: dict[int, int], one: int, other: int) -> None:
    """Put two documents, with all that are the same as either, into one group."""
    older, newer = sorted((_root(heads, one), _root(heads, other)))
    if older != newer:
        heads[newer] = older


def _near_heads(collection: Collection) -> Iterable[tuple[int, int]]:
    rows = NearDuplicate.objects.filter(document__collection=collection, same_as__collection=collection)
    return rows.order_by("document").values_list("document", "same_as")[:LISTED_MAX]


def _same_pairs(collection: Collection) -> Iterator[tuple[int, int]]:
    """Yield pairs of documents that are the same now."""
    first: dict[str, int] = {}
    for document, key in same_keys(collection, _same_lately(collection)):
        if first.setdefault(key, document) != document:
            yield document, first[key]


_same_kept = Kept[list[int]](KEPT_SECONDS, KEPT_MAX)


def _same_lately(collection: Collection) -> list[int]:
    """Return the first documents that are the same as another.

    Of a large collection those of some minutes ago: finding them reads all of its documents.
    """
    rows = Document.objects.filter(quality_condition("same", collection), collection=collection)
    first = rows.order_by("pk").values_list("pk", flat=True)[:LISTED_MAX]
    if not has_many_documents(collection):
        return list(first)
    return _same_kept.get(collection.pk, lambda: list(first))


def find_duplicates(run: JobRun[DuplicatesParameters, DuplicatesResult]) -> int:
    """Note every document of the collection that is nearly the same as an older one, and return how many there are."""
    collection = run.parameters.collection
    rows = Document.objects.filter(collection=collection).order_by("pk")
    run.stage("find duplicates", rows.count())
    pairs: list[SamePair] = []
    after = 0
    while batch := list(rows.filter(pk__gt=after).values_list("pk", flat=True)[:BATCH_DOCUMENTS]):
        pairs += pairs_among(collection, batch)
        after = batch[-1]
        run.advance(len(batch))
        run.checkpoint()
    return _note(collection, pairs)


def pairs_among(collection: int, documents: Sequence[int]) -> list[SamePair]:
    """Return those of the documents that are nearly the same as an older one, each with the oldest.

    Raises AppError `model.not_ready` where the champion's vectors are dropped meanwhile.
    """
    version = champion()
    if version is None:
        return []
    found: dict[int, int] = {}
    for table in tables_of(version):
        if table.kind in _FIRST:
            by_words = unit_kind(table.kind).modality == "text"
            with told_once_dropped(version):
                near = _near(table, version.dim, collection, documents)
            for document, other, content, other_content, cosine in near:
                if nearly_same(content, other_content, cosine, by_words=by_words):
                    found.setdefault(document, other)
    return [SamePair(document, other) for document, other in found.items()]


def _near(
    table: VectorTable, dim: int, collection: int, documents: Sequence[int]
) -> list[tuple[int, int, str, str, float]]:
    vector = sql.SQL("stored.embedding")
    order = sql.SQL("compared.") + nearest("hnsw", dim, vector)
    statement = _PAIRS.format(
        content=sql.Identifier(unit_kind(table.kind).content),
        first=sql.SQL(_FIRST[table.kind]),
        table=table.identifier,
        units=sql.Identifier(table.units),
        distance=order,
        order=order,
        neighbours=sql.Literal(NEIGHBOURS),
        sizes=_SIZES,
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
        cursor.execute(statement.as_string(), {"documents": list(documents), "collection": collection})
        rows: list[tuple[int, int, str, str, float]] = cursor.fetchall()
        return rows


@transaction.atomic
def _note(collection: int, pairs: Sequence[SamePair]) -> int:
    """Put these in the place of what was found before; what is gone by now is passed over."""
    NearDuplicate.objects.filter(document__collection=collection).delete()
    named = {one for pair in pairs for one in (pair.document, pair.same_as)}
    there = Document.objects.filter(pk__in=named, collection=collection).order_by("pk")
    kept = set(there.select_for_update(no_key=True).values_list("pk", flat=True))
    rows = [
        NearDuplicate(document_id=pair.document, same_as_id=pair.same_as)
        for pair in pairs
        if {pair.document, pair.same_as} <= kept
    ]
    NearDuplicate.objects.bulk_create(rows)
    return len(rows)
