"""What a page says of a figure on it: its caption, and the text near it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.extraction.lines import PageLine
    from workers.extraction.types import Box

NEAR_MAX = 0.12
"""A caption stands within this share of the page's height from its picture."""
NEAR_CHARACTERS_MAX = 300
TOUCHING, LINES_OVERLAP = 0.005, 0.4
"""A line may reach into the figure by this share of the page; two that were read, into each other by this of a line."""
_CAPTION = re.compile(
    r"(?i)^\s*(fig(ur(e|a|en)?|\.)?|abb(ildung|\.)?|bild|photo|foto|tafel|plate|scheme|drawing|illustration)\s*\.?\s*\d"
)


def is_caption(text: str) -> bool:
    """Tell whether a line begins as captions do: `Figure 3`, `Abb. 12`."""
    return bool(_CAPTION.match(text))


def words_of(box: Box, lines: Sequence[PageLine]) -> tuple[str, str]:
    """Return a figure's caption and the text near it: below it rather than above."""
    under = [line for line in lines if 0 <= line.top - (box[1] + box[3]) + TOUCHING <= NEAR_MAX]
    above = [line for line in lines if 0 <= box[1] - line.bottom + TOUCHING <= NEAR_MAX]
    under = sorted((line for line in under if _over(box, line)), key=lambda line: line.top)
    above = sorted((line for line in above if _over(box, line)), key=lambda line: -line.bottom)
    caption = next((_sentence(line, lines) for line in (*under, *above) if is_caption(line.text)), "")
    near = " ".join(line.text for line in under or above[::-1])[:NEAR_CHARACTERS_MAX]
    return caption, near


def _over(box: Box, line: PageLine) -> bool:
    return line.left < box[0] + box[2] and line.right > box[0]


def _sentence(first: PageLine, lines: Sequence[PageLine]) -> str:
    """Return a caption with the lines that continue it, directly below and as large."""
    words, last = [first.text], first
    for line in lines:
        gap = line.top - last.bottom
        below = -max(0.003, LINES_OVERLAP * last.height) <= gap < 0.6 * last.height and line.top > last.top
        if (
            line is not first
            and below
            and abs(line.size - first.size) < 0.5
            and abs(line.left - first.left) < 0.1
        ):
            words.append(line.text)
            last = line
    return " ".join(words)
