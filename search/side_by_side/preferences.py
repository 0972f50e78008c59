"""Blind preferences, counted, and what a sign test says of them in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.translation import gettext

from models_admin.hooks import Verdict
from search.models import SideBySide
from search.side_by_side.sign_tested import SignTested

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

DECIDED_MIN = 10
"""Blind preferences for one or the other, below which they do not count at the gate."""


@dataclass(frozen=True)
class Preferences(SignTested):
    """How often each of two versions was preferred blindly; of each rater and question the last word counts."""

    version: ModelVersion
    other: ModelVersion

    decided_min = DECIDED_MIN

    @property
    def says(self) -> str:
        """All of it in words."""
        if not self.decided and not self.ties:
            return gettext("Nobody has compared {version} and {other} blindly yet.").format(
                version=self.version, other=self.other
            )
        ties = gettext(" ({ties} found no difference)").format(ties=self.ties) if self.ties else ""
        counted = gettext(
            "{version} was preferred to {other} in {wins} of {decided} blind comparisons{ties}. "
        ).format(version=self.version, other=self.other, wins=self.wins, decided=self.decided, ties=ties)
        if not self.is_enough:
            return gettext(
                "{counted}That is too few to say anything: the gate counts them from {decided_min} on."
            ).format(counted=counted, decided_min=DECIDED_MIN)
        return counted + self.odds(self.version, self.other)


def preferences_of(version: ModelVersion, other: ModelVersion) -> Preferences:
    """Return how often a version was preferred to another, in blind comparisons of the two."""
    pair = [version.pk, other.pk]
    rows = SideBySide.objects.filter(
        ~Q(preference=""), blind=True, first_version__in=pair, second_version__in=pair
    )
    newest = rows.order_by("user", "asked", "-preferred_at").distinct("user", "asked")
    counts = {"wins": 0, "losses": 0, "ties": 0}
    for first_id, preference in newest.values_list("first_version", "preference"):
        if preference == SideBySide.Preference.NEITHER:
            counts["ties"] += 1
            continue
        liked_first = preference == SideBySide.Preference.FIRST
        counts["wins" if liked_first == (first_id == version.pk) else "losses"] += 1
    return Preferences(**counts, version=version, other=other)


def preferences_verdict(version: ModelVersion, champion: ModelVersion) -> Verdict:
    """Say at the gate what blind preferences say of a version beside the champion."""
    found = preferences_of(version, champion)
    return Verdict(gettext("Blind comparisons"), found.says, is_worse=found.is_worse)
