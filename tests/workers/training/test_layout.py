import pytest

from workers.training.errors import TrainingError
from workers.training.layout import read_captions, read_split


def test_a_split_holds_its_pictures_with_their_captions_in_order(corpus):
    captions = read_captions(corpus / "captions.txt")
    split = read_split(corpus / "images", captions, corpus / "val.txt")
    assert len(split) == 16
    assert split.paths[1].name == "001.png"
    assert split.captions[1][0] == "a green disc ."
    assert split.groups == tuple(range(16))
    assert len(split.texts()) == len(split.text_groups()) == 48


def test_a_groups_file_puts_pictures_that_show_the_same_together(corpus):
    captions = read_captions(corpus / "captions.txt")
    split = read_split(corpus / "images", captions, corpus / "val.txt", corpus / "groups.txt")
    assert split.groups[0] == split.groups[8] != split.groups[1]


def test_captions_may_hold_the_marks_that_separate(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("a#b.jpg#0\tone # two\tthree\n\na#b.jpg#1\tsecond\n")
    assert read_captions(path) == {"a#b.jpg": ["one # two\tthree", "second"]}


@pytest.mark.parametrize("line", ["a.jpg no tab", "a.jpg\tno number", "a.jpg#0\t ", "#0\ttext"])
def test_a_wrong_line_is_named_by_its_number(tmp_path, line):
    path = tmp_path / "captions.txt"
    path.write_text(f"a.jpg#0\tgood\n{line}\n")
    with pytest.raises(TrainingError, match="line 2"):
        read_captions(path)


@pytest.mark.parametrize(
    ("names", "named"),
    [
        ("000.png\nnone.png", "no caption, such as none.png"),
        ("gone.png", "no picture file"),
        ("\n", "lists no picture"),
    ],
)
def test_missing_parts_are_counted_and_named(corpus, tmp_path, names, named):
    split = tmp_path / "split.txt"
    split.write_text(names)
    captions = read_captions(corpus / "captions.txt") | {"gone.png": ["x"]}
    with pytest.raises(TrainingError, match=named):
        read_split(corpus / "images", captions, split)


def test_a_picture_without_a_group_is_named(corpus, tmp_path):
    groups = tmp_path / "groups.txt"
    groups.write_text("000.png\tred\n")
    with pytest.raises(TrainingError, match=r"15 pictures of val\.txt have no group"):
        read_split(corpus / "images", read_captions(corpus / "captions.txt"), corpus / "val.txt", groups)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TrainingError, match="cannot be read"):
        read_captions(tmp_path / "none.txt")


def test_the_fingerprint_follows_the_content_and_not_the_place(corpus, tmp_path):
    import shutil

    other = shutil.copytree(corpus, tmp_path / "copy")
    prints = [
        read_split(c / "images", read_captions(c / "captions.txt"), c / "val.txt").fingerprint()
        for c in (corpus, other)
    ]
    assert prints[0] == prints[1]
    text = (other / "captions.txt").read_text()
    (other / "captions.txt").write_text(text.replace("red", "reddish", 1))
    changed = read_split(other / "images", read_captions(other / "captions.txt"), other / "val.txt")
    assert changed.fingerprint() != prints[0]
