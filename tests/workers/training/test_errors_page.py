import numpy as np
import pytest
from PIL import Image

from workers.training.errors_page.select import worst_captions, worst_pictures
from workers.training.errors_page.words import marked
from workers.training.errors_page.write import write_page
from workers.training.evaluate import Evaluated
from workers.training.layout import Captioned
from workers.training.metrics import retrieval_ranks

CAPTIONS = (
    ("A dog runs.", "The brown <dog>."),
    ("A cat sits on the bed.", "A sleeping cat."),
    ("Two men ride.", "A cat and men."),
)


@pytest.fixture
def split(tmp_path):
    paths = []
    for number, colour in enumerate(("red", "green", "blue")):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (300, 200), colour).save(paths[-1])
    return Captioned(tuple(paths), CAPTIONS, (0, 1, 2))


@pytest.fixture
def result():
    """Picture 0 finds the captions of picture 1 first; all else is as it should be."""
    images = np.array([[0.4, 0.9, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    captions = np.repeat(np.eye(3, dtype=np.float32), 2, 0)
    ranks = retrieval_ranks(images, captions, (range(3), np.repeat(np.arange(3), 2)))
    return Evaluated("test-model", "cosine", "cpu", "float32", images, captions, ranks)


def test_only_queries_that_failed_are_shown_with_what_stood_before_the_right_items(result):
    [failure] = worst_pictures(result)
    assert failure.query == 0
    assert [(item.number, item.place, item.right) for item in failure.found] == [
        (2, 1, False), (3, 2, False), (0, 3, True), (1, 4, True),
    ]  # fmt: skip
    assert [item.place for item in failure.right] == [3, 4]
    assert worst_captions(result) == []


def test_the_place_of_the_best_right_item_is_the_rank_that_the_measures_count():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 3, (12, 3)).astype(np.float32)
    captions = rng.integers(0, 3, (24, 3)).astype(np.float32)
    ranks = retrieval_ranks(images, captions, (range(12), np.repeat(np.arange(12), 2)))
    result = Evaluated("m", "cosine", "cpu", "float32", images, captions, ranks)
    for failures, places in (
        (worst_pictures(result), ranks.image_to_text),
        (worst_captions(result), ranks.text_to_image),
    ):
        assert failures
        assert [f.right[0].place for f in failures] == [places.ranks[f.query] for f in failures]
        assert [f.right[0].place for f in failures] == sorted(
            (p for p in places.ranks if p > 1), reverse=True
        )[:20]


def test_shared_words_are_marked_and_text_is_escaped():
    assert marked("A <dog> runs on", ["the dogs", "a dog on"]) == "A &lt;dog&gt; runs on".replace(
        "&lt;dog&gt;", "<mark>&lt;dog&gt;</mark>"
    )
    assert marked("A cat", ()) == "A cat"


def test_the_page_is_one_file_that_asks_for_nothing_else(result, split, tmp_path):
    page = write_page(result, split, tmp_path / "page").read_text()
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]
    assert "http:" not in page
    assert "https:" not in page
    assert page.count("data:image/jpeg") == 1 + 4
    assert "&lt;dog&gt;" in page
    assert "<dog>" not in page
    assert "None: every first answer is right." in page
