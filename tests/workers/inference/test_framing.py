"""A part of a picture, and how it is turned."""

from __future__ import annotations

import io
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from workers.inference.decoding.pool import Decoders
from workers.inference.decoding.types import DecodingLimits
from workers.inference.errors import PictureError
from workers.inference.framing import Framing, crop_of
from workers.inference.manifest import ImageSpec

SPEC = ImageSpec(resize=32, size=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (220, 220, 30)
SIDEWAYS, ORIENTATION = 6, 0x0112


@pytest.fixture(scope="module")
def decoders():
    with closing(Decoders(DecodingLimits(processes=1))) as made:
        yield made


def quarters(size=(640, 480), orientation=None):
    """A JPEG of four colours, from the left top: red, green; blue, yellow."""
    image = Image.new("RGB", (2, 2))
    image.putdata([RED, GREEN, BLUE, YELLOW])
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    target = io.BytesIO()
    image.resize(size, Image.Resampling.NEAREST).save(target, "JPEG", quality=95, exif=exif)
    return target.getvalue()


def colour(prepared):
    """What most of a prepared picture's pixels are nearest to."""
    mean = (np.median(prepared.pixels.reshape(3, -1), axis=1) + 1) * 127.5
    return min((RED, GREEN, BLUE, YELLOW), key=lambda one: np.abs(np.array(one) - mean).sum())


@pytest.mark.parametrize(
    ("crop", "turn", "expected"),
    [
        ((0, 0, 0.4, 0.4), 0, RED),
        ((0.6, 0, 0.4, 0.4), 0, GREEN),
        ((0, 0.6, 0.4, 0.4), 0, BLUE),
        ((0.6, 0.6, 0.4, 0.4), 0, YELLOW),
        ((0, 0, 0.4, 0.4), 90, BLUE),
        ((0, 0, 0.4, 0.4), 180, YELLOW),
        ((0, 0, 0.4, 0.4), 270, GREEN),
    ],
)
def test_a_part_is_cut_out_of_the_turned_picture(decoders, crop, turn, expected):
    assert colour(decoders.prepared(quarters(), SPEC, framing=Framing(turn, crop))) == expected


def test_a_part_is_one_of_the_picture_as_its_exif_turns_it(decoders):
    framing = Framing(crop=(0, 0, 0.4, 0.4))
    assert colour(decoders.prepared(quarters(orientation=SIDEWAYS), SPEC, framing=framing)) == BLUE


def test_the_small_copy_shows_the_whole_picture_turned(decoders):
    framing = Framing(90, (0, 0, 0.4, 0.4))
    small = decoders.prepared(quarters(), SPEC, framing=framing, preview_px=160).small
    assert small.size == (120, 160)
    corner = np.array(small.getpixel((10, 10)))
    assert np.abs(corner - np.array(BLUE)).max() < 12


def test_a_small_part_is_decoded_at_a_scale_at_which_it_is_sharp(decoders):
    noise = np.random.default_rng(4).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(noise).save(target, "JPEG", quality=98)
    part = (0.45, 0.45, 0.05, 32 / 480)  # 32 pixels a side: none is averaged away
    sharp = decoders.prepared(target.getvalue(), SPEC, framing=Framing(crop=part)).pixels
    whole = decoders.prepared(target.getvalue(), SPEC).pixels
    assert sharp.std() > 3 * whole.std()


def test_a_part_of_fewer_pixels_than_a_picture_needs_is_refused(decoders):
    with pytest.raises(PictureError) as caught:
        decoders.prepared(quarters((64, 48)), SPEC, framing=Framing(crop=(0, 0, 0.1, 0.1)))
    assert (caught.value.id, caught.value.detail["limit_side"]) == ("image.too_small", 8)


def test_four_numbers_name_a_part():
    assert crop_of([0.25, 0, 0.5, 1]) == (0.25, 0, 0.5, 1)


def test_all_of_the_picture_is_no_part():
    assert crop_of([0, 0, 1, 1]) is None


def test_what_stands_over_by_rounding_is_cut_off():
    assert crop_of([-0.00005, 0.5, 0.5, 0.50005]) == (0, 0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ([0, 0, 1], "not four numbers"),
        ([0, 0, 1, 1, 1], "not four numbers"),
        ([0, 0, float("nan"), 1], "not four numbers"),
        ([0.5, 0, 0.6, 1], "beyond the picture"),
        ([-0.1, 0, 0.5, 1], "beyond the picture"),
        ([0, 0, 0.005, 1], "at least 0.01"),
        ([0, 0, -1, 1], "at least 0.01"),
    ],
)
def test_numbers_that_name_no_part_are_refused(numbers, reason):
    with pytest.raises(ValueError, match=reason):
        crop_of(numbers)


def test_the_same_framing_is_the_same_question_and_the_whole_picture_is_as_it_was():
    assert Framing().key == ""
    assert Framing(crop=(0, 0, 0.5, 1)).key == Framing(crop=(0.0, 0, 0.5, 1.0)).key
    assert Framing(90).key != Framing(270).key
