"""The fields of a collection as its curators set them up: label, place, filter or not, type, vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from retrieval_site.errors import AppError
from search.filters.values import METADATA, TAGS, VALUE_MAX, is_metadata_field
from search.models import CollectionField
from search.services.fields import FIELDS_MAX
from search.services.versions import collection_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from search.models import Collection

LABEL_MAX, PLACE_MAX, VOCABULARY_MAX = 100, 999, 1000


@dataclass(frozen=True)
class FieldSetup:
    """What a curator says of a field; an empty label, type or vocabulary leaves it open."""

    label: str = ""
    place: int = 0
    is_facet: bool = True
    wanted_type: str = ""
    vocabulary: tuple[str, ...] = ()


def fields_ordered(collection: Collection) -> QuerySet[CollectionField]:
    """Return the fields: those with a place first, then those of the most documents."""
    last = Case(When(place=0, then=Value(1)), default=Value(0), output_field=IntegerField())
    return CollectionField.objects.filter(collection=collection).order_by(last, "place", "-documents", "name")


def fields_shown(collection: Collection) -> list[CollectionField]:
    """Return the fields of the metadata that have a label, a place, or documents."""
    rows = fields_ordered(collection).exclude(name=TAGS)
    return [field for field in rows if field.documents or field.stale or field.label or field.place]


@transaction.atomic
def field_set_up(*, collection: Collection, name: str, setup: FieldSetup) -> CollectionField:
    """Say how a field is shown and what it may hold; one that no document has yet may be named in advance.

    Raises AppError `field.name`, `field.setup`, `field.too_many`.
    """
    if name != TAGS and ("\0" in name or not is_metadata_field(name)):
        raise AppError("field.name")
    _check(setup)
    collection_lock(collection)
    rows = CollectionField.objects.filter(collection=collection)
    field = rows.filter(name=name).first()
    if field is None:
        if rows.count() >= FIELDS_MAX:
            raise AppError("field.too_many", most=FIELDS_MAX)
        field = CollectionField(collection=collection, name=name, type=setup.wanted_type or "string")
    field.label, field.place, field.is_facet = setup.label.strip(), setup.place, setup.is_facet
    field.wanted_type, field.vocabulary = setup.wanted_type, list(dict.fromkeys(setup.vocabulary))
    field.save()
    return field


def _check(setup: FieldSetup) -> None:
    if len(setup.label) > LABEL_MAX or "\0" in setup.label:
        raise AppError("field.setup/label", limit=LABEL_MAX)
    if not 0 <= setup.place <= PLACE_MAX:
        raise AppError("field.setup/place", limit=PLACE_MAX)
    if setup.wanted_type and setup.wanted_type not in CollectionField.Type.values:
        raise AppError("field.setup/type")
    if not _is_vocabulary(setup.vocabulary):
        raise AppError("field.setup/vocabulary", most=VOCABULARY_MAX, limit=VALUE_MAX)


def _is_vocabulary(values: Sequence[str]) -> bool:
    fits = all(0 < len(value) <= VALUE_MAX and "\0" not in value for value in values)
    return fits and len(values) <= VOCABULARY_MAX


def field_name(key: str) -> str:
    """Return the field's name of a key of metadata, or of the tags."""
    return key if key == TAGS else METADATA + key.removeprefix(METADATA)
