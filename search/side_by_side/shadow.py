"""The challenger in the shadow: a worker asks it a share of the live searches, too, after they were answered.

Searching does nothing for it and never waits: kept searches are looked through later, by a job that starts only where
no other waits or runs. A search that is older than ten minutes by then is dropped, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import Exists, OuterRef, Prefetch
from django.utils import timezone
from django.utils.translation import gettext

from models_admin.hooks import Panel, Verdict
from models_admin.models import Alias, ModelVersion, VersionState
from models_admin.services import CHALLENGER, CHAMPION
from retrieval_site.errors import AppError
from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy
from search.job_types import SHADOW, ShadowParameters, ShadowResult
from search.judged.searches import SECOND_PART
from search.models import (
    InterleavedAnswer,
    Judgement,
    OpenedHit,
    Query,
    QueryPart,
    ShadowAnswer,
    ShadowTally,
)
from search.services.judgements import NOT_RELEVANT, RELEVANT
from search.services.queries import is_owner
from workers.jobs.services import ACTIVE, job_create_once
from workers.models import Job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from search.querysets import Viewer
    from workers.jobs.context import JobRun

DEPTH = 10
WINDOW = timedelta(minutes=10)
TOGETHER, PATIENCE = 20, timedelta(minutes=4)
"""So many searches are worth a job, or any that waits so long."""
LOOKED_AT, ASKED_AT_ONCE = 10_000, 200
PARTS = 10_000
"""Into so many parts searches fall by their ids, which are random."""
SUMMED_UP = 5_000
SHADOW_TITLE = gettext_lazy("Asked live searches, after their answers")


def shadow_start_due() -> Job | None:
    """Start asking the challenger where there is something to ask it and no other job waits or runs."""
    alias = _challenger()
    if alias is None:
        return None
    # What a job asks now may become too old while it does, and is not dropped for that.
    if not Job.objects.filter(type=SHADOW.name, state__in=ACTIVE).exists():
        _count_dropped(alias)
    if Job.objects.filter(state__in=ACTIVE).exclude(state="paused").exists():
        return None
    waiting = _sampled(alias)
    oldest = min((created_at for _, created_at in waiting), default=timezone.now())
    if len(waiting) < TOGETHER and timezone.now() - oldest < PATIENCE:
        return None
    return job_create_once(SHADOW, ShadowParameters(version=alias.version_id))[0]


def _challenger() -> Alias | None:
    rows = Alias.objects.filter(name=CHALLENGER, share__gt=0, version__state=VersionState.READY)
    return rows.select_related("version").first()


def _sampled(alias: Alias) -> list[tuple[UUID, datetime]]:
    """Return the newest live searches that fall into the challenger's share and were not asked yet, and their times.

    Of one part, not moved by marks, in the order of relevance and without a line of it, which is the champion's,
    answered by the champion of now and by it alone.
    """
    rows = _unasked(alias).filter(created_at__gt=timezone.now() - WINDOW)
    newest = rows.order_by("-created_at").values_list("pk", "created_at")[:LOOKED_AT]
    return [one for one in newest if is_in_share(one[0], alias.share)][:ASKED_AT_ONCE]


def _unasked(alias: Alias) -> QuerySet[Query]:
    champion = Alias.objects.filter(name=CHAMPION).exclude(version=alias.version_id).values("version")
    known = ShadowAnswer.objects.filter(query=OuterRef("pk"), version=alias.version_id)
    drawn = InterleavedAnswer.objects.filter(query=OuterRef("pk"), outcome=InterleavedAnswer.Outcome.SHOWN)
    rows = Query.objects.filter(~Exists(SECOND_PART), ~Exists(known), ~Exists(drawn))
    rows = rows.filter(listed=True, marked=None, sort="relevance", min_relevance=None)
    return rows.filter(version__in=champion)


def _count_dropped(alias: Alias) -> None:
    """Count the searches of the share that have become too old since the last look, without having been asked.

    Only those that were made since the version became the challenger with this share.
    """
    now = timezone.now()
    with transaction.atomic():
        rows = ShadowTally.objects.select_for_update()
        tally, is_new = rows.get_or_create(version_id=alias.version_id, defaults={"counted_until": now})
        until = now - WINDOW
        since = max(tally.counted_until, alias.changed_at)
        if is_new or until <= since:
            return
        late = _unasked(alias).filter(created_at__gt=since, created_at__lte=until)
        ids = late.values_list("pk", flat=True).iterator()
        tally.dropped += sum(is_in_share(query_id, alias.share) for query_id in ids)
        tally.counted_until = until
        tally.save(update_fields=["dropped", "counted_until"])


def is_in_share(query_id: UUID, share: float) -> bool:
    """Return whether a search is one of the share (0 to 1) that is asked twice; it always is, or never."""
    return query_id.int % PARTS < share * PARTS


def shadow_ask(run: JobRun[ShadowParameters, ShadowResult]) -> ShadowResult:
    """Ask the challenger what was asked of the champion, and keep the first ten documents of both.

    Raises AppError `model.not_found` where the version is the challenger no more.
    """
    from search.judged.asking import rankings  # reaches encoders, which web processes lack
    from search.side_by_side.as_asked import finds_as_asked

    alias = _challenger()
    if alias is None or alias.version_id != run.parameters.version:
        raise AppError("model.not_found", model=CHALLENGER)
    parts = Prefetch("parts", QueryPart.objects.defer("embedding").select_related("preview"))
    rows = Query.objects.filter(pk__in=[pk for pk, _ in _sampled(alias)]).select_related("user", "version")
    queries = list(rows.prefetch_related(parts))
    found = rankings(alias.version, queries, run, find=finds_as_asked)
    answers = [_answer(query, alias.version, found[query.pk]) for query in queries if query.pk in found]
    return ShadowResult(asked=_keep(answers))


@transaction.atomic
def _keep(answers: Sequence[ShadowAnswer]) -> int:
    """Write the answers whose searches were not deleted meanwhile; return how many."""
    locked = Query.objects.select_for_update(no_key=True).filter(pk__in=[one.query_id for one in answers])
    there = set(locked.values_list("pk", flat=True))
    kept = [one for one in answers if one.query_id in there]
    ShadowAnswer.objects.bulk_create(kept, ignore_conflicts=True)
    return len(kept)


def _answer(query: Query, version: ModelVersion, documents: Sequence[int]) -> ShadowAnswer:
    shown = [hit["document"] for hit in query.answer if not hit.get("same_as")][:DEPTH]
    theirs = list(documents[:DEPTH])
    return ShadowAnswer(
        query=query,
        version=version,
        answered_by=query.version,
        documents=theirs,
        champion=shown,
        overlap=len(set(shown) & set(theirs)),
    )


def hit_opened(*, query_id: UUID, document_id: int, viewer: Viewer, session: str) -> bool:
    """Note that whoever searched opened a hit, while a challenger is asked live searches; return whether it was."""
    asked = Alias.objects.filter(name=CHALLENGER, version__state=VersionState.READY)
    if not asked.exclude(share=0, interleaved=0).exists():
        return False
    with transaction.atomic():
        return _note_opened(query_id, document_id, viewer, session)


def _note_opened(query_id: UUID, document_id: int, viewer: Viewer, session: str) -> bool:
    # Locked, so that it is not deleted meanwhile.
    query = Query.objects.select_for_update(no_key=True, of=["self"]).filter(pk=query_id).first()
    if query is None or not is_owner(query, viewer, session):
        return False
    if not any(hit["document"] == document_id for hit in query.answer):
        return False
    OpenedHit.objects.bulk_create([OpenedHit(query=query, document_id=document_id)], ignore_conflicts=True)
    return True


@dataclass(frozen=True)
class Compared:
    """Documents that were opened or marked: how many of them each has among its first ten, and its MRR."""

    documents: int
    champion: int
    challenger: int
    champion_mrr: float
    challenger_mrr: float


@dataclass(frozen=True)
class ShadowSummary:
    """What asking a challenger live searches found: of its newest answers."""

    answers: int
    dropped: int
    overlap: float
    same_first: int
    opened: Compared
    relevant: Compared
    not_relevant: Compared


def searches_dropped(version: ModelVersion) -> int:
    """Return how many live searches of its share were never asked of a version, for they were too old by then."""
    tally = ShadowTally.objects.filter(version=version).first()
    return tally.dropped if tally else 0


def shadow_summary(version: ModelVersion) -> ShadowSummary | None:
    """Return how a version's answers to live searches compare with the champion's; None where it was never asked."""
    rows: dict[Any, ShadowAnswer] = {row.query_id: row for row in version.shadows.all()[:SUMMED_UP]}
    if not rows:
        return None
    opened = OpenedHit.objects.filter(query__in=list(rows)).values_list("query", "document")
    judged = Judgement.objects.filter(query__in=list(rows)).values_list("query", "document", "grade")
    marks = list(judged)
    return ShadowSummary(
        len(rows),
        searches_dropped(version),
        sum(row.overlap for row in rows.values()) / len(rows),
        sum(row.documents[:1] == row.champion[:1] for row in rows.values()),
        _compared(rows, list(opened)),
        _compared(rows, [(query, document) for query, document, grade in marks if grade >= RELEVANT]),
        _compared(rows, [(query, document) for query, document, grade in marks if grade == NOT_RELEVANT]),
    )


def _compared(rows: dict[Any, ShadowAnswer], documents: Sequence[tuple[Any, int]]) -> Compared:
    ranks = [
        (_reciprocal(rows[query].champion, document), _reciprocal(rows[query].documents, document))
        for query, document in dict.fromkeys(documents)
    ]
    count = max(1, len(ranks))
    return Compared(
        len(ranks),
        sum(ours > 0 for ours, _ in ranks),
        sum(theirs > 0 for _, theirs in ranks),
        sum(ours for ours, _ in ranks) / count,
        sum(theirs for _, theirs in ranks) / count,
    )


def _reciprocal(documents: Sequence[int], document: int) -> float:
    return 1 / (documents.index(document) + 1) if document in documents else 0.0


def shadow_panel(version: ModelVersion) -> Panel | None:
    """Show how a challenger answered live searches, beside the champion; None where none was meant for it."""
    found = shadow_summary(version)
    if found is None:
        return _dropped_panel(searches_dropped(version))
    rows = [
        _row(gettext("hits that were opened"), found.opened),
        _row(gettext("hits marked relevant"), found.relevant),
        _row(gettext("hits marked not relevant"), found.not_relevant),
    ]
    columns = (
        "",
        gettext("documents"),
        gettext("champion has among ten"),
        gettext("it has among ten"),
        gettext("champion's MRR"),
        gettext("its MRR"),
    )
    note = gettext(
        "{answers} live searches were asked of it, too; {dropped} of its share were dropped, for nobody "
        "had time to ask it within ten minutes. Of the first ten documents {overlap:.1f} are the same; "
        "the first one is in {same_first}. People opened and marked what the champion showed them, which "
        "favours the champion; of what they marked as not relevant, fewer are better."
    ).format(
        answers=intcomma(found.answers),
        dropped=intcomma(found.dropped),
        overlap=Decimals(found.overlap),
        same_first=intcomma(found.same_first),
    )
    return Panel(SHADOW_TITLE, columns, rows, note)


def _dropped_panel(dropped: int) -> Panel | None:
    """Say that nothing was asked where all was dropped; None where nothing was."""
    note = gettext(
        "No worker had time to ask it within ten minutes. More bulk workers, or a smaller share, would help."
    )
    rows = [(gettext("asked"), 0), (gettext("dropped"), dropped)]
    return (
        Panel(SHADOW_TITLE, (gettext("live searches of its share"), gettext("number")), rows, note)
        if dropped
        else None
    )


def _row(name: str, one: Compared) -> tuple[object, ...]:
    if not one.documents:
        return (name, 0, "–", "–", "–", "–")
    ranks = (f"{Decimals(mrr):.3f}" for mrr in (one.champion_mrr, one.challenger_mrr))
    return (name, one.documents, one.champion, one.challenger, *ranks)


def shadow_verdict(version: ModelVersion, champion: ModelVersion) -> Verdict | None:
    """Say at the gate what live searches would have got of a version; None where it was never asked.

    It stops nothing: people opened and marked what the champion showed them.
    """
    found = shadow_summary(version)
    if found is None:
        return None
    said = [
        gettext(
            "of {documents} hits {words} it has {challenger} among its first ten, {champion} {champion_2}"
        ).format(
            documents=intcomma(one.documents),
            words=words,
            challenger=intcomma(one.challenger),
            champion=champion,
            champion_2=intcomma(one.champion),
        )
        for words, one in ((gettext("opened"), found.opened), (gettext("marked relevant"), found.relevant))
        if one.documents
    ]
    says = gettext(
        "{answers} live searches were asked of it afterwards ({dropped} dropped): {overlap:.1f} of the "
        "first ten documents are the same; {said}. "
    ).format(
        answers=intcomma(found.answers),
        dropped=intcomma(found.dropped),
        overlap=Decimals(found.overlap),
        said="; ".join(said) or gettext("nobody opened or marked anything"),
    ) + gettext("What people saw was the champion's, so this is shown and stops nothing.")
    return Verdict(gettext("Live searches, afterwards"), says)
