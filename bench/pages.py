"""Importing many pages: `python -m bench.pages [--pages N] [--each M] [--scans S] [--kills K] [--killed-only]
[--seed S]`.

Makes PDFs of M pages, N pages in all (A4, two headings, ten paragraphs of English or German, about 300 words; each page
says a number that stands nowhere else), and S pages that are scans (`bench/typeset.py`, 200 dots per inch, ten to a
file). Starts a server with the demo's model, and imports each folder by the real job in the real bulk worker. Prints
pages a minute; the memory of the worker and of the process that reads the files, around 10 % and at the end; then kills
the worker K times at random moments, and once the reading process, while everything is imported again into another
collection. By SQL afterwards: every page, the passage of every page's number, and every passage's vector exactly once.
With `--killed-only` there is no import that is left alone.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from bench.serving import DATA_DIR, ROOT, serving, wait_for
from bench.typeset import DOTS_PER_INCH, HEADINGS, SENTENCES, typeset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDER = DATA_DIR / "pages"
MARGIN, LINE, POINTS = 56, 13, 10
PARAGRAPHS = 10
SCANS_EACH, SCAN_DOTS_PER_INCH = 10, 200


def main() -> None:
    """Make the files, start a server, and have `bench.pages_asked` import beside it."""
    options = _options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    plain = _folder("plain", options.pages, options.each, partial(_pdf, seed=options.seed))
    scans = _folder("scans", options.scans, min(SCANS_EACH, options.scans), partial(_scan, seed=options.seed))
    with serving(DEMO="1") as port:
        wait_for(port, "/readyz")
        values = (plain, scans, options.kills, options.seed, int(options.killed_only))
        command = [sys.executable, "-m", "bench.pages_asked", *map(str, values)]
        subprocess.run(command, cwd=ROOT, check=True, env=os.environ)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=1000, help="of text")
    parser.add_argument("--each", type=int, default=20, help="pages of text to a file")
    parser.add_argument("--scans", type=int, default=30, help="pages that are pictures")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--killed-only", action="store_true", help="import once, and kill meanwhile")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _folder(kind: str, pages: int, each: int, make: Callable[[int, int], bytes]) -> Path:
    """Return the folder of the files, made if it is not there: `make` is given a file's first page and their count."""
    folder = FOLDER / f"{kind}-{pages}-{each}"
    if folder.exists():
        return folder
    making = folder.with_suffix(".making")
    making.mkdir(exist_ok=True)
    for first in range(0, pages, each or 1):
        count = min(each, pages - first)
        (making / f"{kind}-{first:05d}-{count}.pdf").write_bytes(make(first, count))
    return making.rename(folder)


def _pdf(first: int, count: int, *, seed: int) -> bytes:
    kept = io.BytesIO()
    canvas = Canvas(kept, pagesize=A4, invariant=1)
    for number in range(first, first + count):
        _page(canvas, number, np.random.default_rng([seed, number]))
    canvas.save()
    return kept.getvalue()


def _page(canvas: Canvas, number: int, rng: np.random.Generator) -> None:
    language, top = ("de", "en")[number % 2], A4[1] - MARGIN
    for place in range(PARAGRAPHS):
        if place % 5 == 0:
            canvas.setFont("Helvetica-Bold", 2 * POINTS)
            canvas.drawString(MARGIN, top - POINTS, str(rng.choice(HEADINGS[language])))
            top -= 3 * LINE
        canvas.setFont("Helvetica", POINTS)
        text = f"Sheet {number:05d}X lies here. " if place == 2 else ""
        text += " ".join(
            str(sentence).format(part=f"KX-{rng.integers(1000, 9999)}", number=rng.integers(11, 980))
            for sentence in rng.choice(SENTENCES[language], 2)
        )
        for line in simpleSplit(text, "Helvetica", POINTS, A4[0] - 2 * MARGIN):
            canvas.drawString(MARGIN, top, line)
            top -= LINE
        top -= LINE
    canvas.showPage()


def _scan(first: int, count: int, *, seed: int) -> bytes:
    sheets = [_sheet(number, np.random.default_rng([seed, number])) for number in range(first, first + count)]
    kept = io.BytesIO()
    sheets[0].save(kept, "PDF", save_all=True, append_images=sheets[1:], resolution=SCAN_DOTS_PER_INCH)
    return kept.getvalue()


def _sheet(number: int, rng: np.random.Generator) -> Image.Image:
    """Return a page as a scanner gives it: grey, with noise."""
    page = typeset(number, rng).image.convert("L")
    share = SCAN_DOTS_PER_INCH / DOTS_PER_INCH
    page = page.resize((round(page.width * share), round(page.height * share)))
    noisy = np.asarray(page, np.float32) + 4 * rng.standard_normal((page.height, page.width))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
