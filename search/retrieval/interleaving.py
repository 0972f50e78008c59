"""Answering a share of the searches on the pages from two rankings: the champion's, and the challenger's by turns.

The challenger is asked beside the champion and gets no more time than the operator allows: its question waits on a list
that query workers look at last, and where its vector or its ranking is not there in time, the champion answers alone.
Either is kept with the search, so that what was dropped is counted.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from redis import RedisError

from models_admin.models import Alias, VersionState
from models_admin.services import CHALLENGER
from retrieval_site.database.reading import alias, connection, read
from retrieval_site.errors import AppError
from search.models import InterleavedAnswer
from search.retrieval.collapse import collapse
from search.retrieval.encode import CHAMPION, Beside
from search.retrieval.runner import Asked, run
from search.retrieval.sort import RELEVANCE
from search.retrieval.team_draft import team_draft
from search.retrieval.types import ImagePart, TextPart
from workers.encoding.warming import versions_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models_admin.models import ModelVersion
    from search.models import Query
    from search.retrieval.asking import PreparedSearch
    from search.retrieval.team_draft import Team
    from search.retrieval.types import RankedDocument, Ranking, Scope, SearchRequest

logger = logging.getLogger(__name__)
DEPTH = 10
KNOWN_SECONDS = 5.0
"""How long a process remembers who the challenger is, and whether query workers have loaded it."""
_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Challenger:
    """The version whose ranking takes turns with the champion's, for how large a share, and what it may cost."""

    version: ModelVersion
    share: float
    budget_seconds: float
    is_loaded: bool


class _Remembered:
    """What this process knows of the challenger. Asking for each search would cost each a statement.

    The first search asks; later ones go on with what is known, while a thread asks again.
    """

    def __init__(self) -> None:
        self._challenger: Challenger | None = None
        self._until = 0.0
        self._asking = threading.Lock()

    def look(self) -> Challenger | None:
        """Return the challenger as it was a few seconds ago."""
        if not self._until:
            self._ask()
        elif time.monotonic() >= self._until and self._asking.acquire(blocking=False):
            self._until = time.monotonic() + KNOWN_SECONDS
            threading.Thread(target=self._ask_apart, name="challenger", daemon=True).start()
        return self._challenger

    def forget(self) -> None:
        """Let the next search ask."""
        self._challenger, self._until = None, 0.0

    def _ask(self) -> None:
        self._challenger = _challenger()
        self._until = time.monotonic() + KNOWN_SECONDS

    def _ask_apart(self) -> None:
        try:
            self._ask()
        except DatabaseError:
            self._challenger = None
        finally:
            self._asking.release()
            connections.close_all()


_remembered = _Remembered()
challenger_forget = _remembered.forget


def _challenger() -> Challenger | None:
    rows = Alias.objects.filter(name=CHALLENGER, interleaved__gt=0, version__state=VersionState.READY)
    found = rows.select_related("version").first()
    if found is None:
        return None
    try:
        loaded = versions_loaded([found.version])
    except RedisError:
        loaded = False
    return Challenger(found.version, found.interleaved, found.budget_ms / 1000, loaded)


def interleaving_start(
    ready: PreparedSearch, scope_of: Callable[[ModelVersion], Scope]
) -> Interleaving | None:
    """Ask the challenger, too, where the search is one of its share; None where it is not.

    Those on the pages are, by words or one photo, answered by the champion in the order of relevance.
    """
    request = ready.request
    if not (request.may_interleave and settings.CONFIG.keep_queries and _is_plain(request)):
        return None
    challenger = _remembered.look()
    if challenger is None or challenger.version.pk == ready.encoding.version.pk:
        return None
    if _CHANCE.random() >= challenger.share:
        return None
    found = Interleaving(challenger, ready)
    if challenger.is_loaded:
        found.ask(scope_of)
    return found


def _is_plain(request: SearchRequest) -> bool:
    return (
        request.model == CHAMPION
        and request.sort == RELEVANCE
        and request.min_relevance is None
        and len(request.parts) == 1
        and isinstance(request.parts[0], TextPart | ImagePart)
    )


