"""What tags and metadata are as values of fields."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from search.filters.values import moment_of, values_of


@pytest.mark.parametrize(
    ("stored", "type_", "text", "number"),
    [
        ("Wilo", "string", "Wilo", None),
        (1990, "number", "1990", 1990.0),
        (1990.0, "number", "1990", 1990.0),
        (0.25, "number", "0.25", 0.25),
        ("1990", "number", "1990", 1990.0),  # a cell of a table
        ("-3.5", "number", "-3.5", -3.5),
        ("007", "string", "007", None),
        ("1e5", "string", "1e5", None),
        ("١٩٩٠", "string", "١٩٩٠", None),
        (True, "boolean", "true", None),
        ("true", "string", "true", None),
    ],
)
def test_a_value_has_a_type_a_text_and_a_number_where_it_is_one(stored, type_, text, number) -> None:
    (value,) = values_of([], {"key": stored})
    assert (value.field, value.type, value.text, value.number) == ("metadata.key", type_, text, number)


@pytest.mark.parametrize("stored", [None, "", "x" * 201, {"a": 1}, [], [[1]], 10**400, float("inf")])
def test_what_cannot_be_chosen_is_no_value(stored) -> None:
    assert list(values_of([], {"key": stored})) == []


def test_tags_and_the_entries_of_a_list_are_a_value_each_and_once() -> None:
    found = [
        (value.field, value.text) for value in values_of(["a", "b", "a"], {"colours": ["red", "blue", "red"]})
    ]
    assert found == [("tags", "a"), ("tags", "b"), ("metadata.colours", "red"), ("metadata.colours", "blue")]


def test_a_document_gives_its_first_keys_and_no_key_that_is_too_long() -> None:
    assert len(list(values_of([], {f"k{n}": n for n in range(300)}))) == 200
    assert list(values_of([], {"k" * 195: 1, "": 1})) == []


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:30", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
        ("2026-01-31 10:30:05.5+02:00", datetime(2026, 1, 31, 8, 30, 5, 500000, tzinfo=UTC)),
        ("2026-01-31T10:30:00Z", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
        ("2026-02-31", None),
        ("2026-1-31", None),
        ("20260131", None),
        ("0001-01-01T00:00+14:00", None),
        ("2026-01-31 or so", None),
    ],
)
def test_an_iso_date_is_a_moment_in_utc(text, moment) -> None:
    assert moment_of(text) == moment
