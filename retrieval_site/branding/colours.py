"""One colour of an organisation, made into the colours of the pages: readable on every ground, light and dark."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTRAST_MIN = 4.5
"""Of text on its ground: WCAG 2.2, 1.4.3, level AA."""
LIGHT_GROUNDS = ("#faf9f7", "#ffffff", "#f2f0ec")
DARK_GROUNDS = ("#121211", "#1a1a18", "#242421", "#3a3933")
"""The grounds of static/css/tokens.css on which the accent stands as text."""
_STEPS = 100
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[float, float, float]
BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


@dataclass(frozen=True)
class Shades:
    """The accent and its kin in one mode, each as `#rrggbb`; the names are those of tokens.css."""

    accent: str
    strong: str
    soft: str
    line: str


def is_colour(written: str) -> bool:
    """Return whether this is `#rrggbb`."""
    return bool(_COLOUR.fullmatch(written))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def shades_of(colour: str) -> tuple[Shades, Shades]:
    """Return the shades in light and in dark mode.

    The accent is the colour itself where its contrast on every ground is at least `CONTRAST_MIN`; else it is mixed with
    as little black (light mode) or white (dark mode) as that takes.
    """
    own = _rgb(colour)
    light_soft, dark_soft = _hex(_mix(WHITE, own, 0.08)), _hex(_mix(_rgb("#1a1a18"), own, 0.16))
    light = _readable(own, BLACK, (*LIGHT_GROUNDS, light_soft))
    dark = _readable(own, WHITE, (*DARK_GROUNDS, dark_soft))
    return (
        Shades(_hex(light), _hex(_mix(light, BLACK, 0.2)), light_soft, _hex(_mix(WHITE, own, 0.35))),
        Shades(_hex(dark), _hex(_mix(dark, WHITE, 0.3)), dark_soft, _hex(_mix(_rgb("#1a1a18"), own, 0.45))),
    )


def accent_css(colour: str) -> str:
    """Return the style sheet that puts the colour in the place of the accent."""
    light, dark = shades_of(colour)
    rules = {
        "--accent": (light.accent, dark.accent),
        "--accent-strong": (light.strong, dark.strong),
        "--accent-soft": (light.soft, dark.soft),
        "--accent-line": (light.line, dark.line),
    }
    lines = "\n".join(
        f"  {name}: light-dark({on_light}, {on_dark});" for name, (on_light, on_dark) in rules.items()
    )
    return f":root {{\n{lines}\n}}\n"


def _readable(own: Rgb, towards: Rgb, grounds: tuple[str, ...]) -> Rgb:
    for step in range(_STEPS):
        mixed = _mix(own, towards, step / _STEPS)
        if all(contrast(_hex(mixed), ground) >= CONTRAST_MIN for ground in grounds):
            return mixed
    return towards


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (mine + (theirs - mine) * share for mine, theirs in zip(one, other, strict=True))
    return red, green, blue


def _rgb(colour: str) -> Rgb:
    red, green, blue = bytes.fromhex(colour[1:])
    return float(red), float(green), float(blue)


def _hex(colour: Rgb) -> str:
    return "#" + bytes(round(value) for value in colour).hex()


def _luminance(colour: Rgb) -> float:
    """Return the relative luminance (WCAG 2.2, "relative luminance")."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
