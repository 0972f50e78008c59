"""A collection exported for training: read back by the reader that trains on it."""

from __future__ import annotations

import csv
from io import StringIO
from itertools import pairwise

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.judged import searches
from search.models import Document, DocumentImage, Judgement, Passage, QueryPart
from tests.support.corpus import make_collection, make_documents, picture
from tests.support.queries import make_query
from workers.storage.blobs import blob_store
from workers.training.readers.listing import split_by_name
from workers.training.readers.read import DataSource, read_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection():
    return make_collection("notes", visibility="private")


def document(collection, name, *seeds, title="", alt="", passages=()):
    made = Document.objects.create(collection=collection, external_id=name, title=title)
    for ordinal, seed in enumerate(seeds):
        blob = blob_store(picture((90, 20, 20), seed=seed), "image/jpeg")
        DocumentImage.objects.create(document=made, ordinal=ordinal, blob=blob, alt=alt)
    for ordinal, text in enumerate(passages):
        Passage.objects.create(document=made, ordinal=ordinal, start=0, end=len(text), text=text)
    return made


def exported(folder, *words, slug="notes"):
    out, said = StringIO(), StringIO()
    call_command(
        "export_training_set", "--collection", slug, "--out", str(folder), *words, stdout=out, stderr=said
    )
    with (folder / "captions.csv").open(newline="") as file:
        return list(csv.DictReader(file)), out.getvalue() + said.getvalue()


def test_a_picture_comes_with_its_alt_text_title_and_passages(collection, tmp_path):
    document(collection, "a", 1, title="Pump 7", alt="A red\npump", passages=["It leaks.", "=1+1", "Pump 7"])
    rows, told = exported(tmp_path / "set")
    assert [row["caption"] for row in rows] == ["A red pump", "Pump 7", "It leaks.", "=1+1"]
    assert {row["group"] for row in rows} == {"a"}
    (file,) = {row["file"] for row in rows}
    assert (tmp_path / "set/images" / file).read_bytes() == picture((90, 20, 20), seed=1)
    assert file.endswith(".jpeg")
    assert "1 pictures to train on, 0 to validate" in told or "0 pictures to train on, 1 to validate" in told


def test_only_the_texts_asked_for_are_captions(collection, tmp_path):
    document(collection, "a", 1, title="Pump", alt="red", passages=["It leaks."])
    rows, _ = exported(tmp_path / "set", "--texts", "title", "alt")
    assert [row["caption"] for row in rows] == ["red", "Pump"]


def test_the_folder_can_be_trained_on_and_its_splits_stay_the_same(collection, tmp_path):
    for number in range(40):
        document(collection, f"d{number}", number, title=f"Pump {number}")
    first, _ = exported(tmp_path / "one", "--val-percent", "25")
    document(collection, "new", 99, title="New")
    Document.objects.get(external_id="d3").delete()
    second, _ = exported(tmp_path / "two", "--val-percent", "25")
    splits = {row["file"]: row["split"] for row in first}
    assert set(splits.values()) == {"train", "val"}
    assert all(splits.get(row["file"], row["split"]) == row["split"] for row in second)
    data = read_source(DataSource(str(tmp_path / "one")))
    train, val = data.split("train"), data.split("val")
    assert len(train) + len(val) == 40
    assert 4 <= len(val) <= 16


def test_pictures_of_one_document_and_one_picture_of_several_stay_in_one_split(collection, tmp_path):
    for number in range(0, 60, 3):
        document(collection, f"a{number}", number, number + 1, title=f"A {number}")
        document(collection, f"b{number}", number + 1, number + 2, title=f"B {number}")
    rows, told = exported(tmp_path / "set", "--val-percent", "50")
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row["caption"].split()[1], set()).add(row["split"])
    assert len(splits) == 20
    assert all(len(found) == 1 for found in splits.values())
    assert {row["split"] for row in rows} == {"train", "val"}
    assert len(rows) == 80
    assert len({row["file"] for row in rows}) == 60
    counts = [int(word) for word in told.replace(",", "").split() if word.isdigit()]
    assert sum(counts) == 60


def test_what_cannot_be_exported_is_counted(collection, tmp_path):
    document(collection, "silent", 1)
    lost = document(collection, "lost", 2, title="Lost")
    document(collection, "plain", title="No picture")
    document(make_collection("other"), "foreign", 3, title="Foreign")
    default_storage.delete(lost.images.get().blob.storage_name)
    rows, told = exported(tmp_path / "set")
    assert rows == []
    assert "1 pictures are no longer in the storage" in told
    assert "1 pictures have no text" in told


def test_an_unknown_collection_a_used_folder_and_a_senseless_share_are_refused(collection, tmp_path):
    with pytest.raises(CommandError, match="no collection 'none'"):
        exported(tmp_path / "set", slug="none")
    with pytest.raises(CommandError, match="between 1 and 99"):
        exported(tmp_path / "set", "--val-percent", "100")
    document(collection, "a", 1, title="A")
    exported(tmp_path / "set")
    with pytest.raises(CommandError, match="name a new folder"):
        exported(tmp_path / "set")


@pytest.fixture
def _every_search_trains(monkeypatch):
    monkeypatch.setattr(searches, "MEASURING_PERCENT", 0)


