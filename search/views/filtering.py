"""What narrows a search and how it is sorted, as an address says it: `?tags=pump&from.metadata.year=1990&sort=title`.

A value that is named several times means any of them. `only` holds, as JSON, filters that programs sent and that
pages have no words for.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.utils.translation import gettext

from retrieval_site.errors import AppError
from retrieval_site.languages.lazy import gettext_lazy
from search.filters.dates import DATES
from search.filters.language import LANGUAGE
from search.filters.operators import ANY, check_range, is_operators
from search.filters.registry import FILTERS, check_filters, filters_set
from search.filters.values import METADATA, TAGS, is_metadata_field, text_of
from search.json_values import is_storable
from search.retrieval.sort import RELEVANCE, check_sort
from search.views.choosing import target_named
from workers.formats.bounded_json import JsonError, load_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.http import QueryDict

    from search.models import Query
    from search.retrieval.types import SearchRequest

FROM, TO = "from.", "to."
BOUND_NAMES = {FROM: "gte", TO: "lte"}
COLLECTIONS, SORT, TARGET, ONLY = "collections", "sort", "target", "only"
PAIRS_MAX, WRITTEN_MAX = 300, 4000
LABELS = {
    TAGS: gettext_lazy("Tags"),
    "collection": gettext_lazy("Collection"),
    LANGUAGE: gettext_lazy("Language"),
    "created_at": gettext_lazy("Added"),
    "updated_at": gettext_lazy("Changed"),
}
TRUTH = {"true": gettext_lazy("yes"), "false": gettext_lazy("no")}

Pair = tuple[str, str]


@dataclass(frozen=True)
class Narrowing:
    """The filters, collections and order of a search, and what is looked for."""

    filters: dict[str, Any]
    collections: tuple[str, ...]
    sort: str
    target: str

    @cached_property
    def pairs(self) -> list[Pair]:
        """Return it as an address has it, without what is the same for all: no filter, by relevance."""
        pairs = [(COLLECTIONS, slug) for slug in self.collections]
        pairs += [pair for name, asked in self.filters.items() for pair in _pairs_of(name, asked)]
        if rest := _rest(self.filters):
            pairs.append((ONLY, json.dumps(rest, sort_keys=True)))
        return pairs if self.sort == RELEVANCE else [*pairs, (SORT, self.sort)]

    @property
    def query_string(self) -> str:
        """Return what stands behind the address of its results: `?tags=pump`, or nothing."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""


@dataclass(frozen=True)
class Chip:
    """One thing that narrows the search: what of which field, and the address of the search without it."""

    label: str
    words: str
    without: str


def narrowing_of(query: Query | SearchRequest) -> Narrowing:
    """Return how a search was narrowed."""
    return Narrowing(filters_set(query.filters), tuple(query.collections), query.sort, query.target)


def narrowing_read(sent: QueryDict, target: str) -> Narrowing:
    """Return what an address says; raises AppError `parameter.invalid`. Without a target, that of the search."""
    filters = _only(sent.get(ONLY, ""))
    for name, value in _sent(sent):
        if name.startswith((FROM, TO)):
            bound, _, field = name.partition(".")
            _of_field(filters, field)[BOUND_NAMES[f"{bound}."]] = _checked_bound(name, value, field)
        elif name in (TAGS, LANGUAGE) or name.startswith(METADATA):
            _of_field(filters, name).setdefault(ANY, []).append(value)
    with _for_people("filters", gettext("This address narrows the search by something that cannot be used.")):
        check_filters(filters)
    sort = sent.get(SORT) or RELEVANCE
    with _for_people(SORT, gettext("Results cannot be sorted by what this address says.")):
        check_sort(sort)
    collections = tuple(dict.fromkeys(slug for slug in sent.getlist(COLLECTIONS) if slug))[:100]
    return Narrowing(filters_set(filters), collections, sort, target_named(sent.get(TARGET) or target))


def says_anything(sent: QueryDict) -> bool:
    """Return whether an address narrows or sorts a search."""
    return any(name in (COLLECTIONS, SORT, ONLY) for name in sent) or any(True for _ in _sent(sent))


def chips(
    narrowing: Narrowing, address: str, names: Mapping[str, str], labels: Mapping[str, str]
) -> list[Chip]:
    """Return what narrows the search, each with a way to remove it.

    `names` are those of collections by slug, `labels` what curators call fields.
    """
    pairs = [pair for pair in narrowing.pairs if pair[0] != SORT]
    sort = [(SORT, narrowing.sort)] if narrowing.sort != RELEVANCE else []

    def without(left: Iterable[Pair]) -> str:
        return f"{address}?{urlencode([*left, *sort, (TARGET, narrowing.target)])}"

    return [
        Chip(*_words(name, value, names, labels), without([pair for pair in pairs if pair != (name, value)]))
        for name, value in pairs
        if name != ONLY
    ] + [
        Chip("", words, without(pair for pair in pairs if pair[0] != ONLY))
        for words in _rest_words(narrowing)
    ]


