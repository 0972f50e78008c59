"""What to do about an error: a title and a next step for each id that people can meet on pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval_site.errors import AppError


@dataclass(frozen=True)
class Advice:
    """How a page tells of an error: a title, what to do next, an icon, and whether asking again may help."""

    title: str
    what_next: str
    icon: str = "triangle-alert"
    retry: bool = False


_TRY_AGAIN = "Try again in a moment."
_ADVICE = {
    "encoder.unavailable": Advice("The search is not answering", "It may just be starting.", retry=True),
    "encoder": Advice("The search did not work", _TRY_AGAIN, retry=True),
    "image.busy": Advice("The search is busy", "", retry=True),
    "image.too_large": Advice("That photo is too large", "Choose a smaller one.", "image-off"),
    "image.too_many_pixels": Advice("That photo is too large", "Choose a smaller one.", "image-off"),
    "image.too_small": Advice("That photo is too small", "Choose a larger one.", "image-off"),
    "image.empty": Advice("Not a photo", "Choose another one.", "image-off"),
    "image.truncated": Advice(
        "That photo is damaged",
        "Open it elsewhere to see whether it is whole, or choose another.",
        "image-off",
    ),
    "image.unknown_format": Advice("Not a photo", "Choose another one.", "image-off"),
    "image": Advice("That photo cannot be read", "Choose another one.", "image-off"),
    "image_url.off": Advice("Send the picture itself", "Save it, or copy it and paste it here.", "image-off"),
    "image_url.invalid": Advice(
        "Not the address of a picture", "Copy it again, or save the picture.", "image-off"
    ),
    "image_url.no_picture": Advice(
        "No picture at that address",
        "Often it is a page that shows one: copy the picture itself, or its own address.",
        "image-off",
    ),
    "image_url.busy": Advice("The search is busy", "", retry=True),
    "image_url": Advice(
        "That picture cannot be fetched", "Save it, then choose it or drop it here.", "image-off"
    ),
    "text.empty": Advice("No words", "", "search"),
    "text": Advice("Those words cannot be searched", "Change them and search again.", "search"),
    "query.empty": Advice("Nothing to search with", "Both are on the start page.", "search"),
    "query.too_many_parts": Advice("Too many parts", "Remove one of them first.", "search"),
    "query.only_negative": Advice("Nothing to look for", "Add what it should be like.", "search"),
    "query.not_found": Advice("This search cannot be shown", "The link may be incomplete.", "circle-help"),
    "explanation": Advice("Why cannot be told", "Search again, then ask."),
    "compare": Advice("Choose two results", "", "columns-2"),
    "cursor": Advice("These results cannot be continued", "Open the search again.", "circle-help"),
    "query": Advice("This search cannot be asked again", "Start a new one.", "circle-help"),
    "document.not_found": Advice(
        "This document cannot be shown", "If it belongs to a private collection, sign in first.", "lock"
    ),
    "collection.not_found": Advice(
        "This collection cannot be shown", "If it is a private one, sign in first.", "lock"
    ),
    "parameter": Advice("That cannot be used", "", "circle-help"),
    "model": Advice("The search cannot be answered", "", "cpu"),
    "auth.too_many_failures": Advice(
        "Too many failed sign-ins", "An administrator can lift this pause, or set a new password.", "lock"
    ),
    "auth": Advice("You are not signed in", "", "lock"),
    "throttle": Advice("That was a bit fast", "", retry=True),
}
_BY_STATUS = {
    401: Advice("You are not signed in", "", "lock"),
    403: Advice("Not allowed", "", "lock"),
    404: Advice("Not found", "", "circle-help"),
}
_OTHERS = Advice("That did not work", "")


def advice_for(error: AppError) -> Advice:
    """Return the advice for an error by its id, else by the first part of its id, else by its status."""
    family = error.id.partition(".")[0]
    by_id = _ADVICE.get(error.id) or _BY_STATUS.get(error.status) or _ADVICE.get(family)
    if by_id is None and error.status >= 500:
        by_id = Advice(_OTHERS.title, _TRY_AGAIN, retry=True)
    advice = by_id or _OTHERS
    says_so = advice.what_next == _TRY_AGAIN and "try again" in error.message.lower()
    return replace(advice, what_next="") if says_so else advice
