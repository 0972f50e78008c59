"""Asking one question of two versions, and keeping both answers."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from models_admin.models import Alias, ModelVersion, VersionState
from retrieval_site.errors import AppError
from retrieval_site.people import account_of, manages_models
from search import retrieval
from search.models import Query, SideBySide
from search.retrieval.types import ImagePart, SearchRequest, TextPart
from search.services.queries import query_delete

if TYPE_CHECKING:
    import uuid
    from typing import Any

    from django.db.models import QuerySet

    from search.retrieval.types import Part, Target

LIMIT = 10
"""Hits of each answer that stand beside each other."""
PREVIEW_PX = 640


def versions_for(viewer: Any) -> list[ModelVersion]:
    """Return the versions whose answers somebody may put beside each other, the champion first."""
    ready = ModelVersion.objects.filter(state=VersionState.READY).prefetch_related("aliases")
    if not manages_models(viewer):
        ready = ready.filter(pk__in=Alias.objects.values("version"))
    named = {alias.version_id for alias in Alias.objects.filter(name="champion")}
    return sorted(ready, key=lambda version: (version.pk not in named, -version.pk))


def side_by_side_create(  # noqa: PLR0913  (keyword-only; the page and the API call it by these names)
    *, viewer: Any, part: Part, first: str, second: str, target: Target = "passages", blind: bool = False
) -> SideBySide:
    """Ask two versions, by `name@number`, one question with vectors alone, and keep both answers beside each other.

    Raises AppError `side_by_side.same`, `side_by_side.not_kept`, `model.*`, and those of a search.
    """
    versions = [version_compared(viewer, key) for key in (first, second)]
    if versions[0].pk == versions[1].pk:
        raise AppError("side_by_side.same")
    answers: list[uuid.UUID] = []
    try:
        for version in versions:
            answers.append(_asked(viewer, part, version, target))
    except AppError:
        for answer in answers:  # half a comparison is no search of anybody's
            query_delete(query_id=answer, viewer=viewer, session="")
        raise
    with transaction.atomic():
        Query.objects.filter(pk__in=answers).update(listed=False)
        return SideBySide.objects.create(
            user_id=viewer.pk,
            first_id=answers[0],
            second_id=answers[1],
            first_version=versions[0],
            second_version=versions[1],
            asked=_digest(part),
            blind=blind,
            swapped=blind and secrets.randbelow(2) == 1,
        )


def version_compared(viewer: Any, key: str) -> ModelVersion:
    """Return a version, by `name@number`, whose answers somebody may compare; raises AppError `model.not_found`."""
    found = next((version for version in versions_for(viewer) if version.key == key), None)
    if found is None:
        raise AppError("model.not_found", model=key[:120])
    return found


def _asked(viewer: Any, part: Part, version: ModelVersion, target: Target) -> uuid.UUID:
    request = SearchRequest(
        viewer,
        (part,),
        model=version.key,
        target=target,
        limit=LIMIT,
        mode="dense",
        preview_px=PREVIEW_PX,
        as_written=True,
    )
    answer = retrieval.search(request)
    if answer.query_id is None:
        raise AppError("side_by_side.not_kept")
    return answer.query_id


def _digest(part: Part) -> str:
    """Return what tells one question from another: the same words or the same part of a photo, whoever asks."""
    content = b""
    if isinstance(part, TextPart):
        content = " ".join(part.text.casefold().split()).encode()
    if isinstance(part, ImagePart):
        framed = f"{part.crop} {part.turn}".encode() if part.crop or part.turn else b""
        content = part.data + framed
    return hashlib.sha256(content).hexdigest()


def side_by_sides_of(viewer: Any) -> QuerySet[SideBySide]:
    """Return what somebody asked two versions, newest first, with the versions and what was asked."""
    rows = SideBySide.objects.filter(user_id=account_of(viewer))
    return rows.select_related("first_version", "second_version", "first").prefetch_related("first__parts")


def side_by_side_find(side_by_side_id: uuid.UUID, viewer: Any) -> SideBySide:
    """Return two answers to whoever asked for them; raises AppError `side_by_side.not_found`."""
    rows = SideBySide.objects.select_related("first", "second", "first_version", "second_version")
    found = rows.filter(pk=side_by_side_id, user_id=viewer.pk).first()
    if found is None:
        raise AppError("side_by_side.not_found")
    return found


def preference_set(*, side_by_side: SideBySide, preference: str) -> None:
    """Keep which answer is preferred; said once, for then the versions are named.

    Raises AppError `parameter.invalid`, `side_by_side.said`.
    """
    if preference not in SideBySide.Preference.values:
        raise AppError.of_parameter(
            "preference",
            gettext("Send one of {values}.").format(values=", ".join(SideBySide.Preference.values)),
        )
    rows = SideBySide.objects.filter(pk=side_by_side.pk, preference="")
    if not rows.update(preference=preference, preferred_at=timezone.now()):
        raise AppError("side_by_side.said")
    side_by_side.preference = preference
