"""Changes of many documents of a collection, who made them, and the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.curating_answers import ChangeAnswer, ChangedDocumentAnswer
from search.api.curating_presenting import change_json, changed_document_json
from search.api.filtering import FiltersField
from search.api.pagination import page_of_batch
from search.api.parameters import Parameters, ShortListField, validated
from search.api.permissions import signed_in
from search.curating.actions import ASKED_FOR, OF_TRASH, VALUE_MAX, Action, detail_checked
from search.curating.history import change_set_of, change_sets, change_sets_about, slugs_known
from search.curating.quality import QUALITIES
from search.curating.selection import WORDS_MAX, asked_of, documents_asked
from search.curating.start import (
    change_start,
    change_undo,
    merge_start,
    picked_documents,
    picked_trashed,
)
from search.filters.values import NAME_MAX
from search.models import ChangedDocument
from search.services.document_fields import LENGTHS_MAX, TAGS_MAX

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

    from retrieval_site.accounts.models import User
    from search.models import ChangeSet, Collection

IDS_MAX = 10_000
ID_MAX = 2**63 - 1


class DocumentsWanted(Parameters):
    """Documents by what they have in common, as on the page; without anything, all of the collection."""

    q = serializers.CharField(default="", allow_blank=True, max_length=WORDS_MAX, help_text="words or a name")
    filters = FiltersField(default=dict)
    quality = serializers.ChoiceField(choices=list(QUALITIES), required=False)


class ChangeNew(Parameters):
    """What shall be done, and with which documents: those of `documents`, or those that `matching` asks for.

    `tags` belong to `add_tags` and `remove_tags`, `key` to `set_field` and `remove_field`, `value` to `set_field`,
    `collection` to `move`, `keep` to `merge`. `restore` puts documents back from the trash.
    """

    action = serializers.ChoiceField(choices=ASKED_FOR)
    documents = ShortListField(
        child=serializers.IntegerField(min_value=1, max_value=ID_MAX), max_length=IDS_MAX, required=False
    )
    matching = DocumentsWanted(required=False)
    tags = ShortListField(
        child=serializers.CharField(max_length=LENGTHS_MAX["tag"]), max_length=TAGS_MAX, required=False
    )
    key = serializers.CharField(max_length=NAME_MAX, required=False)
    value = serializers.JSONField(
        required=False, help_text=f"text of up to {VALUE_MAX} characters, number, true or false"
    )
    collection = serializers.SlugField(max_length=80, required=False)
    keep = serializers.IntegerField(min_value=1, max_value=ID_MAX, required=False)


class ChangeListParameters(PageParameters):
    """Which changes."""

    document = serializers.IntegerField(min_value=1, max_value=ID_MAX, required=False)


class ChangedDocumentParameters(PageParameters):
    """Which documents of a change."""

    state = serializers.ChoiceField(choices=ChangedDocument.State.choices, required=False)


class ChangeListView(ApiView):
    """The changes of one collection."""

    query_parameters = {"GET": ChangeListParameters}
    members_only = True

    @describe("changes_list", {200: page_answer(ChangeAnswer)}, parameters=[ChangeListParameters])
    def get(self, request: Request, slug: str) -> Response:
        """List what was changed of a collection's documents, newest first (curators)."""
        collection, document = curated_collection(request, slug), self.query.get("document")
        rows = change_sets_about(collection, document) if document else change_sets(collection)
        presented = partial(_changes_json, request)
        return page_of_batch(request, rows, presented, ordering="-id", limit=self.query["limit"])

    @describe("changes_create", {201: ChangeAnswer, 202: ChangeAnswer}, request=ChangeNew)
    def post(self, request: Request, slug: str) -> Response:
        """Change documents (curators): 201 where it is done, 202 where a job does it, of more than 200 documents.

        `documents.left` counts those that could not be changed; their list says why.
        """
        collection = curated_collection(request, slug)
        values = validated(ChangeNew, request.data)
        by: Any = signed_in(request)
        return _started(request, collection, _start(collection, values, by))


class ChangeView(ApiView):
    """One change."""

    members_only = True

    @describe("changes_get", {200: ChangeAnswer})
    def get(self, request: Request, slug: str, change_id: int) -> Response:
        """Show a change, and how far it is (curators)."""
        found = change_set_of(curated_collection(request, slug), change_id)
        return Response(_changes_json(request, [found])[0])


class ChangedDocumentListView(ApiView):
    """The documents of one change."""

    query_parameters = {"GET": ChangedDocumentParameters}
    members_only = True

    @describe(
        "changes_documents",
        {200: page_answer(ChangedDocumentAnswer)},
        parameters=[ChangedDocumentParameters],
    )
    def get(self, request: Request, slug: str, change_id: int) -> Response:
        """List a change's documents: what each was before and after, or why it was left (curators)."""
        found = change_set_of(curated_collection(request, slug), change_id)
        wanted = {"state": self.query["state"]} if "state" in self.query else {}

        def presented(rows: list[ChangedDocument]) -> list[dict[str, Any]]:
            states = [state for row in rows for state in (row.before, row.after)]
            slugs = slugs_known([one["collection"] for one in states if "collection" in one], request.user)
            return [changed_document_json(row, slugs) for row in rows]

        rows = found.changes.filter(**wanted)
        return page_of_batch(request, rows, presented, ordering="id", limit=self.query["limit"])


class ChangeUndoView(ApiView):
    """The way back."""

    members_only = True

    @describe("changes_undo", {201: ChangeAnswer, 202: ChangeAnswer}, request=None)
    def post(self, request: Request, slug: str, change_id: int) -> Response:
        """Take a change back, of the documents that nobody changed since (curators): a change, as any other."""
        collection = curated_collection(request, slug)
        by: Any = signed_in(request)
        return _started(
            request, collection, change_undo(change_set=change_set_of(collection, change_id), by=by)
        )


def _start(collection: Collection, values: dict[str, Any], by: User) -> ChangeSet:
    """Start what is asked for; raises AppError `curating.*`."""
    action, ids = values["action"], values.get("documents", [])
    if ("documents" in values) == ("matching" in values):
        raise AppError.of_parameter("documents", "Send either “documents” or “matching”.")
    if action == Action.MERGE:
        return merge_start(collection=collection, keep=values.get("keep", 0), ids=ids, by=by)
    detail = detail_checked(action, values, collection, by)
    documents: QuerySet[Any] = picked_documents(collection, ids)
    if action in OF_TRASH:
        documents = picked_trashed(collection, ids)
    elif "matching" in values:
        documents = _matching(collection, values["matching"])
    return change_start(collection=collection, action=action, detail=detail, documents=documents, by=by)


def _matching(collection: Collection, wanted: dict[str, Any]) -> QuerySet[Any]:
    return documents_asked(
        asked_of(collection, wanted["q"], wanted["filters"], wanted.get("quality", ""), "")
    )


def _started(request: Request, collection: Collection, change_set: ChangeSet) -> Response:
    """Answer with the change that was started, as it is now."""
    found = change_set_of(collection, change_set.pk)
    address = reverse("api:change", args=[collection.slug, found.pk])
    status = 202 if found.job else 201
    return Response(_changes_json(request, [found])[0], status=status, headers={"Location": address})


def _changes_json(request: Request, found: list[ChangeSet]) -> list[dict[str, Any]]:
    ids = [one.detail["collection"] for one in found if "collection" in one.detail]
    slugs = slugs_known(ids, request.user) if ids else {}
    return [change_json(one, slugs, request.user) for one in found]
