"""The challenger: the version that is compared with the one that answers; how much it is asked, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from models_admin.models import Alias
from models_admin.services import CHALLENGER, registry_lock
from models_admin.telling import tell_challenger_ended
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from datetime import datetime

    from models_admin.models import ModelVersion

BUDGET_MS_MAX = 500


def challenger_find(version: ModelVersion) -> Alias | None:
    """Return how a version is compared as the challenger; None for one that is not."""
    aliases = Alias.objects.filter(name=CHALLENGER, version=version)
    return aliases.select_related("version__bundle").first()


def challenger_share(*, share: float) -> None:
    """Let the challenger be asked this share (0 to 1) of the live searches, too, after they were answered.

    Raises AppError `parameter.invalid`, `model.not_found` where there is no challenger.
    """
    _changed("share", share, changed_at=timezone.now())


def challenger_interleave(*, share: float | None = None, budget_ms: int | None = None) -> None:
    """Let this share (0 to 1) of the searches on the pages be answered from both rankings, drawn in turn.

    `budget_ms`: for how long such an answer waits for the challenger at most. None leaves either as it is. Raises
    AppError `parameter.invalid`, `model.not_found` where there is no challenger.
    """
    if budget_ms is not None and not 1 <= budget_ms <= BUDGET_MS_MAX:
        raise AppError.of_parameter(
            "budget_ms",
            gettext("Give 1 to {budget_ms_max} milliseconds.").format(budget_ms_max=BUDGET_MS_MAX),
        )
    _changed("interleaved", share, budget_ms=budget_ms)


def _changed(name: str, wanted: float | None, **beside: float | datetime | None) -> None:
    if wanted is not None and not 0 <= wanted <= 1:  # nor is it a number that is none
        raise AppError.of_parameter(name, gettext("Give a share from 0 to 1."))
    values = {key: value for key, value in {name: wanted, **beside}.items() if value is not None}
    if values and not Alias.objects.filter(name=CHALLENGER).update(**values):
        raise AppError("model.not_found", model=CHALLENGER)


def challenger_end() -> None:
    """Let no version be the challenger any more; what was found out stays."""
    with transaction.atomic():
        registry_lock(f"alias {CHALLENGER}")
        challenger = Alias.objects.filter(name=CHALLENGER).select_related("version").first()
        if challenger is not None:
            challenger.delete()
            tell_challenger_ended(challenger.version)
