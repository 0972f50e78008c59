"""Keep: what was asked, its vectors, and its ranked answer, deeper than the first page.

It comes behind the answer's reads. A search that cannot be kept is answered all the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction

from retrieval_site.database import Prepared, in_one_trip
from retrieval_site.errors import AppError
from retrieval_site.rows import insert
from search.models import Query, QueryPart
from search.retrieval.types import (
    DocumentPart,
    EmbeddingPart,
    EncodedPart,
    EncodedQuery,
    ImagePart,
    Marks,
    Moved,
    Plan,
    RankedDocument,
    Ranking,
    SentBefore,
    TextPart,
)
from search.sessions import session_hash
from search.units.registry import unit_kind, unit_kind_of
from workers.inference.ocr.types import TextRead
from workers.storage.blobs import blob_of, file_put, row_put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Model
    from numpy.typing import NDArray

    from search.querysets import Viewer
    from search.retrieval.encode import Encoding
    from search.retrieval.types import (
        AnswerReader,
        AskedBy,
        Match,
        Modality,
        Part,
        SearchRequest,
        SearchWarning,
    )
    from workers.models import Blob

logger = logging.getLogger(__name__)
KEPT_FIRST = 100
"""Documents kept of the first look, where it finds so many: several pages without looking again."""
KEPT_MAX = 1000
"""How deep an answer can be followed, in documents."""
NOT_KEPT: SearchWarning = {
    "id": "query.not_kept",
    "message": "This search could not be kept: it has no further pages, no link, and cannot be judged.",
    "detail": {},
}
_UNWAITED = Prepared("SET LOCAL synchronous_commit = off")


def query_new(
    request: SearchRequest, query: EncodedQuery, ranking: Ranking, warnings: Iterable[SearchWarning]
) -> Query:
    """Return the row of a new search with its parts and its ranked answer, not saved yet."""
    row = Query(
        user_id=_user_id(request.viewer),
        session=_anonymous(request.viewer, request.session),
        target=unit_kind(ranking.kind).target,
        mode=request.mode,
        collections=list(request.collections),
        filters=request.filters,
        sort=request.sort,
        version=query.version,
        answer=entries(ranking.documents, ranking.kind),
        plan=plan_json(ranking.plan, more=ranking.more) | ({"collapsed": True} if request.collapse else {}),
        match=ranking.match or "",
        min_relevance=request.min_relevance,
        warnings=list(warnings),
        **_of_marks(query.moved),
    )
    pairs = zip(request.parts, query.parts, strict=True)
    row.asked = [_part_new(row, place, part, encoded) for place, (part, encoded) in enumerate(pairs)]
    return row


def _of_marks(moved: Moved | None) -> dict[str, Any]:
    if moved is None:
        return {}
    marks = {"relevant": list(moved.marks.relevant), "not_relevant": list(moved.marks.not_relevant)}
    return {
        "marked_id": moved.marks.query_id,
        "marks": marks,
        "moved_vector": moved.vector.astype("<f4").tobytes(),
    }


def _part_new(row: Query, place: int, part: Part, encoded: EncodedPart) -> QueryPart:
    return QueryPart(
        query=row,
        place=place,
        modality=part.modality,
        weight=part.weight,
        text=part.text if isinstance(part, TextPart) else "",
        embedding=b"" if encoded.nothing_known else encoded.vectors.astype("<f4").tobytes(),
        document_id=(part.document_id or None) if isinstance(part, DocumentPart) else None,
        **_of_sent(part),
        **_of_picture(part),
    )


def _of_sent(part: Part) -> dict[str, Any]:
    """Return with which search the photo or vector came in, where that is an earlier one, and its kept copy.

    The copy of a photo that is encoded again comes behind its vector.
    """
    if not isinstance(part, ImagePart | EmbeddingPart) or part.sent is None:
        return {}
    copy = part.sent.preview_id if isinstance(part, ImagePart) and not part.data else None
    return {"sent_with_id": part.sent.query_id, "preview_id": copy}


def _of_picture(part: Part) -> dict[str, Any]:
    """Return which picture was asked with, and which part of it."""
    if not isinstance(part, ImagePart):
        return {}
    crop = list(part.crop) if part.crop else None
    read = None if part.read is None else [one.to_json() for one in part.read]
    digest = part.sent.digest if part.sent and not part.data else part.picture.digest
    return {"crop": crop, "turn": part.turn, "digest": digest, "text_read": read}


def keep(query: Query, encoding: Encoding, beside: Sequence[Model] = ()) -> bool:
    """Write the row, its parts and photos' small copies, which come behind their vectors; return whether they are kept.

    `beside`: new rows of other kinds that belong to it.

    What cannot be kept gets the warning `query.not_kept`. Raises AppError `query.not_found` where an earlier search of
    which it has its photo or its marks was deleted meanwhile: what was deleted there is not kept here.
    """
    if not settings.CONFIG.keep_queries:
        return False
    try:
        _save(query, encoding.previews(), beside)
    except Exception as error:
        if isinstance(error, IntegrityError) and _stems_from_deleted(query):
            raise AppError("query.not_found") from error
        logger.exception("A search could not be kept; it was answered without an id.")
        query.warnings.append(NOT_KEPT)
        return False
    return True


def _stems_from_deleted(query: Query) -> bool:
    earlier = {one for one in (query.marked_id, *(part.sent_with_id for part in query.asked)) if one}
    return Query.objects.filter(pk__in=earlier).count() < len(earlier)


def _save(query: Query, previews: tuple[bytes | None, ...], beside: Sequence[Model]) -> None:
    """Write all in one transaction, whose commit does not wait for the disk: losing it loses one old search."""
    photos = {
        blob.pk: (blob, preview)
        for part, preview in zip(query.asked, previews, strict=True)
        if preview and (blob := _preview_set(part, preview))
    }
    with transaction.atomic():
        with in_one_trip():
            with connection.cursor() as cursor:
                cursor.execute(_UNWAITED)
            for blob, _ in photos.values():
                row_put(blob)
            insert(query)
            for row in (*query.asked, *beside):
                insert(row)
        for blob, preview in photos.values():
            file_put(blob.storage_name, ContentFile(preview), len(preview), durable=False)


def _preview_set(part: QueryPart, preview: bytes) -> Blob:
    blob = part.preview = blob_of(preview, "image/jpeg")
    return blob


def plan_json(plan: Plan, *, more: bool) -> dict[str, Any]:
    """Return the plan as kept; `more`: there may be documents behind the kept answer."""
    return {
        "kind": plan.kind,
        "candidates": plan.candidates,
        "ef_search": plan.ef_search,
        "retrievers": list(plan.retrievers),
        "more": more,
    }


def entries(documents: Iterable[RankedDocument], kind: str) -> list[dict[str, Any]]:
    """Return ranked documents as the answer keeps them."""
    return [
        {"document": ranked.document_id, kind: ranked.unit_id, "score": ranked.score}
        | _set(
            relevance=ranked.relevance,
            strength=ranked.strength,
            same_as=ranked.same_as,
            by_vectors=ranked.by_vectors,
        )
        for ranked in documents
    ]


def _set(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def ranking_of(query: Query) -> Ranking:
    """Return the kept answer."""
    kind = unit_kind_of(query.target).name
    documents = tuple(ranked_of(query.answer, kind))
    more = bool(query.plan.get("more")) and len(documents) < KEPT_MAX
    return Ranking(
        documents, kind, plan_of(query), more=more, match=cast("Match | None", query.match or None)
    )


def ranked_of(answer: Iterable[Mapping[str, Any]], kind: str) -> list[RankedDocument]:
    """Return the ranked documents of a kept answer."""
    return [
        RankedDocument(
            entry["document"],
            entry[kind],
            entry["score"],
            entry.get("relevance"),
            entry.get("strength"),
            entry.get("same_as"),
            entry.get("by_vectors"),
        )
        for entry in answer
    ]


def modality_of(query: Query) -> AskedBy:
    """Return what was searched with."""
    return cast("AskedBy", query.modality)


def parts_of(query: Query) -> tuple[Part, ...]:
    """Return what was asked with; a photo and a vector are only in the kept vectors."""
    return tuple(_part_kept(part) for part in query.asked)


def _part_kept(part: QueryPart) -> Part:
    if part.modality == "text":
        return TextPart(part.text, part.weight)
    if part.modality == "image":
        texts = None if part.text_read is None else tuple(TextRead.of(one) for one in part.text_read)
        return ImagePart(b"", part.weight, part.shown_crop, part.turn, texts, sent_before(part))
    if part.modality == "document":
        return DocumentPart(part.document_id or 0, part.weight)
    return EmbeddingPart((), part.weight, sent_before(part))


def sent_before(part: QueryPart) -> SentBefore:
    """Return where a kept part's photo or vector comes from, for a search that asks with it again."""
    return SentBefore(part.sent_with_id or part.query_id, part.preview_id, part.digest)


