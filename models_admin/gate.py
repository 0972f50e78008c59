"""The gate before activation: what judgements and other evidence say of a version beside the champion, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext

from models_admin import hooks
from models_admin.hooks import Verdict
from models_admin.judged import judged_of
from retrieval_site.errors import AppError
from retrieval_site.languages.decimals import Decimals
from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

JUDGEMENTS = gettext_lazy("Judgements")


def verdicts(version: ModelVersion, champion: ModelVersion | None) -> list[Verdict]:
    """Return what each kind of evidence says of a version beside the champion; nothing where there is no other."""
    if champion is None or champion.pk == version.pk:
        return []
    return [_of_judgements(version, champion), *hooks.verdicts_of(version, champion)]


def check_gate(version: ModelVersion, champion: ModelVersion | None) -> None:
    """Raise AppError `version.judged_worse` where any evidence says that the version is worse than the champion."""
    for verdict in verdicts(version, champion):
        if verdict.is_worse and verdict.evidence == JUDGEMENTS:
            raise AppError("version.judged_worse", model=version.key, judged=version.judged)
        if verdict.is_worse:
            raise AppError("version.judged_worse/evidence", model=version.key, says=verdict.says)


def _of_judgements(version: ModelVersion, champion: ModelVersion) -> Verdict:
    judged = judged_of(version)
    if judged is None or judged.champion != str(champion) or judged.differences is None:
        return Verdict(
            JUDGEMENTS,
            gettext("It was not measured beside {champion} by what people judged.").format(champion=champion),
        )
    one = judged.differences.ndcg_at_10_of_judged  # leaves out what nobody has judged
    found = gettext("nDCG@10 among judged hits {value:+.3f} ({low:+.3f} to {high:+.3f})").format(
        value=Decimals(one.value), low=Decimals(one.low), high=Decimals(one.high)
    )
    said = gettext("On {searches} judged searches it is").format(searches=intcomma(judged.searches))
    if one.high < 0:
        return Verdict(
            JUDGEMENTS,
            gettext("{said} worse than {champion}: {found}.").format(
                said=said, champion=champion, found=found
            ),
            is_worse=True,
        )
    if one.low > 0:
        return Verdict(
            JUDGEMENTS,
            gettext("{said} better than {champion}: {found}.").format(
                said=said, champion=champion, found=found
            ),
        )
    return Verdict(
        JUDGEMENTS,
        gettext("{said} neither better nor worse than {champion}, beyond chance: {found}.").format(
            said=said, champion=champion, found=found
        ),
    )
