"""Who may do what in a collection: roles of people and groups, invitations, and links for guests."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from retrieval_site.errors import AppError
from search.models import Collection, Membership
from search.services.guest_links import (
    DAYS_MAX,
    NOTE_MAX,
    guest_link_create,
    guest_link_delete,
    guest_links_of,
)
from search.services.members import NAME_MAX, member_remove, member_set, members_listed
from search.views.curating.common import curators_page, numbers_of
from search.views.curating.invited import invitation_done, invitations_shown

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

DAYS_DEFAULT = 30


@never_cache
@curators_page("GET", "HEAD", "POST")
def members(request: HttpRequest, collection: Collection) -> HttpResponse:
    """List roles and guest links; forms give, change and take them. A new link is shown once, in the answer."""
    refused, key = None, ""
    if request.method == "POST":
        try:
            key = _done(request, collection)
        except AppError as error:
            refused = error
        if not (key or refused):
            curates = Collection.objects.curated_by(request.user).filter(pk=collection.pk).exists()
            return (
                redirect("search:curate-members", collection.slug) if curates else redirect("search:curate")
            )
    today = timezone.now().date()
    context = {
        "collection": collection,
        "members": members_listed(collection),
        "roles": Membership.Role.choices,
        "links": guest_links_of(collection),
        "address": request.build_absolute_uri(f"{reverse('search:guest')}#{key}") if key else "",
        "ends": {
            "first": today,
            "usual": today + timedelta(DAYS_DEFAULT),
            "last": today + timedelta(DAYS_MAX - 1),
        },
        "given": request.POST if refused else {},
        "refused": refused,
        "name_max": NAME_MAX,
        "note_max": NOTE_MAX,
        "tab": "members",
    } | invitations_shown(collection)
    return render(request, "search/curating/members.html", context, status=refused.status if refused else 200)


def _done(request: HttpRequest, collection: Collection) -> str:
    """Do what a form asks for; return the key of a new link, else ""."""
    asked: Any = request.POST
    match asked.get("do"):
        case "give":
            group, name = asked.get("kind") == "group", asked.get("name", "").strip()[: NAME_MAX + 1]
            member_set(collection=collection, role=asked.get("role", ""), name=name, group=group)
            messages.success(request, gettext("“{name}” has the role.").format(name=name))
        case "remove":
            for member in numbers_of(asked.getlist("member")):
                member_remove(collection=collection, member=member)
            messages.success(request, gettext("The role is taken away."))
        case "link":
            _, key = guest_link_create(
                collection=collection, by=request.user, ends_at=_end(asked), note=asked.get("note", "")
            )
            return key
        case "end":
            for link in guest_links_of(collection).filter(pk__in=numbers_of(asked.getlist("link"))):
                guest_link_delete(link=link)
            messages.success(request, gettext("The link opens nothing any more."))
        case _:
            invitation_done(request, collection)
    return ""


def _end(asked: Any) -> datetime:
    """Return the end of the day that the form names."""
    try:
        day = date.fromisoformat(asked.get("ends_on", ""))
        return datetime.combine(day + timedelta(1), time(), UTC)
    except (ValueError, OverflowError) as error:
        raise AppError.of_parameter("ends_on", gettext("Choose the day on which the link ends.")) from error
