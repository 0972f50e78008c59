"""Rows and answers as plain values for JSON, in the shapes of `answers.py`.

Plain functions, because serializers cost several milliseconds for a page of hits; a test holds both together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from retrieval_site.people import manages_models
from search.relevance.panel import calibrations_json
from search.retrieval.types import DocumentPart, ImagePart, TextPart
from search.services.members import HOLDERS
from search.units.image import ImageAnswer
from search.units.places import PlaceOnPage
from search.units.registry import unit_kind, unit_kinds, unit_kinds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_admin.models import ModelVersion
    from search.asked import AskedPart, AskedSearch
    from search.models import (
        Collection,
        Document,
        DocumentFile,
        DocumentImage,
        Judgement,
        PhotoBatch,
        ResumableUpload,
        SavedSearch,
        SearchFinding,
    )
    from search.photo_batches.table import PhotoRow
    from search.querysets import Viewer
    from search.retrieval.explain import Side, Why
    from search.retrieval.facets import Facet
    from search.retrieval.types import Hit, Marks, Part, Plan, SearchAnswer
    from search.suggestions import Suggestion
    from workers.models import Job, JobItem

Json = dict[str, Any]
BOOKKEEPING = frozenset({
    *("position", "stored", "retried", "not_shown"),
    *("read_as", "new_waiting", "dropped", "kept_back"),
})  # fmt: skip
"""What a job keeps in its result for itself: how far it is, should it be interrupted."""


def search_json(answer: SearchAnswer, why: Mapping[int, Why] | None = None) -> Json:
    """Return what a search found; `why`: why its hits were found, by their documents' ids."""
    why = why or {}
    return {
        "query": {
            "id": answer.query_id and str(answer.query_id),
            "modality": answer.modality,
            "parts": [query_part_json(part, whose_own=answer.counted) for part in answer.parts],
            "model": answer.model,
            "url": answer.query_id and reverse("search:results", args=[answer.query_id]),
            "marks": answer.marks and marks_json(answer.marks),
        },
        "results": [hit_json(hit, why.get(hit.document.pk)) for hit in answer.hits],
        "facets": None,
        "match": answer.match,
        "next": answer.next,
        "unknown_words": answer.unknown_words,
        "mended": answer.mended,
        "text_read": None if answer.text_read is None else [text_json(one) for one in answer.text_read],
        "warnings": list(answer.warnings),
        "plan": plan_json(answer.plan, counted=answer.counted),
        "timings_ms": {step: round(spent, 2) for step, spent in answer.timings_ms.items()},
    }


def marks_json(marks: Marks) -> Json:
    """Return what moved a search."""
    return {
        "query": str(marks.query_id),
        "relevant": len(marks.relevant),
        "not_relevant": len(marks.not_relevant),
    }


def text_json(read: Json) -> Json:
    """Return a line or a barcode of the photo."""
    return {name: read[name] for name in ("text", "box", "kind", "confidence")}


def facet_json(facet: Facet) -> Json:
    """Return a field's values with how many documents have each."""
    values = [{"value": value, "documents": documents} for value, documents in facet.values]
    plain = ("field", "type", "more", "least", "greatest")
    return {"values": values, **{name: getattr(facet, name) for name in plain}}


def query_part_json(part: Part, *, whose_own: bool) -> Json:
    """Return what was asked with; the id of a document only to who asked, for others may not see it."""
    return {
        "modality": part.modality,
        "weight": round(part.weight, 6),
        "text": part.text if isinstance(part, TextPart) else "",
        "document": part.document_id if whose_own and isinstance(part, DocumentPart) else None,
        "crop": part.crop and list(part.crop) if isinstance(part, ImagePart) else None,
        "turn": part.turn if isinstance(part, ImagePart) else 0,
    }


def plan_json(plan: Plan, *, counted: bool = True) -> Json:
    """Return how the candidates were found, and how many where the viewer may know."""
    numbers = {"ef_search": plan.ef_search, "candidates": plan.candidates}
    numbers = numbers if counted else dict.fromkeys(numbers)
    return {"kind": plan.kind, **numbers, "retrievers": list(plan.retrievers)}