def plan_of(query: Query) -> Plan:
    """Return the plan that found the first page."""
    plan = query.plan
    return Plan(
        plan.get("kind", "exact"),
        plan.get("candidates", 0),
        plan.get("ef_search"),
        tuple(plan.get("retrievers", ("dense",))),
    )


def encoded_of(query: Query) -> EncodedQuery | None:
    """Return the kept vectors; None where they or the version are gone."""
    version, parts = query.version, query.asked
    if version is None or not parts or any(part.embedding is None for part in parts):
        return None
    encoded = tuple(_encoded_part(part, version.dim) for part in parts)
    return EncodedQuery(version, encoded, moved=_moved(query))


def marks_of(query: Query) -> Marks | None:
    """Return by what it was moved."""
    if query.marks is None or query.marked_id is None:
        return None
    return Marks(query.marked_id, *(tuple(query.marks[name]) for name in ("relevant", "not_relevant")))


def _moved(query: Query) -> Moved | None:
    marks = marks_of(query)
    if marks is None or query.moved_vector is None:
        return None
    return Moved(np.frombuffer(bytes(query.moved_vector), dtype="<f4"), marks)


def part_vectors(part: QueryPart, dim: int) -> NDArray[np.float32]:
    """Return a part's kept vectors `(vectors, dim)`; none where the version knew nothing of it."""
    return np.frombuffer(bytes(part.embedding or b""), dtype="<f4").reshape(-1, dim)


