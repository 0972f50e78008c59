"""Fields of the metadata in the tables of curators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.filters.values import METADATA
from search.services.history import OF_JOBS
from search.views.cards import facts
from search.views.filtering import label_of
from search.views.source_rounds import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import ChangeSet, CollectionField
    from workers.models import Job

register = template.Library()


@register.filter
def field_label(field: CollectionField) -> str:
    """Return a field as people read it."""
    return field.label or label_of(field.name)


@register.filter
def field_value(metadata: Mapping[str, Any], field: CollectionField) -> str:
    """Return what a document's metadata say of a field, as people read it."""
    key = field.name.removeprefix(METADATA)
    return next((value for _, value in facts({key: metadata.get(key)})), "")


_COUNTED = {name: word for name, word in WORDS.items() if name != "waiting"} | {
    "removed": gettext_lazy("removed")
}


@register.filter
def is_of_job(change_set: ChangeSet) -> bool:
    """Return whether a change is counted by its job: an import, a round of a source, or the undo of one."""
    return change_set.action in OF_JOBS or bool(change_set.undoes and change_set.undoes.action in OF_JOBS)


@register.filter
def job_counts(job: Job) -> str:
    """Return what a job counted, in words; that it has not begun where it counted nothing yet."""
    counted = {**job.result, "failed": job.failed}
    words = [f"{intcomma(counted[name])} {word}" for name, word in _COUNTED.items() if counted.get(name)]
    return ", ".join(words) or (gettext("nothing was changed") if job.is_finished else gettext("not begun"))
