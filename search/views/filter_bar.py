"""The bar above the hits: a menu for each field, what narrows the search as chips, and the order of the hits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext

from retrieval_site.languages.lazy import gettext_lazy
from search.filters.dates import DATES
from search.filters.language import LANGUAGE
from search.filters.values import METADATA, TAGS
from search.retrieval.facets import COLLECTION, FacetScope, facet_values, facets, fields_in
from search.retrieval.sort import RELEVANCE, TITLE
from search.views.filtering import (
    COLLECTIONS,
    FROM,
    ONLY,
    TARGET,
    TO,
    TRUTH,
    chips,
    label_of,
    narrowing_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from search.models import Collection, Query
    from search.querysets import Viewer
    from search.retrieval.facets import Facet, Field
    from search.views.filtering import Chip, Narrowing, Pair

MENUS_MAX = 5
"""Fields with a menu of their own; the others are behind “More filters”."""
FEW_VALUES = 8
"""So many values are seen at a glance; more can be searched through."""
RANGED = 12
"""With more values than this, a number or a date is asked for by its range alone."""
SORTS = {
    RELEVANCE: gettext_lazy("Most relevant first"),
    "-created_at": gettext_lazy("Newest first"),
    "created_at": gettext_lazy("Oldest first"),
    "-updated_at": gettext_lazy("Last changed first"),
    TITLE: gettext_lazy("Title, A to Z"),
}


@dataclass(frozen=True)
class Choice:
    """A value that can be ticked: as it is sent, as it is read, and how many documents have it, if that is known."""

    value: str
    words: str
    documents: int | None
    chosen: bool


@dataclass(frozen=True)
class Menu:
    """One field's menu. `inside` is what opens, None until somebody opens it; `kept`: its own part of the address."""

    field: str
    label: str
    kept: list[Pair]
    inside: Inside | None = None


@dataclass(frozen=True)
class Inside:
    """What a menu holds: the values of a field to tick, and its ends where it has any."""

    field: str
    sent_as: str
    label: str
    type: str
    choices: list[Choice]
    more: bool
    ends: Ends | None

    @property
    def searchable(self) -> bool:
        """Whether there are too many values to be seen at a glance."""
        return self.more or len(self.choices) > FEW_VALUES


@dataclass(frozen=True)
class Ends:
    """A range: what is asked for, and between which values the documents lie."""

    lower: str
    upper: str
    least: str
    greatest: str


@dataclass(frozen=True)
class FilterBar:
    """Everything that the bar shows."""

    menus: list[Menu]
    further: list[Menu]
    chips: list[Chip]
    kept: list[Pair]
    cleared: str
    sorts: list[tuple[str, str, bool]]


