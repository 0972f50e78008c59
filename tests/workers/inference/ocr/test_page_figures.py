"""Pages that are drawn here, with the places of their lines known: where their pictures are, and that text has none."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bench.plates import font
from demo.drawing.render import draw as drawn
from demo.drawing.scene import scene_sample
from workers.inference.ocr.lie import Lie
from workers.inference.ocr.page_figures import LONGEST_PX, figures_on, straightened

SIZE = (840, 1188)
PAPERS = {"white": (255, 255, 255), "yellowed": (226, 210, 170), "blue": (206, 216, 232)}


class Sheet:
    """A page with paragraphs, and a ruled table where it is asked for."""

    def __init__(self, paper=(252, 251, 247), *, table=False, seed=0):
        self.rng = np.random.default_rng(seed)
        self.image = Image.new("RGB", SIZE, paper)
        self.pen, self.lines = ImageDraw.Draw(self.image), []
        for row in range(8):
            self.write(90, 70 + 30 * row, "Store spare parts in a dry room, away from sunlight")
        if table:
            self.table(360)

    def write(self, left, top, text, size=18):
        letters = font("DejaVuSans", size + int(self.rng.integers(0, 3)))
        self.pen.text((left, top), text, font=letters, fill=(25, 25, 30))
        self.box(self.pen.textbbox((left, top), text, font=letters))

    def box(self, edges):
        left, top, right, bottom = edges
        self.lines.append((left / SIZE[0], top / SIZE[1], (right - left) / SIZE[0], (bottom - top) / SIZE[1]))

    def table(self, top):
        for row in range(9):
            y = top + 46 * row
            self.pen.line((90, y, 750, y), fill=(60, 60, 60), width=2)
            if row < 8:
                for x in (96, 320, 560):
                    self.write(x, y + 10, f"KX-{self.rng.integers(100, 999)}")
        for x in (90, 310, 550, 750):
            self.pen.line((x, top, x, top + 46 * 8), fill=(60, 60, 60), width=2)

    def figure(self, left, top, side):
        picture = drawn(scene_sample(self.rng), side)
        self.image.paste(picture.convert("RGB"), (left, top))

    def found(self, change=lambda image: image):
        page = change(self.image.convert("RGB"))
        page.thumbnail((LONGEST_PX, LONGEST_PX))
        return figures_on(np.asarray(page), self.lines)


def noisy(image):
    """Uneven light from one corner to the other, and noise."""
    rng = np.random.default_rng(5)
    down, across = np.mgrid[0 : image.height, 0 : image.width]
    light = 0.75 + 0.25 * (down / image.height + across / image.width) / 2
    pixels = np.asarray(image, np.float32) * light[:, :, None] + 7 * rng.standard_normal((*light.shape, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def on_a_table(image):
    """A dark ground shows on three sides."""
    framed = image.copy()
    pen = ImageDraw.Draw(framed)
    for edges in ((0, 0, 70, SIZE[1]), (0, 0, SIZE[0], 50), (780, 0, *SIZE)):
        pen.rectangle(edges, fill=(70, 60, 55))
    return framed


@pytest.mark.parametrize("change", [noisy, on_a_table, lambda image: image])
@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_a_picture_on_a_page_is_found_whatever_the_paper_and_the_light(paper, change):
    sheet = Sheet(paper)
    sheet.figure(200, 420, 260)
    (box,) = sheet.found(change)
    assert box == pytest.approx((200 / 840, 420 / 1188, 260 / 840, 260 / 1188), abs=0.012)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("change", [noisy, on_a_table])
def test_a_page_of_text_and_tables_has_no_picture(seed, change):
    sheet = Sheet(list(PAPERS.values())[seed % 3], table=seed % 2 == 0, seed=seed)
    assert sheet.found(change) == ()


def test_two_pictures_are_two_and_a_drawing_of_lines_is_one():
    sheet = Sheet()
    sheet.figure(500, 700, 200)
    sheet.figure(90, 340, 220)
    pen = sheet.pen
    pen.rectangle((120, 800, 180, 1000), outline="black", width=3)
    for turn in range(6):
        pen.ellipse((180 + 8 * turn, 820, 340 + 4 * turn, 980), outline="black", width=2)
    tops = [round(box[1] * SIZE[1], -1) for box in sheet.found()]
    assert tops == [340, 700, 820]


def test_a_framed_text_is_none_and_neither_is_a_code_that_was_read():
    sheet = Sheet()
    sheet.pen.rectangle((80, 400, 760, 640), fill=(200, 220, 250), outline="black", width=3)
    for row in range(6):
        sheet.write(100, 415 + 36 * row, "Caution: never open the cover while the shaft turns", 20)
    assert sheet.found() == ()
    code = (300 / 840, 800 / 1188, 200 / 840, 200 / 1188)
    sheet.pen.rectangle((300, 800, 500, 1000), fill="black")
    page = np.asarray(sheet.image)
    assert len(figures_on(page, sheet.lines)) == 1
    assert figures_on(page, sheet.lines, [code]) == ()


def test_a_page_without_any_line_is_one_picture_or_none():
    assert figures_on(np.full((300, 200, 3), 250, np.uint8), []) == ()
    picture = np.asarray(drawn(scene_sample(np.random.default_rng(1)), 256).convert("RGB"))
    page = np.full((400, 400, 3), 250, np.uint8)
    page[60:316, 70:326] = picture
    (box,) = figures_on(page, [])
    assert box == pytest.approx((70 / 400, 60 / 400, 0.64, 0.64), abs=0.02)


def test_a_skewed_page_is_laid_straight():
    sheet = Sheet()
    sheet.pen.rectangle((200, 600, 500, 900), fill="black")
    skewed = sheet.image.rotate(-3, Image.Resampling.BICUBIC, fillcolor=(252, 251, 247))
    straight = straightened(np.asarray(skewed), Lie(skew=3.0))
    scale = LONGEST_PX / SIZE[1]
    dark = np.argwhere(straight.max(2) < 60)
    wanted = [600 * scale, 200 * scale, 900 * scale, 500 * scale]
    inside = dark[dark[:, 0] > 560 * scale]
    assert [*inside.min(0), *inside.max(0)] == pytest.approx(wanted, abs=3)
