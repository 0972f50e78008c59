"""Pages that are drawn here, decoded and read behind walls by the real networks; and what becomes of hostile ones."""

import io
import struct
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
import zxingcpp
from PIL import Image, ImageDraw

from bench.plates import barcode, font
from demo.drawing.render import draw
from demo.drawing.scene import scene_sample
from workers.extraction.page_reading import PageReader
from workers.inference.decoding.pool import Decoders
from workers.inference.errors import PictureError
from workers.inference.ocr.reader import PageLineReader, ReadingLimits
from workers.inference.sandbox.process import SandboxSpec

LEFT = (
    "The impeller of this pump is fixed",
    "with four hexagon bolts; tighten",
    "them crosswise. Never run the me-",
    "chanical seal dry, it would fail.",
)
RIGHT = (
    "Store spare parts in a dry room,",
    "away from sunlight and from any",
    "heat, and keep them in their own",
    "packaging until they are needed.",
)
TABLE = (
    ("Part", "Number", "Remark"),
    ("Impeller", "KX-204/B", "spare"),
    ("Filter", "PV 118-3", "on request"),
)
WANTED = [
    "Maintenance of the pump",
    "Part: Impeller | Number: KX-204/B | Remark: spare",
    "Part: Filter | Number: PV 118-3 | Remark: on request",
    "The impeller of this pump is fixed with four hexagon bolts; tighten them crosswise. Never run the mechanical"
    " seal dry, it would fail.",
    " ".join(RIGHT),
]
RESIDENT_MAX_MIB = 900
MISREADING = SandboxSpec(
    "tests.workers.inference.ocr.misreading:MisreadingHandler",
    {},
    memory_bytes=256 << 20,
    readable=(Path(__file__).resolve().parents[2],),
)


@pytest.fixture(scope="module")
def decoders():
    with closing(Decoders()) as made:
        yield made


@pytest.fixture(scope="module")
def reader(decoders):
    with PageReader(decoders) as made:
        yield made


def page():
    image = Image.new("RGB", (1240, 1000), (250, 250, 246))
    draw, ink = ImageDraw.Draw(image), (20, 20, 25)
    draw.text((90, 60), "Maintenance of the pump", font=font("DejaVuSans-Bold", 44), fill=ink)
    for row, cells in enumerate(TABLE):
        for place, cell in zip((90, 450, 820), cells, strict=True):
            draw.text((place, 180 + 45 * row), cell, font=font("DejaVuSans", 24), fill=ink)
    for place, lines in ((90, LEFT), (660, RIGHT)):
        for row, line in enumerate(lines):
            draw.text((place, 400 + 34 * row), line, font=font("DejaVuSerif", 24), fill=ink)
    return image


def jpeg(image):
    target = io.BytesIO()
    image.save(target, "JPEG", quality=85)
    return target.getvalue()


def texts(found):
    return [block.text for block in found.blocks]


def test_a_page_is_read_in_its_order_with_heading_table_and_columns(reader):
    found = reader.read(jpeg(page()), 7)
    assert texts(found) == WANTED
    assert [block.kind for block in found.blocks] == ["heading", "row", "row", "text", "text"]
    assert all(block.read and block.page == 7 for block in found.blocks)
    left, top, width, height = found.blocks[-1].box
    assert (left, top) == pytest.approx((660 / 1240, 400 / 1000), abs=0.02)
    assert (width, height) == pytest.approx((460 / 1240, 136 / 1000), abs=0.06)
    assert found.confidence > 0.9
    assert found.turned == 0


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_on_its_side_or_its_head_is_read_and_its_boxes_stand_on_the_picture_as_it_is(reader, turned):
    image = page().rotate(
        turned, expand=True
    )  # counterclockwise: turning clockwise by as much brings it upright
    found = reader.read(jpeg(image), 1)
    assert texts(found) == WANTED
    assert found.turned == turned
    left, top, width, height = found.blocks[0].box
    middle = {90: (0.1, 0.65), 180: (0.65, 0.9), 270: (0.9, 0.35)}[turned]
    assert (left + width / 2, top + height / 2) == pytest.approx(middle, abs=0.06)


def test_a_skewed_page_is_read_in_its_order(reader):
    image = page().rotate(-3, Image.Resampling.BICUBIC, expand=True, fillcolor=(250, 250, 246))
    assert texts(reader.read(jpeg(image), 1)) == WANTED


def test_codes_become_identifiers_and_no_text(reader):
    image = page()
    for code, place in (
        (zxingcpp.BarcodeFormat.QRCode, (300, 650)),
        (zxingcpp.BarcodeFormat.Code128, (700, 700)),
    ):
        drawn = barcode("KX-204/B", code)
        image.paste(drawn.resize((drawn.width * 4, max(drawn.height * 4, 90))).convert("RGB"), place)
    found = reader.read(jpeg(image), 1)
    assert found.identifiers == ("KX-204/B",)
    assert texts(found) == WANTED


