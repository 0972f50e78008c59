"""What somebody looks for, documents or pictures: chosen once, it stays chosen on the pages of their session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models_admin.services import champion
from search.units.passage import PASSAGE
from search.units.registry import unit_kind_of, unit_kinds, unit_kinds_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from search.retrieval.types import Target
    from search.units.kind import UnitKind

_KEY = "target"


def target_named(written: object) -> Target:
    """Return the target that a form names, that of passages for anything else."""
    return next((kind.target for kind in unit_kinds() if kind.target == written), PASSAGE.target)


def kinds_offered(chosen: str = "") -> list[UnitKind]:
    """Return what people can look for: kinds that not every model encodes only where the one that answers does, or
    where such a kind was `chosen`.
    """
    answering = champion()
    encoded = unit_kinds_of(answering.manifest) if answering else ()
    return [kind for kind in unit_kinds() if not kind.only_named or kind in encoded or kind.target == chosen]


def chosen_target(request: HttpRequest) -> Target:
    """Return what was looked for last; passages where the model that answers now does not encode that."""
    target = _kept_target(request)
    is_offered = not unit_kind_of(target).only_named or unit_kind_of(target) in kinds_offered()
    return target if is_offered else PASSAGE.target


def _kept_target(request: HttpRequest) -> Target:
    return target_named(request.session.get(_KEY))


def keep_target(request: HttpRequest, target: Target) -> None:
    """Remember the target; the session is written only where it changes."""
    if target != _kept_target(request):
        request.session[_KEY] = target
