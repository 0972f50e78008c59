"""What somebody looks for, documents or pictures: chosen once, it stays chosen on the pages of their session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.units.passage import PASSAGE
from search.units.registry import unit_kinds

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.retrieval.types import Target

_KEY = "target"


def target_named(written: object) -> Target:
    """Return the target that a form names, that of passages for anything else."""
    return next((kind.target for kind in unit_kinds() if kind.target == written), PASSAGE.target)


def chosen_target(request: HttpRequest) -> Target:
    """Return what was looked for last."""
    return target_named(request.session.get(_KEY))


def keep_target(request: HttpRequest, target: Target) -> None:
    """Remember the target; the session is written only where it changes."""
    if target != chosen_target(request):
        request.session[_KEY] = target