def test_letters_of_one_script_are_not_taken_for_anothers(decoders):
    image = Image.new("RGB", (1000, 300), "white")
    ImageDraw.Draw(image).text((40, 100), "Größe 12 mm", font=font("DejaVuSans", 48), fill="black")
    with PageReader(decoders, PageLineReader("latin")) as reader:
        assert texts(reader.read(jpeg(image), 1)) == ["Größe 12 mm"]


@pytest.mark.parametrize("size", [(8, 8), (2500, 9), (33, 31)])
def test_a_picture_without_text_says_nothing_whatever_its_shape(reader, size):
    noise = np.random.default_rng(1).integers(90, 110, (size[1], size[0], 3), dtype=np.uint8)
    found = reader.read(jpeg(Image.fromarray(noise)), 1)
    assert (found.blocks, found.identifiers, found.confidence) == ((), (), 0)


def test_a_reader_of_large_pages_full_of_small_print_stays_within_its_memory_and_its_walls(reader):
    image = Image.new("RGB", (1768, 2500), "white")
    draw, letters = ImageDraw.Draw(image), font("DejaVuSans", 20)
    for row in range(40):
        draw.text(
            (40, 20 + 60 * row), f"{row:03} small print " + "0123456789 " * 12, font=letters, fill="black"
        )
    found = reader.read(jpeg(image), 1)
    assert sum(len(text) for text in texts(found)) > 5_500
    process = reader.process
    assert psutil.Process(process.pid).memory_info().rss < RESIDENT_MAX_MIB << 20
    assert process.walls["is_tight"]


def bomb():
    target = io.BytesIO()
    Image.new("1", (64, 64)).save(target, "PNG")
    data = bytearray(target.getvalue())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(), "image.too_many_pixels"),
        (b"%PDF-1.7", "image.unknown_format"),
        (jpeg(Image.new("RGB", (64, 64)))[:300], "image.truncated"),
    ],
)
def test_what_is_no_picture_is_refused_with_an_id_and_the_next_page_is_read(reader, data, why):
    with pytest.raises(PictureError) as raised:
        reader.read(data, 1)
    assert raised.value.id == why
    assert texts(reader.read(jpeg(page()), 1))[0] == WANTED[0]


@pytest.mark.parametrize(("width", "why"), [(9, "image.crashed"), (11, "image.timeout")])
def test_a_page_that_ends_or_stops_its_reader_is_one_failure_with_an_id(decoders, width, why):
    lines = PageLineReader(limits=ReadingLimits(call_seconds=1 if width == 11 else 30), sandbox=MISREADING)
    with PageReader(decoders, lines) as reader, pytest.raises(PictureError) as raised:
        reader.read(jpeg(Image.new("RGB", (width, 64))), 1)
    assert raised.value.id == why
    assert reader.process is None


def page_with_a_figure():
    image = page()
    picture = draw(scene_sample(np.random.default_rng(3)), 300).convert("RGB")
    image.paste(picture, (700, 600))
    ink = ImageDraw.Draw(image)
    ink.text((700, 915), "Figure 4: The impeller as it is", font=font("DejaVuSerif", 24), fill=(20, 20, 25))
    ink.text((700, 950), "delivered with the pump", font=font("DejaVuSerif", 24), fill=(20, 20, 25))
    return image, picture


@pytest.mark.parametrize(("turned", "skew"), [(0, 0), (90, 0), (180, 2)])
def test_a_figure_of_a_page_is_cut_out_upright_and_straight_with_its_caption(reader, turned, skew):
    image, picture = page_with_a_figure()
    image = image.rotate(skew, Image.Resampling.BICUBIC, expand=True, fillcolor=(250, 250, 246))
    found = reader.read(jpeg(image.rotate(turned, expand=True)), 1)
    (figure,) = found.figures
    assert figure.caption == "Figure 4: The impeller as it is delivered with the pump"
    cut = Image.open(io.BytesIO(figure.data)).convert("RGB")
    assert cut.size == pytest.approx((300, 300), abs=14)
    away = np.asarray(cut.resize((60, 60)), float) - np.asarray(picture.resize((60, 60)), float)
    assert np.abs(away).mean() < 12
    assert not any(block.kind == "heading" and "Figure" in block.text for block in found.blocks)
    if not skew:
        x, y = (700 + 150) / 1240, (600 + 150) / 1000
        middle = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y)}[turned]
        left, top, width, height = figure.box
        assert (left + width / 2, top + height / 2) == pytest.approx(middle, abs=0.02)