def hit_json(hit: Hit, why: Why | None = None) -> Json:
    """Return one result; costs no query."""
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "relevance": hit.relevance,
        "strength": hit.strength,
        "document": document_brief_json(hit.document),
        "near_duplicates": [document_brief_json(same.document) for same in hit.same],
        "why": why and _why_json(why),
        "place": vars(PlaceOnPage.of(hit.unit, hit.at_page)) if hit.unit and hit.at_page else None,
        **{kind.name: None for kind in unit_kinds()},
        **({hit.kind: vars(unit_kind(hit.kind).shown.answer.of(hit.unit))} if hit.unit else {}),
    }


def _why_json(why: Why) -> Json:
    """Return why a hit was found."""
    parts = [_side_json(side) for side in why.parts]
    return {"parts": parts, "found": _side_json(why.found), "by_words": why.by_words}


def _side_json(side: Side) -> Json:
    """Return which words or regions of one thing carried a hit."""
    return {
        "words": None if side.words is None else [vars(word) for word in side.words],
        "regions": None if side.regions is None else vars(side.regions),
        "closeness": side.closeness,
    }


def document_brief_json(document: Document) -> Json:
    """Return a document as it stands in a hit; its collection must be loaded."""
    return {
        "id": document.pk,
        "external_id": document.external_id,
        "collection": document.collection.slug,
        "title": document.title,
        "url": document.url,
        "tags": document.tags,
        "metadata": document.metadata,
    }


def document_json(document: Document) -> Json:
    """Return a document; its collection, images and files must be loaded."""
    return document_brief_json(document) | {
        "body": document.body,
        "split_pending": document.split_pending,
        "images": [image_json(image) for image in document.images.all()],
        "file": _file_json(document),
        "created_at": document.created_at,
        "updated_at": document.updated_at,
    }


def _file_json(document: Document) -> Json | None:
    """Return the file that a document was made of; its files must be loaded."""
    found = next((file for file in document.files.all() if file.replaced_at is None), None)
    if found is None:
        return None
    return {
        "name": found.name,
        "kind": found.kind,
        "size": found.size,
        "sha256": found.sha256,
        "pages": found.page_count,
        "url": found.blob_id and reverse("search:file", args=[document.pk]),
        "notes": found.notes,
    }


def former_file_json(file: DocumentFile) -> Json:
    """Return a former version of a document's file."""
    plain = ("name", "kind", "size", "sha256", "created_at", "replaced_at")
    address = file.blob_id and reverse("search:former-file", args=[file.document_id, file.pk])
    return {"id": file.pk, "url": address, **{name: getattr(file, name) for name in plain}}


def image_json(image: DocumentImage) -> Json:
    """Return a document's picture."""
    return vars(ImageAnswer.of(image))


def collection_json(collection: Collection) -> Json:
    """Return a collection of `CollectionQuerySet.described_for`."""
    described: Any = collection
    return {
        "slug": collection.slug,
        "name": collection.name,
        "description": collection.description,
        "visibility": collection.visibility,
        "language": collection.language,
        "keep_originals": collection.keep_originals,
        "keep_files": collection.keep_files,
        "character_recognition": collection.character_recognition,
        "documents": described.document_count,
        "role": described.role,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }


def collection_detail_json(collection: Collection, members: dict[str, list[str]] | None) -> Json:
    """Return a collection with its members by role, None for callers who may not know them."""
    known = members or {}
    return collection_json(collection) | {f"{holder}s": known.get(holder) for holder in HOLDERS}


