"""Why a hit was found, through a real query worker and a model that knows colours."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from retrieval_site.errors import AppError
from search.models import DocumentImage, Passage, Query
from search.retrieval import search
from search.retrieval.explain import explain
from search.retrieval.regions import split
from search.retrieval.types import ImagePart, SearchRequest, TextPart
from search.vectors.copy import vectors_write
from tests.support.corpus import (
    cells_version,
    in_a_corner,
    kept_tiny_version,
    make_collection,
    make_documents,
    picture,
    store,
)
from tests.support.pages import save_document
from tests.support.tiny_bundle import COLOURS
from workers.encoding.client import cells_encoded, encode_picture, encode_text, regions_encoded
from workers.inference.framing import FramedPicture

CORNER = 0.65
"""Of what carried a hit, more lies in the quarter that has the colour; the rest is the tiny model's layout."""
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]


def half_and_half(left: str, right: str, size: tuple[int, int] = (400, 400)) -> bytes:
    """A picture of two colours side by side."""
    image, target = Image.new("RGB", size, COLOURS[left]), io.BytesIO()
    image.paste(COLOURS[right], (size[0] // 2, 0, *size))
    image.save(target, "PNG")
    return target.getvalue()


@pytest.fixture
def version(tmp_path):
    return kept_tiny_version(tmp_path)


@pytest.fixture
def passages(version):
    """A document for each colour whose passage names it among other words."""
    rows = make_documents(make_collection(), len(COLOURS))
    for row, colour in zip(rows, COLOURS, strict=True):
        text = f"a pump with {colour} paint in the hall"
        Passage.objects.filter(pk=row.pk).update(text=text)
        store(version, [row], encode_text(version, text).vector[None, :])
    return rows


def explained(*parts, **fields):
    answer = search(SearchRequest(viewer=None, session="s", parts=parts, preview_px=320, **fields))
    return explain(Query.objects.get(pk=answer.query_id), answer.hits[0])


def strongest(words):
    return max(words, key=lambda word: word.share).text


def test_of_words_and_passage_the_colour_carried_the_hit(passages):
    why = explained(TextPart("the Cyan motor"))
    assert strongest(why.parts[0].words) == "Cyan"
    assert strongest(why.found.words) == "cyan"
    assert [word.text for word in why.found.words if word.matched] == ["cyan"]
    assert sum(word.share for word in why.found.words if word.share > 0) == pytest.approx(1, abs=0.01)


@pytest.fixture
def with_cells(tmp_path):
    return cells_version(tmp_path)


def test_with_cells_what_lies_in_one_corner_carried_the_hit_there(with_cells):
    (row,) = make_documents(make_collection(), 1)
    store(with_cells, [row], encode_text(with_cells, "red").vector[None, :])
    why = explained(ImagePart(in_a_corner("red", "white")))
    shares = np.array(why.parts[0].regions.shares)
    assert shares.shape == (8, 8)
    assert shares[4:, :4].clip(0).sum() > CORNER
    assert shares[shares > 0].sum() == pytest.approx(1, abs=0.01)


def test_with_cells_the_picture_that_was_found_is_split_for_all_parts_together(with_cells):
    document = save_document(
        make_collection(), "corner", title="Corner", body="", pictures=[in_a_corner("green", "white")]
    )
    image = DocumentImage.objects.get(document=document)
    vector = encode_picture(with_cells, in_a_corner("green", "white")).vector
    vectors_write(with_cells, "image", [image.pk], vector[None, :])
    photo = ImagePart(picture(COLOURS["green"], size=(400, 300)), 0.5)
    why = explained(photo, TextPart("green", 1.0), target="images")
    shares = np.array(why.found.regions.shares)
    assert shares[4:, :4].clip(0).sum() > CORNER
    assert np.array(why.parts[0].regions.shares).shape == (8, 8)


def test_cells_lie_over_the_part_of_the_photo_that_was_encoded(with_cells):
    (row,) = make_documents(make_collection(), 1)
    store(with_cells, [row], encode_text(with_cells, "red").vector[None, :])
    wide = in_a_corner("red", "white", (800, 400))
    why = explained(ImagePart(wide))
    assert why.parts[0].regions.box == pytest.approx((0.25, 0.0, 0.5, 1.0), abs=0.01)
    cut = explained(ImagePart(wide, crop=(0.25, 0.5, 0.25, 0.5))).parts[0].regions
    assert cut.box == pytest.approx((0.25, 0.5, 0.25, 0.5), abs=0.01)
    assert np.array(cut.shares).min() > 0
    turned = explained(ImagePart(in_a_corner("red", "white"), turn=90)).parts[0].regions
    assert np.array(turned.shares)[:4, :4].clip(0).sum() > CORNER


def test_the_parts_of_the_cells_are_the_score_but_for_its_constant(with_cells):
    cells, size = cells_encoded(with_cells, FramedPicture(in_a_corner("red", "blue")))
    assert (cells.shape, size) == ((64, 32), (400, 400))
    vector = encode_picture(with_cells, in_a_corner("red", "blue")).vector
    red = encode_text(with_cells, "red").vector
    parts = split(cells, lambda vectors: 3 * (vectors @ red) + 7)
    assert parts.sum() == pytest.approx(3 * float(vector @ red), abs=0.02)  # that vector may be of bf16


def test_of_a_photo_the_side_with_the_colour_carried_the_hit(passages):
    why = explained(ImagePart(half_and_half("red", "black")), limit=1)
    shares = why.parts[0].regions.shares
    word = strongest(why.found.words)
    left, right = (sum(row[at] for row in shares for at in half) for half in ((0, 1), (2, 3)))
    assert (left > right) == (word == "red")
    assert word in ("red", "black")


def test_of_a_picture_that_was_found_the_regions_are_told(version):
    document = save_document(
        make_collection(), "two", title="Two", body="", pictures=[half_and_half("green", "white")]
    )
    image = DocumentImage.objects.get(document=document)
    vector = encode_picture(version, half_and_half("green", "white")).vector
    vectors_write(version, "image", [image.pk], vector[None, :])
    why = explained(TextPart("green"), target="images")
    assert [max(range(4), key=row.__getitem__) < 2 for row in why.found.regions.shares] == [True] * 4
    assert why.found.words is None
    assert [word.share for word in why.parts[0].words] == [1.0]


def test_the_grid_lies_over_the_part_of_the_photo_that_the_model_saw(passages):
    why = explained(ImagePart(picture(COLOURS["red"], size=(800, 400))))
    assert why.parts[0].regions.box == pytest.approx((0.25, 0.0, 0.5, 1.0), abs=0.01)
    cut = explained(ImagePart(picture(COLOURS["red"], size=(800, 400)), crop=(0.5, 0.0, 0.5, 1.0)))
    assert cut.parts[0].regions.box == pytest.approx((0.5, 0.0, 0.5, 1.0), abs=0.01)


def test_what_is_left_out_of_a_picture_changes_its_vector_where_it_stood(version):
    vectors, size = regions_encoded(version, FramedPicture(half_and_half("red", "blue")))
    assert (vectors.shape, size) == ((17, 32), (400, 400))
    red = encode_text(version, "red").vector
    scores = (vectors @ red).reshape(-1)
    assert scores[1] < scores[0] < scores[4]


def test_forms_of_one_word_match_and_part_numbers_only_as_a_whole(version):
    (row,) = make_documents(make_collection(), 1)
    text = "Two red pumps, leaking; order KX-204 and not KX-207"
    Passage.objects.filter(pk=row.pk).update(text=text)
    store(version, [row], encode_text(version, text).vector[None, :])
    why = explained(TextPart("the red pump leaks at KX-204"))
    assert [word.text for word in why.found.words if word.matched] == ["red", "pumps", "leaking", "KX-204"]
    assert [word.text for word in why.parts[0].words if word.matched] == ["red", "pump", "leaks", "KX-204"]


def test_of_several_parts_each_says_what_carried_the_hit(passages):
    photo = ImagePart(picture(COLOURS["red"], size=(400, 300)), 0.5)
    why = explained(photo, TextPart("the cyan motor", 1.0))
    assert why.parts[0].regions is not None
    assert strongest(why.parts[1].words) in ("cyan", "the", "motor")
    assert sum(word.share for word in why.found.words if word.share > 0) == pytest.approx(1, abs=0.01)


def test_of_a_model_that_is_gone_nothing_is_told(passages):
    answer = search(SearchRequest(viewer=None, session="s", parts=(TextPart("red"),)))
    query = Query.objects.get(pk=answer.query_id)
    query.version = None
    with pytest.raises(AppError) as refused:
        explain(query, answer.hits[0])
    assert refused.value.id == "explanation.not_possible"
