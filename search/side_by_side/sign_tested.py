"""What a sign test says of wins and losses, at the gate and in words, whatever they were counted of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext

from retrieval_site.languages.decimals import Decimals
from workers.training.measures.sign_test import sign_test

CHANCE_MAX = 0.05


@dataclass(frozen=True)
class SignTested:
    """How often one of two versions was the better, and the other, and neither."""

    wins: int
    losses: int
    ties: int

    decided_min: ClassVar[int]
    """Decisions for one or the other, below which they do not count at the gate."""

    @property
    def decided(self) -> int:
        """Decisions for one of the two."""
        return self.wins + self.losses

    @property
    def chance(self) -> float:
        """The sign test's two-sided probability."""
        return sign_test(self.wins, self.losses)

    @property
    def is_enough(self) -> bool:
        """Whether there are enough to count at the gate."""
        return self.decided >= self.decided_min

    @property
    def is_worse(self) -> bool:
        """Whether the other is preferred, with enough decisions, and not by chance."""
        return self.is_enough and self.wins < self.losses and self.chance < CHANCE_MAX

    def odds(self, ours: object, theirs: object) -> str:
        """Return in words how likely chance is, and what people prefer where it is not: this or that."""
        odds = gettext(
            "If both were as good, a majority at least as clear would come about in {chance:.1%} of cases"
        ).format(chance=Decimals(self.chance))
        if self.chance >= CHANCE_MAX:
            return gettext("{odds}: that may well be chance (sign test).").format(odds=odds)
        return gettext("{odds}: people prefer {ours} (sign test).").format(
            odds=odds, ours=ours if self.wins > self.losses else theirs
        )
