"""CSV as spreadsheets, exports and people write it: what is read, and which lines are named where it cannot be."""

from __future__ import annotations

import pytest

from retrieval_site.errors import AppError
from search.importers.fields import KNOWN
from tests.search.importers import reading
from tests.search.importers.reading import documents, problems
from workers.formats import rows as rows_module


@pytest.fixture
def read(tmp_path):
    return lambda content, **options: reading.read(tmp_path / "table.csv", content, **options)


def rows(items) -> list[tuple[str, str, str]]:
    return [(d.external_id, d.fields.title, d.fields.body) for d in documents(items)]


TWO = [("1", "Pump", "runs"), ("2", "Valve", "ok")]


@pytest.mark.parametrize(
    "content",
    [
        "external_id,title,body\r1,Pump,runs\r2,Valve,ok\r",
        "external_id,title,body\r1,Pump,runs\r\n2,Valve,ok",
        "external_id,title,body\r\r\n1,Pump,runs\r\r\n2,Valve,ok\r\r\n",
        "sep=;\r\nexternal_id;title;body\r\n1;Pump;runs\r\n2;Valve;ok\r\n",
        '"sep=;"\nexternal_id;title;body\n1;Pump;runs\n2;Valve;ok\n',
        "SEP=\t\nexternal_id\ttitle\tbody\n1\tPump\truns\n2\tValve\tok\n",
        "\ufeffsep=,\nexternal_id,title,body\n1,Pump,runs\n2,Valve,ok\n",
        "sep=|\nexternal_id|title|body\n1|Pump|runs\n2|Valve|ok\n",
        "external_id|title|body\n1|Pump|runs\n2|Valve|ok\n",
        "external_id,title,body\n1,Pump,runs\n,,\n\n  , ,\t\n2,Valve,ok\n,,\n",
        '\n,,\n"",,\nexternal_id,title,body\n1,Pump,runs\n2,Valve,ok\n',
        "external_id,title,body,,,\n1,Pump,runs,,,\n2,Valve,ok, ,,\n",
        "external_id,title,body\n1,Pump,runs,,\n2,Valve,ok,\n",
        ",external_id,,title,body\n,1,,Pump,runs\n,2,,Valve,ok\n",
        "External ID , TITLE,  Body\n1,Pump,runs\n2,Valve,ok\n",
        "external-id;Title;text\n1;Pump;runs\n2;Valve;ok\n",
        '"external_id";"title";"body"\n"1";"Pump";"runs"\n"2";"Valve";"ok"',
        '"external\nid",title,body\n1,Pump,runs\n2,Valve,ok',
        "title;body;id\nPump;runs;1\nValve;ok;2",
    ],
)
def test_a_table_of_two_rows_is_read_however_it_was_written(read, content):
    items, warnings = read(content)
    assert (rows(items), problems(items), warnings) == (TWO, [], [])


def test_a_delimiter_is_known_by_the_names_that_it_makes_and_not_by_how_often_it_comes(read):
    items, _ = read('external_id;title;"metadata.a,b,c,d"\n1;Pump;x\n')
    assert documents(items)[0].fields.metadata == {"a,b,c,d": "x"}


def test_a_quoted_cell_may_go_over_lines_and_hold_anything(read):
    items, _ = read(
        'external_id,title,body\r\n1,"a ""quoted"", word","one\r\ntwo, three\r\n\r\nfour"\r\n2,b,c\r\n'
    )
    assert rows(items) == [("1", 'a "quoted", word', "one\ntwo, three\n\nfour"), ("2", "b", "c")]
    assert documents(items)[1].where == "line 6"


