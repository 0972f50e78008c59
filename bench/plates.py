"""Photographed nameplates, drawn: a plate with a maker, a part number and much beside it, in perspective, with dirt,
scratches, blur, uneven light, a highlight, noise and JPEG. Everything follows from the seed."""

from __future__ import annotations

import io
import string
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

PLATE_PX, PHOTO_PX = (900, 600), (1280, 960)
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
)
"""Of matplotlib's wheel; without it Pillow's own."""
COLOURS = (((188, 190, 192), (25, 25, 28)), ((238, 238, 232), (20, 20, 20)), ((222, 190, 40), (15, 15, 15)),
           ((40, 42, 46), (225, 225, 220)), ((30, 70, 130), (240, 240, 240)))  # fmt: skip
MAKERS = ("NORDPUMP", "Hallmann & Co.", "VALTEK", "Ferrum Drives", "AQUALINE", "Brandt Technik", "OMEGA FLOW")
LABELS = ("Type", "Model", "Part No.", "Art.-Nr.", "P/N", "REF", "")
TURNED_SHARE, BARCODE_SHARE = 0.2, 0.25


@dataclass(frozen=True)
class Plate:
    """What stands on a plate. `code`: what its barcode says, "" where it has none."""

    identifier: str
    serial: str
    maker: str
    label: str
    code: str = ""


def identifiers(count: int, rng: np.random.Generator) -> list[str]:
    """Return different part numbers as makers write them; every third differs from the one before in one place."""
    found: dict[str, None] = {}
    while len(found) < count:
        made = _neighbour(list(found)[-1], rng) if found and len(found) % 3 == 2 else _identifier(rng)
        found.setdefault(made)
    return list(found)


def _identifier(rng: np.random.Generator) -> str:
    letters = "".join(rng.choice(list(string.ascii_uppercase), 6))
    digits = "".join(rng.choice(list(string.digits), 8))
    forms = (
        f"{letters[:2]}-{digits[:3]}/{letters[2]}",
        f"{letters[0]}{digits[:4]}-{digits[4:6]}",
        f"{letters[:2]} {digits[:3]}-{digits[3]}{letters[2]}",
        f"{digits[0]}{letters[:2]}{digits[1:5]}-{digits[5]}{letters[2:4]}{digits[6:8]}",
        f"{letters[:3]}{digits[:2]}.{digits[2:5]}",
        f"{letters[:3]} {digits[:5]}",
    )
    return forms[rng.integers(len(forms))]


def _neighbour(identifier: str, rng: np.random.Generator) -> str:
    """Return it with another last character."""
    same = string.digits if identifier[-1].isdigit() else string.ascii_uppercase
    return identifier[:-1] + str(rng.choice([one for one in same if one != identifier[-1]]))


def plate_of(identifier: str, rng: np.random.Generator) -> Plate:
    """Return a plate with this part number, and other numbers that are none."""
    serial = "".join(rng.choice(list(string.digits), 9))
    share = rng.random()
    code = "" if share > BARCODE_SHARE else identifier if share < BARCODE_SHARE / 2 else serial
    return Plate(identifier, serial, str(rng.choice(MAKERS)), str(rng.choice(LABELS)), code)


def photo_of(plate: Plate, rng: np.random.Generator) -> bytes:
    """Return the photographed plate as a JPEG."""
    pixels = _photographed(_dirty(np.asarray(drawn(plate, rng), np.float32), rng), rng)
    pixels = _lit(pixels, rng)
    pixels = _blurred(pixels, rng)
    pixels += rng.normal(0, rng.uniform(2, 9), pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if rng.random() < TURNED_SHARE:
        image = image.rotate(int(rng.choice([90, 180, 270])), expand=True)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=int(rng.integers(55, 92)))
    return target.getvalue()


def drawn(plate: Plate, rng: np.random.Generator) -> Image.Image:
    """Return the flat, clean plate."""
    ground, ink = COLOURS[rng.integers(len(COLOURS))]
    image = Image.new("RGB", PLATE_PX, ground)
    draw, name = ImageDraw.Draw(image), FONTS[rng.integers(len(FONTS))]
    width, height = PLATE_PX
    draw.rounded_rectangle((12, 12, width - 12, height - 12), 24, outline=ink, width=4)
    lines = [
        (plate.maker, int(rng.integers(52, 76))),
        (f"{plate.label} {plate.identifier}".strip(), int(rng.integers(36, 60))),
        (f"S/N {plate.serial}", int(rng.integers(28, 44))),
        (
            f"{rng.choice([24, 110, 230, 400])} V  {rng.choice([50, 60])} Hz  {rng.integers(2, 99) / 10} kW",
            36,
        ),
        (f"IP{rng.integers(44, 69)}   {rng.integers(1998, 2026)}   CE", 30),
    ]
    top = 48
    for text, size in lines:
        draw.text((52, top), text, font=font(name, size), fill=ink)
        top += size + int(rng.integers(24, 44))
    if plate.code:
        _code_drawn(image, plate, rng)
    return image


