"""How well pages are read: `python -m bench.ocr [--pages N] [--all] [--script any|latin] [--seed S]`.

Typesets N pages (bench/typeset.py: German and English, six fonts, 7 to 12 points, one column, two columns, tables, a
mixture), and scans each: clean at 300 dots per inch, coarse at 150, turned by 90, 180 or 270 degrees, skewed by up to
3 degrees, blurred, photographed (perspective, uneven light, blur, noise, JPEG). Each page is read under one of the six
conditions in turn, with `--all` under all. Reads as an import does, behind the walls. Prints by condition and by layout
the character error rate: edits (Levenshtein) between what stands on all pages in reading order and what was read,
divided by the characters that stand there; white space counts as one space, typographic quotation marks and dashes as
plain ones. So what is read in the wrong order counts as an error, too. Then pages a minute and the peak memory of the
reading process.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import threading
import time
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import cv2
import numpy as np
import psutil
from PIL import Image, ImageFilter

from bench.typeset import LAYOUTS, typeset
from workers.extraction.page_reading import PageReader
from workers.inference.decoding.pool import Decoders
from workers.inference.ocr.reader import PageLineReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.typeset import TypesetPage

CORES = 2
PLAIN = str.maketrans("“”„’‘–—", '"""\'\'--')


def main() -> None:
    """Print error rates, pace and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--script", choices=("any", "latin"), default="any")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    seconds: list[float] = []
    lines = PageLineReader(options.script)
    with closing(Decoders()) as decoders, PageReader(decoders, lines) as reader, _Peak(lines) as peak:
        for number in range(options.pages):
            page = typeset(number, np.random.default_rng([options.seed, number]))
            names = list(CONDITIONS)
            for name in names if options.all else [names[number % len(names)]]:
                scan = CONDITIONS[name](page.image, np.random.default_rng([options.seed, number, 7]))
                started = time.perf_counter()
                found = reader.read(scan, 1)
                seconds.append(time.perf_counter() - started)
                _count(counts, name, page, " ".join(block.text for block in found.blocks))
    for key in (*CONDITIONS, *LAYOUTS, "all"):
        if counts[key][1]:
            print(f"{key}: {counts[key][0] / counts[key][1]:.2%} of {counts[key][1]:,} characters")
    usual = seconds[1:] or seconds  # the first page waits until the networks are loaded
    print(
        f"{60 / statistics.fmean(usual):.1f} pages a minute on {CORES} cores; peak memory {peak.bytes >> 20} MiB"
    )


def _count(counts: dict[str, list[int]], condition: str, page: TypesetPage, read: str) -> None:
    """Count the edits of one page by its condition and its layout, and print them."""
    wanted = " ".join(page.texts)
    errors = distance(wanted, read)
    print(f"{condition:12} {page.layout:8} {page.points:2} pt {errors:5} of {len(wanted)}", flush=True)
    for key in (condition, page.layout, "all"):
        counts[key][0] += errors
        counts[key][1] += len(wanted)


def distance(one: str, other: str) -> int:
    """Return how many characters must be put in, taken out or changed (Levenshtein)."""
    left, right = (
        np.array([ord(letter) for letter in " ".join(text.translate(PLAIN).split())]) for text in (one, other)
    )
    steps = np.arange(len(right) + 1)
    row = steps
    for place, letter in enumerate(left, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (right != letter))
        row = np.minimum.accumulate(np.concatenate(([place], best)) - steps) + steps
    return int(row[-1])


class _Peak:
    """Watches the memory of a reader's process."""

    def __init__(self, reader: PageLineReader) -> None:
        self._reader, self.bytes, self._end = reader, 0, threading.Event()

    def __enter__(self) -> _Peak:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            if process := self._reader.process:
                try:
                    self.bytes = max(self.bytes, psutil.Process(process.pid).memory_info().rss)
                except psutil.NoSuchProcess:
                    continue


def _clean(page: Image.Image, rng: np.random.Generator) -> bytes:
    return _jpeg(_noisy(page, rng, 3))


def _coarse(page: Image.Image, rng: np.random.Generator) -> bytes:
    return _clean(page.reduce(2), rng)


def _turned(page: Image.Image, rng: np.random.Generator) -> bytes:
    return _clean(page.rotate(int(rng.choice([90, 180, 270])), expand=True), rng)


def _skewed(page: Image.Image, rng: np.random.Generator) -> bytes:
    angle = rng.uniform(1, 3) * rng.choice([-1, 1])
    return _clean(page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(252, 251, 247)), rng)


def _blurred(page: Image.Image, rng: np.random.Generator) -> bytes:
    return _clean(page.filter(ImageFilter.GaussianBlur(rng.uniform(2, 4))), rng)


def _photographed(page: Image.Image, rng: np.random.Generator) -> bytes:
    """Return the page on a table, seen from a little aside, of 3,000 × 4,000 pixels."""
    width, height = 3000, 4000
    pixels = np.asarray(page, np.float32)
    corners = np.array([[0, 0], [page.width, 0], [page.width, page.height], [0, page.height]], np.float32)
    target = np.array([[200, 200], [width - 200, 200], [width - 200, height - 200], [200, height - 200]])
    target = (target + rng.uniform(-150, 150, (4, 2))).astype(np.float32)
    way = cv2.getPerspectiveTransform(corners, target)
    ground = tuple(float(value) for value in rng.uniform(60, 130, 3))
    seen = np.asarray(cv2.warpPerspective(pixels, way, (width, height), borderValue=ground), np.float32)
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (across / width - 0.5) * np.cos(angle) + (down / height - 0.5) * np.sin(angle)
    seen *= (0.8 + 0.4 * slope)[:, :, None]
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.8, 1.8)), np.float32)
    return _jpeg(_noisy(Image.fromarray(seen.clip(0, 255).astype(np.uint8)), rng, 7), quality=70)


def _noisy(page: Image.Image, rng: np.random.Generator, deviation: float) -> Image.Image:
    pixels = np.asarray(page, np.float32)
    grain = rng.standard_normal(pixels.shape[:2], np.float32) * deviation
    return Image.fromarray((pixels + grain[:, :, None]).clip(0, 255).astype(np.uint8))


def _jpeg(page: Image.Image, quality: int = 85) -> bytes:
    target = io.BytesIO()
    page.save(target, "JPEG", quality=quality)
    return target.getvalue()


CONDITIONS: dict[str, Callable[[Image.Image, np.random.Generator], bytes]] = {
    "clean": _clean,
    "coarse": _coarse,
    "turned": _turned,
    "skewed": _skewed,
    "blurred": _blurred,
    "photographed": _photographed,
}


if __name__ == "__main__":
    main()
