"""What there is to learn from, what came of it and what a learned version gained, on a version's admin page."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from models_admin.adapted import base_named, has_adapter
from models_admin.hooks import Panel
from models_admin.job_types import LEARN
from models_admin.learning import learning_base, learning_jobs
from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.adapting.searches import SEARCHES_MAX, learnable_searches
from search.adapting.words import METRICS, gain_said
from search.judged.searches import asked_for
from search.models import Judgement
from search.services.judgements import NOT_RELEVANT, RELATED, RELEVANT
from workers.adapting.examples import SEARCHES_MIN

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

_COLUMNS = (gettext_lazy("what"), gettext_lazy("how much"))
_NOTE = gettext_lazy(
    "Learning takes seconds to a minute and changes nothing for anybody: what comes of it is a next "
    "version, with its gain measured, that you may activate. A third of all judged searches is never "
    "learned from: it measures models."
)


def learning_panel(version: ModelVersion) -> Panel | None:
    """Show the marks, the last outcome, and what a learned version gained; None where a version cannot learn."""
    rows = [*_learned_rows(version), *_outcome_rows(version)]
    try:
        base = learning_base(version)
    except AppError:
        return Panel(gettext("Learn from marks"), _COLUMNS, rows) if rows else None
    searches = list(islice(learnable_searches(base), SEARCHES_MAX))
    marks = Judgement.objects.filter(query__in=[query.pk for query in searches])
    different = len({asked_for(query) for query in searches})
    needed = (
        gettext(" ({searches_min} are needed)").format(searches_min=SEARCHES_MIN)
        if different < SEARCHES_MIN
        else ""
    )
    rows += [
        (gettext("judged searches to learn from, each photo or text once"), f"{intcomma(different)}{needed}"),
        (gettext("marks on them: relevant"), marks.filter(grade__gte=RELEVANT).count()),
        (gettext("marks on them: related, which count neither way"), marks.filter(grade=RELATED).count()),
        (gettext("marks on them: not relevant"), marks.filter(grade=NOT_RELEVANT).count()),
    ]
    return Panel(gettext("Learn from marks"), _COLUMNS, rows, _NOTE)


def _learned_rows(version: ModelVersion) -> list[tuple[str, object]]:
    found = version.manifest.get("metrics", {}).get(METRICS)
    if not has_adapter(version) or not isinstance(found, dict):
        return []
    try:
        said = gain_said(found)
    except (KeyError, TypeError, ValueError):  # a bundle's metrics are its author's
        return []
    return [(gettext("learned from"), base_named(version)), (gettext("gain"), said)]


def _outcome_rows(version: ModelVersion) -> list[tuple[str, object]]:
    """Return what the last finished job said."""
    for job in learning_jobs(version)[:5]:
        found = LEARN.result_of(job)
        if job.is_finished and found.said:
            return [
                (gettext("last time"), f"{found.said} {f'See {found.new}.' if found.new else ''}".strip())
            ]
    return []
