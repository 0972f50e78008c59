"""Import files read: every format, every kind of damage, by line."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from retrieval_site.errors import AppError
from search.importers import files as files_module
from search.importers.source import open_import
from search.importers.types import ImportOptions, Record, Rejected
from tests.hostile.fuzzing.archives import Member, Tail, archive
from workers.inference.errors import PictureError


def png(colour="red", size=(12, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path: Path):
    """Write bytes (or a zip of members, or a folder) and read them back as (format, items)."""

    def run(content, **options):
        path = tmp_path / "upload"
        if isinstance(content, dict):
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, data in content.items():
                    archive.writestr(name, data)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with open_import(path, ImportOptions(**options)) as source:
            return source.format, list(source.items())

    return run


def problems(items) -> list[tuple[str, str]]:
    return [
        (item.where, problem.error_id)
        for item in items
        if isinstance(item, Rejected)
        for problem in item.problems
    ]


def records(items) -> list[Record]:
    return [item for item in items if isinstance(item, Record)]


def test_json_lines_with_everything(read):
    line = {
        "external_id": "p-1", "title": "Pump", "body": "It leaks.", "url": "https://x.org/1", "tags": ["a", " a", ""],
        "metadata": {"kind": "pump", "n": 1.5}, "images": ["a.png", {"file": "b.png", "alt": "side"}],
    }  # fmt: skip
    found, items = read(json.dumps(line) + "\n\n" + json.dumps({"id": 7, "text": "Short.", "title": None}))
    assert found == "jsonl"
    first, second = records(items)
    assert (first.external_id, first.fields.tags, first.fields.metadata["n"]) == ("p-1", ("a",), 1.5)
    assert [(picture.name, picture.alt) for picture in first.pictures] == [("a.png", ""), ("b.png", "side")]
    assert (second.external_id, second.fields.body, second.where) == ("7", "Short.", "line 3")


def test_every_bad_line_is_named_with_all_that_is_wrong_and_good_ones_still_come(read):
    lines = [
        '{"external_id": "ok", "title": "t"}',
        "{not json",
        "[1, 2]",
        '{"title": "no id"}',
        '{"external_id": "x", "colour": "red", "tags": "a,b"}',
        '{"external_id": true, "metadata": []}',
        '{"external_id": "n", "metadata": {"x": NaN}}',
        '{"external_id": "ok", "title": "again"}',
        '{"external_id": "i", "images": "a.png"}',
        "[" * 100_000,
    ]
    _, items = read("\n".join(lines))
    assert [record.external_id for record in records(items)] == ["ok"]
    assert problems(items) == [
        ("line 2", "import.line_not_json"),
        ("line 3", "import.line_not_json"),
        ("line 4", "import.missing_external_id"),
        ("line 5", "import.unknown_field"),
        ("line 5", "import.field_wrong_type"),
        ("line 6", "import.field_wrong_type"),
        ("line 6", "import.field_wrong_type"),
        ("line 7", "import.line_not_json"),
        ("line 8", "import.duplicate_external_id"),
        ("line 9", "import.field_wrong_type"),
        ("line 10", "import.too_deep"),
    ]
    assert "line 1" in items[7].problems[0].reason


def test_a_byte_order_mark_is_skipped_and_latin1_is_named_by_line_and_byte(read):
    content = b'\xef\xbb\xbf{"id": "a", "title": "gr\xc3\xbcn"}\n{"id": "b", "title": "gr\xfcn"}\n{"id": "c"}'
    _, items = read(content)
    assert [record.external_id for record in records(items)] == ["a", "c"]
    assert problems(items) == [("line 2", "import.not_utf8")]
    assert "0xfc" in items[1].problems[0].reason


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_text_in_any_unicode_encoding_and_with_any_line_ends_is_read(read, encoding, line_end, mark):
    files = {
        "csv": "external_id,title\n1,Prüfstück\n2,Ventil\n",
        "jsonl": '{"id": 1, "title": "Prüfstück"}\n\n{"id": 2, "title": "Ventil"}',
        "json": '[\n{"id": 1, "title": "Prüfstück"},\n{"id": 2, "title": "Ventil"}]\n',
    }
    for kind, text in files.items():
        found, items = read((mark + text).replace("\n", line_end).encode(encoding))
        assert found == kind
        assert [(r.external_id, r.fields.title) for r in items] == [("1", "Prüfstück"), ("2", "Ventil")]


def test_utf16_that_ends_in_half_a_character_or_half_a_pair_is_named_by_its_line(read):
    good = '{"id": "a", "title": "x"}\n{"id": "b", "title": "y"}\n'.encode("utf-16")
    for bad in (b"{", '{"id": "\ud800"}'.encode("utf-16-le", "surrogatepass")):
        _, items = read(good + bad)
        assert [r.external_id for r in records(items)] == ["a", "b"]
        assert problems(items) == [("line 3", "import.not_utf8")]


def test_a_line_too_long_is_passed_over_without_being_held(read, monkeypatch):
    monkeypatch.setattr("workers.formats.lines.LINE_BYTES_MAX", 100)
    _, items = read('{"id": "a"}\n{"id": "b", "body": "' + "x" * 1000 + '"}\n{"id": "c"}\n')
    assert [record.external_id for record in records(items)] == ["a", "c"]
    assert problems(items) == [("line 2", "import.line_too_long")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_any_usual_delimiter(read, delimiter):
    rows = [
        ["ID", "title", "Body", "tags", "metadata.kind", "metadata", "images"],
        ["1", "Pump", '"A quoted\nbody"', "a|b", "pump", '"{""n"": 1}"', "x.png|y.png"],
        ["2", "Valve", "", "", "", "", ""],
    ]
    found, items = read("\n".join(delimiter.join(row) for row in rows))
    assert found == "csv"
    first, second = records(items)
    assert first.fields.body == "A quoted\nbody"
    assert first.fields.tags == ("a", "b")
    assert first.fields.metadata == {"kind": "pump", "n": 1}
    assert [picture.name for picture in first.pictures] == ["x.png", "y.png"]
    assert (second.where, second.fields.metadata) == ("line 4", {})


def test_csv_rows_that_do_not_fit_are_named(read):
    content = b'external_id,title,metadata\n1,a,{}\n2,b\n3,c,[1]\n4,gr\xfcn,\n5,e,not\n6,"f" x,\n7,g,\n'
    _, items = read(content)
    assert [record.external_id for record in records(items)] == ["1", "7"]
    assert problems(items) == [
        ("line 3", "import.wrong_cell_count"),
        ("line 4", "import.field_wrong_type"),
        ("line 5", "import.not_utf8"),
        ("line 6", "import.field_wrong_type"),
        ("line 7", "import.line_not_csv"),
    ]


@pytest.mark.parametrize(
    ("header", "error_id"),
    [
        ("external_id,colour", "import.unknown_field"),
        ("title,body", "import.missing_external_id"),
        ("id,external_id", "import.column_twice"),
        (b"external_id,gr\xfcn", "import.not_utf8"),
    ],
)
def test_a_csv_header_that_cannot_be_used_is_refused(read, header, error_id):
    with pytest.raises(AppError) as refused:
        read(header, format="csv")
    assert refused.value.id == error_id


CAPTIONS = "a.jpg#0\tA red pump .\na.jpg#1\tA pump .\nbroken\nb.jpg#0\tA valve .\n"


def test_captions_as_documents_of_their_own(read):
    found, items = read(CAPTIONS)
    assert found == "captions"
    assert [(r.external_id, r.fields.body) for r in records(items)] == [
        ("a.jpg#0", "A red pump ."),
        ("a.jpg#1", "A pump ."),
        ("b.jpg#0", "A valve ."),
    ]
    assert records(items)[0].fields.metadata == {"picture": "a.jpg"}
    assert problems(items) == [("line 3", "import.line_not_caption")]


def test_captions_as_one_document_per_picture(read):
    _, items = read(CAPTIONS, per="picture")
    first, second = records(items)
    assert (first.external_id, first.fields.body) == ("a.jpg", "A red pump .\nA pump .")
    assert first.pictures[0].name == "a.jpg"
    assert second.external_id == "b.jpg"
    assert problems(items) == [("line 3", "import.line_not_caption")]


COCO = {
    "info": {"year": 2014},
    "images": [{"id": 9, "file_name": "a.jpg"}, {"id": 10, "file_name": "b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 9, "caption": " A cat. "},
        {"id": 2, "image_id": 10, "caption": "A dog."},
        {"id": 3, "image_id": 9, "caption": "Black cat."},
        {"id": 4, "image_id": 77, "caption": "Nobody's."},
    ],
}


KAGGLE = 'image,caption\na.jpg,A red pump .\na.jpg,"A pump , red ."\nb.jpg,A valve .\nb.jpg,\nb.jpg,A tap .\n'


def test_kaggles_table_of_captions_is_read_as_flickrs_lines_are(read):
    found, items = read(KAGGLE)
    assert found == "captions"
    assert [(r.external_id, r.fields.body) for r in records(items)] == [
        ("a.jpg#0", "A red pump ."),
        ("a.jpg#1", "A pump , red ."),
        ("b.jpg#0", "A valve ."),
        ("b.jpg#1", "A tap ."),
    ]
    assert problems(items) == [("line 5", "import.line_not_caption")]


def test_kaggles_zip_gives_its_pictures_their_captions(read):
    table = 'image,caption\na.jpg,A red pump .\na.jpg,"A pump , red ."\nb.jpg,A valve .\n'
    members = {"Images/a.jpg": png(), "Images/b.jpg": png("blue"), "captions.txt": table}
    found, items = read(members)
    assert found == "zip"
    assert [(r.external_id, r.fields.body, r.pictures[0].name) for r in records(items)] == [
        ("a.jpg", "A red pump .\nA pump , red .", "a.jpg"),
        ("b.jpg", "A valve .", "b.jpg"),
    ]


@pytest.mark.parametrize("indent", [None, 1])
def test_coco_captions(read, indent):
    found, items = read(json.dumps(COCO, indent=indent))
    assert found == "coco"
    assert [(r.external_id, r.fields.body) for r in records(items)] == [
        ("a.jpg#1", "A cat."),
        ("b.jpg#2", "A dog."),
        ("a.jpg#3", "Black cat."),
    ]
    assert problems(items) == [("annotation 4", "import.annotation_incomplete")]
    _, items = read(json.dumps(COCO, indent=indent), per="picture")
    assert [(r.external_id, r.fields.body) for r in records(items)] == [
        ("a.jpg", "A cat.\nBlack cat."),
        ("b.jpg", "A dog."),
    ]


KARPATHY = {
    "images": [
        {"filename": "a.jpg", "split": "val", "sentences": [{"raw": "A cat."}, {"raw": "Black cat."}]},
        {"filename": "b.jpg", "split": "train", "sentences": [{"raw": "A dog."}]},
        {"split": "train"},
    ],
    "dataset": "flickr8k",
}


@pytest.mark.parametrize("indent", [None, 1])
def test_karpathy_splits(read, indent):
    found, items = read(json.dumps(KARPATHY, indent=indent))
    assert found == "karpathy"
    assert [r.external_id for r in records(items)] == ["a.jpg#0", "a.jpg#1", "b.jpg#0"]
    assert records(items)[0].fields.metadata == {"picture": "a.jpg", "split": "val"}
    assert problems(items) == [("image 3", "import.annotation_incomplete")]
    _, items = read(json.dumps(KARPATHY, indent=indent), per="picture")
    assert [(r.external_id, r.fields.metadata) for r in records(items)] == [
        ("a.jpg", {"split": "val"}),
        ("b.jpg", {"split": "train"}),
    ]


def test_a_json_file_that_ends_early_gives_what_came_before_and_says_so(read):
    _, items = read(json.dumps(KARPATHY)[:150], format="karpathy")
    assert records(items)[0].external_id == "a.jpg#0"
    assert problems(items) == [("line 1 and all behind it", "import.not_json")]
    _, items = read(json.dumps(COCO)[:150], format="coco")
    assert problems(items) == [("line 1 and all behind it", "import.not_json")]


def test_a_json_list_of_documents(read):
    found, items = read('[{"id": 1, "title": "a", "metadata": {"x": 0.5}}, 7]')
    assert found == "json"
    assert records(items)[0].fields.metadata == {"x": 0.5}
    assert problems(items) == [("entry 2", "import.line_not_json")]


def test_a_zip_with_documents_and_pictures(tmp_path, read):
    content = {
        "set/documents.jsonl": '{"id": "a", "images": ["one.png"]}\n{"id": "b", "images": ["none.png"]}\n',
        "set/images/one.png": png(),
        "__MACOSX/set/._documents.jsonl": b"junk",
        "set/.DS_Store": b"junk",
    }
    found, items = read(content)
    assert found == "zip"
    assert [r.external_id for r in records(items)] == ["a", "b"]
    with open_import(tmp_path / "upload", ImportOptions()) as source:
        assert source.files.picture("one.png") == png()
        with pytest.raises(PictureError, match=r"import\.image_missing"):
            source.files.picture("none.png")


def test_a_zip_of_pictures_alone_makes_a_document_of_each(read):
    _, items = read({"b.png": png(), "a/c.png": png("blue"), "readme.txt": "hello"})
    assert [(r.external_id, r.pictures[0].name) for r in records(items)] == [
        ("a/c.png", "a/c.png"),
        ("b.png", "b.png"),
    ]


def test_a_folder_with_captions(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(png())
    (tmp_path / "captions.txt").write_text("a.jpg#0\tA pump .\n")
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    with open_import(tmp_path, ImportOptions(per="picture")) as source:
        (record,) = source.items()
        assert (source.format, record.external_id) == ("folder", "a.jpg")
        assert source.files.picture("a.jpg") == png()
        for hostile in ("../../etc/passwd", "/etc/passwd", "link.png"):
            with pytest.raises(PictureError, match=r"import\.image_missing"):
                source.files.picture(hostile)
        assert "link.png" not in set(source.files.names())


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "/abs.png",
        "a/../../b.png",
        "..\\evil.png",
        "a\\..\\..\\b.png",
        "C:\\a.png",
        "\\\\host\\a.png",
    ],
)
def test_a_zip_with_unsafe_names_is_refused(read, name):
    with pytest.raises(AppError, match=r"import\.zip_unsafe_name"):
        read({name: png()})


def test_a_zip_with_a_member_without_a_name_is_refused(tmp_path):
    path = tmp_path / "nameless.zip"
    path.write_bytes(archive([Member("", b"x")], Tail()))
    with pytest.raises(AppError, match=r"import\.zip_unsafe_name"), open_import(path, ImportOptions()):
        pass


def test_a_zip_bomb_is_refused_by_its_directory(read):
    with pytest.raises(AppError, match=r"import\.zip_ratio"):
        read({"documents.jsonl": b"0" * 20_000_000})


def test_a_zip_that_lies_about_a_pictures_size_is_read_no_further_than_the_limit(
    read, monkeypatch, tmp_path, settings
):
    read({"a.png": png(size=(300, 300))})
    settings.CONFIG = replace(settings.CONFIG, picture_max_bytes=100)
    opened = open_import(tmp_path / "upload", ImportOptions())
    with opened as source, pytest.raises(PictureError, match=r"image\.too_large"):
        source.files.picture("a.png")


def test_too_many_files_the_same_name_twice_and_no_zip_at_all_are_refused(read, monkeypatch, recwarn):
    with pytest.raises(AppError, match=r"import\.not_a_zip"):
        read(b"PK\x03\x04 and then nothing")
    monkeypatch.setattr(files_module, "FILES_MAX", 1)
    with pytest.raises(AppError, match=r"import\.too_many_files"):
        read({"a.png": png(), "b.png": png()})


def test_a_damaged_member_is_one_bad_picture(read, tmp_path):
    read({"a.png": png(size=(64, 64))})
    data = bytearray((tmp_path / "upload").read_bytes())
    at = data.index(b"a.png") + 12
    data[at : at + 8] = b"\xff" * 8
    (tmp_path / "upload").write_bytes(data)
    opened = open_import(tmp_path / "upload", ImportOptions())
    with opened as source, pytest.raises(AppError, match=r"import\.zip_damaged"):
        source.files.picture("a.png")


def test_an_unknown_format_by_name_is_refused(read):
    with pytest.raises(AppError, match=r"import\.unknown_format"):
        read("x", format="xml")


def test_a_damaged_document_file_in_a_zip_gives_what_could_be_read_and_says_so(read, tmp_path):
    lines = "".join(
        json.dumps({"id": n, "body": f"{n * 7919:x} and {n * 104729:x}"}) + "\n" for n in range(20_000)
    )
    read({"documents.jsonl": lines})
    data = bytearray((tmp_path / "upload").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = b"\xff" * 200
    _, items = read(bytes(data))
    assert len(records(items)) > 1000
    assert problems(items)[-1] == ("rest of the file", "import.zip_damaged")
