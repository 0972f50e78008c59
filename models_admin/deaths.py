"""What becomes of a version whose encoder's process ends again and again: it is set aside, and another answers."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from models_admin.models import LOADABLE, Alias, ModelVersion, VersionState
from models_admin.services import CHALLENGER, CHAMPION, alias_point, check_complete, registry_lock
from models_admin.telling import tell_challenger_ended, tell_moved, tell_set_aside
from retrieval_site.errors import AppError

log = logging.getLogger(__name__)

DEATHS_ALLOWED = 1
"""One death may be the machine's doing; the next within `WINDOW` is the model's."""
WINDOW = timedelta(hours=24)
_DEATHS_KEPT = 10


def version_died(*, version_id: int, reason: str) -> bool:
    """Note that a version's encoder process ended while it read one input; return whether it is set aside now.

    A version that did so twice within a day is set aside. A champion is, where the version before it can answer:
    searches fall back to that one. Where there is none, the champion goes on and its page says so.
    """
    with transaction.atomic():
        registry_lock(f"alias {CHAMPION}")
        version = ModelVersion.objects.select_for_update().filter(pk=version_id).first()
        if version is None or version.state not in LOADABLE:
            return True
        recent = _noted(version, reason)
        return recent > DEATHS_ALLOWED and _set_aside(version, reason)


def _noted(version: ModelVersion, reason: str) -> int:
    """Note the death; return how many there were within the window."""
    now = timezone.now()
    version.deaths = [*version.deaths, {"at": now.isoformat(), "reason": reason}][-_DEATHS_KEPT:]
    version.save(update_fields=["deaths"])
    log.error("The process of %s ended (%s)", version, reason)
    return _recent(version)


def deaths_of_last_day() -> list[tuple[ModelVersion, int]]:
    """Return the versions whose encoder's process ended within a day, and how often: ten times at most are kept."""
    found = [(version, _recent(version)) for version in ModelVersion.objects.exclude(deaths=[])]
    return [(version, recent) for version, recent in found if recent]


def _recent(version: ModelVersion) -> int:
    since = timezone.now() - WINDOW
    return sum(datetime.fromisoformat(death["at"]) > since for death in version.deaths)


def _set_aside(version: ModelVersion, reason: str) -> bool:
    champion = Alias.objects.filter(name=CHAMPION).select_related("version", "previous").first()
    if champion and champion.version_id == version.pk and not _fall_back(champion, reason):
        log.error("%s has no version before it to fall back to, so it goes on", version)
        return False
    _give_up_aliases(version)
    version.state = VersionState.SET_ASIDE
    version.error_id = "version.set_aside"
    version.error = (
        f"Its encoder's process ended twice within a day ({reason}), so it is not used any more. "
        "Prepare it to try it again."
    )
    version.save(update_fields=["state", "error_id", "error"])
    tell_set_aside(version)
    log.error("%s is set aside", version)
    return True


def _give_up_aliases(version: ModelVersion) -> None:
    aliases = Alias.objects.filter(version=version)
    was_challenger = aliases.filter(name=CHALLENGER).exists()
    aliases.delete()
    if was_challenger:
        tell_challenger_ended(version)


def _fall_back(champion: Alias, reason: str) -> bool:
    """Let the version before the champion answer, if it is complete; it was good enough before."""
    previous = champion.previous
    if previous is None or previous.state != VersionState.READY:
        return False
    try:
        check_complete(previous)
    except AppError as error:
        log.error("%s cannot take over: %s", previous, error)
        return False
    words = f"fell back: the process of {champion.version} ended twice ({reason})"
    activation = alias_point(CHAMPION, previous, None, by=None, reason=words)
    tell_moved("version.rolled_back", activation, champion.version)
    return True