class Interleaving:
    """One search that the challenger is asked, too: what it found, or that it was dropped, and what it cost."""

    def __init__(self, challenger: Challenger, ready: PreparedSearch) -> None:
        self._challenger, self._ready = challenger, ready
        self._encoding: Beside | None = None
        self._scope: Scope | None = None
        self.outcome = InterleavedAnswer.Outcome.LATE
        self.teams: dict[int, Team] = {}
        self.waited_ms = 0.0

    def ask(self, scope_of: Callable[[ModelVersion], Scope]) -> None:
        """Send the question; while its vector is made, look up where to search."""
        version = self._challenger.version
        try:
            self._encoding = Beside(version, self._ready.request.parts)
            self._scope = read(lambda: scope_of(version))
        except (AppError, RedisError):
            self.outcome = InterleavedAnswer.Outcome.FAILED

    def mixed(self, ranking: Ranking) -> Ranking:
        """Return the champion's ranking with the challenger's turns in it; as it is where that is not there in time."""
        started = time.perf_counter()
        theirs = self._theirs(started)
        self.waited_ms = round(1000 * (time.perf_counter() - started), 2)
        if theirs is None:
            return ranking
        if theirs.kind != ranking.kind:  # pictures stand in for passages, which only one of them knows
            self.outcome = InterleavedAnswer.Outcome.FAILED
            return ranking
        self.outcome = InterleavedAnswer.Outcome.SHOWN
        return self._drafted(ranking, theirs)

    def row(self, query: Query) -> InterleavedAnswer:
        """Return what is kept of it beside the search."""
        return InterleavedAnswer(
            query=query,
            version=self._challenger.version,
            answered_by=query.version,
            outcome=self.outcome,
            teams={str(document): team for document, team in self.teams.items()},
            waited_ms=self.waited_ms,
        )

    def _theirs(self, started: float) -> Ranking | None:
        """Return the challenger's ranking; None, with the outcome, where it is not there within the budget."""
        if self._encoding is None or self._scope is None:
            return None
        deadline = started + self._challenger.budget_seconds
        try:
            encoded = self._encoding.arrived(deadline - time.perf_counter())
            left = deadline - time.perf_counter()
            if encoded is None or left <= 0:
                return None
            asked = Asked(self._encoding, self._scope, DEPTH, DEPTH, retrievers=self._ready.retrievers)
            with _within(left):
                found = run(asked)
                return collapse(found, self._scope.table) if self._ready.request.collapse else found
        except DatabaseError as error:
            logger.info("the challenger's ranking was not there in time: %s", error)
        except (AppError, RedisError) as error:
            logger.warning("the challenger could not be asked: %s", error)
            self.outcome = InterleavedAnswer.Outcome.FAILED
        return None

    def _drafted(self, ranking: Ranking, theirs: Ranking) -> Ranking:
        """Return both by turns; near-duplicates that the champion's ranking collapsed are one document."""
        stands_for = {one.document_id: one.same_as or one.document_id for one in ranking.documents}
        shown = {one.document_id: one for one in ranking.documents if one.same_as is None}
        found: dict[int, RankedDocument] = {}
        for one in theirs.documents:
            if one.same_as is None:
                found.setdefault(stands_for.get(one.document_id, one.document_id), one)
        drafted = team_draft(list(shown), list(found), DEPTH, lambda: _CHANCE.random() < 0.5)
        self.teams = drafted.teams
        first = [_entry(document, shown, found) for document in drafted.order]
        placed = set(drafted.order)
        return replace(
            ranking, documents=(*first, *(one for one in ranking.documents if one.document_id not in placed))
        )


def _entry(
    document: int, shown: dict[int, RankedDocument], found: dict[int, RankedDocument]
) -> RankedDocument:
    """Return the champion's own entry of a document where it has one, else the challenger's."""
    return shown[document] if document in shown else found[document]


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Let statements end after so long, and leave nothing of that behind."""
    with transaction.atomic(using=alias()):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {max(1, int(1000 * seconds))}")
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
