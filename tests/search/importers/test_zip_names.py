"""Names in zips as systems write them: a table's names find their pictures, and nothing leads out of the zip."""

from __future__ import annotations

import json
import unicodedata

import pytest

from retrieval_site.errors import AppError
from search.importers.source import open_import
from search.importers.types import ImportOptions
from tests.search.importers.reading import documents, png, raw_zip, read, unicode_path, zipped
from workers.inference.errors import PictureError

RED, BLUE = png("red"), png("blue")
UTF8_FLAG = 0x800


@pytest.fixture
def pictures_of(tmp_path):
    """Return each document's pictures, as bytes, or the id of what is wrong."""

    def found(content: bytes) -> list[object]:
        path = tmp_path / "a.zip"
        items, _ = read(path, content)
        with open_import(path, ImportOptions()) as source:
            return [_picture(source, ref.name) for document in documents(items) for ref in document.pictures]

    return found


def _picture(source, name):
    try:
        return source.picture(name)
    except PictureError as error:
        return error.id


def table(*names: str) -> str:
    return "".join(
        json.dumps({"id": n, "title": "t", "images": [name]}) + "\n" for n, name in enumerate(names)
    )


@pytest.mark.parametrize("wanted", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("folder", ["", "images/", "Größe/"])
def test_a_name_is_found_however_its_accents_are_composed(pictures_of, wanted, stored, folder):
    name = "Prüfstück é.png"
    names = (unicodedata.normalize(wanted, name), unicodedata.normalize(wanted, f"{folder}{name}"))
    members = {"documents.jsonl": table(*names), unicodedata.normalize(stored, f"{folder}{name}"): RED}
    assert pictures_of(zipped(members)) == [RED, RED]


CODED = [
    ("utf-8", "Prüfstück.png"),
    ("utf-8", "写真.png"),
    ("cp437", "Prüfstück.png"),
    ("cp850", "Prüfstück Á.png"),
    ("cp1252", "Prüfstück.png"),
    ("cp932", "写真.png"),
    ("cp932", "表示ソ.png"),  # the second byte of two of these is a backslash's
    ("gbk", "照片.png"),
    ("cp949", "사진.png"),
    ("cp866", "насос.png"),
]


@pytest.mark.parametrize(("encoding", "name"), CODED)
@pytest.mark.parametrize("folder", ["", "images/", "images\\"])
def test_a_name_without_a_word_on_its_encoding_is_found_by_the_tables(pictures_of, encoding, name, folder):
    members = [
        (b"documents.jsonl", table(name, f"images/{name}").encode()),
        (f"{folder}{name}".encode(encoding), RED),
        ("x/Ümlaut.png".encode(encoding, "replace"), BLUE),
    ]
    assert pictures_of(raw_zip(members)) == [RED, RED]


def test_names_alike_in_the_bytes_of_a_code_page_are_not_taken_for_each_other(pictures_of):
    members = [(b"documents.jsonl", table("ア.png").encode()), ("ヂ.png".encode("cp932"), RED)]
    assert pictures_of(raw_zip(members)) == ["import.image_missing"]


@pytest.mark.parametrize("flags", [0, UTF8_FLAG])
def test_the_unicode_path_field_tells_a_name(pictures_of, flags):
    raw = b"Pr_fst_ck.png"
    members = [(b"documents.jsonl", table("Prüfstück.png").encode()), (raw, RED)]
    extra = {raw: b"\x99\x99\x02\x00ab" + unicode_path(raw, "Prüfstück.png")}
    assert pictures_of(raw_zip(members, flags=flags, extra=extra)) == [RED]


def test_a_unicode_path_field_of_another_name_counts_for_nothing(pictures_of):
    members = [(b"documents.jsonl", table("a.png", "b.png").encode()), (b"a.png", RED)]
    extra = {b"a.png": unicode_path(b"was renamed.png", "b.png")}
    assert pictures_of(raw_zip(members, extra=extra)) == [RED, "import.image_missing"]


@pytest.mark.parametrize("name", [b"images\\a.png", b"images\\sub\\a.png", b".\\images\\a.png"])
def test_backslashes_part_folders(pictures_of, name):
    members = [
        (b"documents.jsonl", table("a.png", "images\\a.png").encode()),
        (b"images\\", b""),
        (name, RED),
    ]
    assert pictures_of(raw_zip(members))[0] == RED


UNSAFE = [b"..\\evil.png", b"a\\..\\..\\b.png", b"\\evil.png", b"\\\\host\\evil.png", b"C:\\evil.png", b"c:evil.png",
          b"a\\../b", b"../evil.png", b"/evil.png", b"a\0b.png"]  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_name_is_refused_whatever_its_separators(tmp_path, name):
    with pytest.raises(AppError, match=r"import\.zip_unsafe_name"):
        read(tmp_path / "a.zip", raw_zip([(b"a.png", RED), (name, RED)]))


@pytest.mark.parametrize("evil", ["../evil.png", "..\\evil.png", "/evil.png", "C:\\evil.png"])
def test_an_unsafe_name_in_a_unicode_path_field_is_refused(tmp_path, evil):
    content = raw_zip([(b"a.png", RED)], extra={b"a.png": unicode_path(b"a.png", evil)})
    with pytest.raises(AppError, match=r"import\.zip_unsafe_name"):
        read(tmp_path / "a.zip", content)


def test_two_members_that_are_one_after_their_separators_are_mended_are_refused(tmp_path):
    with pytest.raises(AppError, match=r"import\.zip_duplicate_name"):
        read(tmp_path / "a.zip", raw_zip([(b"a/b.png", RED), (b"a\\b.png", BLUE)]))


def test_another_case_is_found_where_it_is_the_only_one(pictures_of):
    members = {"documents.jsonl": table("IMG_1.JPG", "b.png", "B.PNG", "c.Png"), "img_1.jpg": RED, "b.png": RED,
               "B.png": BLUE, "x/c.png": RED, "y/C.png": BLUE}  # fmt: skip
    assert pictures_of(zipped(members)) == [RED, RED, "import.image_missing", "import.image_missing"]


def test_a_name_in_several_folders_is_the_one_near_the_table_else_must_be_given_with_its_folder(pictures_of):
    members = {
        "set/documents.jsonl": table("a.png", "b.png", "other/b.png", "images/b.png"),
        "set/images/a.png": RED,
        "other/a.png": BLUE,
        "set/other/b.png": RED,
        "far/images/b.png": BLUE,
    }
    assert pictures_of(zipped(members)) == [RED, "import.image_missing", RED, BLUE]


def test_what_systems_leave_in_zips_is_no_document_and_no_question(tmp_path):
    junk = ["__MACOSX/._a.png", "__MACOSX/set/._documents.csv", ".DS_Store", "set/.DS_Store", "Thumbs.db",
            "set/THUMBS.DB", "desktop.ini", ".hidden/documents.csv"]  # fmt: skip
    items, warnings = read(tmp_path / "a.zip", zipped({"set/a.png": RED} | dict.fromkeys(junk, b"junk")))
    assert ([item.external_id for item in items], warnings) == (["set/a.png"], [])


def test_names_that_nothing_tells_the_encoding_of_are_said_where_no_table_names_them(tmp_path):
    _, warnings = read(
        tmp_path / "a.zip", raw_zip([("写真.png".encode("cp932"), RED), ("ü.png".encode(), RED)])
    )
    assert [(warning.id, warning.detail["count"]) for warning in warnings] == [("import.names_guessed", 1)]


def test_a_folder_is_searched_for_names_as_a_zip_is(tmp_path):
    (tmp_path / "Bilder").mkdir()
    (tmp_path / "Bilder" / unicodedata.normalize("NFD", "Prüfstück.PNG")).write_bytes(RED)
    (tmp_path / "documents.jsonl").write_text(table("Prüfstück.png", "bilder/prüfstück.png", "none.png"))
    with open_import(tmp_path, ImportOptions()) as source:
        found = [_picture(source, item.pictures[0].name) for item in source.items()]
    assert found == [RED, RED, "import.image_missing"]
