"""Which file of a zip lists its documents: found wherever it lies, asked for where several could."""

from __future__ import annotations

import json

import pytest

from retrieval_site.errors import AppError
from search.importers.source import open_import
from search.importers.types import ImportOptions
from tests.search.importers import reading
from tests.search.importers.reading import documents, png, problems, zipped

TABLE = "external_id,title,images\n1,Pump,a.png\n"
OTHER = "external_id,title\n2,Valve\n"
RED = png("red")


@pytest.fixture
def read(tmp_path):
    return lambda members, **options: reading.read(tmp_path / "a.zip", zipped(members), **options)


@pytest.mark.parametrize(
    ("members", "unread"),
    [
        ({"documents.csv": TABLE}, None),
        ({"export/2026/documents.csv": TABLE}, None),
        ({"a/b/c/d/anything.csv": TABLE}, None),
        ({"items.csv": TABLE, "schema.json": '{"v": 1}'}, ["schema.json"]),
        ({"items.csv": TABLE, "README.txt": "Hello, all", "LICENSE": "MIT", "prices.csv": "sku,price\n1,2\n"},
         ["LICENSE", "README.txt", "prices.csv"]),
        ({"items.csv": TABLE, "notes.json": '[{"v": 1}]', "log.jsonl": '{"v": 1}\n'}, ["log.jsonl", "notes.json"]),
        ({"documents.csv": TABLE, "more.csv": OTHER}, ["more.csv"]),
        ({"x/Documents.CSV": TABLE, "other.jsonl": '{"id": 2, "title": "b"}\n'}, ["other.jsonl"]),
        ({"items.json": '[{"id": 1, "title": "Pump", "images": ["a.png"]}]', "package.json": "{}"}, ["package.json"]),
    ],
)  # fmt: skip
def test_the_table_is_found_by_its_name_or_by_what_is_in_it(read, members, unread):
    items, warnings = read({**members, "images/a.png": RED})
    assert [(d.external_id, d.fields.title, len(d.pictures)) for d in documents(items)] == [("1", "Pump", 1)]
    assert [(w.id, w.detail["examples"]) for w in warnings] == (
        [("import.files_ignored", unread)] if unread else []
    )


@pytest.mark.parametrize(
    ("members", "candidates"),
    [
        ({"a.csv": TABLE, "b.csv": OTHER}, ["a.csv", "b.csv"]),
        ({"a.csv": TABLE, "deep/b.jsonl": '{"id": 2, "title": "b"}\n', "c.json": "{}"}, ["a.csv", "deep/b.jsonl"]),
        ({"documents.csv": TABLE, "old/documents.csv": OTHER}, ["documents.csv", "old/documents.csv"]),
        ({"documents.csv": TABLE, "documents.jsonl": '{"id": 2, "title": "b"}'}, ["documents.csv", "documents.jsonl"]),
        ({"a.csv": "sku,price\n1,2\n", "b.csv": "sku,price\n1,2\n"}, ["a.csv", "b.csv"]),
        ({"captions.txt": "a.png#0\tx\n", "more.txt": "a.png#0\ty\n"}, ["captions.txt", "more.txt"]),
    ],
)  # fmt: skip
def test_several_that_could_be_the_table_are_a_question_that_names_them_and_the_answer(
    read, members, candidates
):
    with pytest.raises(AppError) as asked:
        read({**members, "a.png": RED})
    assert (asked.value.id, asked.value.detail) == ("import.table_unclear", {"candidates": candidates})
    assert all(name in asked.value.message for name in candidates)
    assert "documents.csv" in asked.value.message
    assert "“table”" in asked.value.message


def test_the_question_is_answered_by_naming_the_table(read):
    members = {"sets/a.csv": TABLE, "sets/Größe.csv": OTHER, "a.png": RED}
    assert [d.external_id for d in read(members, table="sets/a.csv")[0]] == ["1"]
    assert [d.external_id for d in read(members, table="GRÖSSE.csv".replace("SS", "ß"))[0]] == ["2"]
    with pytest.raises(AppError, match=r"import\.table_missing"):
        read(members, table="c.csv")


def test_the_only_table_is_read_even_if_it_is_no_good_so_that_it_says_why(read):
    with pytest.raises(AppError, match=r"import\.missing_external_id"):
        read({"notes.csv": "title,body\na,b\n", "a.png": RED})


def test_a_zip_with_nothing_that_can_be_imported_is_empty(read):
    with pytest.raises(AppError, match=r"import\.empty"):
        read({"readme": "x", "data.bin": b"PK\x03\x04"})
    with pytest.raises(AppError, match=r"import\.empty"):
        read({})


def test_pictures_by_their_bytes_are_documents_and_other_files_are_named(read):
    items, (warning,) = read({"IMG_0001": RED, "b.png": RED, "movie.mp4": b"\0\0\0\x18ftypmp42", "note": "x"})
    assert [item.external_id for item in items] == ["IMG_0001", "b.png"]
    assert (warning.id, warning.detail["count"]) == ("import.files_ignored", 2)
    assert warning.detail["examples"] == ["movie.mp4", "note"]
    assert warning.detail["files"][0] == {"name": "movie.mp4", "reason": "a sound or film file"}


def test_pictures_that_no_document_names_are_counted_and_named(read):
    items, (warning,) = read({"documents.csv": TABLE, "a.png": RED, "b.png": RED, "x/c.JPG": RED})
    assert len(items) == 1
    assert (warning.id, warning.detail["count"]) == ("import.pictures_unused", 2)
    assert "2 pictures belong to no document: b.png, x/c.JPG" in warning.message


