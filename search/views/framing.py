"""A photo that was searched with, asked again: turned further, or by a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext

from retrieval_site.errors import AppError
from search.retrieval.keep import sent_before
from search.retrieval.types import ImagePart
from workers.encoding.client import upload_at_hand
from workers.inference.framing import TURNS, crop_of
from workers.storage.blobs import blob_open

if TYPE_CHECKING:
    from django.http import QueryDict

    from search.models import QueryPart
    from workers.inference.framing import Crop

CROP_CHARACTERS_MAX = 100


def photo_again(part: QueryPart, form: QueryDict) -> ImagePart | None:
    """Return the photo of an earlier search as the form frames it, as before where it says nothing; None: it is gone.

    The form speaks of the photo as it is shown, so `turn` adds to what it was turned by; `crop` is then a part of that.
    The photo's file is asked with where it is at hand, for its small copy shows less of a part.
    """
    if part.preview is None:
        return None
    turn = _turn(form.get("turn", ""))
    written, before = form.get("crop"), None if turn else part.shown_crop
    crop = before if written is None else _crop(written)
    if upload := upload_at_hand(part.digest):
        return ImagePart(upload, crop=crop, turn=(part.turn + turn) % 360, sent=sent_before(part))
    with blob_open(part.preview) as photo:
        return ImagePart(photo.read(), crop=crop, turn=turn, sent=sent_before(part))


def _turn(written: str) -> int:
    turns = {str(turn): turn for turn in TURNS} | {"": 0}
    if written not in turns:
        raise AppError.of_parameter("turn", gettext("A photo is turned by 0, 90, 180 or 270 degrees."))
    return turns[written]


def _crop(written: str) -> Crop | None:
    """Return the part that four numbers name; "" is the whole photo."""
    if not written:
        return None
    try:
        return crop_of([float(number) for number in written[:CROP_CHARACTERS_MAX].split(",")])
    except ValueError as error:
        raise AppError.of_parameter(
            "crop", gettext("This is no part of the photo: {error}.").format(error=error)
        ) from error