def label_of(field: str) -> str:
    """Return a field's name as people read it: `metadata.serial_number` is Serial number."""
    if field in LABELS:
        return LABELS[field]
    words = field.removeprefix(METADATA).replace("_", " ").strip() or field
    return words[:1].upper() + words[1:]


def _words(name: str, value: str, names: Mapping[str, str], labels: Mapping[str, str]) -> Pair:
    if name == COLLECTIONS:
        return label_of("collection"), names.get(value, value)
    if name.startswith((FROM, TO)):
        bound, _, field = name.partition(".")
        return labels.get(field) or label_of(field), (
            gettext("from {}") if bound == "from" else gettext("up to {}")
        ).format(value)
    return labels.get(name) or label_of(name), TRUTH.get(value, value)


def _rest_words(narrowing: Narrowing) -> Iterator[str]:
    for name, asked in _rest(narrowing.filters).items():
        yield from FILTERS[name].words(asked)


def _sent(sent: QueryDict) -> Iterator[Pair]:
    """Yield what an address says of fields, as far as it is said of one; empty means nothing."""
    pairs = [(name, value) for name, values in sent.lists() for value in values if value.strip()]
    for name, value in pairs[:PAIRS_MAX]:
        field = name.partition(".")[2] if name.startswith((FROM, TO)) else name
        is_field = field == TAGS or is_metadata_field(field)
        is_bound = name != field and (is_field or field in DATES)
        if (is_field or is_bound or name == LANGUAGE) and "\0" not in name + value:
            yield name, value.strip() if is_bound else value


def _of_field(filters: dict[str, Any], field: str) -> dict[str, Any]:
    """Return the operators of a field, to be added to; they take the place of anything else that is asked of it."""
    holder, key = filters, field
    if field.startswith(METADATA):
        holder, key = filters.setdefault("metadata", {}), field.removeprefix(METADATA)
    if not holder.get(key) or not is_operators(holder[key]):
        holder[key] = {}
    return cast("dict[str, Any]", holder[key])


@contextmanager
def _for_people(name: str, message: str) -> Iterator[None]:
    """Say for people what the API says in the names of its parameters."""
    try:
        yield
    except AppError as error:
        raise AppError.of_parameter(name, message) from error


def _checked_bound(name: str, value: str, field: str) -> float | int | str:
    """Return one end of a range; raises AppError `parameter.invalid` for what is neither a number nor a date."""
    bound = _bound(value, field)
    what = (
        gettext("a date such as 2026-01-31")
        if field in DATES
        else gettext("a number, or a date such as 2026-01-31")
    )
    message = (
        gettext("“{value}” is not where “{field}” begins: write {what}.")
        if name.startswith(FROM)
        else gettext("“{value}” is not where “{field}” ends: write {what}.")
    ).format(value=value[:80], field=label_of(field), what=what)
    with _for_people(name, message):
        check_range(field, {BOUND_NAMES[TO]: bound})
    return bound


def _bound(value: str, field: str) -> float | int | str:
    """Return a number where it is one and the field is no date of every document."""
    try:
        number = None if field in DATES else float(value)
    except ValueError:
        number = None
    if number is None or not math.isfinite(number):
        return value
    return int(number) if number.is_integer() else number


def _only(written: str) -> dict[str, Any]:
    """Return the filters that pages have no words for; raises AppError `parameter.invalid`."""
    if not written:
        return {}
    try:
        found = load_json(written[:WRITTEN_MAX])
    except JsonError as error:
        raise AppError.of_parameter(
            ONLY, gettext("This address narrows the search by something that cannot be used.")
        ) from error
    if not isinstance(found, dict) or not found.keys() <= FILTERS.keys() or not is_storable(found):
        raise AppError.of_parameter(
            ONLY, gettext("This address narrows the search by something that cannot be used.")
        )
    check_filters(found)
    return found


def _pairs_of(name: str, asked: Any) -> Iterator[Pair]:
    """Yield a filter as far as pages have words for it."""
    if name == "metadata":
        for key, value in asked.items():
            if _has_words(value):
                yield from _operators(METADATA + key, value)
    elif _has_words(asked):
        yield from _operators(name, asked)


def _operators(field: str, asked: dict[str, Any]) -> Iterator[Pair]:
    yield from ((field, text_of(value)) for value in asked.get(ANY, ()))
    for bound, operator in BOUND_NAMES.items():
        if operator in asked:
            yield bound + field, str(asked[operator])


def _has_words(asked: Any) -> bool:
    return is_operators(asked) and asked.keys() <= {ANY, *BOUND_NAMES.values()}


def _rest(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of filters pages have no words for."""
    rest = {name: asked for name, asked in filters.items() if name != "metadata" and not _has_words(asked)}
    metadata = {key: value for key, value in filters.get("metadata", {}).items() if not _has_words(value)}
    return {**rest, "metadata": metadata} if metadata else rest
