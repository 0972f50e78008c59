"""The settings by which an index is searched: applied from a measurement, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from retrieval_site.errors import AppError
from search.models import SearchSetting
from search.vectors.tuned import settings_forget

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from models_admin.models import ModelVersion
    from search.models import RecallMeasurement


def search_setting_apply(
    *, measurement: RecallMeasurement, by: AbstractBaseUser | None = None
) -> SearchSetting:
    """Search from now on with the smallest setting that reached the target in a measurement, else what found most.

    Every process follows within 15 seconds. Raises AppError `monitoring.no_setting` where none was tried.
    """
    value = measurement.best_setting
    if value is None:
        raise AppError("monitoring.no_setting")
    row = SearchSetting.objects.create(
        version_id=measurement.version_id,
        kind=measurement.kind,
        modality=measurement.modality,
        index=measurement.index,
        value=value,
        by_id=by.pk if by else None,
    )
    settings_forget()
    return row


@transaction.atomic
def search_setting_replace(*, version: ModelVersion, kind: str, index: str, value: int) -> SearchSetting:
    """Search from now on with this setting wherever none counts for the modality that is asked with.

    It takes the place of the one that was so measured before.
    """
    of_table = {"version": version, "kind": kind, "modality": "", "index": index}
    SearchSetting.objects.filter(**of_table, undone_at__isnull=True).update(undone_at=Now())
    row = SearchSetting.objects.create(**of_table, value=value)
    settings_forget()
    return row


def search_setting_undo(*, setting: SearchSetting, by: AbstractBaseUser | None = None) -> SearchSetting:
    """Take a setting back: the one applied before it counts again, or the default.

    Raises AppError `monitoring.not_applied` where it was undone already.
    """
    rows = SearchSetting.objects.filter(pk=setting.pk, undone_at__isnull=True)
    if not rows.update(undone_at=Now(), undone_by_id=by.pk if by else None):
        raise AppError("monitoring.not_applied")
    settings_forget()
    setting.refresh_from_db()
    return setting
