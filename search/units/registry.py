"""The kinds of unit that there are, in the order in which they are encoded, offered and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.units.image import IMAGE
from search.units.page import PAGE
from search.units.passage import PASSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search.models import DocumentImage
    from search.units.kind import TextSpan, UnitKind

_kinds: dict[str, UnitKind] = {}


def unit_kind_register(kind: UnitKind) -> None:
    """Let there be units of this kind, from the next table, job, search and answer on."""
    _kinds[kind.name] = kind


def unit_kinds() -> tuple[UnitKind, ...]:
    """Return every kind."""
    return tuple(_kinds.values())


def unit_kinds_of(manifest: Mapping[str, Any]) -> tuple[UnitKind, ...]:
    """Return the kinds that a model encodes, by its manifest."""
    modalities, named = manifest.get("modalities", ["image", "text"]), manifest.get("units", [])
    return tuple(
        kind
        for kind in unit_kinds()
        if kind.modality in modalities and (not kind.only_named or kind.name in named)
    )


def unit_kind(name: str) -> UnitKind:
    """Return the kind of this name."""
    return _kinds[name]


def unit_kind_of(target: str) -> UnitKind:
    """Return the kind that a search for this target looks for."""
    return next(kind for kind in _kinds.values() if kind.target == target)


def span_of(kind: str, unit: Any | None) -> TextSpan | None:
    """Return the words of a unit; None where it has none or is gone."""
    span = unit_kind(kind).shown.span
    return span(unit) if span and unit else None


def picture_of(kind: str, unit: Any | None) -> DocumentImage | None:
    """Return the picture of a unit; None where it has none or is gone."""
    picture = unit_kind(kind).shown.picture
    return picture(unit) if picture and unit else None


def address_of(kind: str, unit: Any | None) -> str:
    """Return where a unit is read; "" where that is its document, or it is gone."""
    address = unit_kind(kind).shown.address
    return address(unit) if address and unit else ""


unit_kind_register(PASSAGE)
unit_kind_register(IMAGE)
unit_kind_register(PAGE)
