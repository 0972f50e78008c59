import hashlib
import json
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from demo.corpus import (
    SHOWN_SIZE,
    TRAINING_SIZE,
    _subjects,
    write_documents,
    write_drawings,
    write_training_set,
)
from demo.drawing import COLOURS, CONDITIONS, KINDS


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_a_training_set_has_flickr8k_s_layout(tmp_path):
    write_training_set(tmp_path, seed=1, count=30)
    names = {path.name for path in (tmp_path / "images").iterdir()}
    train, val = lines_of(tmp_path / "train.txt"), lines_of(tmp_path / "val.txt")
    assert len(names) == 30
    assert set(train) | set(val) == names
    assert not set(train) & set(val)
    captions = [line.split("\t") for line in lines_of(tmp_path / "captions.txt")]
    assert Counter(key.split("#")[0] for key, _ in captions) == dict.fromkeys(names, 5)
    assert {key.split("#")[1] for key, _ in captions} == set("01234")
    with Image.open(tmp_path / "images" / train[0]) as image:
        assert image.size == (TRAINING_SIZE, TRAINING_SIZE)


def test_the_same_seed_writes_the_same_bytes_in_one_process_or_two(tmp_path):
    write_drawings(tmp_path / "one", seed=5, count=6, size=64)
    write_drawings(tmp_path / "two", seed=5, count=6, size=64, processes=2)
    write_drawings(tmp_path / "other", seed=6, count=6, size=64)
    one = digests(tmp_path / "one")
    assert len(one) == 7
    assert one == digests(tmp_path / "two")
    assert not set(one.values()) & set(digests(tmp_path / "other").values())


def test_the_truth_names_each_drawing_with_its_labels(tmp_path):
    write_drawings(tmp_path, seed=2, count=5, size=64)
    truth = [json.loads(line) for line in lines_of(tmp_path / "truth.jsonl")]
    assert [set(entry) for entry in truth] == [{"file", "kind", "colour", "condition"}] * 5
    for entry in truth:
        assert (tmp_path / entry["file"]).is_file()
        assert (entry["kind"], entry["colour"], entry["condition"]) in {
            (k, c, s) for k in KINDS for c in COLOURS for s in CONDITIONS
        }


def test_documents_carry_the_truth_s_keys_as_metadata_and_some_have_pictures(tmp_path):
    write_documents(tmp_path, seed=1, count=15)
    records = [json.loads(line) for line in lines_of(tmp_path / "documents.jsonl")]
    assert len({record["external_id"] for record in records}) == 15
    for record in records:
        assert set(record) == {"external_id", "title", "body", "url", "tags", "metadata", "images"}
        assert set(record["metadata"]) == {"kind", "colour", "condition"}
        for name in record["images"]:
            with Image.open(tmp_path / name) as image:
                assert image.size == (SHOWN_SIZE, SHOWN_SIZE)
    assert sum(bool(record["images"]) for record in records) == 2


@pytest.mark.parametrize("count", [1120, 2240, 2000])
def test_combinations_of_kind_colour_and_condition_are_covered_evenly(count):
    counts = Counter(_subjects(1, count))
    assert sum(counts.values()) == count
    assert len(counts) == len(KINDS) * len(COLOURS) * len(CONDITIONS)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_command_draws_pictures_with_their_truth(tmp_path):
    out = StringIO()
    arguments = ["--seed", "3", "--count", "2", "--size", "64", "--out", str(tmp_path)]
    call_command("demo", "draw", *arguments, stdout=out)
    assert len(lines_of(tmp_path / "truth.jsonl")) == 2
    assert str(tmp_path) in out.getvalue()


def test_the_command_writes_a_training_set_and_documents(tmp_path):
    call_command("demo", "training-set", "--count", "2", "--out", str(tmp_path / "t"), stdout=StringIO())
    call_command("demo", "documents", "--count", "1", "--out", str(tmp_path / "d"), stdout=StringIO())
    assert len(lines_of(tmp_path / "t" / "captions.txt")) == 10
    assert len(lines_of(tmp_path / "d" / "documents.jsonl")) == 1


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_the_command_refuses_a_count_that_is_none(tmp_path, count):
    with pytest.raises(CommandError, match="whole number of at least 1"):
        call_command("demo", "draw", f"--count={count}", "--out", str(tmp_path))
