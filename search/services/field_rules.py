"""What the values of a collection's fields may be: of a type, or out of a vocabulary, where its curators say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval_site.errors import AppError
from search.filters.values import METADATA, TAGS, values_of
from search.models import CollectionField

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from search.filters.values import Value


LAST = 100_000
"""The order of fields that have no place."""


@dataclass(frozen=True)
class ShownField:
    """What curators call a field, "" for nothing of their own, and its place among the others."""

    label: str
    order: int


FieldsSetup = dict[str, ShownField]
"""By the key of the metadata; fields that nobody set up are not in it."""


def field_setups(collections: Iterable[int]) -> dict[int, FieldsSetup]:
    """Return how the fields of the metadata are shown in each of these collections, in one statement."""
    rows = CollectionField.objects.filter(collection__in=list(collections), name__startswith=METADATA)
    found: dict[int, FieldsSetup] = {}
    values = rows.exclude(label="", place=0).values_list("collection", "name", "label", "place")
    for collection, name, label, place in values:
        shown = ShownField(label, place or LAST)
        found.setdefault(collection, {})[name.removeprefix(METADATA)] = shown
    return found


class FieldRuleError(AppError):
    """A value that its field may not have: of one document, which an import leaves out."""


@dataclass(frozen=True)
class FieldRule:
    """What one field's values may be; an empty vocabulary allows all."""

    label: str
    type: str
    vocabulary: frozenset[str]


FieldRules = dict[str, FieldRule]
"""By the field's name; a field without a rule has none."""


def field_rules(collection_id: int) -> FieldRules:
    """Return the rules of a collection, in one statement."""
    rows = CollectionField.objects.filter(collection=collection_id).exclude(wanted_type="", vocabulary=[])
    found = rows.values_list("name", "label", "wanted_type", "vocabulary")
    return {
        name: FieldRule(label or name.removeprefix(METADATA), type_, frozenset(vocabulary))
        for name, label, type_, vocabulary in found
    }


def check_rules(rules: FieldRules, tags: Iterable[str], metadata: Mapping[str, Any]) -> None:
    """Raise AppError `field.not_in_vocabulary` or `field.wrong_type` for the first value that may not be."""
    if not rules:
        return
    held: Sequence[Value] = [value for value in values_of(list(tags), metadata) if value.field in rules]
    for value in held:
        _check(rules[value.field], value)
    for name in rules:
        _check_is_value(name, rules[name], metadata, held)


def _check(rule: FieldRule, value: Value) -> None:
    if rule.vocabulary and value.text not in rule.vocabulary:
        raise FieldRuleError("field.not_in_vocabulary", field=rule.label, value=value.text)
    if rule.type and rule.type not in ("string", value.type):
        raise FieldRuleError("field.wrong_type", field=rule.label, value=value.text, type=rule.type)


def _check_is_value(name: str, rule: FieldRule, metadata: Mapping[str, Any], held: Sequence[Value]) -> None:
    """Refuse what has a key with a rule but is no value at all, as an object or a text that is too long."""
    key = name.removeprefix(METADATA)
    if name == TAGS or metadata.get(key) in (None, "", []):
        return
    if not any(value.field == name for value in held):
        kind = rule.type or "string"
        raise FieldRuleError("field.wrong_type", field=rule.label, value=str(metadata[key])[:100], type=kind)
