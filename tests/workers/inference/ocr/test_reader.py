"""Real readers behind walls, on drawn plates; and what becomes of a reader that a picture upsets."""

import io
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from bench.plates import Plate, barcode, font, identifiers, photo_of
from workers.inference.ocr.barcodes import barcodes
from workers.inference.ocr.reader import PhotoReader, ReadingError, ReadingLimits
from workers.inference.ocr.types import TextRead
from workers.inference.sandbox.process import SandboxSpec

TESTS = Path(__file__).resolve().parents[3]
MISREADING = SandboxSpec(
    "tests.workers.inference.ocr.misreading:MisreadingHandler", {}, memory_bytes=256 << 20, readable=(TESTS,)
)
RESIDENT_MAX_MIB = 600


PATIENT = 180.0
"""Seconds for what is not about time: other tests run beside."""


@pytest.fixture(scope="module")
def reader():
    with closing(PhotoReader(ReadingLimits(call_seconds=PATIENT))) as made:
        yield made


def plate(*lines, size=(800, 400)):
    image = Image.new("RGB", size, (205, 205, 200))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 90 * number), line, font=font("DejaVuSans", 48), fill=(20, 20, 25))
    return image


def texts(found, kind="line"):
    return [one.text for one in found if one.kind == kind]


def test_lines_are_read_with_their_places_as_fractions_of_the_picture(reader):
    found = reader.read(plate("NORDPUMP", "Type KX-204/B"))
    assert texts(found) == ["NORDPUMP", "Type KX-204/B"]
    left, top, width, height = found[1].box
    assert 0.02 < left < 0.06
    assert 0.3 < top < 0.36
    assert 0.3 < width < 0.5
    assert 0.1 < height < 0.2
    assert all(0.9 < one.confidence <= 1 for one in found)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_picture_that_stands_on_its_head_or_lies_on_its_side_is_read_all_the_same(reader, angle):
    found = reader.read(plate("NORDPUMP", "KX-204/B", "S/N 4477120").rotate(angle, expand=True))
    assert sorted(texts(found)) == ["KX-204/B", "NORDPUMP", "S/N 4477120"]


@pytest.mark.parametrize(
    ("code", "says", "angle"),
    [
        (zxingcpp.BarcodeFormat.QRCode, "KX-204/B", 90),
        (zxingcpp.BarcodeFormat.Code128, "KX-204/B", 180),
        (zxingcpp.BarcodeFormat.EAN13, "4006381333931", 0),
        (zxingcpp.BarcodeFormat.DataMatrix, "P4410-22", 270),
    ],
)
def test_a_code_says_what_is_in_it(code, says, angle):
    image = Image.new("RGB", (800, 500), (205, 205, 200))
    drawn = barcode(says, code)
    image.paste(drawn.resize((drawn.width * 3, max(drawn.height * 3, 60))).convert("RGB"), (300, 200))
    found = barcodes(np.asarray(image.rotate(angle, expand=True)))
    assert [(one.text, one.kind) for one in found] == [(says, "barcode")]
    left, top, width, height = found[0].box
    assert min(left, top, width, height) > 0
    assert max(left + width, top + height) < 1


def test_lines_and_codes_of_one_picture_come_together(reader):
    image = plate("KX-204/B")
    image.paste(
        barcode("P4410-22", zxingcpp.BarcodeFormat.QRCode).resize((150, 150)).convert("RGB"), (600, 200)
    )
    found = reader.read(image)
    assert texts(found, "barcode") == ["P4410-22"]
    assert "KX-204/B" in texts(found)  # and what the code looks like to a reader of letters


def test_small_letters_in_a_large_photo_are_read(reader):
    image = Image.new("RGB", (1600, 1200), (120, 130, 125))
    ImageDraw.Draw(image).text((900, 800), "7MF4033-1EA10", font=font("DejaVuSans", 20), fill=(15, 15, 15))
    assert texts(reader.read(image)) == ["7MF4033-1EA10"]


def test_dirty_skewed_and_blurred_plates_are_read(reader):
    rng = np.random.default_rng(5)
    wanted = identifiers(4, rng)
    for one in wanted:
        photo = photo_of(Plate(one, "774744730", "NORDPUMP", "Type"), rng)
        found = reader.read(Image.open(io.BytesIO(photo)))
        assert f"Type {one}".replace(" ", "") in [text.replace(" ", "") for text in texts(found)]


@pytest.mark.parametrize("size", [(1, 1), (1600, 1), (1, 1600), (3, 900), (33, 31), (1600, 1600)])
def test_a_picture_without_text_says_nothing_whatever_its_shape(reader, size):
    noise = np.random.default_rng(1).integers(90, 110, (size[1], size[0], 3), dtype=np.uint8)
    assert reader.read(Image.fromarray(noise)) == ()


def test_a_reader_stays_within_its_memory_and_its_walls(reader):
    reader.read(plate("one"))
    for size in [(1600, 1200), (1200, 1600), (1600, 300), (500, 500), (900, 1600)]:
        reader.read(plate(*("all the lines of a page " + "0123456789" * 3,) * 9, size=size))
    assert psutil.Process(reader.process.pid).memory_info().rss < RESIDENT_MAX_MIB << 20
    assert reader.process.walls["is_tight"]


def test_an_idle_reader_ends_and_the_next_picture_starts_another():
    with closing(PhotoReader(ReadingLimits(idle_seconds=0.2), MISREADING)) as reader:
        assert reader.process is None  # nothing is loaded before the first picture
        reader.read(plate("one"))
        reader.end_if_idle()
        first = psutil.Process(reader.process.pid)
        time.sleep(0.3)
        reader.end_if_idle()
        assert reader.process is None
        assert not first.is_running()
        assert texts(reader.read(plate("one"))) == ["ok"]


@pytest.mark.parametrize(
    ("width", "why"), [(1, "it took longer than 1 s"), (2, "failed"), (3, "failed"), (4, "failed")]
)
def test_a_reader_that_hangs_dies_grows_or_answers_nonsense_is_ended_and_the_next_picture_is_read(width, why):
    limits = ReadingLimits(call_seconds=1 if width == 1 else 30)
    with closing(PhotoReader(limits, MISREADING)) as reader:
        reader.read(plate("one"))
        upset = psutil.Process(reader.process.pid)
        with pytest.raises(ReadingError, match=why):
            reader.read(Image.new("RGB", (width, 8)))
        assert not upset.is_running()
        assert texts(reader.read(plate("one"))) == ["ok"]


def test_a_reader_that_somebody_ended_while_it_was_idle_costs_nothing():
    with closing(PhotoReader(sandbox=MISREADING)) as reader:
        reader.read(plate("one"))
        psutil.Process(reader.process.pid).kill()
        assert texts(reader.read(plate("one"))) == ["ok"]


@pytest.mark.parametrize(
    "values",
    [
        {"text": "a", "box": [0, 0, 1], "kind": "line", "confidence": 1},
        {"text": "a", "box": [0, 0, 1, 1], "kind": "page", "confidence": 1},
        {"text": 7, "box": [0, 0, 1, 1], "kind": "line", "confidence": 1},
        {"box": [0, 0, 1, 1], "kind": "line", "confidence": 1},
    ],
)
def test_what_makes_no_sense_was_not_read(values):
    with pytest.raises((ValueError, KeyError)):
        TextRead.of(values)


def test_what_a_reader_says_is_held_within_bounds():
    said = TextRead.of({"text": "a\0" * 9000, "box": [-3, 0, 7, 1], "kind": "barcode", "confidence": 40})
    assert (len(said.text), said.box, said.confidence) == (500, (0, 0, 1, 1), 1)
