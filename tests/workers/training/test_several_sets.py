"""Several data sets trained on as one: order, groups, names and fingerprints."""

import dataclasses
import json
import shutil

import pytest
from PIL import Image

from workers.training.errors import TrainingError
from workers.training.layout import Captioned, concatenated
from workers.training.readers.read import DataSource
from workers.training.recipe import recipe_with
from workers.training.run_folder import DatasetPaths, RunFolder
from workers.training.train import TrainOptions, train


@pytest.fixture
def table(tmp_path):
    """A CSV data set of 24 pictures, 4 of them to validate on."""
    folder = tmp_path / "notes"
    folder.mkdir()
    rows = ["file,caption,split,group"]
    for number in range(24):
        Image.new("RGB", (40, 40), (9 * number, 60, 90)).save(folder / f"{number:03d}.png")
        rows.append(f"{number:03d}.png,a plain square,{'val' if number < 4 else 'train'},plain")
    (folder / "captions.csv").write_text("\n".join(rows) + "\n")
    return folder


def sets(*paths):
    return DatasetPaths(sets=tuple(DataSource(str(path)) for path in paths))


def test_splits_of_several_sets_stand_one_after_the_other(corpus, table):
    train_split, val = sets(corpus, table).splits()
    assert (len(train_split), len(val)) == (80 + 20, 16 + 4)
    assert train_split.sets == ((corpus.name, 80), ("notes", 20))
    assert [path.parent.parent.name for path in val.paths[15:17]] == [corpus.name, table.parent.name]
    assert val.captions[16] == ("a plain square",)
    # Eight groups in the first set, then the one group of the second.
    assert set(val.groups[:16]) == set(range(8))
    assert set(val.groups[16:]) == {8}


def test_one_set_by_its_folder_is_the_same_as_its_files_one_by_one(corpus, data):
    by_folder, by_files = sets(corpus).splits(), data.splits()
    assert [split.fingerprint() for split in by_folder] == [split.fingerprint() for split in by_files]


def test_each_set_keeps_its_name_and_the_fingerprint_that_it_has_alone(corpus, table):
    alone = sets(table).splits()[0]
    both = sets(corpus, table).splits()[0]
    assert both.set_fingerprints()["notes"] == alone.fingerprint()
    assert both.fingerprint() != alone.fingerprint()


def test_sets_of_one_name_are_told_apart(table):
    second = table.parent / "other" / "notes"
    shutil.copytree(table, second)
    assert [name for name, _ in sets(table, second).splits()[0].sets] == ["notes", "notes-2"]


def test_a_set_may_lack_a_split_that_another_one_has(corpus, table):
    file = table / "captions.csv"
    file.write_text(file.read_text().replace(",val,", ",train,"))
    train_split, val = sets(corpus, table).splits()
    assert (len(train_split), len(val)) == (80 + 24, 16)
    with pytest.raises(TrainingError, match="No picture of notes is in the split 'val'"):
        sets(table).splits()


def test_parts_without_a_picture_change_no_group():
    empty = Captioned((), (), ())
    split = Captioned((), (), (0, 0, 1))
    assert concatenated(["a", "b", "c"], [split, empty, split]).groups == (0, 0, 1, 2, 2, 3)


def test_a_run_on_two_sets_tells_them_and_is_not_resumed_over_others(tiny, corpus, table, tmp_path):
    data = sets(corpus, table)
    asked = TrainOptions(
        recipe_with(tiny, [("run.epochs", 1)]), data, tmp_path / "run", tmp_path / "cache",
        device="cpu", say=lambda line: None,
    )  # fmt: skip
    train(asked)
    folder = RunFolder(tmp_path / "run")
    assert folder.recipe_and_data()[1] == data
    assert set(folder.facts()["sets"]["train"]) == {corpus.name, "notes"}
    assert train(dataclasses.replace(asked, resume=True)).to_json() == json.loads(folder.metrics.read_text())
    (table / "captions.csv").write_text((table / "captions.csv").read_text().replace("plain square", "field"))
    with pytest.raises(TrainingError, match="changed"):
        train(dataclasses.replace(asked, resume=True))
