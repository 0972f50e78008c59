"""How searches end: with a match, with a weak one, with none; day by day, and which end so again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q, TextField
from django.db.models.functions import Cast, Lower, TruncDate
from django.utils import timezone

from search.models import Query, QueryPart

if TYPE_CHECKING:
    from django.db.models import QuerySet

DAYS = 30
LATEST_SHOWN, REPEATED_SHOWN = 12, 12
_NONE = Q(match="none") | Q(answer=[])
_LOW = Q(match="weak") & ~Q(answer=[])


@dataclass(frozen=True)
class DayOutcomes:
    """The searches of one day: all that know whether anything fits, of which `low` fit weakly and `none` not."""

    day: date
    total: int
    low: int
    none: int

    @property
    def low_share(self) -> float:
        """The share of searches with low confidence, 0 to 1."""
        return self.low / max(self.total, 1)

    @property
    def none_share(self) -> float:
        """The share of searches without a match, 0 to 1."""
        return self.none / max(self.total, 1)


@dataclass(frozen=True)
class RepeatedFailure:
    """What was asked again and again without a match: the words, or the small copy of the photo; a search of it."""

    text: str
    preview: bool
    times: int
    query_id: Any
    last_at: Any


def outcomes(days: int = DAYS) -> list[DayOutcomes]:
    """Return the days with searches, oldest first."""
    rows = (
        _told()
        .filter(created_at__gte=timezone.now() - timedelta(days=days))
        .annotate(day=TruncDate("created_at"))
        .order_by("day")
        .values("day")
        .annotate(total=Count("pk"), low=Count("pk", filter=_LOW), none=Count("pk", filter=_NONE))
    )
    return [DayOutcomes(**row) for row in rows]


def outcomes_of_last_day() -> DayOutcomes:
    """Return the last 24 hours."""
    rows = _told().filter(created_at__gte=timezone.now() - timedelta(days=1))
    counted = rows.aggregate(total=Count("pk"), low=Count("pk", filter=_LOW), none=Count("pk", filter=_NONE))
    return DayOutcomes(timezone.localdate(), **counted)


def latest_failures() -> QuerySet[Query]:
    """Return the newest searches without a match, or with a weak one, with their parts."""
    rows = _told().filter(_NONE | _LOW).select_related("user").order_by("-created_at")
    return rows.defer("answer").prefetch_related("parts")[:LATEST_SHOWN]


def repeated_failures(days: int = DAYS) -> list[RepeatedFailure]:
    """Return what failed most often, words by words and photos by their file."""
    since = timezone.now() - timedelta(days=days)
    failed = _told().filter(_NONE | _LOW, created_at__gte=since).order_by()
    parts = QueryPart.objects.filter(query__in=failed.values("pk")).order_by()
    texts = parts.filter(modality="text").exclude(text="").annotate(asked=Lower("text"))
    photos = parts.filter(modality="image").exclude(digest="")
    found = [*_counted(texts, "asked", preview=False), *_counted(photos, "digest", preview=True)]
    return sorted(found, key=lambda one: (-one.times, one.text))[:REPEATED_SHOWN]


def _told() -> QuerySet[Query]:
    """Return the searches that people made for themselves, of those that know whether anything fits."""
    return Query.objects.filter(Q(listed=True), Q(marked__isnull=True), ~Q(match="") | Q(answer=[]))


def _counted(parts: QuerySet[QueryPart], by: str, *, preview: bool) -> list[RepeatedFailure]:
    groups = parts.values(by).annotate(
        times=Count("pk"), last=Max("query__created_at"), one=Max(Cast("query_id", TextField()))
    )
    rows = groups.filter(times__gt=1).order_by("-times").values_list(by, "times", "one", "last")
    return [
        RepeatedFailure("" if preview else asked, preview, *counted)
        for asked, *counted in rows[:REPEATED_SHOWN]
    ]
