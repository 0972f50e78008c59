"""Pictures that no collection of photographs or drawings is about: noise, textures, charts, screenshots, documents.

The same seed draws the same pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    Draw: TypeAlias = Callable[[np.random.Generator, int], Image.Image]

SIZE_PX = 320
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"


def strangers(count: int, seed: int, size: int = SIZE_PX) -> list[tuple[str, Image.Image]]:
    """Return `count` pictures with the name of their kind, every kind as often as another."""
    kinds = list(KINDS.items())
    drawn = []
    for number in range(count):
        name, draw = kinds[number % len(kinds)]
        drawn.append((name, draw(np.random.default_rng([seed, number]), size)))
    return drawn


def nonsense(count: int, seed: int) -> list[str]:
    """Return `count` texts of one to four made-up words without any vowel, which no language has."""
    consonants = np.array(list("bcdfghjklmnpqrstvwxz"))
    texts = []
    for number in range(count):
        rng = np.random.default_rng([seed, number, 1])
        lengths = rng.integers(5, 11, rng.integers(1, 5))
        texts.append(" ".join("".join(rng.choice(consonants, length)) for length in lengths))
    return texts


def _noise(rng: np.random.Generator, size: int) -> Image.Image:
    """Pixels by chance, finer or coarser, in colour or grey."""
    side = int(size / rng.integers(1, 17))
    pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
    if rng.random() < 0.5:
        pixels = pixels[..., :1].repeat(3, axis=2)
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)


def _texture(rng: np.random.Generator, size: int) -> Image.Image:
    """Waves of several directions and lengths, between two colours."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = np.zeros((size, size))
    for _ in range(rng.integers(1, 6)):
        angle, pace, phase = rng.uniform(0, np.pi), rng.uniform(3, 60), rng.uniform(0, 2 * np.pi)
        waves += np.sin(2 * np.pi * pace * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    share = (waves - waves.min()) / np.ptp(waves)
    first, second = (np.array(_colour(rng), float) for _ in range(2))
    return Image.fromarray((first + share[..., None] * (second - first)).astype(np.uint8))


def _gradient(rng: np.random.Generator, size: int) -> Image.Image:
    """One colour flowing into another, as an out-of-focus wall."""
    corners = np.array([_colour(rng) for _ in range(4)], np.uint8).reshape(2, 2, 3)
    smooth = Image.fromarray(corners).resize((size, size), Image.Resampling.BICUBIC)
    return smooth.filter(ImageFilter.GaussianBlur(size / 20))


def _checks(rng: np.random.Generator, size: int) -> Image.Image:
    """A chessboard or stripes."""
    step = int(rng.integers(4, size // 4))
    y, x = np.mgrid[0:size, 0:size] // step
    odd = (x + y * rng.integers(0, 2)) % 2
    colours = np.array([_colour(rng), _colour(rng)], np.uint8)
    return Image.fromarray(colours[odd])


def _chart(rng: np.random.Generator, size: int) -> Image.Image:
    """Bars or a line over axes."""
    image, pen = _sheet(size, (255, 255, 255))
    pen.line([(size * 0.1, size * 0.1), (size * 0.1, size * 0.9), (size * 0.95, size * 0.9)], (0, 0, 0), 2)
    heights = rng.uniform(0.15, 0.85, rng.integers(4, 14))
    step, colour = size * 0.8 / len(heights), _colour(rng)
    tops = [(size * 0.12 + step * place, size * (0.9 - 0.8 * height)) for place, height in enumerate(heights)]
    if rng.random() < 0.5:
        pen.line(tops, colour, 3)
    else:
        for left, top in tops:
            pen.rectangle([left, top, left + step * 0.7, size * 0.9], colour)
    return image


def _document(rng: np.random.Generator, size: int) -> Image.Image:
    """A page of lines of letters."""
    image, pen = _sheet(size, tuple(rng.integers(235, 256, 3)))
    pen.text((size * 0.1, size * 0.06), _words(rng, 3).title(), (20, 20, 20), font_size=size / 18)
    _lines(rng, pen, (size * 0.1, size * 0.17, size * 0.9, size * 0.95), size / 30)
    return image


def _screenshot(rng: np.random.Generator, size: int) -> Image.Image:
    """A window: a bar, a menu, fields and buttons."""
    dark = rng.random() < 0.5
    image, pen = _sheet(size, (32, 34, 40) if dark else (246, 247, 249))
    ink, accent = ((230, 230, 230) if dark else (30, 30, 30)), _colour(rng)
    pen.rectangle([0, 0, size, size * 0.08], accent)
    pen.rectangle([0, size * 0.08, size * 0.25, size], (48, 50, 58) if dark else (225, 228, 232))
    _lines(rng, pen, (size * 0.03, size * 0.14, size * 0.22, size * 0.6), size / 26, ink)
    for row in range(rng.integers(2, 6)):
        top = size * (0.14 + 0.15 * row)
        pen.text((size * 0.3, top), _words(rng, 2), ink, font_size=size / 28)
        pen.rectangle([size * 0.3, top + size * 0.05, size * 0.92, top + size * 0.11], None, ink)
    pen.rectangle([size * 0.7, size * 0.9, size * 0.92, size * 0.97], accent)
    return image


KINDS: dict[str, Draw] = {
    "noise": _noise,
    "texture": _texture,
    "gradient": _gradient,
    "checks": _checks,
    "chart": _chart,
    "document": _document,
    "screenshot": _screenshot,
}


def _sheet(size: int, colour: tuple[int, ...]) -> tuple[Image.Image, Any]:
    image = Image.new("RGB", (size, size), tuple(int(level) for level in colour))
    return image, ImageDraw.Draw(image)


def _lines(
    rng: np.random.Generator,
    pen: Any,
    box: tuple[float, float, float, float],
    height: float,
    ink: tuple[int, ...] = (40, 40, 40),
) -> None:
    left, top, right, bottom = box
    while top < bottom:
        room = int((right - left) / (height * 0.55))
        pen.text((left, top), _words(rng, 12)[:room], ink, font_size=height)
        top += height * rng.choice([1.4, 1.4, 1.4, 2.6])


def _words(rng: np.random.Generator, count: int) -> str:
    lengths = rng.integers(2, 10, count)
    return " ".join("".join(rng.choice(list(LETTERS[:18]), length)) for length in lengths)


def _colour(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(level) for level in rng.integers(0, 256, 3))
