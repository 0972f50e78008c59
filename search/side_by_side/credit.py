"""Answers that were drawn from two rankings by turns: whose documents people opened and marked, and a sign test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext

from models_admin.hooks import Panel, Verdict
from search.models import InterleavedAnswer, Judgement, OpenedHit
from search.services.judgements import RELEVANT
from search.side_by_side.sign_tested import SignTested

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from models_admin.models import ModelVersion

SUMMED_UP = 20_000
DECIDED_MIN = 20
"""Searches with more credit for one side, below which they do not count at the gate."""
OUTCOME = InterleavedAnswer.Outcome


@dataclass(frozen=True)
class Credit(SignTested):
    """What the newest drawn searches say of a challenger beside one champion.

    `wins`: searches in which more of its documents were opened or marked relevant than of the champion's; `silent`:
    those in which nothing was. `waited_ms`: the median by which answers came later; `dropped_ms`: of dropped ones.
    """

    silent: int
    late: int
    failed: int
    waited_ms: float
    dropped_ms: float

    decided_min = DECIDED_MIN

    @property
    def shown(self) -> int:
        """Answers that were drawn from both."""
        return self.decided + self.ties + self.silent

    @property
    def dropped(self) -> int:
        """Answers that were the champion's alone, though they were drawn to be both's."""
        return self.late + self.failed


def credit_of(version: ModelVersion, champion: ModelVersion | None = None) -> Credit | None:
    """Return what drawn searches say of a version beside a champion (default: any); None where there are none."""
    rows: QuerySet[InterleavedAnswer] = version.interleaved.all()
    if champion is not None:
        rows = rows.filter(answered_by=champion)
    newest = list(rows.values_list("query", "outcome", "teams", "waited_ms")[:SUMMED_UP])
    if not newest:
        return None
    shown = {query: teams for query, outcome, teams, _ in newest if outcome == OUTCOME.SHOWN}
    outcomes = Counter(outcome for _, outcome, _, _ in newest)
    ends = _ends(shown)
    waits = [
        [spent for _, outcome, _, spent in newest if (outcome == OUTCOME.SHOWN) is is_shown]
        for is_shown in (True, False)
    ]
    return Credit(
        ends["win"], ends["loss"], ends["tie"], ends["silent"],
        outcomes[OUTCOME.LATE], outcomes[OUTCOME.FAILED],
        *(round(median(spent), 1) if spent else 0.0 for spent in waits),
    )  # fmt: skip


def _ends(shown: Mapping[Any, Mapping[str, str]]) -> Counter[str]:
    """Return how many searches ended how for the challenger."""
    liked = _liked(list(shown))
    ends: Counter[str] = Counter()
    for query, teams in shown.items():
        credit = Counter(teams[str(document)] for document in liked.get(query, ()) if str(document) in teams)
        ours, others = credit["challenger"], credit["champion"]
        ends[
            "silent" if not ours + others else "tie" if ours == others else "win" if ours > others else "loss"
        ] += 1
    return ends


def _liked(queries: Sequence[Any]) -> dict[Any, set[int]]:
    """Return the documents that were opened or marked relevant, but those that somebody found not relevant."""
    grades = list(Judgement.objects.filter(query__in=queries).values_list("query", "document", "grade"))
    found: dict[Any, set[int]] = {}
    for query, document in OpenedHit.objects.filter(query__in=queries).values_list("query", "document"):
        found.setdefault(query, set()).add(document)
    for query, document, grade in grades:
        if grade >= RELEVANT:
            found.setdefault(query, set()).add(document)
    for query, document, grade in grades:
        if grade < RELEVANT:
            found.get(query, set()).discard(document)
    return found


def credit_panel(version: ModelVersion) -> Panel | None:
    """Show what drawn searches say of a version; None where there are none."""
    found = credit_of(version)
    if found is None:
        return None
    rows = [
        (gettext("more of its documents were opened or marked relevant"), found.wins),
        (gettext("more of the champion's"), found.losses),
        (gettext("as many of both"), found.ties),
        (gettext("nothing was opened or marked"), found.silent),
        (gettext("dropped: it was not there in time"), found.late),
        (gettext("dropped: it could not answer"), found.failed),
    ]
    note = gettext(
        "Searches whose first ten documents were drawn from both rankings by turns. Such an answer came "
        "{waited_ms} ms later (median); one that was dropped, {dropped_ms} ms. "
    ).format(waited_ms=found.waited_ms, dropped_ms=found.dropped_ms) + _says(
        found, gettext("it"), gettext("the champion")
    )
    return Panel(
        gettext("Drawn from both by turns"), (gettext("searches in which"), gettext("number")), rows, note
    )


def _says(found: Credit, ours: str, theirs: str) -> str:
    if not found.is_enough:
        few = gettext("too few to say anything, the gate counts them")
        return gettext("{decided} searches decide for one of them: {few} from {decided_min} on.").format(
            decided=found.decided, few=few, decided_min=DECIDED_MIN
        )
    return found.odds(
        gettext("what {ours} finds").format(ours=ours), gettext("what {theirs} finds").format(theirs=theirs)
    )


def credit_verdict(version: ModelVersion, champion: ModelVersion) -> Verdict | None:
    """Say at the gate what drawn searches say of a version beside the champion; None where there are none."""
    found = credit_of(version, champion)
    if found is None:
        return None
    says = gettext(
        "In {wins} of {decided} searches that were drawn from both by turns, more of {version}'s "
        "documents were opened or marked relevant than of {champion}'s ({ties} as many, {silent} "
        "nothing; {dropped} dropped). {found}"
    ).format(
        wins=found.wins,
        decided=found.decided,
        version=version,
        champion=champion,
        ties=found.ties,
        silent=found.silent,
        dropped=found.dropped,
        found=_says(found, str(version), str(champion)),
    )
    return Verdict(gettext("Live searches, by turns"), says, is_worse=found.is_worse)
