"""Every filter, by one document that it finds, one that it does not, and a value that it refuses.

A filter that takes several forms has an example for each, told apart by what stands behind its name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from retrieval_site.errors import AppError
from search.filters.registry import (
    FILTERS,
    check_filters,
    filters_conditions,
    filters_described,
    filters_set,
)
from search.models import Collection, Document, DocumentImage
from search.retrieval.statements import by_index
from search.retrieval.types import Plan
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.searched import explain, run, scope_of
from workers.storage.blobs import blob_store

if TYPE_CHECKING:
    from search.models import Passage

pytestmark = pytest.mark.django_db


class Example(NamedTuple):
    """What one filter is asked, the document's fields that it finds and those that it does not, its words."""

    asked: Any
    found: dict[str, Any]
    not_found: dict[str, Any]
    words: str
    refused: Any


EXAMPLES = {
    "tags": Example(["red", "pump"], {"tags": ["pump", "old", "red"]}, {"tags": ["red"]},
                    "the tag “red” and the tag “pump”", "red"),
    "tags any": Example({"any": ["red", "pump"]}, {"tags": ["old", "red"]}, {"tags": ["blue"]},
                        "the tag “red” or “pump”", {"any": []}),
    "metadata": Example({"site": "north"}, {"metadata": {"site": "north", "floor": 2}},
                        {"metadata": {"site": "south"}}, "site “north”", ["site"]),
    "metadata object": Example({"size": {"gte": 1, "unit": "cm"}}, {"metadata": {"size": {"gte": 1, "unit": "cm"}}},
                               {"metadata": {"size": 5}}, "size “{'gte': 1, 'unit': 'cm'}”", "size"),
    "metadata any": Example({"site": {"any": ["north", 7, True]}}, {"metadata": {"site": ["east", "7"]}},
                            {"metadata": {"site": "west"}}, "site “north” or “7” or “true”", {"site": {"any": "x"}}),
    "metadata numbers": Example({"year": {"gte": 1990, "lt": 2000}}, {"metadata": {"year": "1999"}},
                                {"metadata": {"year": 2000}}, "year from 1990 below 2000",
                                {"year": {"gte": 1990, "gt": 1990}}),
    "metadata dates": Example({"seen": {"lte": "2026-01-31"}}, {"metadata": {"seen": "2026-01-31T23:59:00Z"}},
                              {"metadata": {"seen": "2026-02-01"}}, "seen up to 2026-01-31",
                              {"seen": {"gte": 1, "lte": "2026-01-31"}}),
    "language": Example({"any": ["german", "french"]}, {"collection__language": "german"},
                        {"collection__language": "english"}, "the language “german” or “french”", ["german"]),
    "has_images": Example(True, {"images": 2}, {"images": 0}, "pictures", 1),
    "has_images false": Example(False, {"images": 0}, {"images": 1}, "no pictures", ""),
    "created_at": Example({"lt": "2000-01-01"}, {"created_at": datetime(1999, 12, 31, tzinfo=UTC)},
                          {"created_at": datetime(2000, 1, 1, tzinfo=UTC)},
                          "the date when it was created below 2000-01-01", {"gte": 5}),
    "updated_at": Example({"gt": "2000-01-01"}, {"updated_at": datetime(2000, 1, 2, tzinfo=UTC)},
                          {"updated_at": datetime(2000, 1, 1, 12, tzinfo=UTC)},
                          "the date when it was changed above 2000-01-01", {"from": "2000-01-01"}),
}  # fmt: skip


def _documents(collection: Collection, fields: dict[str, Any]) -> list[Passage]:
    """Three documents; their dates are set behind saving, which says now. A language makes a collection of its own.

    `images` is how many pictures each of them has.
    """
    fields = dict(fields)
    images = fields.pop("images", 0)
    if language := fields.get("collection__language"):
        collection = make_collection(language)
        Collection.objects.filter(pk=collection.pk).update(language=language)
        return make_documents(collection, 3)
    passages = make_documents(collection, 3, **fields)
    if fields:
        Document.objects.filter(passages__in=passages).update(**fields)
    for ordinal in range(images):
        blob = blob_store(f"picture {ordinal}".encode(), "image/png")
        DocumentImage.objects.bulk_create(
            DocumentImage(document_id=passage.document_id, ordinal=ordinal, blob=blob) for passage in passages
        )
    return passages


def _name(example: str) -> str:
    return example.partition(" ")[0]


def test_every_filter_has_an_example_here() -> None:
    assert {_name(example) for example in EXAMPLES} == set(FILTERS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_filter_leaves_what_it_asks_for(name: str) -> None:
    example, version, collection = EXAMPLES[name], make_version(dim=16), make_collection()
    wanted = _documents(collection, example.found)
    store(version, wanted + _documents(collection, example.not_found), clustered(6, 16, seed=1))

    found = run(
        version, scope_of(version, Collection.objects.all(), **{_name(name): example.asked}), wanted=10
    )

    assert {unit.document_id for unit in found.units} == {passage.document_id for passage in wanted}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_filters_sql_is_that_of_the_index_too(name: str) -> None:
    version, collection = make_version(dim=16), make_collection()
    scope, plan = scope_of(version, [collection], **{_name(name): EXAMPLES[name].asked}), Plan("ann", 48, 48)

    (condition, *_) = filters_conditions(scope.filters)
    assert condition.rows in explain(by_index(scope, 16, plan), version, scope, plan)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_value_of_another_shape_is_refused(name: str) -> None:
    check_filters({_name(name): EXAMPLES[name].asked})

    with pytest.raises(AppError) as refusal:
        check_filters({_name(name): EXAMPLES[name].refused})
    assert refusal.value.id == "parameter.invalid"
    assert f"{_name(name)}" in refusal.value.message


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_person_reads_what_was_asked_for(name: str) -> None:
    assert filters_described({_name(name): EXAMPLES[name].asked}) == EXAMPLES[name].words


def test_an_empty_filter_asks_for_nothing_and_order_does_not_matter() -> None:
    both = {"metadata": {"a": 1}, "tags": ["x"]}
    assert list(filters_set(both)) == list(filters_set(dict(reversed(both.items())))) == ["tags", "metadata"]
    assert filters_set({"tags": [], "metadata": {}}) == {}
    assert filters_set({"has_images": False}) == {"has_images": False}
    assert filters_described({}) == ""
