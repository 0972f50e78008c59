"""Which judgements are made nobody's: one person's, or all that are older than a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from search.models import Judgement

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

DRAWN = "x"
"""How the random names begin that take the place of people and sessions; the hash of a session is hexadecimal."""


@dataclass(frozen=True)
class OfPerson:
    """One person's judgements."""

    user_id: int

    def rows(self) -> QuerySet[Judgement]:
        """Return them."""
        return Judgement.objects.filter(user=self.user_id)

    def has(self, user_id: int | None, session: str, at: datetime) -> bool:
        """Return whether a judgement by this user or session, last changed then, is one of them."""
        return user_id == self.user_id


@dataclass(frozen=True)
class OlderThan:
    """Everybody's judgements that were last changed before a time, but for those that are nobody's already."""

    until: datetime

    def rows(self) -> QuerySet[Judgement]:
        """Return them."""
        nobodys = Q(user=None) & (Q(session="") | Q(session__startswith=DRAWN))
        return Judgement.objects.filter(~nobodys, updated_at__lt=self.until)

    def has(self, user_id: int | None, session: str, at: datetime) -> bool:
        """Return whether a judgement by this user or session, last changed then, is one of them."""
        somebodys = user_id is not None or (session != "" and not session.startswith(DRAWN))
        return somebodys and at < self.until


Chosen = OfPerson | OlderThan
