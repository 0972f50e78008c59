"""Make docs/images/search.png from a running demo: `python docs/images/make_screenshot.py http://localhost:8000/`.

Clicks an example photo on the start page, an orange motor with burn marks, adds the word “green”, takes the window's
picture with Debian's Chromium, and keeps it small.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

TARGET = Path(__file__).with_name("search.png")
WIDTH, HEIGHT, COLOURS = 1280, 860, 192
TIMEOUT_MS = 120_000
EXAMPLE, WORD = 5, "green"


def take(address: str) -> bytes:
    """Return the window's picture as PNG after searching with an example and a word."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(address, timeout=TIMEOUT_MS)
        page.locator("button.example").nth(EXAMPLE).click()
        page.wait_for_url("**/q/**", timeout=TIMEOUT_MS)
        page.get_by_label("Add words to this search").fill(WORD)
        page.get_by_role("button", name="Like this", exact=True).click()
        expect(page.locator("[data-part]")).to_have_count(2)
        page.wait_for_load_state("networkidle")
        shot = page.screenshot()
        browser.close()
    return shot


def main() -> None:
    """Write the picture with a palette of its own, a quarter of its first size."""
    picture = Image.open(io.BytesIO(take(sys.argv[1]))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
