"""One question, two versions: their answers beside each other, openly or blind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from models_admin.services import champion
from retrieval_site.bodies import BodyRule, may_send, takes_body
from retrieval_site.errors import AppError
from retrieval_site.people import signed_in
from retrieval_site.posting import takes_form
from search.models import SideBySide
from search.retrieval.types import ImagePart, TextPart
from search.services.judgements import judgements_of
from search.services.uploads import picture_too_large, read_picture
from search.sessions import session_of
from search.side_by_side.asking import (
    preference_set,
    side_by_side_create,
    side_by_side_find,
    side_by_sides_of,
    versions_for,
)
from search.side_by_side.preferences import preferences_of
from search.side_by_side.standing import standing_of
from search.views.cards import cards
from search.views.choosing import target_named
from search.views.indexing import unindexed
from search.views.parts import checked_text
from search.views.people import members_only
from search.views.throttling import throttled

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from models_admin.models import ModelVersion
    from search.retrieval.types import Part
    from search.side_by_side.standing import HitPlace
    from search.views.cards import Card

OWN_SHOWN = 20
_TAKES_PHOTO = takes_body(
    BodyRule(
        "picture_max_bytes",
        too_large=picture_too_large,
        refusal=may_send(lambda request: request.user.is_authenticated),
    )
)


@dataclass(frozen=True)
class AnswerSide:
    """One of the two lists as the page shows it; `says` are the answers' names for the form of a blind one."""

    name: str
    version: ModelVersion | None
    says: str
    places: Sequence[tuple[HitPlace, Card]]


@_TAKES_PHOTO
@require_http_methods(["GET", "HEAD", "POST"])
@unindexed
@throttled()
@members_only
def side_by_side(request: HttpRequest) -> HttpResponse:
    """Ask two versions one question; below, what this person asked before and what blind preferences say."""
    versions, refused = versions_for(request.user), None
    if request.method == "POST":
        try:
            return redirect("search:side-by-side-one", _made(request).pk)
        except AppError as error:
            refused = error
    first = champion()
    context = {
        "versions": versions,
        "chosen": _chosen(request, versions),
        "given": request.POST if refused else request.GET,
        "refused": refused,
        "own": side_by_sides_of(signed_in(request))[:OWN_SHOWN],
        "preferences": [preferences_of(each, first) for each in versions if first and each.pk != first.pk],
    }
    return render(request, "search/side_by_side.html", context, status=refused.status if refused else 200)


def _chosen(request: HttpRequest, versions: Sequence[ModelVersion]) -> tuple[str, str]:
    """Return the two that are chosen in the form: as it was sent, else the first two there are."""
    keys = [version.key for version in versions] + ["", ""]
    given = request.POST or request.GET
    return given.get("first") or keys[0], given.get("second") or keys[1]


def _made(request: HttpRequest) -> SideBySide:
    return side_by_side_create(
        viewer=request.user,
        part=_part(request),
        first=request.POST.get("first", ""),
        second=request.POST.get("second", ""),
        target=target_named(request.POST.get("target")),
        blind=bool(request.POST.get("blind")),
    )


def _part(request: HttpRequest) -> Part:
    photo, text = request.FILES.get("image"), request.POST.get("text", "").strip()
    if photo:
        return ImagePart(read_picture(photo))
    if not text:
        raise AppError("query.empty")
    return TextPart(checked_text(text))


@require_http_methods(["GET", "HEAD"])
@unindexed
@throttled()
@members_only
def side_by_side_one(request: HttpRequest, side_by_side_id: uuid.UUID) -> HttpResponse:
    """Show two answers beside each other; of a blind one the versions' names only once a preference was said."""
    found = side_by_side_find(side_by_side_id, request.user)
    standing = standing_of(found, request.user)
    judged = judgements_of(found.first, request.user, session_of(request))
    answers = {
        SideBySide.Preference.FIRST: (found.first_version, standing.first),
        SideBySide.Preference.SECOND: (found.second_version, standing.second),
    }
    sides = []
    for letter, says in zip("AB", found.order, strict=True):
        version, places = answers[says]
        placed = list(zip(places, _cards(found, places, judged), strict=True))
        name = letter if found.blind else ""
        sides.append(AnswerSide(name, None if found.is_hidden else version, says, placed))
    context = {
        "found": found,
        "asked": found.first.part,
        "words": found.first.text,
        "sides": sides,
        "hidden": found.is_hidden,
        "shared": standing.shared,
        "preferred": next((side for side in sides if side.says == found.preference), None),
        "preferences": None if found.is_hidden else preferences_of(found.first_version, found.second_version),
        "back": request.get_full_path(),
    }
    return render(request, "search/side_by_side_one.html", context)


def _cards(found: SideBySide, places: Sequence[HitPlace], judged: dict[int, Any]) -> list[Card]:
    """Return the hits' cards without the search that a document's page would name: it says the version."""
    return cards([place.hit for place in places], None, "cosine", judged)


@takes_form(opens="search:side-by-side-one")
@throttled()
@members_only
def prefer(request: HttpRequest, side_by_side_id: uuid.UUID) -> HttpResponse:
    """Keep which answer somebody prefers."""
    found = side_by_side_find(side_by_side_id, request.user)
    preference_set(side_by_side=found, preference=request.POST.get("preference", ""))
    return redirect("search:side-by-side-one", found.pk)
