"""Team-draft interleaving (Radlinski, Kurup and Joachims, CIKM 2008): one list drawn from two rankings by turns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Team = Literal["champion", "challenger"]


@dataclass(frozen=True)
class Drafted:
    """The drawn order, and whose turn brought each document behind what both rankings begin with."""

    order: tuple[int, ...]
    teams: dict[int, Team]


def team_draft(
    champion: Sequence[int], challenger: Sequence[int], most: int, coin: Callable[[], bool]
) -> Drafted:
    """Return at most `most` documents of two rankings, each without repeats, drawn by turns.

    In each round both teams add their best document that is not there yet; `coin` says whether the champion's adds
    first. What both rankings begin with stays in front and belongs to nobody: it says nothing about either. The draft
    ends where a ranking has nothing left, so that neither gets more turns.
    """
    same = [
        one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(champion, challenger, strict=False))
    ]
    order, teams = same[:most], dict[int, Team]()
    rankings: dict[Team, Sequence[int]] = {"champion": champion, "challenger": challenger}
    turns: list[Team] = []
    while len(order) < most:
        if not turns:
            turns = ["champion", "challenger"] if coin() else ["challenger", "champion"]
        team = turns.pop(0)
        found = next((one for one in rankings[team] if one not in order), None)
        if found is None:
            break
        order.append(found)
        teams[found] = team
    return Drafted(tuple(order), teams)