def _code_drawn(image: Image.Image, plate: Plate, rng: np.random.Generator) -> None:
    """Put a Code 128 at the plate's foot, or a QR code at its right side."""
    if rng.random() < 0.5:
        code, size, place = zxingcpp.BarcodeFormat.QRCode, (190, 190), (660, 370)
    else:
        code, size, place = zxingcpp.BarcodeFormat.Code128, (420, 90), (440, 480)
    image.paste(barcode(plate.code, code).resize(size, Image.Resampling.NEAREST).convert("RGB"), place)


def barcode(text: str, code: zxingcpp.BarcodeFormat) -> Image.Image:
    """Return a barcode with its quiet zone, a pixel a module."""
    made = zxingcpp.create_barcode(text, code)
    return Image.fromarray(np.asarray(made.to_image(add_quiet_zones=True)))


def font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font of matplotlib's wheel, or Pillow's own where that is not installed."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        return ImageFont.load_default(size)
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(str(path), size)


def _dirty(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Add stains that the ink still shows through, and scratches."""
    height, width = pixels.shape[:2]
    stains = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(3, 14)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(10, 90)), int(rng.integers(8, 50)))
        cv2.ellipse(
            stains, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.1, 0.45)), -1
        )
    stains = cv2.GaussianBlur(stains, (0, 0), 6)[..., None]
    pixels = pixels * (1 - stains) + np.array([70, 60, 45], np.float32) * stains
    for _ in range(rng.integers(0, 7)):
        ends = rng.integers(0, (width, height), (2, 2))
        shade = float(rng.uniform(60, 230))
        cv2.line(pixels, tuple(map(int, ends[0])), tuple(map(int, ends[1])), (shade,) * 3, 1, cv2.LINE_AA)
    return pixels


def _photographed(plate: Pixels, rng: np.random.Generator) -> Pixels:
    """Lay the plate on a rough ground, turned a little and seen from the side."""
    width, height = PHOTO_PX
    ground = cv2.resize(
        rng.normal(0, 22, (60, 80, 3)).astype(np.float32), PHOTO_PX, interpolation=cv2.INTER_CUBIC
    )
    ground += rng.uniform(50, 170, 3).astype(np.float32)
    plate_height, plate_width = plate.shape[:2]
    corners = np.array([[0, 0], [plate_width, 0], [plate_width, plate_height], [0, plate_height]], np.float32)
    scale, angle = rng.uniform(0.5, 0.95), np.deg2rad(rng.uniform(-12, 12))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    target = (corners - corners.mean(0)) @ turn.T
    target *= 1 + rng.uniform(-0.12, 0.12, target.shape)
    room = np.maximum((np.array([width, height]) - np.ptp(target, axis=0)) / 2 - 8, 0)
    target += (
        np.array([width, height]) / 2 - (target.max(0) + target.min(0)) / 2 + rng.uniform(-1, 1, 2) * room
    )
    way = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    cv2.warpPerspective(
        plate, way, PHOTO_PX, dst=ground, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )
    return ground


def _lit(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Let the light fall off to one side, and a lamp be mirrored somewhere."""
    height, width = pixels.shape[:2]
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    way = rng.uniform(0, 2 * np.pi)
    slope = np.cos(way) * (across - 0.5) + np.sin(way) * (down - 0.5)
    light = rng.uniform(0.45, 1.1) * (1 + rng.uniform(0, 0.9) * slope)
    x, y, size = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.04, 0.14)
    highlight = rng.uniform(0, 120) * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * size**2))
    return pixels * light[..., None] + highlight[..., None]


def _blurred(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Miss the focus a little, and move the camera a little."""
    pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.3, 1.7)))
    length = int(rng.integers(1, 6))
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (0, int(rng.integers(length))), (length - 1, int(rng.integers(length))), 1.0)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum())
