"""What columns are guessed to be, by names in three languages and by what is in them; and what cells say."""

from __future__ import annotations

import pytest

from search.importers.cells import boolean_in, date_in, number_in
from search.importers.guessing import guessed_columns, header_of
from workers.formats.rows import Row


def rows(*cells: list[str]) -> list[Row]:
    return [Row(f"line {number}", one) for number, one in enumerate(cells, start=1)]


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (["Inventar-Nr.", "Titel", "Beschreibung", "Schlagwörter", "Datum", "Sprache"],
         ["external_id", "title", "body", "tags", "date", "language"]),
        (["ID", "Title", "Description", "Keywords", "Created at", "URL"],
         ["external_id", "title", "body", "tags", "date", "url"]),
        (["Signatura", "Titulus", "Textus", "Verba", "Lingua", "Imago"],
         ["external_id", "title", "body", "tags", "language", "images"]),
        (["No", "Name", "Name (2)", "Raum"], ["external_id", "title", "metadata.name_2", "metadata.raum"]),
    ],
)  # fmt: skip
def test_names_in_three_languages_say_what_columns_are(names, fields):
    assert [one.field for one in guessed_columns(rows(names), 1)] == fields


def test_contents_say_what_names_do_not():
    table = rows(
        ["a", "b", "c", "d", "e", "f", "g"],
        ["Pumpe", "https://x.example/1", "p.jpg", "rot; blau", "1.234,5", "12/31/2020", "ja"],
        ["Ventil", "https://x.example/2", "v.png", "rot; grün", "3,5", "1/2/2020", "nein"],
    )
    found = {one.column: one for one in guessed_columns(table, 1)}
    fields = [found[name].field for name in "abcdefg"]
    assert fields == ["title", "url", "images", "tags", "metadata.e", "metadata.f", "metadata.g"]
    assert (found["e"].type, found["e"].decimal) == ("number", ",")
    assert (found["f"].type, found["f"].dates) == ("date", "mdy")
    assert (found["g"].type, found["d"].separator) == ("boolean", ";")
    alone = guessed_columns(table, 1, with_pictures=False)
    assert alone[2].field == "metadata.c"


def test_numbers_with_zeros_before_them_stay_texts_and_the_longest_text_is_the_body():
    table = rows(
        ["plz", "x"], ["01067", "A text of some length that goes on and on, and on, and then some more."]
    )
    plz, text = guessed_columns(table, 1)
    assert (plz.type, text.field) == ("string", "body")


@pytest.mark.parametrize(
    ("table", "header"),
    [
        (rows(["Liste 2020"], ["Nr", "Name"], ["1", "a"]), 2),
        (rows(["Nr", "Name"], ["1", "a"]), 1),
        (rows(["1", "2020-01-01"], ["2", "2021-01-01"]), 0),
        (rows(["Foo", "Bar"], ["1", "2"]), 1),
        ([], 0),
    ],
)
def test_the_row_of_names_is_found(table, header):
    assert header_of(table) == header


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.234,50", ",", 1234.5), ("1,234.50", ".", 1234.5), ("1 234", ".", 1234), ("12,5", ",", 12.5),
        ("-3", ".", -3), ("1e3", ".", 1000.0), ("12a", ".", None), ("", ".", None), ("1,2,3", ",", None),
        ("9" * 50, ".", None), ("1e999", ".", None), ("٣", ".", None), ("1'000'000", ".", 1_000_000),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text, decimal, number):
    assert number_in(text, decimal) == number


@pytest.mark.parametrize(
    ("text", "order", "date"),
    [
        ("3.5.2020", "dmy", "2020-05-03"), ("3/5/2020", "dmy", "2020-05-03"), ("3/5/2020", "mdy", "2020-03-05"),
        ("3.5.2020", "mdy", "2020-05-03"), ("03.05.84", "dmy", "1984-05-03"), ("1.2.05", "dmy", "2005-02-01"),
        ("3. Mai 2020", "dmy", "2020-05-03"), ("May 3, 2020", "dmy", "2020-05-03"),
        ("7. März 1999", "dmy", "1999-03-07"),
        ("1984", "dmy", "1984"), ("1984-07", "dmy", "1984-07"), ("2020-05-03 10:11", "dmy", "2020-05-03T10:11"),
        ("2020/5/3", "dmy", "2020-05-03"), ("31.2.2020", "dmy", None), ("2020-13-01", "dmy", None),
        ("bald", "dmy", None),
    ],
)  # fmt: skip
def test_dates_are_read_as_people_write_them(text, order, date):
    assert date_in(text, order) == date


def test_yes_and_no():
    assert [boolean_in(text) for text in ("ja", "X", "No", "0", "vielleicht")] == [
        True,
        True,
        False,
        False,
        None,
    ]
