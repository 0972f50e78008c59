"""What may be done with a model version now, as the buttons of its page."""

from __future__ import annotations

from django.utils.translation import gettext

from models_admin import job_types, services
from models_admin.learning import may_learn
from models_admin.models import CODED_INDEXES, Alias, ModelVersion, VectorIndex, VersionState
from retrieval_site.languages.lazy import gettext_lazy

VALIDATE = ("validate", gettext_lazy("Validate again"), "primary")
MEASURE = ("measure", gettext_lazy("Measure by judgements"), "")
LEARN = ("learn", gettext_lazy("Learn from marks"), "")


def offered_actions(version: ModelVersion) -> list[tuple[str, str, str]]:
    """Return what may be done with the version now, as (action, label, style)."""
    champion = Alias.objects.filter(name="champion").select_related("previous").first()
    if champion is not None and champion.version_id == version.pk:
        back = (
            [("rollback", gettext("Roll back to {previous}").format(previous=champion.previous), "danger")]
            if champion.previous
            else []
        )
        return [*back, MEASURE, *_learning_offers(version), *_index_offers(version)]
    if version.state == VersionState.SET_ASIDE:
        return [("prepare", gettext("Try it again: prepare"), "primary")]
    if version.state in (VersionState.UPLOADED, VersionState.REFUSED):
        return _offers_without_model(version)
    if version.state in (VersionState.VALID, VersionState.RETIRED):
        return [("prepare", gettext("Prepare"), "primary"), *_index_offers(version)]
    if version.state == VersionState.READY:
        worse = services.judged_worse(version)
        return [
            ("activate-anyway", gettext("Activate, though judged worse"), "danger")
            if worse
            else ("activate", gettext("Activate"), "primary"),
            *_challenge_offers(version),
            ("prepare", gettext("Catch up"), ""),
            MEASURE,
            *_learning_offers(version),
            *_index_offers(version),
            ("retire", gettext("Retire and drop its vectors"), "danger"),
        ]
    return []


def _challenge_offers(version: ModelVersion) -> list[tuple[str, str, str]]:
    if Alias.objects.filter(name=services.CHALLENGER, version=version).exists():
        return [("challenge-end", gettext("Not the challenger any more"), "")]
    return [("challenge", gettext("Make it the challenger"), "")]


def _offers_without_model(version: ModelVersion) -> list[tuple[str, str, str]]:
    """Return what may be done with a version that did not pass its validation, while no job validates it."""
    if services.is_busy(version, job_types.VALIDATE) or services.is_being_learned(version):
        return []
    again = version.state == VersionState.UPLOADED or services.may_validate_again(version)
    return [*([VALIDATE] if again else []), ("delete", gettext("Delete"), "danger")]


def _learning_offers(version: ModelVersion) -> list[tuple[str, str, str]]:
    return [LEARN] if may_learn(version) else []


def _index_offers(version: ModelVersion) -> list[tuple[str, str, str]]:
    """Return the other ways of searching its vectors; short codes say nothing about order similarity."""
    return [
        (f"index-{index}", gettext("Use {label}").format(label=index.label), "")
        for index in VectorIndex
        if index != version.vector_index and (index not in CODED_INDEXES or version.similarity != "order")
    ]