def job_json(job: Job, viewer: Viewer) -> Json:
    """Return a job and how far it is.

    How much of the whole corpus has vectors is for operators: it counts collections that others may not see.
    """
    hidden = BOOKKEEPING if manages_models(viewer) else BOOKKEEPING | {"coverage"}
    return {
        "id": str(job.pk),
        "type": job.type,
        "state": job.state,
        "request": job.request,
        "stage": job.stage,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "rate": job.rate,
        "seconds_left": job.seconds_left,
        "result": {name: value for name, value in job.result.items() if name not in hidden},
        "error": _failure(job.error_id, job.error),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def _failure(error_id: str, message: str) -> Json | None:
    return {"id": error_id, "message": message} if error_id else None


def job_item_json(item: JobItem) -> Json:
    """Return an item that failed."""
    return {
        "id": item.pk,
        "key": item.key,
        "error_id": item.error_id,
        "reason": item.reason,
        "created_at": item.created_at,
    }


def version_json(version: ModelVersion, *, manages: bool) -> Json:
    """Return a model version; its aliases must be prefetched, and for who manages models its calibrations."""
    manifest = version.manifest
    return {
        "model": version.key,
        "name": version.name,
        "number": version.number,
        "state": version.state,
        "aliases": sorted(alias.name for alias in version.aliases.all()),
        "tags": version.tags,
        "dim": version.dim,
        "similarity": version.similarity,
        "modalities": manifest.get("modalities", []),
        "targets": [kind.target for kind in unit_kinds_of(manifest)],
        "licence": manifest.get("licence", ""),
        "description": manifest.get("description", ""),
        "metrics": manifest.get("metrics", {}),
        "error": _failure(version.error_id, version.error) if manages else None,
        "report": version.report if manages else None,
        "judged": version.judged or None if manages else None,
        "calibrations": calibrations_json(version) if manages else None,
        "note": version.note if manages else None,
        "created_at": version.created_at,
    }


def judgement_json(judgement: Judgement) -> Json:
    """Return one's own judgement; its document and collection must be loaded."""
    return {
        "id": judgement.pk,
        "query": str(judgement.query_id),
        "document": judgement.document_id,
        "collection": judgement.document.collection.slug,
        "external_id": judgement.document.external_id,
        "grade": judgement.grade,
        "comment": judgement.comment,
        "created_at": judgement.created_at,
        "updated_at": judgement.updated_at,
    }


def made_search_json(asked: AskedSearch) -> Json:
    """Return one of the caller's own searches; its `saved` must be loaded."""
    query = asked.query
    saved: SavedSearch | None = getattr(query, "saved", None)
    return {
        "id": str(query.pk),
        "url": reverse("search:results", args=[query.pk]),
        "parts": [part_json(part) for part in asked.parts],
        "target": query.target,
        "collections": query.collections,
        "filters": query.filters,
        "saved": saved.pk if saved else None,
        "created_at": query.created_at,
    }


def part_json(part: AskedPart) -> Json:
    """Return one thing that a search asked with."""
    row = part.row
    return {
        "modality": row.modality,
        "weight": row.weight,
        "text": row.text,
        "document": part.document.pk if part.document else None,
        "crop": row.crop,
        "turn": row.turn,
        "photo": reverse("search:photo", args=[row.query_id]) + f"?part={row.place}"
        if row.preview_id
        else None,
    }


def saved_search_json(saved: SavedSearch, asked: AskedSearch) -> Json:
    """Return a saved search of `saved_searches_of`, with the search that it keeps."""
    counted: Any = saved
    return {
        "id": saved.pk,
        "name": saved.name,
        "search": made_search_json(asked) | {"saved": saved.pk},
        "alerts": saved.alerts,
        "new": counted.new,
        "created_at": saved.created_at,
    }


def suggestion_json(suggestion: Suggestion) -> Json:
    """Return what somebody may be about to write; `url` is the page of its document."""
    page = suggestion.document and reverse("search:document", args=[suggestion.document])
    return {**vars(suggestion), "url": page}


def finding_json(finding: SearchFinding) -> Json:
    """Return a new document that fits a saved search; it and its collection must be loaded."""
    return {
        "document": document_brief_json(finding.document),
        "found_at": finding.found_at,
        "seen": finding.seen_at is not None,
    }


def photo_batch_json(batch: PhotoBatch, viewer: Viewer) -> Json:
    """Return a batch of photos; its job and version must be loaded."""
    return {
        "id": str(batch.pk),
        "name": batch.name,
        "target": batch.target,
        "collections": batch.collections,
        "model": batch.version.key if batch.version else None,
        "limit": batch.hits_each,
        "job": job_json(batch.job, viewer) if batch.job else None,
        "created_at": batch.created_at,
    }


def upload_json(upload: ResumableUpload) -> Json:
    """Return a file that comes in pieces; its collection must be loaded."""
    return {
        "id": str(upload.pk),
        "name": upload.name,
        "collection": upload.collection.slug,
        "batch": str(upload.batch) if upload.batch else None,
        "length": upload.length,
        "offset": upload.offset,
        "expires_at": upload.expires_at,
        "job": str(upload.job_id) if upload.job_id else None,
    }


def batch_photo_json(row: PhotoRow) -> Json:
    """Return a photo of a batch with its hits."""
    photo = row.photo
    address = reverse("search:batch-photo", args=[photo.batch_id, photo.pk]) if photo.preview_id else None
    results = [hit_json(hit) for hit in row.hits]
    return {"name": photo.name, "photo": address, "match": row.match, "results": results}
