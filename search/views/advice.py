"""What to do about an error: a title and a next step for each id that people can meet on pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from retrieval_site.errors import AppError


@dataclass(frozen=True)
class Advice:
    """How a page tells of an error: a title, what to do next, an icon, and whether asking again may help."""

    title: str
    what_next: str
    icon: str = "triangle-alert"
    retry: bool = False


_TRY_AGAIN = gettext_lazy("Try again in a moment.")
_ADVICE = {
    "encoder.unavailable": Advice(
        gettext_lazy("The search is not answering"), gettext_lazy("It may just be starting."), retry=True
    ),
    "encoder": Advice(gettext_lazy("The search did not work"), _TRY_AGAIN, retry=True),
    "image.busy": Advice(gettext_lazy("The search is busy"), "", retry=True),
    "image.too_large": Advice(
        gettext_lazy("That photo is too large"), gettext_lazy("Choose a smaller one."), "image-off"
    ),
    "image.too_many_pixels": Advice(
        gettext_lazy("That photo is too large"), gettext_lazy("Choose a smaller one."), "image-off"
    ),
    "image.too_small": Advice(
        gettext_lazy("That photo is too small"), gettext_lazy("Choose a larger one."), "image-off"
    ),
    "image.empty": Advice(gettext_lazy("Not a photo"), gettext_lazy("Choose another one."), "image-off"),
    "image.truncated": Advice(
        gettext_lazy("That photo is damaged"),
        gettext_lazy("Open it elsewhere to see whether it is whole, or choose another."),
        "image-off",
    ),
    "image.unknown_format": Advice(
        gettext_lazy("Not a photo"), gettext_lazy("Choose another one."), "image-off"
    ),
    "image": Advice(
        gettext_lazy("That photo cannot be read"), gettext_lazy("Choose another one."), "image-off"
    ),
    "image_url.off": Advice(
        gettext_lazy("Send the picture itself"),
        gettext_lazy("Save it, or copy it and paste it here."),
        "image-off",
    ),
    "image_url.invalid": Advice(
        gettext_lazy("Not the address of a picture"),
        gettext_lazy("Copy it again, or save the picture."),
        "image-off",
    ),
    "image_url.no_picture": Advice(
        gettext_lazy("No picture at that address"),
        gettext_lazy("Often it is a page that shows one: copy the picture itself, or its own address."),
        "image-off",
    ),
    "image_url.busy": Advice(gettext_lazy("The search is busy"), "", retry=True),
    "image_url": Advice(
        gettext_lazy("That picture cannot be fetched"),
        gettext_lazy("Save it, then choose it or drop it here."),
        "image-off",
    ),
    "text.empty": Advice(gettext_lazy("No words"), "", "search"),
    "text": Advice(
        gettext_lazy("Those words cannot be searched"),
        gettext_lazy("Change them and search again."),
        "search",
    ),
    "query.empty": Advice(
        gettext_lazy("Nothing to search with"), gettext_lazy("Both are on the start page."), "search"
    ),
    "query.too_many_parts": Advice(
        gettext_lazy("Too many parts"), gettext_lazy("Remove one of them first."), "search"
    ),
    "query.only_negative": Advice(
        gettext_lazy("Nothing to look for"), gettext_lazy("Add what it should be like."), "search"
    ),
    "query.not_found": Advice(
        gettext_lazy("This search cannot be shown"),
        gettext_lazy("The link may be incomplete."),
        "circle-help",
    ),
    "explanation": Advice(gettext_lazy("Why cannot be told"), gettext_lazy("Search again, then ask.")),
    "compare": Advice(gettext_lazy("Choose two results"), "", "columns-2"),
    "cursor": Advice(
        gettext_lazy("These results cannot be continued"),
        gettext_lazy("Open the search again."),
        "circle-help",
    ),
    "query": Advice(
        gettext_lazy("This search cannot be asked again"), gettext_lazy("Start a new one."), "circle-help"
    ),
    "document.not_found": Advice(
        gettext_lazy("This document cannot be shown"),
        gettext_lazy("If it belongs to a private collection, sign in first."),
        "lock",
    ),
    "collection.not_found": Advice(
        gettext_lazy("This collection cannot be shown"),
        gettext_lazy("If it is a private one, sign in first."),
        "lock",
    ),
    "parameter": Advice(gettext_lazy("That cannot be used"), "", "circle-help"),
    "model": Advice(gettext_lazy("The search cannot be answered"), "", "cpu"),
    "auth.too_many_failures": Advice(
        gettext_lazy("Too many failed sign-ins"),
        gettext_lazy("An administrator can lift this pause, or set a new password."),
        "lock",
    ),
    "auth": Advice(gettext_lazy("You are not signed in"), "", "lock"),
    "throttle": Advice(gettext_lazy("That was a bit fast"), "", retry=True),
}
_BY_STATUS = {
    401: Advice(gettext_lazy("You are not signed in"), "", "lock"),
    403: Advice(gettext_lazy("Not allowed"), "", "lock"),
    404: Advice(gettext_lazy("Not found"), "", "circle-help"),
}
_OTHERS = Advice(gettext_lazy("That did not work"), "")


def advice_for(error: AppError) -> Advice:
    """Return the advice for an error by its id, else by the first part of its id, else by its status."""
    family = error.id.partition(".")[0]
    by_id = _ADVICE.get(error.id) or _BY_STATUS.get(error.status) or _ADVICE.get(family)
    if by_id is None and error.status >= 500:
        by_id = Advice(_OTHERS.title, _TRY_AGAIN, retry=True)
    advice = by_id or _OTHERS
    says_so = advice.what_next == _TRY_AGAIN and "try again" in error.message.lower()
    return replace(advice, what_next="") if says_so else advice
