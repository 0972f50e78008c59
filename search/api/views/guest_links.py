"""Guest links of a collection, for its curators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.response import Response

from retrieval_site.errors import AppError
from search.api.access import curated_collection
from search.api.answers import GuestLinkAnswer, NewGuestLinkAnswer
from search.api.base import ApiView, PageParameters, describe, page_answer
from search.api.parameters import Parameters, validated
from search.api.permissions import signed_in
from search.services.guest_links import NOTE_MAX, guest_link_create, guest_link_delete, guest_links_of

if TYPE_CHECKING:
    from rest_framework.request import Request

    from search.models import GuestLink


class GuestLinkNew(Parameters):
    """Until when a link opens the collection, and whom it is for."""

    ends_at = serializers.DateTimeField(help_text="within 365 days")
    note = serializers.CharField(max_length=NOTE_MAX, allow_blank=True, default="")


class GuestLinkListView(ApiView):
    """The guest links of one collection."""

    query_parameters = {"GET": PageParameters}
    members_only = True

    @describe("guest_links_list", {200: page_answer(GuestLinkAnswer)}, parameters=[PageParameters])
    def get(self, request: Request, slug: str) -> Response:
        """List the guest links of a collection, newest first (curators)."""
        rows = guest_links_of(curated_collection(request, slug))
        return self.page(rows, guest_link_json, ordering="-id")

    @describe("guest_links_create", {201: NewGuestLinkAnswer}, request=GuestLinkNew)
    def post(self, request: Request, slug: str) -> Response:
        """Make a link by which people without an account search and read the collection until it ends (curators).

        Its address is told this once.
        """
        collection = curated_collection(request, slug)
        link, key = guest_link_create(
            collection=collection, by=signed_in(request), **validated(GuestLinkNew, request.data)
        )
        url = request.build_absolute_uri(f"{reverse('search:guest')}#{key}")
        return Response(guest_link_json(link) | {"url": url}, status=201)


class GuestLinkView(ApiView):
    """One guest link."""

    members_only = True

    @describe("guest_links_delete", {204: None})
    def delete(self, request: Request, slug: str, link_id: int) -> Response:
        """Take a link back (curators): from the next request on it opens nothing."""
        link = guest_links_of(curated_collection(request, slug)).filter(pk=link_id).first()
        if link is None:
            raise AppError("guest_link.not_found")
        guest_link_delete(link=link)
        return Response(status=204)


def guest_link_json(link: GuestLink) -> dict[str, Any]:
    """Return a guest link without its key, of which only the hash is kept."""
    return {
        "id": link.pk,
        "note": link.note,
        "ends_at": link.ends_at,
        "created_by": link.created_by.get_username() if link.created_by else None,
        "created_at": link.created_at,
        "last_used_at": link.last_used_at,
    }
