"""Mappings from outside: whatever somebody sends is read as one, or refused with an error that says why."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrieval_site.errors import AppError
from search.importers.mapped import read_mapped
from search.importers.mapping import FIELDS, KeptMappings, TableMapping, mapping_from_text, read_mapping
from search.importers.table_files import text_rows
from search.importers.table_heads import mapping_of_text
from search.importers.types import EXTRA_COLUMNS, Reading, Record, Rejected
from search.services.document_fields import check_record
from search.views.curating.mapping_form import FIELDS as FORM_FIELDS
from search.views.curating.mapping_form import TYPES, MappingForm, preview_of
from workers.error_table import ERRORS
from workers.jobs.services import storable

ROWS_MAX = 50
NAMES = ("Nr", "Name", " name ", "Text", "Preis", "", "column 1", "Nr (2)", "x" * 300, "\ud800", "a\0b", "İ")
CELLS = (
    "", "7", "-1,5", "1e999", "9" * 60, "3/4/2026", "31.02.2026", "2026-13-01", "ja", "a|b", '{"a": 1}', '{"a":',
    "[" * 200, '{"a": NaN}', '"open', "\0", "\\ud800", "+2AA-", "é", "\x85", " ",
)  # fmt: skip
ENCODINGS = (
    "", "cp1252", "utf-8", "utf-16", "utf-7", "raw_unicode_escape", "unicode_escape", "charmap", "idna", "punycode",
    "undefined", "zlib", "rot13", "mbcs", "cp037", "utf-8-sig", "a\0b", "../x", "\ud800", "e" * 300, "iso2022_jp", "hz",
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(NAMES),
)
nonsense = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.one_of(
    st.sampled_from((*FIELDS, "metadata.a", "metadata.", "metadata." + "k" * 300, "a\0")), nonsense
)
columns = st.fixed_dictionaries(
    {"column": st.one_of(st.sampled_from(NAMES), nonsense)},
    optional={
        "field": fields,
        "with_name": st.one_of(st.booleans(), nonsense),
        "separator": st.one_of(st.sampled_from(("", "|", ";;", " ", "-" * 6)), nonsense),
        "type": st.one_of(st.sampled_from(("string", "number", "date", "boolean")), nonsense),
        "dates": st.one_of(st.sampled_from(("dmy", "mdy")), nonsense),
        "decimal": st.one_of(st.sampled_from((".", ",")), nonsense),
    },
)
hostile = st.one_of(
    nonsense,
    st.fixed_dictionaries(
        {"columns": st.one_of(st.lists(columns, max_size=4), nonsense)},
        optional={
            "header": st.one_of(st.integers(-1, 60), nonsense),
            "sheets": nonsense,
            "encoding": st.one_of(st.sampled_from(ENCODINGS), nonsense),
            "delimiter": st.one_of(st.sampled_from(("", ",", ";", "\t", "|", "\n", "::")), nonsense),
            "more": nonsense,
        },
    ),
)
sound = st.builds(
    lambda columns, more: {"columns": [{"column": "Name", "field": "title"}, *columns], **more},
    st.lists(
        st.fixed_dictionaries(
            {"column": st.sampled_from(("Nr", "Text", "Preis"))},
            optional={
                "field": st.sampled_from((*FIELDS, "metadata.a")),
                "with_name": st.booleans(),
                "separator": st.sampled_from(("", "|", " ")),
                "type": st.sampled_from(("string", "number", "date", "boolean")),
                "decimal": st.sampled_from((".", ",")),
            },
        ),
        max_size=3,
        unique_by=lambda one: one["column"],
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "header": st.integers(0, 3),
            "encoding": st.sampled_from(ENCODINGS),
            "delimiter": st.sampled_from(("", ",", ";")),
        },
    ),
)
tables = st.builds(
    lambda rows, encoding: "\n".join(["Nr,Name,Text,Preis", *map(",".join, rows)]).encode(
        encoding, "replace"
    ),
    st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=5), max_size=4),
    st.sampled_from(("utf-8", "cp1252", "utf-16", "cp037")),
)


def told(error: AppError) -> None:
    """The error is one of the table's, and its sentence can be sent, kept and printed."""
    assert error.id in ERRORS, error.id
    json.dumps(storable(error.message), ensure_ascii=False).encode()
    json.dumps(error.detail)


def refused(error: AppError) -> None:
    """It is the mapping that is refused, and what is said of it holds nothing that no text has."""
    assert error.id == "import.mapping_invalid"
    assert storable(error.message) == error.message


def kept_or_refused(record: Record) -> None:
    """What a row became can be stored, or its document is refused."""
    try:
        check_record(record.external_id, record.fields, ())
    except AppError as error:
        told(error)
    else:
        written = json.dumps([record.external_id, vars(record.fields)], ensure_ascii=False, allow_nan=False)
        assert storable(written) == written


@given(hostile)
def test_a_mapping_is_read_or_refused(values: Any) -> None:
    try:
        mapping = read_mapping(values)
    except AppError as error:
        refused(error)
    else:
        assert read_mapping(json.loads(json.dumps(mapping.to_json()))) == mapping


@given(
    st.one_of(
        st.text(max_size=40), hostile.map(json.dumps), st.sampled_from(("[" * 10_000, '{"columns":' * 9_000))
    )
)
def test_a_mapping_that_was_written_down_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(mapping_from_text(text), TableMapping)
    except AppError as error:
        refused(error)


@given(sound, tables, st.sampled_from(EXTRA_COLUMNS))
def test_every_table_gives_documents_or_reasons(values: Any, table: bytes, extra_columns: Any) -> None:
    try:
        mapping = read_mapping(values)
        assert mapping_of_text(io.BytesIO(table), KeptMappings(said=mapping)) == mapping
        mapping_of_text(io.BytesIO(table), KeptMappings((mapping,)))
        rows = text_rows(io.BytesIO(table), mapping)
        for item in itertools.islice(
            read_mapped(rows, mapping, Reading(extra_columns=extra_columns)), ROWS_MAX
        ):
            assert isinstance(item, Record | Rejected)
            if isinstance(item, Rejected):
                assert all(one.error_id in ERRORS and storable(one.reason) for one in item.problems)
            else:
                kept_or_refused(item)
    except AppError as error:
        told(error)


forms = st.dictionaries(
    st.sampled_from(
        [
            f"{name}-{at}"
            for name in ("field", "type", "name", "separator", "with-name")
            for at in (0, 1, "x", 99)
        ]
        + ["header", "header-was", "only"]
    ),
    st.one_of(
        st.sampled_from([value for value, _ in (*FORM_FIELDS, *TYPES)]),
        st.sampled_from(("0", "1", "2", "-1", "²", "9" * 9, "\ud800", "a\0b", "k" * 300)),
        st.text(max_size=5),
    ),
)


@given(forms, st.lists(st.sampled_from(CELLS), min_size=2, max_size=2), st.integers(0, 1))
def test_whatever_the_form_sends_is_shown_again_or_refused(
    posted: Any, cells: list[str], header: int
) -> None:
    rows = [["line 1", ["Nr", "Name"], {}], ["line 2", cells, {}]]
    table = {"rows": rows, "header": header, "name": "", "sheet": "", "encoding": "", "delimiter": ""}
    form = MappingForm.of_post(posted, table)
    assert len(form.columns) <= 2 * len(rows)
    try:
        preview_of(form, [])
        mapping = form.mapping(table)
    except AppError as error:
        told(error)
    else:
        assert read_mapping(mapping).to_json() == mapping