STRAY = {
    "never closed": ('2,"3"" pipe,ok\n3,c,d\n4,e,f\n', [("line 3", "import.line_not_csv")], ["1", "3", "4"]),
    "closed by the next row's": ('2,"3 pipe,ok\n3,"c",d\n4,e,f\n', [("line 3", "import.line_not_csv")],
                                 ["1", "3", "4"]),
    "at the start of a line": ('"2,pipe,ok\n"3",c,d\n4,e,f\n', [("line 3", "import.line_not_csv")], ["1", "3", "4"]),
    "in the last row": ('2,b,c\n3,"d,e\n', [("line 4", "import.line_not_csv")], ["1", "2"]),
    "in every row": ('2,"b,c\n3,"d,e\n4,"f,g\n',
                     [(f"line {n}", "import.line_not_csv") for n in (3, 4, 5)], ["1"]),
    "inside of a cell over lines": ('2,"b\nsays "so" here\nend",c\n5,d,e\n',
                                    [("lines 3 to 4", "import.line_not_csv"), ("line 5", "import.wrong_cell_count")],
                                    ["1", "5"]),
    "behind a word": ('2,5" pipe,ok\n3,c,d\n', [], ["1", "2", "3"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRAY)
def test_a_stray_quote_loses_its_own_row_which_is_named_and_the_rest_goes_on(read, kind):
    lines, lost, kept = STRAY[kind]
    items, _ = read(f"external_id,title,body\n1,a,b\n{lines}")
    assert problems(items) == lost
    assert [d.external_id for d in documents(items)] == kept


def test_lines_that_every_stray_quote_swallows_are_not_read_again_and_again(read, monkeypatch):
    taken = []
    line = rows_module._Feed.line
    monkeypatch.setattr(rows_module._Feed, "line", lambda feed: taken.append(1) or line(feed))
    count = 3000
    items, _ = read("external_id,title\n" + 'x","y\n' * count)
    assert len(problems(items)) == count
    assert len(taken) < count * (rows_module.REREADS_MAX + 4)


@pytest.mark.parametrize(
    ("row", "error_id"),
    [
        ("1,a", "import.wrong_cell_count"),
        ("1,a,b,c", "import.wrong_cell_count"),
        ("1,a,b,,c", "import.wrong_cell_count"),
        ("1,gr\xfcn,b", "import.not_utf8"),
    ],
)
def test_a_ragged_or_unreadable_row_is_named_and_the_others_are_read(read, row, error_id):
    items, _ = read(b"external_id,title,body\n0,x,y\n" + row.encode("latin-1") + b"\n2,z,w\n")
    assert problems(items) == [("line 3", error_id)]
    assert [d.external_id for d in documents(items)] == ["0", "2"]


def test_a_very_long_field_is_read_and_one_beyond_all_bounds_is_named(read):
    items, _ = read(f"external_id,title,body\n1,a,{'x' * 1_500_000}\n2,b,{'y' * 17_000_000}\n3,c,d\n")
    assert problems(items) == [("line 3", "import.line_too_long")]
    assert [len(d.fields.body) for d in documents(items)] == [1_500_000, 1]


def test_only_names_of_columns_are_no_documents(read):
    assert read("external_id,title,body") == ([], [])


def test_a_column_named_twice_is_named(read):
    with pytest.raises(AppError, match=r"import\.column_twice.*title"):
        read("external_id,Title,title\n1,a,b\n")


def test_a_text_that_is_no_table_is_called_so(read):
    with pytest.raises(AppError, match=r"import\.format_unknown.*Dear Sir"):
        read("Dear Sir,\nplease find attached\n")


EXTRA = "external_id,title,kind,serial no,metadata.year\n1,Pump,leaking,7,1999\n2,Valve,,8,\n"


def test_columns_that_are_no_fields_are_refused_all_at_once_with_the_ways_out(read):
    with pytest.raises(AppError) as refused:
        read(EXTRA)
    assert refused.value.id == "import.unknown_field"
    assert refused.value.detail == {
        "line": 1,
        "columns": ["kind", "serial no"],
        "count": 2,
        "known": list(KNOWN),
        "example": "metadata.kind",
        "extra_columns": ["metadata", "ignore"],
    }
    assert "kind, serial no" in refused.value.message
    assert "extra_columns=metadata" in refused.value.message


def test_columns_that_are_no_fields_become_metadata_where_that_is_asked_for(read):
    items, warnings = read(EXTRA, extra_columns="metadata")
    assert [d.fields.metadata for d in documents(items)] == [
        {"kind": "leaking", "serial no": "7", "year": "1999"},
        {"serial no": "8"},
    ]
    assert warnings == []


def test_columns_that_are_no_fields_are_left_out_where_that_is_asked_for_and_named(read):
    items, (warning,) = read(EXTRA, extra_columns="ignore")
    assert [d.fields.metadata for d in documents(items)] == [{"year": "1999"}, {}]
    assert (warning.id, warning.detail) == ("import.columns_ignored", {"columns": ["kind", "serial no"]})
    assert warning.message.startswith("2 columns were ignored")


def test_a_column_without_a_name_may_be_empty_and_else_is_a_column_like_others(read):
    table = ",external_id,title\n0,1,Pump\n,2,Valve\n"
    items, _ = read(table)
    assert problems(items) == [("line 2", "import.unknown_field")]
    items, _ = read(table, extra_columns="metadata")
    assert [d.fields.metadata for d in documents(items)] == [{"column_1": "0"}, {}]
    items, (warning,) = read(table, extra_columns="ignore")
    assert (len(documents(items)), warning.detail) == (2, {"columns": ["column 1"]})


def test_a_column_that_would_become_metadata_twice_is_refused(read):
    with pytest.raises(AppError, match=r"import\.column_twice"):
        read("external_id,kind,metadata.kind\n1,a,b\n", extra_columns="metadata")


def test_keys_of_json_that_are_no_fields_are_refused_kept_or_left_out_alike(read):
    line = '{"id": 1, "title": "a", "kind": "pump", "n": 5, "metadata": {"year": 1999}}'
    for content in (line, f"[{line}]"):
        items, _ = read(content)
        assert [error_id for _, error_id in problems(items)] == ["import.unknown_field"] * 2
        (kept,) = documents(read(content, extra_columns="metadata")[0])
        assert kept.fields.metadata == {"year": 1999, "kind": "pump", "n": 5}
        items, (warning,) = read(content, extra_columns="ignore")
        assert documents(items)[0].fields.metadata == {"year": 1999}
        assert warning.detail == {"columns": ["kind", "n"]}


def test_a_key_beside_the_metadata_that_stands_in_it_too_is_refused(read):
    items, _ = read(
        '{"id": 1, "title": "a", "kind": "x", "metadata": {"kind": "y"}}', extra_columns="metadata"
    )
    assert problems(items) == [("line 1", "import.column_twice")]


def test_a_field_given_under_both_of_its_names_is_refused_instead_of_one_being_lost(read):
    items, _ = read(
        '{"id": 1, "external_id": "b", "text": "x", "body": "y"}\n{"id": null, "external_id": "c", "text": "t"}'
    )
    assert problems(items) == [("line 1", "import.column_twice")] * 2
    assert [d.external_id for d in documents(items)] == ["c"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[\n{"id": 1, "title": "a"},\n{"id": 2, "title": "b",},\n{"id": 3}\n]', 3),
        ('[\r{"id": 1, "title": "a"},\r]', 3),
        ('[{"id": 1, "title": "a"},\n{"id": 2, "title": NaN}]', 2),
        ("[" + '{"id": 1, "title": "a"},\n' + "\n" * 200_000 + "{'id': 2}]", 200_002),
    ],
)  # fmt: skip
def test_json_that_breaks_is_read_so_far_and_its_line_is_named(read, content, line):
    items, _ = read(content)
    assert [d.external_id for d in documents(items)] == ["1"]
    assert problems(items) == [(f"line {line} and all behind it", "import.not_json")]


def test_documents_over_several_lines_are_read_one_after_another(read):
    one = '{\n  "id": 1,\n  "title": "a"\n}\n'
    items, _ = read(one)
    assert [(d.external_id, d.fields.title) for d in documents(items)] == [("1", "a")]
    items, _ = read(one + one.replace("1", "2") + "{\n  broken")
    assert [d.external_id for d in documents(items)] == ["1", "2"]
    assert problems(items) == [("line 10 and all behind it", "import.not_json")]
