"""Collections: named corpora with their own visibility and curators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection
from search.api.answers import CollectionAnswer, CollectionDetailAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.examples import NEW_COLLECTION
from search.api.parameters import Parameters, ShortListField, changed, validated
from search.api.permissions import signed_in
from search.api.presenting import collection_detail_json, collection_json
from search.curating.rights import may_make_collections
from search.models import Collection, Membership
from search.models.collection import LANGUAGES
from search.services.collections import (
    COLLECTION_FIELDS,
    collection_create,
    collection_delete,
    collection_update,
)
from search.services.members import NAME_MAX, members_of, members_replace

if TYPE_CHECKING:
    from rest_framework.request import Request

SETTABLE = tuple(name for name in COLLECTION_FIELDS if name != "slug")
SLUG = r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$"
RECOGNITION = (
    "which pictures of text are read: `pages` of files without text of their own, `all` pictures, or `none`"
)
KEEP_FILES = "whether the files that documents are made of are kept, to be opened by who finds them"
KEEP_ORIGINALS = "whether pictures keep what their files say of place, time and camera"
LANGUAGE = "of its texts, by which words match their other forms; `simple` for any that is not listed"
MEMBERS_MAX = 1000
"""Names in one request."""

MEMBER_LISTS = {
    "curators": (Membership.Role.CURATOR, False),
    "judges": (Membership.Role.JUDGE, False),
    "readers": (Membership.Role.READER, False),
    "curator_groups": (Membership.Role.CURATOR, True),
    "judge_groups": (Membership.Role.JUDGE, True),
    "reader_groups": (Membership.Role.READER, True),
}
"""Whose roles a list replaces: of users, or of groups."""


def _names(help_text: str) -> ShortListField:
    names = serializers.CharField(max_length=NAME_MAX)
    return ShortListField(child=names, max_length=MEMBERS_MAX, required=False, help_text=help_text)


class CollectionChange(Parameters):
    """What curators can change. Each list of members replaces the one there was."""

    error_ids = dict.fromkeys(("name", "slug", "description", "visibility", "language"), "collection.invalid")

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    visibility = serializers.ChoiceField(
        choices=Collection.Visibility.choices, default=Collection.Visibility.PRIVATE
    )
    language = serializers.ChoiceField(choices=LANGUAGES, default="english", help_text=LANGUAGE)
    keep_originals = serializers.BooleanField(default=False, help_text=KEEP_ORIGINALS)
    keep_files = serializers.BooleanField(default=True, help_text=KEEP_FILES)
    character_recognition = serializers.ChoiceField(
        choices=Collection.Recognition.values,
        default=Collection.Recognition.PAGES.value,
        help_text=RECOGNITION,
    )
    curators = _names("users who search, judge and curate")
    judges = _names("users who search and judge queues")
    readers = _names("users who search")
    curator_groups = _names("groups whose users search, judge and curate")
    judge_groups = _names("groups whose users search and judge queues")
    reader_groups = _names("groups whose users search")


class CollectionNew(CollectionChange):
    """A new collection; its slug stays for good."""

    slug = serializers.RegexField(SLUG, max_length=80, help_text="lower-case letters, digits and hyphens")


class CollectionListView(ApiView):
    """All collections that the caller may see."""

    query_parameters = {"GET": PageParameters}

    @describe("collections_list", {200: page_answer(CollectionAnswer)}, parameters=[PageParameters])
    def get(self, request: Request) -> Response:
        """List the collections that you may see."""
        rows = Collection.objects.visible_to(request.user).described_for(request.user)
        return self.page(rows, collection_json)

    @describe(
        "collections_create", {201: CollectionDetailAnswer}, request=CollectionNew, examples=[NEW_COLLECTION]
    )
    def post(self, request: Request) -> Response:
        """Open a collection (staff, and whom the right was given). You become its curator."""
        if not may_make_collections(request.user):
            raise AppError("permission.denied/new_collection")
        values = validated(CollectionNew, request.data)
        with transaction.atomic():
            collection = collection_create(owner=signed_in(request), **changed(values, ("slug", *SETTABLE)))
            _set_members(collection, values)
        return Response(_shown(request, collection.slug), status=201)


class CollectionView(ApiView):
    """One collection."""

    @describe("collections_get", {200: CollectionDetailAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """Show a collection; its curators also see its members."""
        return Response(_shown(request, slug))

    @describe("collections_update", {200: CollectionDetailAnswer}, request=CollectionChange)
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is sent, keep the rest (curators)."""
        collection = curated_collection(request, slug)
        values = validated(CollectionChange, request.data, partial=True)
        with transaction.atomic():
            collection_update(collection=collection, **changed(values, SETTABLE))
            _set_members(collection, values)
        return Response(_shown(request, slug))

    @describe("collections_delete", {204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a collection with its documents, vectors and judgements (curators)."""
        collection_delete(collection=curated_collection(request, slug))
        return Response(status=204)


def _set_members(collection: Collection, values: dict[str, Any]) -> None:
    for name, (role, groups) in MEMBER_LISTS.items():
        if name in values:
            members_replace(collection=collection, role=role, names=values[name], groups=groups)


def _shown(request: Request, slug: str) -> dict[str, Any]:
    rows = Collection.objects.visible_to(request.user).described_for(request.user)
    collection = rows.filter(slug=slug).first()
    if collection is None:
        raise AppError("collection.not_found")
    curates = request.user.is_superuser or collection.role == Membership.Role.CURATOR
    return collection_detail_json(collection, members_of(collection) if curates else None)
