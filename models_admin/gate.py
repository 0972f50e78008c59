"""The gate before activation: what judgements and other evidence say of a version beside the champion, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_admin import hooks
from models_admin.hooks import Verdict
from models_admin.judged import judged_of
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from models_admin.models import ModelVersion

JUDGEMENTS = "Judgements"


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
        return Verdict(JUDGEMENTS, f"It was not measured beside {champion} by what people judged.")
    one = judged.differences.ndcg_at_10_of_judged  # leaves out what nobody has judged
    found = f"nDCG@10 among judged hits {one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f})"
    said = f"On {judged.searches:,} judged searches it is"
    if one.high < 0:
        return Verdict(JUDGEMENTS, f"{said} worse than {champion}: {found}.", is_worse=True)
    if one.low > 0:
        return Verdict(JUDGEMENTS, f"{said} better than {champion}: {found}.")
    return Verdict(JUDGEMENTS, f"{said} neither better nor worse than {champion}, beyond chance: {found}.")
