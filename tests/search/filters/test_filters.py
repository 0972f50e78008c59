"""Every filter, by one document that it finds, one that it does not, and a value that it refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from retrieval_site.errors import AppError
from search.filters.registry import FILTERS, check_filters, filters_described, filters_set
from search.retrieval.statements import by_index
from search.retrieval.types import Plan
from tests.support.corpus import clustered, make_collection, make_documents, make_version, store
from tests.support.searched import explain, run, scope_of

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
    "metadata": Example({"site": "north"}, {"metadata": {"site": "north", "floor": 2}},
                        {"metadata": {"site": "south"}}, "site “north”", ["site"]),
}  # fmt: skip


def test_every_filter_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(FILTERS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_filter_leaves_what_it_asks_for(name: str) -> None:
    example, version, collection = EXAMPLES[name], make_version(dim=16), make_collection()
    wanted = make_documents(collection, 3, **example.found)
    store(version, wanted + make_documents(collection, 3, **example.not_found), clustered(6, 16, seed=1))

    found = run(version, scope_of(version, [collection], **{name: example.asked}), wanted=10)

    assert {unit.document_id for unit in found.units} == {passage.document_id for passage in wanted}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_filters_sql_is_that_of_the_index_too(name: str) -> None:
    version, collection = make_version(dim=16), make_collection()
    scope, plan = scope_of(version, [collection], **{name: EXAMPLES[name].asked}), Plan("ann", 48, 48)

    assert "search_document document" in explain(by_index(scope, 16, plan), version, scope, plan)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_value_of_another_shape_is_refused(name: str) -> None:
    check_filters({name: EXAMPLES[name].asked})

    with pytest.raises(AppError) as refusal:
        check_filters({name: EXAMPLES[name].refused})
    assert refusal.value.id == "parameter.invalid"
    assert f"“{name}”" in refusal.value.message


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_person_reads_what_was_asked_for(name: str) -> None:
    assert filters_described({name: EXAMPLES[name].asked}) == EXAMPLES[name].words


def test_an_empty_filter_asks_for_nothing_and_order_does_not_matter() -> None:
    both = {"metadata": {"a": 1}, "tags": ["x"]}
    assert list(filters_set(both)) == list(filters_set(dict(reversed(both.items())))) == ["tags", "metadata"]
    assert filters_set({"tags": [], "metadata": {}}) == {}
    assert filters_described({}) == ""
