"""The values of `curating_answers.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.api.presenting import document_brief_json, job_json
from search.curating.history import STATES
from search.curating.states import CONTENT_HASH
from search.job_types import SOURCE_ROUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.curating.quality import Corpus
    from search.models import (
        ChangedDocument,
        ChangeSet,
        CollectionField,
        Document,
        Source,
        TrashedDocument,
    )
    from search.querysets import Viewer
    from workers.models import Job

Json = dict[str, Any]


def source_json(source: Source) -> Json:
    """Return a source; its owner must be loaded."""
    plain = ("name", "kind", "address", "options", "every_hours", "paused")
    dates = ("next_round_at", "complete_at", "created_at")
    return {
        "id": source.pk,
        **{name: getattr(source, name) for name in plain},
        "owner": source.owner.get_username() if source.owner else None,
        "round": str(source.round_id) if source.round_id else None,
        **{name: getattr(source, name) for name in dates},
    }


def round_json(job: Job, viewer: Viewer) -> Json:
    """Return a round of a source."""
    asked = SOURCE_ROUND.find_parameters(job)
    return {"dry_run": bool(asked and asked.dry_run), "job": job_json(job, viewer)}


def change_json(change_set: ChangeSet, slugs: Mapping[int, str], viewer: Viewer) -> Json:
    """Return a change; it must come from `change_sets`, and `slugs` are those of collections by id."""
    detail = change_set.detail
    undone_by = getattr(change_set, "undone_by", None)
    return {
        "id": change_set.pk,
        "action": change_set.action,
        **{name: detail.get(name) for name in ("tags", "key", "value")},
        "collection": slugs.get(detail.get("collection", 0)),
        "keep": detail.get("keep"),
        "by": change_set.by.get_username() if change_set.by else None,
        "documents": {state: getattr(change_set, f"{state}_count") for state in STATES.values},
        "job": job_json(change_set.job, viewer) if change_set.job else None,
        "undoes": change_set.undoes_id,
        "undone_by": undone_by.pk if undone_by else None,
        "created_at": change_set.created_at,
    }


def changed_document_json(change: ChangedDocument, slugs: Mapping[int, str]) -> Json:
    """Return what a change did to a document; collections are slugs, null where the caller may not see one."""
    return {
        "document": change.document_id,
        "title": change.title,
        "state": change.state,
        "error": {"id": change.reason, "message": change.message} if change.reason else None,
        "before": _state_json(change.before, slugs),
        "after": _state_json(change.after, slugs),
    }


def _state_json(state: Mapping[str, Any], slugs: Mapping[int, str]) -> Json:
    """Return a state as callers know it: fields that are there with their values, pictures by their addresses."""
    shown = {name: value for name, value in state.items() if name != CONTENT_HASH}
    if "metadata" in shown:
        shown["metadata"] = {key: held[0] if held else None for key, held in shown["metadata"].items()}
    if "images" in shown:
        shown["images"] = [{"sha256": row[0], "alt": row[3]} for row in shown["images"]]
    if "collection" in shown:
        shown["collection"] = slugs.get(shown["collection"])
    return shown


def trashed_json(trashed: TrashedDocument) -> Json:
    """Return a document in the trash; who deleted it must be loaded."""
    return {
        "document": trashed.pk,
        "external_id": trashed.external_id,
        "title": trashed.title,
        "deleted_by": trashed.deleted_by.get_username() if trashed.deleted_by else None,
        "deleted_at": trashed.deleted_at,
    }


_OF_A_FIELD = (
    *("name", "type", "documents", "distinct_values"),
    *("label", "place", "is_facet", "wanted_type", "vocabulary"),
)


def collection_field_json(field: CollectionField) -> Json:
    """Return a field with how it is set up."""
    return {name: getattr(field, name) for name in _OF_A_FIELD}


def quality_json(corpus: Corpus) -> Json:
    """Return a collection at a glance."""
    return {
        "documents": corpus.documents,
        "figures": corpus.figures,
        "languages": [{"value": value, "documents": count} for value, count in corpus.languages],
        "language_field": corpus.language_field,
        "oldest": corpus.oldest,
        "newest": corpus.newest,
    }


def duplicates_json(groups: list[list[Document]], job: Job | None, viewer: Viewer) -> Json:
    """Return groups of duplicates; the documents' collections must be loaded."""
    return {
        "results": [{"documents": [document_brief_json(one) for one in group]} for group in groups],
        "job": job_json(job, viewer) if job else None,
    }