def _encoded_part(part: QueryPart, dim: int) -> EncodedPart:
    vectors = part_vectors(part, dim)
    modality = cast("Modality", part.modality)
    return EncodedPart(modality, vectors, part.weight, part.text, nothing_known=not len(vectors))


def documents_left_out(query: Query) -> frozenset[int]:
    """Return the documents that are no answer: those that were asked with, and those that led away."""
    asked_with = frozenset(part.document_id for part in query.asked if part.document_id is not None)
    marks = marks_of(query)
    return asked_with.union(marks.not_relevant) if marks else asked_with


def asked_by(query: Query, reader: AnswerReader) -> bool:
    """Return whether the reader is the asker: the same person or, of those without an account, the same browser.

    Two without a session are alike where no guest link gives one of them more.
    """
    same_person = query.user_id == _user_id(reader.viewer)
    return same_person and (
        query.user_id is not None or query.session == _anonymous(reader.viewer, reader.session)
    )


def _anonymous(viewer: Viewer, session: str) -> str:
    """Return what tells an anonymous asker from others: the session, else what their guest links open."""
    if _user_id(viewer):
        return ""
    opened = sorted(getattr(viewer, "guest_of", ()))
    return session[:40] or (session_hash(f"guest of {opened}") if opened else "")


def _user_id(viewer: Viewer) -> int | None:
    return viewer.pk if viewer is not None and viewer.is_authenticated else None
