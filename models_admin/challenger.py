"""The challenger: the version that is compared with the one that answers; how much it is asked, and its end."""

from __future__ import annotations

from django.db import transaction

from models_admin.models import Alias
from models_admin.services import CHALLENGER, registry_lock
from retrieval_site.errors import AppError


def challenger_share(*, share: float) -> None:
    """Let the challenger be asked this share (0 to 1) of the live searches, too, after they were answered.

    Raises AppError `parameter.invalid`, `model.not_found` where there is no challenger.
    """
    if not 0 <= share <= 1:  # nor is it a number that is none
        raise AppError.of_parameter("share", "Give a share from 0 to 1.")
    if not Alias.objects.filter(name=CHALLENGER).update(share=share):
        raise AppError("model.not_found", model=CHALLENGER)


def challenger_end() -> None:
    """Let no version be the challenger any more; what was found out stays."""
    with transaction.atomic():
        registry_lock(f"alias {CHALLENGER}")
        Alias.objects.filter(name=CHALLENGER).delete()
