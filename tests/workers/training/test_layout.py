import shutil

import pytest

from workers.training.errors import TrainingError
from workers.training.layout import scan_captions
from workers.training.readers.read import listed_set


def split_of(corpus, split="val.txt", groups=None):
    lists = {"val": corpus / split}
    data = listed_set(corpus / "images", corpus / "captions.txt", lists, groups and corpus / groups)
    return data.split("val")


@pytest.fixture
def own(corpus, tmp_path):
    """A copy of the corpus, to be broken."""
    return shutil.copytree(corpus, tmp_path / "own")


def test_a_split_holds_its_pictures_with_their_captions_in_order(corpus):
    split = split_of(corpus)
    assert len(split) == 16
    assert split.paths[1].name == "001.png"
    assert split.captions[1][0] == "a green disc ."
    assert split.groups == tuple(range(16))
    assert len(split.texts()) == len(split.text_groups()) == 48


def test_a_groups_file_puts_pictures_that_show_the_same_together(corpus):
    split = split_of(corpus, groups="groups.txt")
    assert split.groups[0] == split.groups[8] != split.groups[1]


def test_captions_may_hold_the_marks_that_separate(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("a#b.jpg#0\tone # two\tthree\n\na#b.jpg#1\tsecond\n")
    assert scan_captions(path) == ({"a#b.jpg": ["one # two\tthree", "second"]}, [])


@pytest.mark.parametrize("line", ["a.jpg no tab", "a.jpg\tno number", "a.jpg#0\t ", "#0\ttext"])
def test_a_wrong_line_is_named_by_its_number(own, line):
    text = (own / "captions.txt").read_text()
    (own / "captions.txt").write_text(f"a.jpg#0\tgood\n{line}\n{text}")
    with pytest.raises(TrainingError, match=r"1 lines or entries are wrong: captions\.txt line 2"):
        split_of(own)


@pytest.mark.parametrize(
    ("names", "named"),
    [
        ("000.png\nnone.png", r"1 pictures have no caption: none\.png"),
        ("gone.png", r"1 pictures have no file: .*gone\.png"),
    ],
)
def test_missing_parts_are_counted_and_named(own, names, named):
    with (own / "captions.txt").open("a") as captions:
        captions.write("gone.png#0\tgone\n")
    (own / "val.txt").write_text(names)
    with pytest.raises(TrainingError, match=named):
        split_of(own)


def test_a_list_of_no_names_is_a_split_of_no_pictures(own):
    (own / "val.txt").write_text("\n")
    assert len(split_of(own)) == 0


def test_a_picture_without_a_group_is_named(own):
    (own / "groups.txt").write_text("000.png\tred\n")
    with pytest.raises(TrainingError, match=r"15 lines or entries are wrong: 001\.png has no group"):
        split_of(own, groups="groups.txt")


def test_a_file_that_is_not_there_is_told(corpus):
    with pytest.raises(TrainingError, match=r"none\.txt cannot be read"):
        split_of(corpus, "none.txt")


def test_the_fingerprint_follows_the_content_and_not_the_place(corpus, own):
    assert split_of(corpus).fingerprint() == split_of(own).fingerprint()
    text = (own / "captions.txt").read_text()
    (own / "captions.txt").write_text(text.replace("red", "reddish", 1))
    assert split_of(own).fingerprint() != split_of(corpus).fingerprint()