@dataclass(frozen=True)
class ShownSearch:
    """The kept search whose bar is shown, to whom, and the names of the collections that they may see by slug."""

    query: Query
    viewer: Viewer
    names: dict[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    """What curators call fields, by name."""

    def label(self, name: str) -> str:
        """Return what a field is called."""
        return self.labels.get(name) or label_of(name)

    @cached_property
    def narrowing(self) -> Narrowing:
        """How it is narrowed, as far as the viewer may know: of the collections, those that they may see."""
        found = narrowing_of(self.query)
        return replace(found, collections=tuple(slug for slug in found.collections if slug in self.names))


def filter_bar(query: Query, viewer: Viewer, collections: Sequence[Collection], opened: str) -> FilterBar:
    """Return the bar of a kept search. `opened` is the field whose menu the page brings with it, "" for none."""
    names = {one.slug: one.name for one in collections}
    narrowing = ShownSearch(query, viewer, names).narrowing
    among = [one for one in collections if one.slug in narrowing.collections] or list(collections)
    known = fields_in([one.pk for one in among])
    shown = ShownSearch(query, viewer, names, field_labels(known))
    address = reverse("search:filter", args=[query.pk])
    listed = _order(known, narrowing, opened, _of_collections(collections))
    menus = [_menu(shown, name, is_open=name == opened) for name in listed]
    return FilterBar(
        menus=menus[:MENUS_MAX],
        further=menus[MENUS_MAX:],
        chips=chips(narrowing, address, shown.names, shown.labels),
        kept=[(TARGET, query.target), *(pair for pair in narrowing.pairs if pair[0] == ONLY)],
        cleared=f"{address}?{TARGET}={query.target}",
        sorts=_sorts(narrowing.sort, known),
    )


def field_labels(known: Sequence[Field]) -> dict[str, str]:
    """Return what curators call the fields that they gave a label."""
    return {one.name: one.label for one in known if one.label}


def menu_inside(shown: ShownSearch, name: str, typed: str = "") -> Inside:
    """Return what a menu holds; `typed`: only the values that contain it."""
    narrowing, query = shown.narrowing, shown.query
    version = query.version or "champion"
    scope = FacetScope(shown.viewer, narrowing.collections, narrowing.filters, query.target, version)
    facet = facet_values(scope, name, typed) if typed else facets(scope, [name])[0]
    sent_as = COLLECTIONS if name == COLLECTION else name
    pairs = narrowing.pairs
    chosen = [] if typed else [value for key, value in pairs if key == sent_as]
    return Inside(
        field=name,
        sent_as=sent_as,
        label=shown.label(name),
        type=facet.type,
        choices=_choices(facet, chosen, shown.names if name == COLLECTION else TRUTH),
        more=facet.more,
        ends=_ends(facet, dict(pairs)),
    )


def _of_collections(collections: Sequence[Collection]) -> list[str]:
    """Return the fields that documents have by their collections, where there are several to choose from."""
    names = [COLLECTION] if len(collections) > 1 else []
    return [*names, LANGUAGE] if len({one.language for one in collections}) > 1 else names


def _order(known: Sequence[Field], narrowing: Narrowing, opened: str, first: Sequence[str]) -> list[str]:
    """Return the fields in the order of their menus: what is set or open is among the first, so that it is seen."""
    used = {_field_of(name) for name, _ in narrowing.pairs} | {opened}
    listed = [one for one in known if one.is_facet or one.name in used]
    there = [one.name for one in sorted(listed, key=lambda one: (_place(one), _tells_documents_apart(one)))]
    names = [*first, *there, *DATES]
    ranked = sorted(names, key=lambda name: name not in used)
    return sorted(ranked[:MENUS_MAX], key=names.index) + ranked[MENUS_MAX:]


def _place(one: Field) -> tuple[bool, int, bool]:
    """Return where a field stands: by the place that a curator gave it, the tags before what has none."""
    return not one.place, one.place, one.name != TAGS


def _tells_documents_apart(one: Field) -> bool:
    """Return whether a field has about as many values as documents, as serial numbers do: few choose by these."""
    return (
        not one.place
        and one.type == "string"
        and one.documents > FEW_VALUES
        and one.distinct_values > one.documents // 2
    )


def _field_of(name: str) -> str:
    """Return the field of a name in an address."""
    return COLLECTION if name == COLLECTIONS else name.removeprefix(FROM).removeprefix(TO)


def _menu(shown: ShownSearch, name: str, *, is_open: bool) -> Menu:
    kept = [pair for pair in shown.narrowing.pairs if _field_of(pair[0]) == name]
    return Menu(name, shown.label(name), kept, menu_inside(shown, name) if is_open else None)


def _choices(facet: Facet, chosen: Sequence[str], names: Mapping[str, str]) -> list[Choice]:
    """Return the values to tick; those that are chosen stand first, even where no document has them now."""
    counted, values = dict(facet.values), [value for value, _ in facet.values if value not in chosen]
    if facet.type in ("number", "date") and (facet.more or len(values) > RANGED):
        values = []  # a range says it better
    elif facet.type == "number":
        values.sort(key=float)
    elif facet.type == "date":
        values.sort()
    return [
        Choice(value, names.get(value, value), counted.get(value), chosen=value in chosen)
        for value in (*chosen, *values)
    ]


def _ends(facet: Facet, pairs: Mapping[str, str]) -> Ends | None:
    if facet.type not in ("number", "date"):
        return None
    asked = pairs.get(FROM + facet.field, ""), pairs.get(TO + facet.field, "")
    return Ends(*asked, _written(facet.least), _written(facet.greatest))


def _written(end: float | datetime | None) -> str:
    """Return an end as an input of its type takes it."""
    if end is None:
        return ""
    return f"{end:.15g}" if isinstance(end, float) else f"{end:%Y-%m-%d}"


def _sorts(sort: str, known: Sequence[Field]) -> list[tuple[str, str, bool]]:
    """Return the orders on offer: each as it is sent, as it is read, and whether it is the present one."""
    offered = dict(SORTS)
    for one in known:
        if one.type in ("number", "date") and one.name.startswith(METADATA):
            for name in (one.name, f"-{one.name}"):
                offered[name] = _sort_words(name, one.label or label_of(one.name))
    if sort not in offered:
        offered[sort] = _sort_words(sort, label_of(sort.removeprefix("-")))
    return [(name, words, name == sort) for name, words in offered.items()]


def _sort_words(sort: str, label: str) -> str:
    words = gettext("{label}, downwards") if sort.startswith("-") else gettext("{label}, upwards")
    return words.format(label=label)