def asked(document, grade, *more, photo=None, text=""):
    """A search by photo or text, for which somebody judged the document, and others after them."""
    preview = blob_store(picture((20, 90, 20), seed=photo), "image/jpeg") if photo else None
    query = make_query(modality="image" if photo else "text", text=text, preview=preview)
    for rater, given in enumerate((grade, *more)):
        judge(query, document, given, rater)
    return query


def judge(query, document, grade, rater=0):
    return Judgement.objects.create(query=query, document=document, grade=grade, session=f"rater {rater}")


@pytest.mark.usefixtures("_every_search_trains")
def test_judged_photos_are_pictures_of_what_they_found_and_typed_words_its_captions(collection, tmp_path):
    found = document(collection, "a", 1, title="Pump", passages=["It leaks."])
    unpictured = document(collection, "b", title="Valve")
    asked(found, 2, photo=50)
    asked(found, 3, text="dripping\npump")
    asked(unpictured, 2, photo=51)
    asked(unpictured, 2, text="no picture to describe")
    rows, _ = exported(tmp_path / "set", "--judged")
    said: dict[str, list[str]] = {}
    for row in rows:
        said.setdefault(row["file"], []).append(row["caption"])
    contents = {(tmp_path / "set/images" / name).read_bytes(): captions for name, captions in said.items()}
    assert contents == {
        picture((90, 20, 20), seed=1): ["Pump", "It leaks.", "dripping pump"],
        picture((20, 90, 20), seed=50): ["Pump", "It leaks."],
        picture((20, 90, 20), seed=51): ["Valve"],
    }
    assert {row["group"] for row in rows} == {"a", "b"}
    read_source(DataSource(str(tmp_path / "set")))
    unjudged, _ = exported(tmp_path / "plain")
    assert {row["caption"] for row in unjudged} == {"Pump", "It leaks."}


@pytest.mark.usefixtures("_every_search_trains")
@pytest.mark.parametrize(
    ("grades", "is_relevant"), [((0,), False), ((1,), False), ((2, 0), False), ((2, 0, 3), True)]
)
def test_a_document_is_relevant_where_at_least_half_said_so(collection, tmp_path, grades, is_relevant):
    asked(document(collection, "a", title="Pump"), *grades, photo=50)
    rows, _ = exported(tmp_path / "set", "--judged")
    assert bool(rows) == is_relevant


def test_a_third_of_the_searches_is_kept_for_measuring_and_never_exported(collection, tmp_path):
    rows = make_documents(collection, 30)
    again = [asked(row.document, 2, text=words) for row in rows[:2] for words in ("Red  pump", "red pump ")]
    for photo, row in enumerate(rows, 100):
        asked(row.document, 2, photo=photo)
    exported_rows, _ = exported(tmp_path / "set", "--judged")
    trained = {row["file"].split(".")[0] for row in exported_rows}
    measured = {
        search.query.part.preview_id[:24]
        for search in searches.judged_searches()
        if search.query.part.preview_id
    }
    assert trained | measured == {part.preview_id[:24] for part in QueryPart.objects.exclude(preview=None)}
    assert not trained & measured
    assert 3 <= len(measured) <= 18
    assert len({searches.measures_models(query) for query in again}) == 1


@pytest.mark.usefixtures("_every_search_trains")
def test_a_photo_of_documents_in_both_splits_brings_no_text_from_one_into_the_other(collection, tmp_path):
    names = [f"d{number}" for number in range(40)]
    splits = {name: split_by_name(name, 50) for name in names}
    made = {name: document(collection, name, title=f"Pump {name}") for name in names}
    for photo, (name, other) in enumerate(pairwise(names), 100):
        judge(asked(made[name], 2, photo=photo), made[other], 2)
    rows, _ = exported(tmp_path / "set", "--judged", "--val-percent", "50")
    assert {row["split"] for row in rows} == {"train", "val"}
    assert all(splits[row["caption"].split()[1]] == row["split"] for row in rows)
    captions_each = [sum(row["file"] == file for row in rows) for file in {row["file"] for row in rows}]
    assert set(captions_each) == {1, 2}
    assert len(captions_each) == 39


@pytest.mark.usefixtures("_every_search_trains")
def test_judged_photos_move_no_picture_of_a_document_into_another_split(collection, tmp_path):
    first = [document(collection, f"a{n}", n, title=f"A {n}") for n in range(30)]
    before, _ = exported(tmp_path / "one", "--val-percent", "50")
    for photo, (one, other) in enumerate(pairwise(first), 100):
        judge(asked(one, 2, photo=photo), other, 2)
    after, _ = exported(tmp_path / "two", "--judged", "--val-percent", "50")
    splits = {row["file"]: row["split"] for row in after}
    assert all(splits[row["file"]] == row["split"] for row in before)


@pytest.mark.parametrize("words", [(), ("--judged",)])
def test_the_number_of_queries_does_not_grow_with_the_documents(collection, tmp_path, words):
    counts = []
    for numbers in (range(3), range(3, 12)):
        for number in numbers:
            asked(document(collection, f"d{number}", number, title="A", passages=["B"]), 2, photo=50 + number)
        with CaptureQueriesContext(connection) as queries:
            exported(tmp_path / f"set{len(counts)}", *words)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9
