"""Making a queue: from hits near the line, or from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext

from models_admin.services import champion
from models_admin.versions import versions_live
from retrieval_site.errors import AppError
from retrieval_site.people import account_of
from search.job_types import FILL_QUEUE, FillQueueParameters
from search.judging.pairs_file import read_pairs
from search.judging.unsure import unsure_pairs
from search.models import Collection, Document, JudgingPair, JudgingQueue, Query, QueryPart
from workers.jobs.services import job_create

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from models_admin.models import ModelVersion
    from search.judging.pairs_file import Line
    from search.querysets import Viewer

    Pair = tuple[UUID, int]

NAME_MAX = 120
QUEUES_MAX = 100
"""Queues of one collection."""
PAIRS_MAX = 2_000
_NOTHING_IDS = {
    "unsure": "judging.nothing/unsure",
    "versions": "judging.nothing/versions",
    "file": "judging.nothing/file",
}


def queue_create(*, viewer: Any, collection: str, name: str, source: str, file: bytes = b"") -> JudgingQueue:
    """Make a queue of a collection that the viewer judges for, with its pairs unless a job is to find them.

    Raises AppError `collection.not_found`, `parameter.invalid`, `judging.too_many`, `judging.nothing`,
    `judging.one_model`, and those of `read_pairs` and of its lines.
    """
    if source not in JudgingQueue.Source.values:
        raise AppError.of_parameter(
            "source", gettext("Send one of {values}.").format(values=", ".join(JudgingQueue.Source.values))
        )
    owned = _collection(collection, viewer)
    if not name.strip() or len(name) > NAME_MAX or "\0" in name:
        raise AppError.of_parameter(
            "name",
            gettext("Give the queue a name of at most {name_max} characters.").format(name_max=NAME_MAX),
        )
    if owned.judging_queues.count() >= QUEUES_MAX:
        raise AppError("judging.too_many", limit=QUEUES_MAX)
    with transaction.atomic():
        queue = JudgingQueue.objects.create(
            name=name.strip(), collection=owned, source=source, created_by_id=account_of(viewer)
        )
        if source == JudgingQueue.Source.FILE:
            pairs_add(queue, _of_file(owned, file, viewer))
        elif source == JudgingQueue.Source.UNSURE:
            pairs_add(queue, unsure_pairs(owned))
        else:
            parameters = FillQueueParameters(queue=queue.pk, other=_other_version().pk)
            job_create(FILL_QUEUE, parameters, owner=viewer)
    return queue


def pairs_add(queue: JudgingQueue, pairs: Iterable[Pair]) -> None:
    """Write a queue's pairs, each once; raises AppError `judging.nothing` where there are none."""
    once = list(dict.fromkeys(pairs))[:PAIRS_MAX]
    if not once:
        raise AppError(_NOTHING_IDS[queue.source])
    JudgingPair.objects.bulk_create(
        JudgingPair(queue=queue, place=place, query_id=query, document_id=document)
        for place, (query, document) in enumerate(once, 1)
    )


def _collection(slug: str, viewer: Viewer) -> Collection:
    found: Collection | None = Collection.objects.exported_by(viewer).filter(slug=slug).first()
    if found is None:
        raise AppError("collection.not_found")
    return found


def _other_version() -> ModelVersion:
    """Return the newest version beside the champion whose vectors stand; raises AppError `judging.one_model`."""
    first = champion()
    others = [version for version in versions_live() if first and version.pk != first.pk]
    if not others:
        raise AppError("judging.one_model")
    return max(others, key=lambda version: version.pk)


def _of_file(collection: Collection, file: bytes, viewer: Viewer) -> list[Pair]:
    """Return the pairs of a file's lines; raises AppError `judging.line_document`, `judging.line_query`."""
    lines = read_pairs(file, PAIRS_MAX)
    names = {line.document for line in lines}
    documents = dict(
        Document.objects.filter(collection=collection, external_id__in=names).values_list("external_id", "pk")
    )
    for line in lines:
        if line.document not in documents:
            raise AppError("judging.line_document", line=line.number, external_id=line.document[:80])
    queries = _queries(lines, collection, viewer)
    return [(queries[line.query or line.text], documents[line.document]) for line in lines]


def _queries(lines: Sequence[Line], collection: Collection, viewer: Viewer) -> dict[object, UUID]:
    """Return the id of each search that the lines name, as it is judged, and of a new one for each of their texts."""
    named = Query.objects.filter(pk__in={line.query for line in lines if line.query}).only("pk", "marked")
    found: dict[object, UUID] = {query.pk: query.judged_id for query in named}
    for line in lines:
        if line.query and line.query not in found:
            raise AppError("judging.line_query", line=line.number)
    texts = dict.fromkeys(line.text for line in lines if not line.query)
    user, scope = account_of(viewer), [collection.slug]
    asked = {text: Query(user_id=user, collections=scope, listed=False) for text in texts}
    Query.objects.bulk_create(asked.values())
    QueryPart.objects.bulk_create(
        QueryPart(query=query, modality="text", text=text) for text, query in asked.items()
    )
    return found | {text: query.pk for text, query in asked.items()}
