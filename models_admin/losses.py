"""What retiring or deleting a version loses, as sentences to read before either is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext

from models_admin import hooks, services
from models_admin.models import Alias, ModelVersion
from retrieval_site.languages.lazy import gettext_lazy
from retrieval_site.languages.said import word_in_readers_language

if TYPE_CHECKING:
    from collections.abc import Callable


def lost_by_retiring(version: ModelVersion) -> list[str]:
    """Return what is lost, and what is kept, when the version is retired; raises AppError where it cannot be."""
    services.check_retirable(version, force=True)
    stored = hooks.vectors().stored(version)
    words = gettext(" and ").join(
        f"{intcomma(count)} {word_in_readers_language(f'{kind}s')}" for kind, count in stored.items() if count
    )
    losses = [
        gettext("The vectors of {words} are dropped; preparing it again encodes all of them anew.").format(
            words=words
        )
        if words
        else ""
    ]
    for alias in Alias.objects.filter(previous=version).select_related("version"):
        losses.append(
            gettext("{version} cannot be rolled back to it any more.").format(version=alias.version)
        )
    if version.judged:
        losses.append(
            gettext(
                "What judgements said of it stays on its page, but cannot be measured again until it is prepared."
            )
        )
    losses.append(gettext("Judgements, kept searches and its bundle stay: it can be prepared again."))
    return [loss for loss in losses if loss]


def lost_by_deleting(version: ModelVersion) -> list[str]:
    """Return what is lost, and what is kept, when the version is deleted; raises AppError where it cannot be."""
    services.check_deletable(version)
    losses = [
        gettext("{version} disappears from this list, and its number may be given to another upload.").format(
            version=version
        )
    ]
    if version.error:
        losses.append(
            gettext(
                "The reason why it was refused goes with it ({error_id}); the jobs' list keeps it."
            ).format(error_id=version.error_id)
        )
    if version.note:
        losses.append(gettext("Its note goes with it."))
    if not ModelVersion.objects.filter(bundle=version.bundle_id).exclude(pk=version.pk).exists():
        size = filesizeformat(version.bundle.size)
        losses.append(
            gettext("Its bundle ({size}) is removed by the next sweep of files that nothing uses.").format(
                size=size
            )
        )
    losses.append(gettext("It has no vectors, no judgements and no searches."))
    return losses


VERBS = {"retire": gettext_lazy("Retire"), "delete": gettext_lazy("Delete")}
LOSSES: dict[str, Callable[[ModelVersion], list[str]]] = {
    "retire": lost_by_retiring,
    "delete": lost_by_deleting,
}
