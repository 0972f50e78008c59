"""The filters of a collection's documents: of each field the values that documents have, to tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.curating.fields import fields_ordered
from search.retrieval.facets import FacetScope, facets
from search.retrieval.sort import RELEVANCE
from search.units.passage import PASSAGE
from search.views.filtering import FROM, TO, TRUTH, Narrowing, label_of

if TYPE_CHECKING:
    from search.curating.selection import DocumentsAsked
    from search.querysets import Viewer
    from search.retrieval.facets import Facet

MENUS_MAX, VALUES_MAX = 6, 12


@dataclass(frozen=True)
class MenuValue:
    """A value to tick."""

    value: str
    words: str
    documents: int | None
    is_chosen: bool


@dataclass(frozen=True)
class DocumentsMenu:
    """One field's values, or the two ends of a range of numbers or dates."""

    field: str
    label: str
    type: str
    values: list[MenuValue]
    lower: str
    upper: str

    @property
    def is_range(self) -> bool:
        """Whether it is asked for by its ends."""
        return self.type in ("number", "date")

    @property
    def number(self) -> int:
        """Return how much of it is set."""
        return sum(value.is_chosen for value in self.values) + bool(self.lower) + bool(self.upper)


def menus_of(asked: DocumentsAsked, viewer: Viewer) -> list[DocumentsMenu]:
    """Return the menus of the first fields that are facets."""
    fields = [
        one for one in fields_ordered(asked.collection) if one.is_facet and (one.documents or one.stale)
    ]
    pairs = Narrowing(asked.filters, (), RELEVANCE, PASSAGE.target).pairs
    set_ones = {name.removeprefix(FROM).removeprefix(TO) for name, _ in pairs}
    shown = sorted(fields, key=lambda one: one.name not in set_ones)[:MENUS_MAX]
    labels = {one.name: one.label or label_of(one.name) for one in shown}
    scope = FacetScope(viewer, (asked.collection.slug,), asked.filters)
    return [_menu(facet, labels[facet.field], pairs) for facet in facets(scope, list(labels))]


def _menu(facet: Facet, label: str, pairs: list[tuple[str, str]]) -> DocumentsMenu:
    chosen = [value for name, value in pairs if name == facet.field]
    ends = dict(pairs)
    counted = dict(facet.values[:VALUES_MAX])
    is_range = facet.type in ("number", "date")
    listed = chosen if is_range else list(dict.fromkeys([*chosen, *counted]))
    values = [MenuValue(one, TRUTH.get(one, one), counted.get(one), one in chosen) for one in listed]
    lower, upper = ends.get(FROM + facet.field, ""), ends.get(TO + facet.field, "")
    return DocumentsMenu(facet.field, label, facet.type, values, lower, upper)