def coco(*pictures: tuple[int, str, list[str]]) -> str:
    images = [{"id": number, "file_name": name} for number, name, _ in pictures]
    notes = [{"id": number * 10 + n, "image_id": number, "caption": text}
             for number, _, texts in pictures for n, text in enumerate(texts)]  # fmt: skip
    return json.dumps({"info": {}, "images": images, "annotations": notes})


INSTANCES = json.dumps(
    {
        "images": [{"id": 1, "file_name": "1.png"}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4]}],
    }
)
COCO_2017 = {
    "annotations/captions_train2017.json": coco(
        (1, "1.png", ["A red pump.", "A pump."]), (2, "2.png", ["A ball."])
    ),
    "annotations/captions_val2017.json": coco((3, "3.png", ["A valve."])),
    "annotations/instances_train2017.json": INSTANCES,
    "annotations/instances_val2017.json": INSTANCES,
    "annotations/person_keypoints_val2017.json": INSTANCES,
    "train2017/1.png": png("red"),
    "train2017/2.png": png("blue"),
    "val2017/3.png": png("green"),
    "val2017/1.png": png("black"),
}


def test_coco_as_it_was_published_gives_both_splits_with_their_pictures(tmp_path, read):
    items, warnings = read(COCO_2017)
    found = [(d.external_id, d.fields.body, d.pictures[0].name) for d in documents(items)]
    assert found == [
        ("1.png", "A red pump.\nA pump.", "train2017/1.png"),
        ("2.png", "A ball.", "train2017/2.png"),
        ("3.png", "A valve.", "val2017/3.png"),
    ]
    assert documents(items)[2].where == "captions_val2017.json, image 3"
    assert {w.id: w.detail["count"] for w in warnings} == {
        "import.pictures_unused": 1,
        "import.files_ignored": 3,
    }
    with open_import(tmp_path / "a.zip", ImportOptions()) as source:
        assert [source.picture(name) for *_, name in found] == [png("red"), png("blue"), png("green")]


def test_of_captions_with_pictures_both_are_kept_unless_captions_alone_are_wanted(read):
    members = {
        "annotations/captions_val2017.json": coco((1, "a.png", ["One.", "Two."])),
        "val2017/a.png": RED,
    }
    (document,) = read(members)[0]
    assert (document.fields.body, document.pictures[0].name) == ("One.\nTwo.", "val2017/a.png")
    items, (warning,) = read(members, per="caption")
    assert ([d.fields.body for d in items], warning.id) == (["One.", "Two."], "import.pictures_unused")
    items, warnings = read({"captions.json": members["annotations/captions_val2017.json"]})
    assert ([d.fields.body for d in items], warnings) == (["One.", "Two."], [])


@pytest.mark.parametrize(
    ("name", "folder"),
    [("Flickr8k.token.txt", "Flicker8k_Dataset"), ("results_20130124.token", "flickr30k-images")],
)
def test_flickrs_captions_with_pictures_keep_both_as_well(read, name, folder):
    (flickr,) = read({name: "a.png#0\tOne.\na.png#1\tTwo.\n", f"{folder}/a.png": RED})[0]
    assert (flickr.fields.body, len(flickr.pictures)) == ("One.\nTwo.", 1)


def test_karpathys_captions_with_pictures_keep_both_as_well(read):
    image = {
        "filename": "a.png",
        "filepath": "val2014",
        "split": "val",
        "sentences": [{"raw": "One."}, {"raw": " "}],
    }
    members = {
        "dataset.json": json.dumps({"images": [image], "dataset": "coco"}),
        "val2014/a.png": RED,
        "train2014/a.png": RED,
    }
    items, warnings = read(members)
    assert [(d.fields.body, d.pictures[0].name) for d in documents(items)] == [("One.", "val2014/a.png")]
    assert problems(items) == [("image 1, sentence 2", "import.annotation_incomplete")]
    assert [w.detail["examples"] for w in warnings] == [["train2014/a.png"]]


@pytest.mark.parametrize(
    ("content", "error_id"),
    [
        ('{"images": 5, "annotations": []}', "import.coco_invalid"),
        ('{"images": [], "annotations": {"a": 1}}', "import.coco_invalid"),
        ('{"annotations": []}', "import.coco_invalid"),
        ('{"images": [1, 2], "annotations": [3]}', "import.coco_invalid"),
        (
            '{"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "caption": "x"}]}',
            "import.coco_invalid",
        ),
        (INSTANCES, "import.coco_invalid"),
        ('{"images": 5, "dataset": "x"}', "import.karpathy_invalid"),
        ('{\n"dataset": "x",\n"images": {}}', "import.karpathy_invalid"),
    ],
)
@pytest.mark.parametrize("per", ["caption", "picture", None])
def test_captions_of_a_wrong_structure_fail_and_say_what_is_missing(tmp_path, content, error_id, per):
    with pytest.raises(AppError) as refused:
        reading.read(tmp_path / "a.json", content, per=per)
    assert refused.value.id == error_id
    assert "“images”" in refused.value.message or "“annotations”" in refused.value.message


def test_captions_of_no_picture_are_named_in_both_ways_of_reading(tmp_path):
    content = coco((1, "a.png", ["One.", "  "])).replace(
        '"image_id": 1, "caption": "One."', '"image_id": 9, "caption": "One."'
    )
    for per in ("caption", "picture"):
        items, _ = reading.read(tmp_path / "a.json", content, per=per)
        assert problems(items)[:2] == [
            ("annotation 10", "import.annotation_incomplete"),
            ("annotation 11", "import.annotation_incomplete"),
        ]
